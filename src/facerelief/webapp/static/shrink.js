// Photos that the server would refuse for their size or kind are made smaller, or JPEG, before they are sent.

import { Refusal } from "./server.js";

const ROOM = 0.97; // of a request's bytes, for the photo
const TRIES = [ // share of the pixels that the server takes, and JPEG's quality; browsers draw only so many pixels
  [0.98, 0.93],
  [0.98, 0.85],
  [0.5, 0.85],
  [0.25, 0.8],
];
const HEADER = 256 * 1024; // bytes in which a file says what it is

/**
 * @param {File} file
 * @param {{ bytes?: number, pixels?: number }} limits the server's, of a request and of a photo
 * @returns {Promise<{ file: File, bitmap: ImageBitmap | null, word: string }>} what to send and to show, null where
 *   the browser cannot show it; word: what was done to the photo, "" for nothing
 */
export async function prepare(file, { bytes = Infinity, pixels = Infinity }) {
  const image = await shown(file);
  const header = new TextDecoder("latin1").decode(await file.slice(0, HEADER).arrayBuffer());
  const heic = /^.{4}ftyp(hei|hev|mif|msf)/s.test(header);
  const { naturalWidth: width = 0, naturalHeight: height = 0 } = image ?? {};
  const [many, heavy] = [width * height > pixels, file.size > ROOM * bytes];
  if (!many && !heavy && !heic) return { file, bitmap: await decoded(file), word: "" };
  if (!image) {
    if (heic) throw new Refusal("format", "This browser cannot read HEIC photos.", "Save it as JPEG, or use Safari.");
    if (!heavy) return { file, bitmap: null, word: "" };
    throw new Refusal("too_large", `The photo is larger than the ${mib(bytes)} MiB that the server takes.`, "Shrink it.");
  }
  const smaller = await asJpeg(file, image, Math.min(pixels, width * height / TRIES[0][0]), ROOM * bytes, wide(header));
  const bitmap = await decoded(smaller);
  if (!bitmap) throw tooLarge();
  return { file: smaller, bitmap, word: inWords(file, { width, height }, smaller, bitmap, { many, heavy, bytes, pixels }) };
}

function inWords(file, was, smaller, now, { many, heavy, bytes, pixels }) {
  const [from, to] = [was, now].map(({ width, height }) => `${width}\u00a0×\u00a0${height}`);
  const sizes = `from ${from} to ${to} pixels`;
  const limit = many ? `${Math.round(pixels / 1e5) / 10} megapixels` : `${mib(bytes)} MiB`;
  let what = "Converted from HEIC to JPEG in the browser";
  if (many || now.width < was.width) what = `Made smaller in the browser, ${sizes}: the server takes up to ${limit}`;
  else if (heavy) what = `Compressed in the browser, from ${mib(file.size)} to ${mib(smaller.size)} MiB: the server takes up to ${limit}`;
  return `${what}. What the camera wrote beside the picture (EXIF) is left out.`;
}

async function asJpeg(file, image, most, room, wideColours) {
  const { naturalWidth, naturalHeight } = image;
  for (const [share, quality] of TRIES) {
    const scale = Math.min(1, Math.sqrt((share * most) / (naturalWidth * naturalHeight)));
    const [width, height] = [naturalWidth, naturalHeight].map((side) => Math.max(1, Math.floor(side * scale)));
    const blob = await drawn(image, width, height, quality, wideColours).catch(() => null);
    if (blob && blob.size <= room) return new File([blob], file.name.replace(/(\.[^.]*)?$/, ".jpg"), { type: "image/jpeg" });
  }
  throw tooLarge();
}

// Upright, as browsers draw images, and in the photo's own range of colours.
async function drawn(image, width, height, quality, wideColours) {
  const canvas = new OffscreenCanvas(width, height);
  const context = canvas.getContext("2d", wideColours ? { colorSpace: "display-p3" } : {});
  context.imageSmoothingQuality = "high";
  context.drawImage(image, 0, 0, width, height);
  const [, , , alpha] = context.getImageData(width >> 1, height >> 1, 1, 1).data;
  if (!alpha) throw new Error("nothing was drawn"); // how some browsers refuse many pixels
  context.globalCompositeOperation = "destination-over";
  context.fillStyle = "#fff";
  context.fillRect(0, 0, width, height);
  return canvas.convertToBlob({ type: "image/jpeg", quality });
}

function shown(file) {
  const image = new Image();
  image.src = URL.createObjectURL(file);
  return new Promise((done) => {
    image.onload = () => done(image);
    image.onerror = () => done(null);
  }).finally(() => setTimeout(() => URL.revokeObjectURL(image.src), 60_000)); // it may be decoded later
}

const decoded = (file) => createImageBitmap(file).catch(() => null);
const wide = (header) => /Display P3|Adobe RGB|ProPhoto/.test(header.replaceAll("\0", ""));
const mib = (bytes) => Math.round(bytes / 2 ** 20);
const tooLarge = () => new Refusal("too_large", "The photo is too large for this browser to shrink.", "Shrink it with another program.");
