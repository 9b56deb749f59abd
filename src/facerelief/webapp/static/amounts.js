// How much of each single movement a face is to show, and the text of it that the server takes: AU12:0.8+AU4L:0.3

/**
 * One movement. words: what it is called; names: in texts, of both sides, the left and the right; aliases: other names
 * in texts, and which of `names` they mean; sides: whether the two can differ.
 * @typedef {{ words: string, code: string, region: string, sides: boolean, names: string[],
 *   aliases: Map<string, number> }} Dial
 */

const MOST_SPOKEN = 3; // movements that are named one by one
const GAZE = /^eyeLook/;

/**
 * The movements there are: action units, then blendshapes that no unit has.
 * @param {any} listed by /v1/controls
 * @returns {Dial[]}
 */
export function dialsOf({ action_units: units, blendshapes }) {
  const shapes = new Set(units.flatMap(({ shape }) => [shape, `${shape}Left`, `${shape}Right`]));
  const free = blendshapes.filter(({ name }) => !shapes.has(name));
  const others = new Map(free.map(({ name, region, both }) => [both ?? name, { region, sides: both !== null }]));
  return [
    ...units.map(({ name, description, region, sides, shape }) => {
      const names = [name, `${name}L`, `${name}R`];
      const aliases = new Map([shape, `${shape}Left`, `${shape}Right`].map((alias, k) => [alias, k]));
      return { words: description, code: name, region, sides, names, aliases };
    }),
    ...[...others].map(([stem, { region, sides }]) => {
      const names = [stem, `${stem}Left`, `${stem}Right`];
      return { words: stem, code: "", region, sides, names, aliases: new Map() };
    }),
  ];
}

/** The amounts that a text stands for. */
export class Amounts {
  /** @param {string | null} text @param {Dial[]} dials */
  constructor(text, dials) {
    this.dials = dials;
    this.sides = new Map(dials.map((dial) => [dial, [0, 0]])); // left and right
    this.rest = []; // expressions, and whatever has no dial
    for (const part of text ? text.split("+") : []) this.#add(part);
  }

  #add(part) {
    const [name, amount = "1"] = part.split(":");
    for (const dial of this.dials) {
      const which = dial.names.includes(name) ? dial.names.indexOf(name) : (dial.aliases.get(name) ?? -1);
      if (which < 0) continue;
      const values = this.sides.get(dial);
      if (which !== 2) values[0] += Number(amount);
      if (which !== 1) values[1] += Number(amount);
      return;
    }
    this.rest.push(part);
  }

  /** @param {Dial} dial @param {"both" | "left" | "right"} side @returns {number} */
  get(dial, side) {
    const [left, right] = this.sides.get(dial);
    return side === "both" ? Math.max(left, right) : side === "left" ? left : right;
  }

  /** @param {Dial} dial @param {"both" | "left" | "right"} side @param {number} amount */
  set(dial, side, amount) {
    const values = this.sides.get(dial);
    if (side !== "right") values[0] = amount;
    if (side !== "left") values[1] = amount;
  }

  /** As the server takes it. @returns {string | null} null for nothing */
  text() {
    const parts = [...this.rest];
    for (const [{ names }, [left, right]] of this.sides) {
      if (left === right) add(parts, names[0], left);
      else {
        add(parts, names[1], left);
        add(parts, names[2], right);
      }
    }
    return parts.join("+") || null;
  }
}

/** Whether a text names what another photo shows. @param {string | null} text */
export function namesLike(text) {
  return Boolean(text?.split("+").some((part) => part.split(":")[0] === "like"));
}

/** A text in words. @param {string} text as the server takes it */
export function spoken(text) {
  const parts = text.split("+");
  const looks = parts.some((part) => GAZE.test(part)) ? ["gaze"] : [];
  const all = [...parts.filter((part) => !GAZE.test(part)).map(inWords), ...looks];
  return all.length > MOST_SPOKEN ? `${all.length} movements` : all.join(" + ");
}

/** @param {string} part of a text */
export function inWords(part) {
  const [name, amount] = part.split(":");
  const words = name === "like" ? "another photo" : name;
  return amount ? `${words} ${Math.round(100 * amount)} %` : words;
}

function add(parts, name, amount) {
  const value = Number(amount.toFixed(2));
  if (value > 0) parts.push(value === 1 ? name : `${name}:${value}`);
}
