// The panel's second tab: a slider for each movement of the face, by region, for both sides or one.

import { Amounts, dialsOf, inWords } from "./amounts.js";
import { drawTrack } from "./controls.js";
import { GazePad, gazeOf, isGaze, setGaze } from "./gaze.js";
import { $, state } from "./page.js";

/** @typedef {import("./amounts.js").Dial} Dial */

const LIKE = ["Like another photo …", "Like this photo"];
const CALM = ["… from that person’s calm face", "from this calm face"];
const OWN = "own"; // value of what is no preset

let dials = /** @type {Dial[]} */ ([]);
let sliders = /** @type {Dial[]} */ ([]); // those of them that have a slider
let pad = /** @type {GazePad | null} */ (null);

const chosen = (name) => document.querySelector(`input[name=${name}]:checked`).value;
const amountsOf = (face) => new Amounts(face.expression, dials);
const percent = (amount) => `${Math.round(100 * amount)} %`;
const canControl = () => state.controls.methods.includes($("method").value);

/**
 * The tab's fields, once the server has said what there is.
 * @param {(x: number, y: number) => void} look is told where the gaze pad was moved
 */
export function makeSliders(look) {
  dials = dialsOf(state.controls);
  sliders = dials.filter((dial) => !isGaze(dial));
  pad = new GazePad($("gaze"), look);
  $("preset").replaceChildren(
    new Option("the face as it is", ""),
    Object.assign(new Option("own mixture", OWN), { disabled: true, hidden: true }),
    ...state.controls.presets.map(({ name, stands_for: text }) => new Option(name.replaceAll("-", " "), new Amounts(text, dials).text())),
  );
  $("regions").replaceChildren(...state.controls.regions.map((name, k) => choice("region", name, k === 0)));
  $("dials").replaceChildren(...sliders.map(row));
  drawRegion();
}

function choice(name, value, checked) {
  const label = document.createElement("label");
  label.innerHTML = "<input type='radio'><span></span>";
  Object.assign(label.firstChild, { name, value, checked });
  label.lastChild.textContent = value;
  return label;
}

function row(dial, k) {
  const field = document.createElement("div");
  field.className = "field";
  field.innerHTML = "<label><span class='code'></span> <span></span></label><output></output><input type='range' min='0' step='0.05'>";
  const [label, output, input] = field.children;
  Object.assign(input, { id: `dial-${k}`, max: state.controls.most, value: 0 });
  label.htmlFor = output.htmlFor = input.id;
  label.firstChild.textContent = dial.code;
  label.lastChild.textContent = dial.words;
  if (!dial.code) label.firstChild.remove();
  return field;
}

/** Only what moves the chosen region is in sight. */
export function drawRegion() {
  const region = chosen("region");
  sliders.forEach((dial, k) => ($("dials").children[k].hidden = dial.region !== region));
  $("gaze").hidden = !dials.some((dial) => isGaze(dial) && dial.region === region);
}

/** The sliders as they stand for a face. @param {import("./picture.js").Face | null} face */
export function drawSliders(face) {
  if (!dials.length || !face) return;
  const [side, can, amounts] = [chosen("side"), canControl(), amountsOf(face)];
  sliders.forEach((dial, k) => drawRow($("dials").children[k], amounts.get(dial, side), can && (side === "both" || dial.sides)));
  pad.draw(gazeOf(amounts, side), can);
  $("preset").value = amounts.text() ?? "";
  if ($("preset").selectedIndex < 0) $("preset").value = OWN;
  $("preset").disabled = !can;
  $("controls-need").hidden = can;
  $("reset").disabled = !face.expression;
  $("base").hidden = !amounts.rest.length;
  $("base").textContent = `On top of ${amounts.rest.map(inWords).join(" and ")}.`;
  for (const name of ["like", "like-neutral"]) $(`${name}-file`).disabled = !can;
  drawLike(face);
}

function drawLike({ like }) {
  for (const [name, url, [without, withOne]] of [["like", like?.photo, LIKE], ["like-neutral", like?.neutral, CALM]]) {
    const image = $(`${name}-image`);
    image.hidden = !url;
    image.nextElementSibling.textContent = url ? withOne : without;
    if (url) image.src = url;
    else image.removeAttribute("src");
  }
  $("like-neutral-drop").hidden = !like;
}

function drawRow(field, amount, free) {
  const [, output, input] = field.children;
  input.value = amount;
  input.disabled = !free;
  output.textContent = percent(amount);
  input.setAttribute("aria-valuetext", percent(amount));
  drawTrack(input);
  field.classList.toggle("moved", amount > 0);
  field.classList.toggle("fixed", !free);
}

/** What a face is to show now that a slider was moved. @param {import("./picture.js").Face} face @param {HTMLInputElement} input */
export function moved(face, input) {
  const amounts = amountsOf(face);
  amounts.set(sliders[Number(input.id.slice("dial-".length))], chosen("side"), Number(input.value));
  return amounts.text();
}

/** What a face is to show now that the gaze pad was moved. @param {import("./picture.js").Face} face @param {number} x @param {number} y */
export function looked(face, x, y) {
  const amounts = amountsOf(face);
  setGaze(amounts, chosen("side"), x, y);
  return amounts.text();
}

// -- tabs -----------------------------------------------------------------------------------------------------------

const tabs = () => [...document.querySelectorAll("[role=tab]")];

/** @param {HTMLElement} wanted the tab to be shown */
export function showTab(wanted) {
  for (const tab of tabs()) {
    tab.setAttribute("aria-selected", tab === wanted);
    tab.tabIndex = tab === wanted ? 0 : -1;
    $(tab.getAttribute("aria-controls")).hidden = tab !== wanted;
  }
}

/** Arrow keys go from tab to tab. @param {KeyboardEvent} event @returns {HTMLElement | null} the tab to be shown */
export function tabByKey(event) {
  const all = tabs();
  const at = all.indexOf(event.target);
  const to = { ArrowLeft: at - 1, ArrowRight: at + 1, Home: 0, End: -1 }[event.key];
  if (at < 0 || to === undefined) return null;
  event.preventDefault();
  return all.at(to % all.length);
}
