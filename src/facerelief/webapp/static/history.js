// What was done, to be taken back and done again. States are plain values; what is the same as the last is not kept.

const MOST = 100;

/** @template T */
export class History {
  /** @param {T} first */
  constructor(first) {
    this.past = /** @type {T[]} */ ([]);
    this.future = /** @type {T[]} */ ([]);
    this.now = first;
  }

  /** @param {T} next */
  record(next) {
    if (JSON.stringify(next) === JSON.stringify(this.now)) return;
    this.past = [...this.past, this.now].slice(-MOST);
    this.future = [];
    this.now = next;
  }

  /** @returns {T | null} the state before, or null where there is none */
  undo() {
    if (!this.past.length) return null;
    this.future.push(this.now);
    return (this.now = this.past.pop());
  }

  /** @returns {T | null} the state that was taken back last, or null */
  redo() {
    if (!this.future.length) return null;
    this.past.push(this.now);
    return (this.now = this.future.pop());
  }
}
