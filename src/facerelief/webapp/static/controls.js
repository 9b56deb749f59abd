// The panel's controls as they stand for one face: expressions with their small pictures, strength, part.

import { $, state } from "./page.js";
import { post } from "./server.js";

const THUMB = 176; // pixels of the small pictures
const NEAR = 1.45; // their region, in the face's longer side

const method = () => $("method").value;

/** The expressions that the chosen method can do. @returns {string[]} */
export const known = () => state.menu.methods.find(({ name }) => name === method()).expressions;

/** Whether the chosen method can show something. @param {string | null} expression */
export function canShow(expression) {
  return !expression || known().includes(expression) || state.controls.methods.includes(method());
}

/** @param {import("./picture.js").Face} face */
export function drawControls(face) {
  const inputs = [...document.getElementsByName("expression")];
  for (const input of inputs) {
    input.disabled = input.value !== "original" && !known().includes(input.value);
    input.checked = input.value === (face.expression ?? "original");
  }
  $("strength").value = face.strength;
  $("part").value = face.part;
  drawStrength();
  drawNotes(face);
}

/** One field for each expression, once the menu is known. */
export function makeExpressions() {
  const names = ["original", ...state.menu.expressions.map(({ name }) => name)];
  $("expressions").replaceChildren(
    ...names.map((name) => {
      const label = document.createElement("label");
      label.innerHTML = "<input type='radio' name='expression'><span class='thumb'></span><span class='name'></span>";
      label.firstChild.value = name;
      label.lastChild.textContent = name === "original" ? "as it was" : name;
      return label;
    }),
  );
}

/** The strength in words and on the slider's track. */
export function drawStrength() {
  $("strength-value").textContent = `${Math.round($("strength").value * 100)} %`;
  drawTrack($("strength"));
  $("strength").setAttribute("aria-valuetext", $("strength-value").textContent);
}

/** The part of a slider's track before its knob. @param {HTMLInputElement} slider */
export function drawTrack(slider) {
  const share = `${(100 * slider.value) / slider.max}%`;
  slider.style.setProperty("--track", `linear-gradient(to right, var(--accent) ${share}, var(--line) ${share})`);
}

/** What the server says against the edit that is shown. @param {import("./picture.js").Face} face */
export function drawNotes({ expression, strength, notes }) {
  const words = expression && strength > 0 ? notes : "";
  $("caution").hidden = !words;
  if ($("caution").textContent !== words) $("caution").textContent = words;
}

let loading = new AbortController();

/** The small pictures that are still coming are of no use any more. */
export function dropThumbs() {
  loading.abort();
}

/** Fetch a face's small pictures; what was asked for another face is dropped. @param {import("./picture.js").Face} face */
export async function loadThumbs(face) {
  loading.abort();
  const { signal } = (loading = new AbortController());
  const { canvas, ...crop } = await state.picture.crop(face, THUMB, NEAR);
  if (signal.aborted) return;
  face.thumbs = { original: URL.createObjectURL(crop.photo) };
  wait(face.thumbs.original);
  putThumbs(face.thumbs);
  try {
    const pictures = await (await post("v1/previews", { ...crop, part: face.part, method: method() }, signal)).json();
    Object.assign(face.thumbs, pictures);
    if (!signal.aborted) putThumbs(face.thumbs);
  } finally {
    if (!signal.aborted) {
      $("coming").hidden = true;
      for (const thumb of document.querySelectorAll(".thumb.waiting")) thumb.classList.remove("waiting");
    }
  }
}

// The face as it is, dimmed, stands where its small pictures will come.
function wait(url) {
  $("coming").hidden = false;
  for (const input of document.getElementsByName("expression")) {
    const thumb = input.nextElementSibling;
    thumb.replaceChildren();
    thumb.classList.toggle("waiting", !input.disabled);
    thumb.style.backgroundImage = `url(${url})`;
  }
}

function putThumbs(urls) {
  for (const input of document.getElementsByName("expression")) {
    const url = urls[input.value];
    if (!url) continue;
    const image = new Image();
    image.src = url;
    image.alt = "";
    input.nextElementSibling.replaceChildren(image);
    input.nextElementSibling.classList.remove("waiting");
  }
}
