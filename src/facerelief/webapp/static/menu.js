// What the server can do, asked for once: whatever needs it waits for it.

import { state } from "./page.js";
import { get } from "./server.js";

let asked = null;
let draw = () => {};

/** Ask for the menu. @param {() => void} known called once it is there, before all that waits for it */
export function begin(known) {
  draw = known;
  return menu();
}

/** Once the menu is known. After a failure the server is asked anew. @returns {Promise<void>} Rejects with a `Refusal`. */
export function menu() {
  asked ??= ask().catch((problem) => {
    asked = null;
    throw problem;
  });
  return asked;
}

async function ask() {
  const found = await (await get("v1/expressions")).json(); // a token is asked for once
  state.controls = await (await get("v1/controls")).json();
  state.menu = found;
  draw();
}
