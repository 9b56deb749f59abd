// Expressions and strength of the selected face, and their previews.

import { measure } from "./geometry.js";
import { $, guarded, state } from "./page.js";
import { post } from "./server.js";
import { redraw } from "./stage.js";

const THUMB = 176; // pixels of the small pictures
const NEAR = 1.45; // their region, in the face's longer side
const MOVING = 256; // pixels of a face's region while the slider moves
const STILL = 1280; // and once it rests
const REST = 250; // ms

const method = () => $("method").value;
export const known = () => state.menu.methods.find(({ name }) => name === method()).expressions;

export function drawExpressions(face) {
  const names = ["original", ...state.menu.expressions.map(({ name }) => name)];
  $("expressions").replaceChildren(
    ...names.map((name) => {
      const label = document.createElement("label");
      label.innerHTML = "<input type='radio' name='expression'><span class='thumb waiting'></span><span class='name'></span>";
      const [input, thumb, caption] = label.children;
      input.value = name;
      input.disabled = name !== "original" && !known().includes(name);
      input.checked = name === (face.expression ?? "original");
      if (input.disabled) thumb.classList.remove("waiting");
      caption.textContent = name === "original" ? "as it was" : name;
      input.addEventListener("change", guarded(() => choose(face, name)));
      return label;
    }),
  );
}

export async function loadThumbs(face) {
  const asked = method();
  const { part } = face;
  const crop = await state.picture.crop(face, THUMB, NEAR);
  face.thumbs = { original: URL.createObjectURL(crop.photo) };
  putThumbs(face);
  const pictures = await (await post("v1/previews", { ...crop, part, method: asked })).json();
  if (asked !== method() || part !== face.part || face !== state.picture?.selected) return;
  Object.assign(face.thumbs, pictures);
  putThumbs(face);
}

function putThumbs(face) {
  for (const input of document.getElementsByName("expression")) {
    const url = face.thumbs[input.value];
    if (!url) continue;
    const image = new Image();
    image.src = url;
    image.alt = "";
    input.nextElementSibling.replaceChildren(image);
    input.nextElementSibling.classList.remove("waiting");
  }
}

function choose(face, name) {
  face.expression = name === "original" ? null : name;
  face.patch = null;
  if (face.strength === 0) $("strength").value = face.strength = 1;
  drawStrength();
  return preview();
}

export function drawStrength() {
  const { value, max } = $("strength");
  $("strength-value").textContent = `${Math.round(value * 100)} %`;
  const share = `${(100 * value) / max}%`;
  $("strength").style.setProperty("--track", `linear-gradient(to right, var(--accent) ${share}, var(--line) ${share})`);
  $("strength").setAttribute("aria-valuetext", $("strength-value").textContent);
}

// -- previews: one request at a time while the slider moves, then one of full sharpness -----------------------------

let busy = false;
let again = false;
let resting = 0;

export async function preview(most = MOVING) {
  clearTimeout(resting);
  if (busy) {
    again = true;
    return;
  }
  busy = true;
  $("picture").ariaBusy = "true";
  try {
    await fetchPatch(state.picture.selected, most);
    while (again && state.picture) {
      again = false;
      most = MOVING;
      await fetchPatch(state.picture.selected, most);
    }
  } finally {
    busy = again = false;
  }
  if (most === MOVING) {
    resting = setTimeout(guarded(() => state.picture && preview(STILL)), REST);
    return;
  }
  $("picture").ariaBusy = "false";
  await measure();
}

export async function fetchPatch(face, most = STILL) {
  const { expression, strength, part } = face;
  const { picture } = state;
  if (expression && strength > 0) {
    const asked = performance.now();
    const crop = await cropOf(face, most);
    const fields = { ...crop, to: expression, strength, part, method: method() };
    const answer = await post("v1/edit", { ...fields, format: "jpeg", quality: 92, provenance: false });
    face.patch = await createImageBitmap(await answer.blob());
    $("picture").dataset.answer = Math.round(performance.now() - asked); // ms, for whoever measures
  }
  if (picture === state.picture) redraw(face); // else another photo was opened meanwhile
}

// The crop of the moving slider is cut once.
let kept = {};
async function cropOf(face, most) {
  const { picture } = state;
  const others = picture.edits.filter(({ landmarks }) => landmarks !== face.original);
  const key = [face.number, most, ...others.map(({ to, strength, part }) => to + strength + part)].join();
  if (kept.picture !== picture || kept.key !== key) kept = { picture, key, crop: await picture.crop(face, most) };
  return kept.crop;
}
