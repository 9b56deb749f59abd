// Edits of the faces: their patches are fetched one at a time, while the picture stays sharp; what was shown is kept.

import { namesLike, spoken } from "./amounts.js";
import { canShow, drawControls, drawNotes, dropThumbs, loadThumbs } from "./controls.js";
import { measure } from "./geometry.js";
import { History } from "./history.js";
import { $, guarded, say, state } from "./page.js";
import { patchOf } from "./patches.js";
import { editOf } from "./picture.js";
import { notesOf, post } from "./server.js";
import { drawSliders } from "./sliders.js";
import { fit, redraw, working } from "./stage.js";

/** @typedef {import("./picture.js").Face} Face */

const MOVING = 256; // pixels of a face's region while the slider moves
const STILL = 1280; // and once it rests
const REST = 250; // ms
const MOST_KEPT = 12; // sharp patches: 5 MB each

let running = false;
/** @type {{ face: Face, controller: AbortController } | null} */
let job = null; // what the server is asked for
let resting = 0;
let shown = new History(null);
const kept = new Map(); // sharp patches and their notes, by what they show

/** Begin with a photo, of which nothing is edited. */
export function begin() {
  kept.clear();
  shown = new History(snapshot());
  drawHistory();
}

/** Drop what is going on, since another photo comes. */
export function stop() {
  clearTimeout(resting);
  job?.controller.abort();
  dropThumbs();
  for (const face of state.picture?.faces ?? []) face.stale = 0;
  working("");
}

/** @param {Face} face */
export function select(face) {
  const { picture } = state;
  picture.selected = face;
  for (const button of $("boxes").children) button.setAttribute("aria-pressed", button.value === String(face.number));
  $("whose").textContent = picture.faces.length > 1 ? `of face ${face.number}` : "";
  drawAll(face);
  fit();
  redraw();
  return Promise.all([measure(), loadThumbs(face)]);
}

function drawAll(face) {
  drawControls(face);
  drawSliders(face);
}

/**
 * @param {Face} face @param {string | null} expression as the server takes it, null for the face as it was
 * @param {boolean} [moving] as of `refresh` @param {Face["like"]} [like] the photo that it names
 */
export function choose(face, expression, moving = false, like = face.like) {
  face.expression = expression;
  face.like = namesLike(expression) ? like : null;
  if (face.strength === 0) face.strength = 1;
  drawAll(face);
  return refresh([face], moving);
}

/** Another method was chosen: what it cannot do is taken back, the rest is done again. */
export function changeMethod() {
  const { faces, selected } = state.picture;
  for (const face of faces) if (!canShow(face.expression)) face.expression = null;
  return Promise.all([select(selected), refresh(faces)]);
}

/**
 * Show what faces are to be. The picture stays until the new one has come.
 * @param {Face[]} faces @param {boolean} [moving] small pictures for now, sharp ones once no more come
 */
export async function refresh(faces, moving = false) {
  clearTimeout(resting);
  for (const face of faces) face.stale = moving ? MOVING : STILL;
  if (!moving && job && faces.includes(job.face)) job.controller.abort();
  if (running) return;
  const { picture } = state;
  running = true;
  drawHistory();
  try {
    const last = await bringAll(picture);
    if (picture !== state.picture) return;
    if (last?.most === MOVING) {
      resting = setTimeout(guarded(() => state.picture === picture && refresh([last.face])), REST);
      return;
    }
    working("");
    finish();
  } catch (problem) {
    if (picture === state.picture) restore(shown.now, false); // back to what is shown
    working("");
    throw problem;
  } finally {
    running = false;
    takeUp();
  }
  await measure();
}

// What was asked for meanwhile, of another photo.
function takeUp() {
  const left = state.picture?.faces.filter(({ stale }) => stale) ?? [];
  if (left.length) guarded(refresh)(left, left.every(({ stale }) => stale === MOVING));
}

async function bringAll(picture) {
  let last = null;
  for (;;) {
    const { faces, selected } = picture;
    const face = selected?.stale ? selected : faces.find(({ stale }) => stale);
    if (!face || picture !== state.picture) return last;
    last = { face, most: face.stale };
    face.stale = 0;
    await bring(face, last.most);
  }
}

async function bring(face, most) {
  const { picture } = state;
  if (face.expression && face.strength > 0) {
    const { notes, patch } = (await patched(face, most)) ?? {};
    if (!patch) return; // something else is wanted by now
    Object.assign(face, { notes, patch });
  }
  if (picture !== state.picture) return;
  redraw(face);
  if (face === picture.selected) drawNotes(face);
}

async function patched(face, most) {
  const { picture } = state;
  const edit = editOf(face);
  const method = $("method").value;
  const others = picture.edits.filter(({ landmarks }) => landmarks !== face.original).map((edit) => ({ ...edit, landmarks: 0 }));
  const key = JSON.stringify([face.number, method, edit, others]);
  if (kept.has(key)) return kept.get(key);
  working(picture.faces.length > 1 ? `Editing face ${face.number}: ${spoken(edit.to)} …` : `Editing: ${spoken(edit.to)} …`);
  const controller = new AbortController();
  job = { face, controller };
  try {
    const asked = performance.now();
    const { canvas, ...crop } = await cropOf(face, most, others);
    const fields = { ...crop, ...edit, method, format: "jpeg", quality: 92, provenance: false };
    const answer = await post("v1/edit", fields, controller.signal);
    const after = await createImageBitmap(await answer.blob());
    const result = { patch: patchOf(after, canvas), notes: notesOf(answer) };
    $("picture").dataset.answer = Math.round(performance.now() - asked); // ms, for whoever measures
    if (most === STILL) keep(key, result);
    return result;
  } catch (problem) {
    if (problem.name === "AbortError") return null;
    throw problem;
  } finally {
    job = null;
  }
}

function keep(key, result) {
  kept.set(key, result);
  if (kept.size > MOST_KEPT) kept.delete(kept.keys().next().value);
}

// The crop of the moving slider is cut once.
let cut = {};
async function cropOf(face, most, others) {
  const { picture } = state;
  const key = JSON.stringify([face.number, most, others]);
  if (cut.picture !== picture || cut.key !== key) cut = { picture, key, crop: await picture.crop(face, most) };
  return cut.crop;
}

// -- what was done --------------------------------------------------------------------------------------------------

function finish() {
  shown.record(snapshot());
  drawHistory();
  const edits = state.picture.edits.map(({ to, strength }) => `${spoken(to)}, ${Math.round(100 * strength)} %`);
  say(edits.length ? `Shown: ${edits.join("; ")}` : "Shown: the photo as it was");
}

function snapshot() {
  const faces = state.picture.faces.map(({ expression, like, strength, part }) => ({ expression, like, strength, part }));
  return { method: $("method").value, faces };
}

/** Take back what was done last, or what is still going on. */
export function undo() {
  return restore(pending() ? shown.now : shown.undo());
}

const pending = () => JSON.stringify(snapshot()) !== JSON.stringify(shown.now);

/** Do again what was taken back. */
export function redo() {
  return restore(shown.redo());
}

// fetch: whether to show it anew; else it is what is shown.
function restore(wanted, fetch = true) {
  if (!wanted) return undefined;
  const { picture } = state;
  const other = wanted.method !== $("method").value;
  $("method").value = wanted.method;
  const changed = picture.faces.filter((face, k) => other || differs(face, wanted.faces[k]));
  picture.faces.forEach((face, k) => Object.assign(face, wanted.faces[k], { stale: 0 }));
  drawHistory();
  const face = changed.find(({ unfit }) => !unfit) ?? picture.selected;
  const again = other || face !== picture.selected || face.part !== $("part").value;
  if (!fetch || !again) {
    drawAll(face);
    redraw();
  }
  if (!fetch) return undefined;
  return Promise.all([again && select(face), refresh(changed)]);
}

function differs(face, values) {
  return Object.keys(values).some((name) => face[name] !== values[name]);
}

function drawHistory() {
  $("undo").disabled = !shown.past.length && !pending();
  $("redo").disabled = !shown.future.length;
}
