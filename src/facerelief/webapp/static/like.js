// Another photo, whose face shows what a face is to show; and one of the same person without expression.

import { namesLike } from "./amounts.js";
import { choose } from "./editing.js";
import { $, clear, guarded, state } from "./page.js";
import { Picture } from "./picture.js";
import { Refusal, post } from "./server.js";
import { prepare } from "./shrink.js";

const SIDE = 384; // pixels of a face's region: several of them go into one request

/** Both fields take files by choice and by drop. */
export function makeLikeFields() {
  listen("like", (face, photo) => ({ photo, neutral: null }));
  listen("like-neutral", (face, neutral) => ({ ...face.like, neutral }));
}

function listen(name, likeOf) {
  const drop = $(`${name}-drop`);
  const take = guarded(async (file) => {
    const { picture } = state;
    const face = picture?.selected;
    if (!file || !face) return undefined;
    clear();
    drop.ariaBusy = "true";
    try {
      const photo = await faceOf(file);
      if (picture !== state.picture) return undefined;
      return await choose(face, namesLike(face.expression) ? face.expression : "like", false, likeOf(face, photo));
    } finally {
      drop.ariaBusy = "false";
    }
  });
  $(`${name}-file`).addEventListener("change", ({ target }) => {
    take(target.files[0]);
    target.value = "";
  });
  drop.addEventListener("drop", (event) => {
    event.preventDefault();
    event.stopPropagation(); // the photo that is edited stays
    document.body.classList.remove("dropping");
    take(event.dataTransfer.files[0]);
  });
}

// The largest face of a photo, as a data URL.
async function faceOf(file) {
  const { file: sent, bitmap } = await prepare(file, state.menu.limits);
  const found = await (await post("v1/faces", { photo: sent })).json();
  if (!bitmap) throw new Refusal("format", "This browser cannot show that kind of file.", "Choose a JPEG, PNG or WebP photo.");
  const picture = new Picture(sent, bitmap, found);
  if (!picture.selected) {
    throw new Refusal("no_face", `The face ${found.faces[0].unfit.split("; ")[0]}.`, "Choose another photo.");
  }
  const { photo } = await picture.crop(picture.selected, SIDE);
  const reader = new FileReader();
  return new Promise((done) => {
    reader.onload = () => done(reader.result);
    reader.readAsDataURL(photo);
  });
}
