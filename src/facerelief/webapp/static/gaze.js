// Where the eyes look: a pad of two directions, which sets the shapes eyeLookIn, eyeLookOut, eyeLookUp and eyeLookDown.

/** @typedef {import("./amounts.js").Amounts} Amounts */
/** @typedef {"left" | "right"} Eye the person's own */

const [IN, OUT, UP, DOWN] = ["eyeLookIn", "eyeLookOut", "eyeLookUp", "eyeLookDown"]; // in: to the nose
const RIGHTWARDS = { left: [OUT, IN], right: [IN, OUT] }; // of each eye, to the right in the picture and to the left
const STEP = 0.05;
const LARGE = 4; // steps by Page keys, or with Shift
const SNAP = 0.06; // of the way to the pad's border, within which an axis is met
const INSET = 16; // pixels from the pad's border, at which a gaze is full; also in sliders.css

const ARROWS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1], PageUp: [0, -LARGE], PageDown: [0, LARGE] };

/** Whether a movement is a gaze. @param {import("./amounts.js").Dial} dial */
export function isGaze({ names: [name] }) {
  return [IN, OUT, UP, DOWN].includes(name);
}

const eyesOf = (side) => /** @type {Eye[]} */ (side === "both" ? ["left", "right"] : [side]);
const named = (amounts, name) => amounts.dials.find(({ names }) => names[0] === name);

/**
 * How far the eyes look right and down in the picture, of a full gaze: the mean of both, where both are asked for.
 * @param {Amounts} amounts @param {"both" | Eye} side @returns {[number, number]}
 */
export function gazeOf(amounts, side) {
  const eyes = eyesOf(side);
  const sum = (nameOf) => eyes.reduce((total, eye) => total + amounts.get(named(amounts, nameOf(eye)), eye), 0) / eyes.length;
  const across = sum((eye) => RIGHTWARDS[eye][0]) - sum((eye) => RIGHTWARDS[eye][1]);
  return [across, sum(() => DOWN) - sum(() => UP)];
}

/** Let eyes look right by x and down by y. @param {Amounts} amounts @param {"both" | Eye} side @param {number} x @param {number} y */
export function setGaze(amounts, side, x, y) {
  for (const eye of eyesOf(side)) {
    const [rightwards, leftwards] = RIGHTWARDS[eye];
    for (const [name, amount] of [[rightwards, x], [leftwards, -x], [DOWN, y], [UP, -y]]) {
      amounts.set(named(amounts, name), eye, Math.max(0, amount));
    }
  }
}

/** The pad. Its two fields are sliders of one axis each; the arrow keys of both directions work in either. */
export class GazePad {
  /** @param {HTMLElement} field holds an output and the pad @param {(x: number, y: number) => void} look is told of moves */
  constructor(field, look) {
    this.field = field;
    this.look = look;
    this.at = [0, 0];
    this.pad = field.querySelector("[role=group]");
    this.axes = [...field.querySelectorAll("input")]; // across, and up
    this.pad.addEventListener("pointerdown", (event) => {
      if (!this.free || event.button) return;
      this.pad.setPointerCapture(event.pointerId);
      event.preventDefault();
      this.axes[0].focus({ preventScroll: true });
      this.#point(event);
    });
    this.pad.addEventListener("pointermove", (event) => this.pad.hasPointerCapture(event.pointerId) && this.#point(event));
    this.pad.addEventListener("keydown", (event) => this.#key(event));
    this.pad.addEventListener("input", () => this.#go(Number(this.axes[0].value), -this.axes[1].value)); // of a screen reader
  }

  get free() {
    return !this.axes[0].disabled;
  }

  #point({ clientX, clientY }) {
    const { left, top, width, height } = this.pad.getBoundingClientRect();
    const shares = [
      (clientX - left - width / 2) / (width / 2 - INSET),
      (clientY - top - height / 2) / (height / 2 - INSET),
    ];
    this.#go(...shares.map((share) => (Math.abs(share) < SNAP ? 0 : share)));
  }

  #key(event) {
    if (event.ctrlKey || event.metaKey || event.altKey || !this.free) return;
    const centre = event.key === "Home" || event.key === "Escape";
    const [across, down] = ARROWS[event.key] ?? [0, 0];
    if (!centre && !across && !down) return;
    event.preventDefault();
    const step = event.shiftKey ? LARGE * STEP : STEP;
    if (centre) this.#go(0, 0);
    else this.#go(this.at[0] + step * across, this.at[1] + step * down);
    if (across || down) this.axes[across ? 0 : 1].focus({ preventScroll: true });
  }

  #go(...at) {
    const [x, y] = at.map((value) => Number(clamped(Math.round(value / STEP) * STEP).toFixed(2)));
    if (x === this.at[0] && y === this.at[1]) return;
    this.draw([x, y], true);
    this.look(x, y);
  }

  /** @param {[number, number]} at right and down in the picture @param {boolean} free whether it can be moved */
  draw([x, y], free) {
    this.at = [x, y];
    const across = inWords(x, "left", "right");
    const along = inWords(y, "up", "down");
    const moved = Boolean(across || along);
    const [first, second] = this.axes;
    Object.assign(first, { value: x, disabled: !free });
    Object.assign(second, { value: -y, disabled: !free });
    first.setAttribute("aria-valuetext", across || "neither left nor right");
    second.setAttribute("aria-valuetext", along || "neither up nor down");
    this.field.querySelector("output").textContent = [across, along].filter(Boolean).join(", ") || "as in the photo";
    for (const [name, value] of [["--across", x], ["--down", y]]) this.pad.style.setProperty(name, clamped(value));
    this.field.classList.toggle("moved", moved);
    this.field.classList.toggle("fixed", !free);
  }
}

const clamped = (value) => Math.min(1, Math.max(-1, value));

function inWords(value, negative, positive) {
  const percent = Math.round(100 * Math.abs(value));
  return percent ? `${percent} % ${value < 0 ? negative : positive}` : "";
}
