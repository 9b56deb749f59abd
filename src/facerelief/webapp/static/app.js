// The page: a photo comes in, its faces are edited one by one, and the whole photo goes out again.

import { takePhoto } from "./camera.js";
import { drawStrength, known, loadThumbs, makeExpressions } from "./controls.js";
import { changeMethod, choose, redo, refresh, select, undo } from "./editing.js";
import { measure, view, viewer } from "./geometry.js";
import { makeLikeFields } from "./like.js";
import { showLive } from "./live.js";
import { begin } from "./menu.js";
import { forgetMoving, makeMoving, openMoving } from "./moving.js";
import { open } from "./open.js";
import { $, clear, guarded, show, state } from "./page.js";
import { countSeveral, download, makeSeveral, openSeveral, stopSeveral } from "./saving.js";
import { Refusal, get } from "./server.js";
import { drawRegion, drawSliders, looked, makeSliders, moved, showTab, tabByKey } from "./sliders.js";
import { fit } from "./stage.js";

const ABOUT = {
  relief: "A network moves the photo's own pixels. The clearest.",
  morphable: "Warps the photo by a statistical face, without training.",
  stargan: "The paper's network, as a baseline. Soft.",
};

function drawMethod() {
  $("method-about").textContent = `${ABOUT[$("method").value] ?? ""} ${known().length} expressions.`;
}

const selected = () => state.picture?.selected;

// -- a photo --------------------------------------------------------------------------------------------------------

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
for (const [id, use] of [["camera-open", async () => open(await takePhoto($("camera")))], ["live-open", showLive]]) {
  $(id).hidden = !navigator.mediaDevices?.getUserMedia;
  $(id).addEventListener("click", guarded(async () => {
    try {
      clear();
      return await use();
    } catch (reason) {
      if (!(reason instanceof DOMException)) throw reason;
      throw new Refusal("camera", "The camera cannot be used.", "Allow it in the browser, or choose a photo instead.");
    }
  }));
}
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

// -- its faces ------------------------------------------------------------------------------------------------------

$("boxes").addEventListener("click", guarded((event) => {
  const number = event.target.closest("button")?.value;
  return number && select(state.picture.faces.find((face) => String(face.number) === number));
}));
$("expressions").addEventListener("change", guarded(({ target: { value } }) => {
  return selected() && choose(selected(), value === "original" ? null : value);
}));
$("strength").addEventListener("input", guarded(() => {
  drawStrength();
  if (!selected()) return undefined;
  selected().strength = Number($("strength").value);
  return refresh([selected()], true);
}));
$("part").addEventListener("change", guarded(() => {
  if (!selected()) return undefined;
  selected().part = $("part").value;
  return Promise.all([refresh([selected()]), loadThumbs(selected())]);
}));
$("method").addEventListener("change", guarded(() => {
  drawMethod();
  return selected() && changeMethod();
}));
const [back, again] = [undo, redo].map((step) => guarded(async () => {
  const done = step();
  drawMethod();
  await done;
}));
$("undo").addEventListener("click", back);
$("redo").addEventListener("click", again);
addEventListener("keydown", (event) => {
  const key = event.key.toLowerCase();
  if (!(event.ctrlKey || event.metaKey) || event.altKey || !["y", "z"].includes(key)) return;
  if (!selected() || document.querySelector("dialog[open]")) return;
  event.preventDefault();
  if (key === "y" || event.shiftKey) again();
  else back();
});

// -- single movements -----------------------------------------------------------------------------------------------

document.querySelector("[role=tablist]").addEventListener("click", ({ target }) => {
  if (target.role === "tab") changeTab(target);
});
document.querySelector("[role=tablist]").addEventListener("keydown", (event) => {
  const tab = tabByKey(event);
  if (!tab) return;
  changeTab(tab);
  tab.focus();
});
function changeTab(tab) {
  showTab(tab);
  if (state.opening) fit();
}
$("dials").addEventListener("input", guarded(({ target }) => selected() && choose(selected(), moved(selected(), target), true)));
$("preset").addEventListener("change", guarded(() => selected() && choose(selected(), $("preset").value || null)));
$("reset").addEventListener("click", guarded(() => selected() && choose(selected(), null)));
makeLikeFields();
$("regions").addEventListener("change", drawRegion);
$("sides").addEventListener("change", () => drawSliders(selected()));
$("controls-method").addEventListener("click", () => {
  [$("method").value] = state.controls.methods;
  $("method").dispatchEvent(new Event("change"));
});

// -- the stage ------------------------------------------------------------------------------------------------------

$("zoom").addEventListener("click", () => {
  state.zoomed = !state.zoomed;
  fit();
});
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

// -- what goes out --------------------------------------------------------------------------------------------------

$("download").addEventListener("click", guarded(download));
$("several-open").addEventListener("click", openSeveral);
$("several-list").addEventListener("change", countSeveral);
$("several-go").addEventListener("click", makeSeveral);
$("several").addEventListener("close", stopSeveral);
$("moving-open").addEventListener("click", openMoving);
$("moving-go").addEventListener("click", makeMoving);
$("moving").addEventListener("close", forgetMoving);
for (const id of ["moving-kind", "moving-seconds", "moving-back"]) $(id).addEventListener("change", forgetMoving);
for (const name of ["several", "moving"]) $(`${name}-close`).addEventListener("click", () => $(name).close());

guarded(begin)(() => {
  const { methods, default_method: first } = state.menu;
  $("method").replaceChildren(...methods.map(({ name }) => new Option(name, name, false, name === first)));
  drawMethod();
  makeExpressions();
  makeSliders(guarded((x, y) => selected() && choose(selected(), looked(selected(), x, y), true)));
  document.body.dataset.ready = "yes";
});
