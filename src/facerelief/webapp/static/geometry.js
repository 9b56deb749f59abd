// Depth, normals and the face in 3D, measured when they are looked at.

import { $, state } from "./page.js";
import { editOf } from "./picture.js";
import { get, post } from "./server.js";
import { fit } from "./stage.js";
import { Viewer } from "./viewer.js";

/** What shows the face in 3D. */
export const viewer = new Viewer($("solid"));
let latest = {}; // what was measured last: { picture, key, maps }, maps a promise

const currentView = () => document.querySelector("input[name=view]:checked").value;

/** @param {"photo" | "depth" | "normals" | "solid"} name what the stage shows */
export function view(name) {
  document.querySelector(`input[name=view][value=${name}]`).checked = true;
  $("view-photo").hidden = name !== "photo";
  $("view-maps").hidden = !["depth", "normals"].includes(name);
  $("view-solid").hidden = name !== "solid";
  if (state.opening) fit();
}

/** Measure the selected face where its geometry is looked at, and show it. */
export async function measure() {
  const { picture } = state;
  const face = picture?.selected;
  if (currentView() === "photo" || !face) return;
  const key = JSON.stringify([face.number, editOf(face), $("method").value]);
  if (latest.picture !== picture || latest.key !== key) latest = { picture, key, maps: geometry(face) };
  const asked = latest;
  measuring(true);
  try {
    const maps = await asked.maps;
    if (asked === latest) await draw(currentView(), maps);
  } catch (problem) {
    if (asked === latest) latest = {};
    throw problem;
  } finally {
    measuring(false);
  }
}

async function draw(name, [before, after]) {
  if (name === "solid") {
    const [triangles, ...crops] = await Promise.all([trianglesOnce(), image(before.crop), image(after.crop)]);
    viewer.show([{ ...before, crop: crops[0] }, { ...after, crop: crops[1] }], triangles);
  } else if (name !== "photo") {
    for (const [when, one] of [["before", before], ["after", after]]) {
      $(`map-${when}`).src = one[name];
      $(`map-${when}`).alt = `${name} of the face ${when} the edit`;
    }
  }
}

function measuring(now) {
  for (const sign of document.querySelectorAll(".measuring")) sign.hidden = !now;
}

// Geometry before, by the landmarks that are known, and after, by those found in the edited picture.
async function geometry(face) {
  const { canvas, ...crop } = await state.picture.crop(face, 640);
  const before = await (await post("v1/geometry", crop)).json();
  if (!face.expression || face.strength === 0) return [before, before];
  const fields = { ...crop, ...editOf(face), method: $("method").value };
  const edited = await (await post("v1/edit", { ...fields, format: "jpeg", provenance: false })).blob();
  const after = await (await post("v1/geometry", { photo: edited })).json();
  return [before, after];
}

let triangles;
async function trianglesOnce() {
  triangles ??= await (await get("v1/triangles")).json();
  return triangles;
}

async function image(url) {
  const loaded = new Image();
  loaded.src = url;
  await loaded.decode();
  return loaded;
}
