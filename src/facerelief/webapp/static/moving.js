// The way from the photo to its edit, as a moving picture.

import { $, state } from "./page.js";
import { shownIn, stem } from "./saving.js";
import { post } from "./server.js";

const SUFFIX = { "image/gif": "gif", "image/webp": "webp", "video/mp4": "mp4" };

let making = new AbortController();
let url = "";

/** Ask what it shall be like. */
export function openMoving() {
  forgetMoving();
  $("moving").showModal();
}

/** Drop what was made, or is being made, by other choices. */
export function forgetMoving() {
  making.abort();
  URL.revokeObjectURL(url);
  url = "";
  $("moving-result").replaceChildren();
  $("moving-result").hidden = $("moving-save").hidden = true;
  $("moving-go").hidden = $("moving-go").disabled = false;
  $("moving-said").textContent = "";
}

/** Make and show it. What goes wrong is told in the dialog, which hides the rest of the page. */
export async function makeMoving() {
  const { picture } = state;
  const { signal } = (making = new AbortController());
  const fields = {
    photo: picture.file,
    edits: picture.edits,
    method: $("method").value,
    format: $("moving-kind").value,
    seconds: $("moving-seconds").value,
    back: String($("moving-back").checked),
  };
  $("moving-go").disabled = true;
  $("moving-said").innerHTML = "<span class='spinner'></span> Making every picture of it …";
  try {
    const made = await (await post("v1/morph", fields, signal)).blob();
    url = URL.createObjectURL(made);
    present(made, `${stem(picture)}-${shownIn(picture)}.${SUFFIX[made.type]}`);
  } catch (problem) {
    if (problem.name !== "AbortError") $("moving-said").textContent = `${problem.message} ${problem.remedy ?? ""}`;
  } finally {
    if (making.signal === signal) $("moving-go").disabled = false;
  }
}

function present(made, name) {
  $("moving-result").replaceChildren(...shown(made));
  $("moving-result").hidden = !$("moving-result").firstChild;
  $("moving-go").hidden = true;
  Object.assign($("moving-save"), { href: url, download: name, hidden: false });
  $("moving-said").textContent = `Ready: ${name}, ${Math.max(0.1, made.size / 2 ** 20).toFixed(1)} MiB`;
  $("moving-save").focus();
}

// A film waits to be started, a picture is not shown, where little motion is asked for.
function shown(made) {
  const still = matchMedia("(prefers-reduced-motion: reduce)").matches;
  if (made.type.startsWith("video/")) {
    const film = document.createElement("video");
    return [Object.assign(film, { src: url, controls: true, loop: true, muted: true, playsInline: true, autoplay: !still })];
  }
  return still ? [] : [Object.assign(new Image(), { src: url, alt: "The moving picture" })];
}
