// The stage: how large the picture is, which part of it is seen, and what is drawn.

import { $, state } from "./page.js";
import { Wipe } from "./wipe.js";

export const wipe = new Wipe($("wipe"), $("picture"));

export function redraw() {
  const { picture } = state;
  picture.drawAfter($("after"), $("before"));
  const edited = picture.edits.length > 0;
  $("download").disabled = !edited;
  $("wipe").hidden = !edited;
  $("picture").dataset.edits = picture.edits.map(({ to, strength }) => `${to} ${strength}`).join(", ");
}

// The picture as large as its place allows, by its shape; zoomed in, the selected face's region fills the place.
export function fit({ width, height }) {
  const place = $("view-photo");
  const narrow = matchMedia("(max-width: 900px)").matches;
  const margin = 2 * parseFloat(getComputedStyle(place).paddingLeft);
  const across = place.clientWidth - margin;
  const down = narrow ? innerHeight * 0.62 : place.clientHeight - margin;
  const whole = Math.min(across / width, down / height, 2.5);
  const region = state.zoomed ? state.picture?.selected?.region : null;
  const near = region ? Math.min(across / region.width, down / region.height) : 0;
  const scale = Math.max(whole, near);
  const box = $("picture");
  box.style.width = `${Math.round(width * scale)}px`;
  box.style.height = `${Math.round(height * scale)}px`;
  const [x, y] = near > whole ? [middle(region.left, region.width, width), middle(region.top, region.height, height)] : [0, 0];
  box.style.translate = `${x * scale}px ${y * scale}px`;
  place.style.height = near > whole && narrow ? `${Math.round(region.height * scale)}px` : "";
  const half = (50 * place.clientWidth) / (width * scale);
  const centre = 50 - (100 * x) / width;
  wipe.seen = near > whole ? [Math.max(0, centre - half), Math.min(100, centre + half)] : [0, 100];
  wipe.set(wipe.share);
  $("zoom").hidden = !state.picture?.selected || (!state.zoomed && share() > 0.5);
  $("zoom").textContent = state.zoomed ? "Whole photo" : "Zoom to the face";
  $("zoom").setAttribute("aria-pressed", state.zoomed);
}

// How far a region's middle is from the picture's.
function middle(start, length, whole) {
  return whole / 2 - (start + length / 2);
}

// The selected face's share of the picture.
function share() {
  const { picture } = state;
  const { region } = picture.selected;
  return Math.max(region.width / picture.width, region.height / picture.height);
}
