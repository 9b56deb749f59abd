// A photo comes in: it is shown at once, while the server looks for faces.

import { drawBoxes } from "./boxes.js";
import { begin, select, stop } from "./editing.js";
import { view } from "./geometry.js";
import { menu } from "./menu.js";
import { $, clear, say, show, state } from "./page.js";
import { Picture } from "./picture.js";
import { Refusal, post } from "./server.js";
import { prepare } from "./shrink.js";
import { fit, wipe } from "./stage.js";

let opening = new AbortController();

/** Show a photo; one that is still coming in is dropped. @param {File | null | undefined} chosen */
export async function open(chosen) {
  if (!chosen) return;
  opening.abort();
  const { signal } = (opening = new AbortController());
  clear();
  reading("Reading the photo");
  try {
    await menu();
    signal.throwIfAborted();
    const { file, bitmap, word } = await prepare(chosen, state.menu.limits);
    signal.throwIfAborted();
    reading("");
    if (bitmap) stage(file, bitmap);
    say("Looking for faces");
    const found = await (await post("v1/faces", { photo: file }, signal)).json();
    signal.throwIfAborted();
    if (!bitmap) throw new Refusal("format", "This browser cannot show that kind of file.", "Choose a JPEG, PNG or WebP photo.");
    await start(new Picture(file, bitmap, found), found, word);
  } catch (problem) {
    if (signal.aborted) return;
    if (!state.picture?.selected) show("start");
    throw problem;
  } finally {
    if (!signal.aborted) {
      reading("");
      $("working").hidden = true;
      $("file").value = "";
    }
  }
}

function stage(file, bitmap) {
  stop();
  state.picture = null;
  state.zoomed = false;
  show("editor", file.name || "a photo");
  view("photo");
  state.opening = bitmap;
  fit();
  const unknown = new Picture(file, bitmap, { faces: [], width: bitmap.width });
  unknown.drawBefore($("before"));
  unknown.drawAfter($("after"), $("before"));
  $("boxes").replaceChildren();
  $("wipe").hidden = $("note").hidden = $("caution").hidden = true;
  $("working").hidden = false;
  for (const id of ["download", "several-open", "moving-open", "undo", "redo"]) $(id).disabled = true;
}

function start(picture, found, word) {
  const { edited_before: before, faces } = found;
  if (!picture.selected) {
    throw new Refusal("no_face", `The face ${faces[0].unfit.split("; ")[0]}.`, "Choose another photo.");
  }
  state.picture = picture;
  const notes = [word, before && `This photo says that it was edited before: ${before}.`].filter(Boolean);
  $("note").hidden = !notes.length;
  $("note").textContent = notes.join(" ");
  state.zoomed = false;
  view("photo");
  wipe.set(0);
  $("working").hidden = true;
  drawBoxes();
  begin();
  say([`${faces.length} ${faces.length > 1 ? "faces" : "face"} found; previews are being made.`, ...notes].join(" "));
  return select(picture.selected);
}

function reading(what) {
  $("reading").hidden = what === "";
  $("reading-what").textContent = what;
  if (what) say(what);
}
