// The line between before and after: dragged, or moved by keys. Its handle stays inside what is seen of the picture.

const STEPS = { ArrowLeft: -2, ArrowDown: -2, ArrowRight: 2, ArrowUp: 2, PageDown: -10, PageUp: 10, Home: -100, End: 100 };

export class Wipe {
  /** @param {HTMLElement} handle a slider @param {HTMLElement} picture gets the place, `--wipe` */
  constructor(handle, picture) {
    this.handle = handle;
    this.picture = picture;
    this.seen = [0, 100];
    handle.addEventListener("pointerdown", (event) => {
      handle.setPointerCapture(event.pointerId);
      event.preventDefault();
      handle.focus();
    });
    handle.addEventListener("pointermove", (event) => {
      if (!handle.hasPointerCapture(event.pointerId)) return;
      const { left, width } = picture.getBoundingClientRect();
      const at = (100 * (event.clientX - left)) / width;
      this.set((100 * (at - this.seen[0])) / (this.seen[1] - this.seen[0]));
    });
    handle.addEventListener("keydown", (event) => {
      if (!(event.key in STEPS)) return;
      event.preventDefault();
      this.set(this.share + STEPS[event.key]);
    });
    this.set(0);
  }

  /** The part of the picture's width that is in sight, in per cent. @param {number} first @param {number} last */
  show(first, last) {
    this.seen = [first, last];
    this.picture.style.setProperty("--first", `${first}%`);
    this.picture.style.setProperty("--last", `${last}%`);
    this.set(this.share);
  }

  /** @param {number} share of the original that is shown, in per cent */
  set(share) {
    this.share = Math.min(100, Math.max(0, share));
    const [first, last] = this.seen;
    this.picture.style.setProperty("--wipe", `${first + (this.share * (last - first)) / 100}%`);
    this.handle.setAttribute("aria-valuenow", Math.round(this.share));
    this.handle.setAttribute("aria-valuetext", `${Math.round(this.share)} % of the original shown`);
  }
}
