// What comes back of an edit, as a patch: transparent where nothing changed, so that the photo stays sharp there.

const MASK = 256; // pixels a side of the comparison at most
const SAME = 3; // levels that JPEG changes by itself, where several pixels are compared as one
const SAME_EACH = 14; // and where each is compared
const SLOPE = 8; // levels further on the patch hides the photo
const RIM = 3; // pixels of the comparison that the change is widened and softened by

/**
 * @param {ImageBitmap} after the edited region
 * @param {OffscreenCanvas} before the same region as it was sent
 * @returns {OffscreenCanvas} `after`, opaque where it differs
 */
export function patchOf(after, before) {
  const scale = Math.min(1, MASK / Math.max(after.width, after.height));
  const same = scale < 0.5 ? SAME : SAME_EACH;
  const [width, height] = [after.width, after.height].map((side) => Math.max(1, Math.round(side * scale)));
  const [old, now] = [before, after].map((image) => pixels(image, width, height));
  let share = new Float32Array(width * height);
  for (let k = 0; k < share.length; k++) {
    const at = 4 * k;
    const [red, green, blue] = [old.data[at] - now.data[at], old.data[at + 1] - now.data[at + 1], old.data[at + 2] - now.data[at + 2]];
    share[k] = (Math.max(Math.abs(red), Math.abs(green), Math.abs(blue)) - same) / SLOPE;
  }
  share = softened(softened(clamped(share, 1), width, height), height, width, true);
  clamped(share, 2); // widened: whatever is half covered is covered
  const mask = new OffscreenCanvas(width, height);
  for (let k = 0; k < share.length; k++) now.data[4 * k + 3] = 255 * share[k];
  mask.getContext("2d").putImageData(now, 0, 0);

  const patch = new OffscreenCanvas(after.width, after.height);
  const context = patch.getContext("2d");
  context.drawImage(after, 0, 0);
  context.globalCompositeOperation = "destination-in";
  context.imageSmoothingQuality = "high";
  context.drawImage(mask, 0, 0, after.width, after.height);
  return patch;
}

function pixels(image, width, height) {
  const canvas = new OffscreenCanvas(width, height);
  const context = canvas.getContext("2d", { willReadFrequently: true });
  context.imageSmoothingQuality = "high";
  context.drawImage(image, 0, 0, width, height);
  return context.getImageData(0, 0, width, height);
}

function clamped(values, gain) {
  for (let k = 0; k < values.length; k++) values[k] = Math.min(1, Math.max(0, gain * values[k]));
  return values;
}

// Means over 2 RIM + 1 values along one axis; across: along the other. lines: how many values a line has.
function softened(values, length, lines, across = false) {
  const out = new Float32Array(values.length);
  const [step, next] = across ? [lines, 1] : [1, length];
  for (let line = 0; line < lines; line++) {
    let sum = 0;
    const at = (k) => (k < 0 || k >= length ? 0 : values[line * next + k * step]);
    for (let k = -RIM; k < RIM; k++) sum += at(k);
    for (let k = 0; k < length; k++) {
      sum += at(k + RIM);
      out[line * next + k * step] = sum / (2 * RIM + 1);
      sum -= at(k - RIM);
    }
  }
  return out;
}
