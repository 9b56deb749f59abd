// The page: a photo comes in, its faces are edited one by one, and the whole photo goes out again.

import { takePhoto } from "./camera.js";
import { drawExpressions, drawStrength, fetchPatch, known, loadThumbs, preview } from "./editing.js";
import { measure, view, viewer } from "./geometry.js";
import { $, clear, guarded, state } from "./page.js";
import { Picture } from "./picture.js";
import { Refusal, get, post } from "./server.js";
import { fit, redraw, wipe } from "./stage.js";

const ABOUT = {
  relief: "A trained network moves the photo's own pixels. The clearest.",
  morphable: "Warps the photo by a statistical face, without training.",
  stargan: "The paper's network, as a baseline. Soft.",
};

// -- opening and saving ---------------------------------------------------------------------------------------------

async function open(file) {
  if (!file) return;
  clear();
  const bitmap = await createImageBitmap(file).catch(() => null);
  if (bitmap) {
    state.picture = null;
    state.zoomed = false;
    show("editor");
    view("photo");
    state.opening = bitmap;
    fit();
    const unknown = new Picture(file, bitmap, { faces: [], width: bitmap.width });
    unknown.drawBefore($("before"));
    unknown.drawAfter($("after"), $("before"));
    $("boxes").replaceChildren();
    $("wipe").hidden = true;
    $("working").hidden = false;
    $("download").disabled = true;
  }
  try {
    const found = await (await post("v1/faces", { photo: file })).json();
    if (!bitmap) throw new Refusal("format", "This browser cannot show that kind of file.", "Choose a JPEG, PNG or WebP photo.");
    start(new Picture(file, bitmap, found), found);
  } catch (problem) {
    show("start");
    throw problem;
  } finally {
    $("working").hidden = true;
    $("file").value = "";
  }
}

function start(picture, found) {
  state.picture = picture;
  $("note").hidden = !found.edited_before;
  $("note").textContent = `This photo says that it was edited before: ${found.edited_before}.`;
  state.zoomed = false;
  view("photo");
  wipe.set(0);
  if (!picture.selected) {
    const { unfit } = picture.faces[0];
    throw new Refusal("no_face", `The face ${unfit.split("; ")[0]}.`, "Choose another photo.");
  }
  drawBoxes();
  select(picture.selected);
}

function show(name) {
  for (const id of ["start", "editor"]) $(id).hidden = id !== name;
  $("another").hidden = name !== "editor";
}

async function download() {
  const { picture } = state;
  const button = $("download");
  button.disabled = true;
  button.textContent = "Working …";
  try {
    const fields = { photo: picture.file, edits: picture.edits, method: $("method").value, format: $("format").value };
    const answer = await post("v1/edit", fields);
    const kind = answer.headers.get("Content-Type").split("/")[1].replace("jpeg", "jpg");
    const names = [...new Set(picture.edits.map(({ to }) => to))].join("-");
    const link = document.createElement("a");
    link.href = URL.createObjectURL(await answer.blob());
    link.download = `${(picture.file.name || "photo").replace(/\.[^.]*$/, "")}-${names}.${kind}`;
    link.click();
    setTimeout(() => URL.revokeObjectURL(link.href), 60_000);
    $("status").textContent = `Saved as ${link.download}`;
  } finally {
    button.textContent = "Download";
    button.disabled = false;
  }
}

// -- faces ----------------------------------------------------------------------------------------------------------

function drawBoxes() {
  const { picture } = state;
  $("boxes").className = picture.faces.length > 1 ? "several" : "";
  $("boxes").replaceChildren(
    ...picture.faces.map((face) => {
      const button = document.createElement("button");
      const [x0, y0, x1, y1] = face.box;
      const [left, top] = [x0 / picture.width, y0 / picture.height];
      Object.assign(button.style, {
        left: `${100 * left}%`,
        top: `${100 * top}%`,
        width: `${(100 * (x1 - x0)) / picture.width}%`,
        height: `${(100 * (y1 - y0)) / picture.height}%`,
      });
      button.type = "button";
      button.disabled = Boolean(face.unfit);
      button.title = face.unfit ? `This face ${face.unfit.split("; ")[0]}` : "";
      button.setAttribute("aria-label", `Face ${face.number}`);
      button.innerHTML = "<span aria-hidden='true'></span>";
      button.firstChild.textContent = face.number;
      button.addEventListener("click", guarded(() => select(face)));
      face.button = button;
      return button;
    }),
  );
}

function select(face) {
  const { picture } = state;
  picture.selected = face;
  for (const one of picture.faces) one.button.setAttribute("aria-pressed", one === face);
  $("whose").textContent = picture.faces.length > 1 ? `of face ${face.number}` : "";
  $("strength").value = face.strength;
  $("part").value = face.part;
  drawExpressions(face);
  drawStrength();
  fit();
  redraw();
  return Promise.all([measure(), loadThumbs(face)]);
}

// -- wiring ---------------------------------------------------------------------------------------------------------

$("alert-close").addEventListener("click", clear);
$("file").addEventListener("change", guarded((event) => open(event.target.files[0])));
$("another").addEventListener("click", () => {
  show("start");
  clear();
  $("file").focus();
});
$("sample").addEventListener("click", guarded(async () => {
  const seed = Math.floor(Math.random() * 1000);
  const drawn = await (await get(`v1/sample?seed=${seed}`)).blob();
  return open(new File([drawn], `face-${seed}.jpg`, { type: "image/jpeg" }));
}));
$("camera-open").hidden = !navigator.mediaDevices?.getUserMedia;
$("camera-open").addEventListener("click", guarded(async () => {
  try {
    return await open(await takePhoto($("camera")));
  } catch (reason) {
    if (!(reason instanceof DOMException)) throw reason;
    throw new Refusal("camera", "The camera cannot be used.", "Allow it in the browser, or choose a photo instead.");
  }
}));
$("zoom").addEventListener("click", () => {
  state.zoomed = !state.zoomed;
  fit();
});
$("strength").addEventListener("input", guarded(() => {
  drawStrength();
  if (!state.picture) return undefined;
  state.picture.selected.strength = Number($("strength").value);
  return preview();
}));
$("part").addEventListener("change", guarded(() => {
  if (!state.picture) return undefined;
  const { selected } = state.picture;
  selected.part = $("part").value;
  return Promise.all([preview(), loadThumbs(selected)]);
}));
$("method").addEventListener("change", guarded(() => {
  $("method-about").textContent = `${ABOUT[$("method").value] ?? ""} ${known().length} expressions.`;
  if (!state.picture) return undefined;
  const { faces, selected } = state.picture;
  for (const face of faces) {
    if (!known().includes(face.expression)) face.expression = null;
    face.patch = null;
  }
  return Promise.all([select(selected), ...faces.filter((face) => face.expression).map((face) => fetchPatch(face))]);
}));
$("download").addEventListener("click", guarded(download));
for (const input of document.getElementsByName("view")) {
  input.addEventListener("change", guarded(() => {
    view(input.value);
    return measure();
  }));
}
for (const input of document.getElementsByName("solid-when")) {
  input.addEventListener("change", () => viewer.change(Number(input.value)));
}
for (const input of document.getElementsByName("solid-surface")) {
  input.addEventListener("change", () => {
    viewer.clay = input.value === "clay";
    viewer.draw();
  });
}
addEventListener("resize", () => state.opening && fit());
addEventListener("dragover", (event) => {
  event.preventDefault();
  document.body.classList.add("dropping");
});
addEventListener("dragleave", (event) => event.relatedTarget || document.body.classList.remove("dropping"));
addEventListener("drop", guarded((event) => {
  event.preventDefault();
  document.body.classList.remove("dropping");
  return open(event.dataTransfer.files[0]);
}));
addEventListener("paste", guarded((event) => {
  const file = [...event.clipboardData.files].find(({ type }) => type.startsWith("image/"));
  return file && open(file);
}));

guarded(async () => {
  const menu = (state.menu = await (await get("v1/expressions")).json());
  $("method").replaceChildren(...menu.methods.map(({ name }) => new Option(name, name, false, name === menu.default_method)));
  $("method-about").textContent = `${ABOUT[menu.default_method] ?? ""} ${known().length} expressions.`;
  document.body.dataset.ready = "yes";
})();
