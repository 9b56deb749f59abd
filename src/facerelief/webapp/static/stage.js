// The stage: how large the picture is, which part of it is seen, and what is drawn.

import { $, say, state } from "./page.js";
import { Wipe } from "./wipe.js";

export const wipe = new Wipe($("wipe"), $("picture"));

/** Draw the edited photo anew. @param {import("./picture.js").Face | null} [only] the one face that changed */
export function redraw(only = null) {
  const { picture } = state;
  picture.drawAfter($("after"), $("before"), only);
  const edited = picture.edits.length > 0;
  $("download").disabled = $("moving-open").disabled = !edited;
  $("several-open").disabled = !picture.selected;
  $("wipe").hidden = !edited;
  $("picture").dataset.edits = picture.edits.map(({ to, strength }) => `${to} ${strength}`).join(", ");
}

/** A sign over the picture, which stays as it is, that work is going on. @param {string} what "" once it has ended */
export function working(what) {
  $("picture").ariaBusy = String(what !== "");
  $("busy").hidden = what === "";
  if (what === "" || $("busy-what").textContent === what) return;
  $("busy-what").textContent = what;
  say(what);
}

const LARGEST = 2.5; // screen pixels for a pixel of the photo, unless zoomed in
const WORTH = 1.3; // times larger: less is no zoom

/** The picture as large as its place allows, by its shape; zoomed in, the selected face's region fills the place. */
export function fit() {
  const { width, height } = state.picture ?? state.opening;
  const place = $("view-photo");
  const narrow = matchMedia("(max-width: 900px)").matches;
  const margin = 2 * parseFloat(getComputedStyle(place).paddingLeft);
  const across = place.clientWidth - margin;
  const share = $("by-controls").hidden ? 0.62 : 0.36; // of a narrow window: sliders need the room
  const down = narrow ? innerHeight * share : document.documentElement.clientHeight - 150 - margin;
  const whole = Math.min(across / width, down / height, LARGEST);
  const region = state.picture?.selected?.region;
  const near = region ? Math.min(across / region.width, down / region.height) : 0;
  const worth = near > WORTH * whole;
  const zoomed = state.zoomed && worth;
  const scale = zoomed ? near : whole;

  const box = $("picture");
  const [x, y] = zoomed ? [offset(region.left, region.width, width), offset(region.top, region.height, height)] : [0, 0];
  box.style.width = `${Math.round(width * scale)}px`;
  box.style.height = `${Math.round(height * scale)}px`;
  box.style.translate = `${x * scale}px ${y * scale}px`;
  place.style.height = zoomed && narrow ? `${Math.round(region.height * scale)}px` : "";

  const shown = (height * scale) / 2 - y * scale + place.clientHeight / 2; // of the picture, from its top
  box.style.setProperty("--below", `${Math.max(0, height * scale - shown)}px`);

  const [centre, half] = [50 - (100 * x) / width, (50 * place.clientWidth) / (width * scale)];
  wipe.show(...(zoomed ? [Math.max(0, centre - half), Math.min(100, centre + half)] : [0, 100]));
  $("boxes").classList.toggle("near", zoomed);
  $("zoom").hidden = !worth || $("view-photo").hidden;
  $("zoom").textContent = zoomed ? "Zoom out" : "Zoom in";
  $("zoom").setAttribute("aria-pressed", zoomed);
}

// From the middle of a stretch to the middle of the whole.
function offset(start, length, whole) {
  return whole / 2 - (start + length / 2);
}
