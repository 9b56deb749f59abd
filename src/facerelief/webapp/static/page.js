// What the parts of the page share: its elements, what is shown, and how problems are told.

import { Refusal } from "./server.js";

export const $ = (id) => document.getElementById(id);

// opening: the photo on the stage; picture: the same once its faces are known, or null. menu: what the server can do. zoomed: whether a face fills the stage.
export const state = { opening: null, picture: null, menu: null, zoomed: false };

export function explain(problem) {
  if (problem.name === "AbortError") return;
  if (!(problem instanceof Refusal)) console.error(problem);
  $("alert-what").textContent = problem instanceof Refusal ? problem.message : "Something went wrong on this page.";
  $("alert-remedy").textContent = problem.remedy ?? "Load it again.";
  $("alert").hidden = false;
}

export function clear() {
  $("alert").hidden = true;
}

// A listener whose failures are told.
export function guarded(work) {
  return (...given) => Promise.resolve(work(...given)).catch(explain);
}
