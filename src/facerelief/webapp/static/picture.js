// The photo, its faces, and what is drawn of them. Small crops go to the server; what comes back is drawn over the photo.

/**
 * number: counted from the largest; unfit: why it cannot be edited, or null; box: left, top, right, bottom, in the
 * picture's pixels; original: landmarks in the server's. expression: the target as the server's field `to` takes it,
 * null for none; like: URLs of the photo that it names, and of the same person's calm face; strength, part: of the edit;
 * patch: the region as edited; notes: what the server says of the edit; stale: how many pixels a side the patch that is
 * to be fetched has, 0 where it is up to date; thumbs: URLs of small pictures, by expression.
 * @typedef {{ number: number, unfit: string | null, box: number[], original: number[][], points: number[][],
 *   region: { left: number, top: number, width: number, height: number }, expression: string | null,
 *   like: { photo: string, neutral: string | null } | null, strength: number, part: string,
 *   patch: OffscreenCanvas | null, notes: string, stale: number, thumbs: Record<string, string> }} Face
 */

const DISPLAY = 1800; // pixels of the longer side on screen
const AROUND = 2; // a face's region, in its box's longer side

export class Picture {
  /**
   * @param {File} file what the server edits
   * @param {ImageBitmap} bitmap the same
   * @param {{ faces: any[], width: number, format?: string }} found what /v1/faces says of it
   */
  constructor(file, bitmap, found) {
    this.file = file;
    this.bitmap = bitmap;
    this.width = bitmap.width;
    this.height = bitmap.height;
    this.format = found.format;
    this.scale = Math.min(1, DISPLAY / Math.max(this.width, this.height));
    const stretch = this.width / found.width; // 1, unless the browser decodes at another size
    this.faces = found.faces.map((face) => this.#face(face, stretch));
    this.selected = this.faces.find((face) => !face.unfit) ?? null;
  }

  #face({ number, box, landmarks, unfit }, stretch) {
    const [x0, y0, x1, y1] = box.map((value) => value * stretch);
    return {
      number,
      unfit,
      box: [x0, y0, x1, y1],
      original: landmarks, // in the server's pixels
      points: landmarks.map((point) => point.map((value) => value * stretch)),
      region: this.#around([x0, y0, x1, y1], AROUND),
      expression: null,
      like: null,
      strength: 1,
      part: "face",
      patch: null,
      notes: "",
      stale: 0,
      thumbs: {},
    };
  }

  // The square around a box, `share` times as large, as far as it lies in the photo.
  #around([x0, y0, x1, y1], share) {
    const half = (share * Math.max(x1 - x0, y1 - y0)) / 2;
    const [cx, cy] = [(x0 + x1) / 2, (y0 + y1) / 2];
    const left = Math.max(0, Math.floor(cx - half));
    const top = Math.max(0, Math.floor(cy - half));
    const right = Math.min(this.width, Math.ceil(cx + half));
    const bottom = Math.min(this.height, Math.ceil(cy + half));
    return { left, top, width: right - left, height: bottom - top };
  }

  /** What is to be done to the photo, as /v1/edit takes it. */
  get edits() {
    return this.faces
      .filter((face) => face.expression && face.strength > 0)
      .map((face) => ({ ...editOf(face), landmarks: face.original }));
  }

  /**
   * A face's region, at most `most` pixels a side, with the other faces as edited.
   * @param {Face} face @param {number} most @param {number} [share] of the face's longer side
   * @returns {Promise<{ photo: Blob, landmarks: number[][], canvas: OffscreenCanvas }>}
   */
  async crop(face, most, share = AROUND) {
    const { left, top, width, height } = this.#around(face.box, share);
    const scale = Math.min(1, most / Math.max(width, height));
    const canvas = new OffscreenCanvas(Math.max(16, Math.round(width * scale)), Math.max(16, Math.round(height * scale)));
    const context = canvas.getContext("2d");
    context.imageSmoothingQuality = "high";
    context.setTransform(canvas.width / width, 0, 0, canvas.height / height, 0, 0);
    context.translate(-left, -top);
    context.drawImage(this.bitmap, 0, 0);
    for (const other of this.faces) if (other !== face) drawPatch(context, other);
    const [sx, sy] = [canvas.width / width, canvas.height / height];
    const landmarks = face.points.map(([x, y, z]) => [(x - left) * sx, (y - top) * sy, z * sx].map(round));
    return { photo: await canvas.convertToBlob({ type: "image/jpeg", quality: 0.94 }), landmarks, canvas };
  }

  /** @param {HTMLCanvasElement} canvas takes the photo's size on screen */
  drawBefore(canvas) {
    canvas.width = Math.round(this.width * this.scale);
    canvas.height = Math.round(this.height * this.scale);
    const context = canvas.getContext("2d");
    context.imageSmoothingQuality = "high";
    context.drawImage(this.bitmap, 0, 0, canvas.width, canvas.height);
  }

  /**
   * @param {HTMLCanvasElement} canvas @param {HTMLCanvasElement} before as `drawBefore` drew it
   * @param {Face | null} only the one face whose patch is new, so that the rest need not be drawn again
   */
  drawAfter(canvas, before, only = null) {
    if (canvas.width !== before.width || canvas.height !== before.height) {
      canvas.width = before.width;
      canvas.height = before.height;
    }
    const context = canvas.getContext("2d");
    context.save();
    if (only) {
      const { left, top, width, height } = only.region;
      const [x0, y0] = [left, top].map((value) => Math.floor(value * this.scale));
      const [x1, y1] = [left + width, top + height].map((value) => Math.ceil(value * this.scale));
      context.beginPath();
      context.rect(x0, y0, x1 - x0, y1 - y0);
      context.clip();
    }
    context.drawImage(before, 0, 0); // pixel by pixel: what is not edited stays the same
    context.scale(this.scale, this.scale);
    for (const face of this.faces) if (face !== this.selected) drawPatch(context, face);
    if (this.selected) drawPatch(context, this.selected);
    context.restore();
  }
}

/** What is to be done to a face, as /v1/edit takes it, but for its place. @param {Face} face */
export function editOf({ expression: to, like, strength, part }) {
  return { to, strength, part, like: like?.photo, like_neutral: like?.neutral ?? undefined };
}

function drawPatch(context, { patch, region, expression, strength }) {
  if (!patch || !expression || strength === 0) return;
  // The patch's rim is the photo's own; left out, its resampling does not show.
  const [rim, sx, sy] = [2, patch.width / region.width, patch.height / region.height];
  const [width, height] = [region.width - 2 * rim, region.height - 2 * rim];
  const from = [rim * sx, rim * sy, width * sx, height * sy];
  context.drawImage(patch, ...from, region.left + rim, region.top + rim, width, height);
}

function round(value) {
  return Math.round(value * 100) / 100;
}
