// What the parts of the page share: its elements, what is shown, and how problems are told.

import { Refusal } from "./server.js";

/** An element of the page. @param {string} id */
export const $ = (id) => document.getElementById(id);

/**
 * opening: the photo on the stage; picture: the same once its faces are known, or null. menu: what the server can do;
 * controls: what it knows besides expressions. zoomed: whether a face fills the stage.
 * @type {{ opening: ImageBitmap | null, picture: import("./picture.js").Picture | null, menu: any, controls: any, zoomed: boolean }}
 */
export const state = { opening: null, picture: null, menu: null, controls: null, zoomed: false };

/** Tell a problem above the page. @param {Error} problem */
export function explain(problem) {
  if (problem.name === "AbortError") return;
  if (!(problem instanceof Refusal)) console.error(problem);
  $("alert-what").textContent = problem instanceof Refusal ? problem.message : "Something went wrong on this page.";
  $("alert-remedy").textContent = problem.remedy ?? "Load it again.";
  $("alert").hidden = false;
  $("alert").scrollIntoView({ block: "nearest" });
}

/** Take the problem away that was told last. */
export function clear() {
  $("alert").hidden = true;
}

/** A listener whose failures are told. @param {(...given: any[]) => any} work */
export function guarded(work) {
  return (...given) => Promise.resolve(work(...given)).catch(explain);
}

/** Tell screen readers what the page shows by other means. @param {string} words */
export function say(words) {
  $("status").textContent = words;
}

/** Start or photo: which of both is shown. @param {"start" | "editor"} name @param {string} [title] of the photo */
export function show(name, title = "") {
  for (const id of ["start", "editor"]) $(id).hidden = id !== name;
  $("another").hidden = name !== "editor";
  $("title").classList.toggle("sr-only", name === "editor");
  if (name === "editor") $("title").textContent = `Editing ${title}`;
  else $("title").innerHTML = "Another expression,<br>the same photo.";
  document.title = name === "editor" ? `${title} · facerelief` : "facerelief";
}

/** Have the browser save a file. @param {Blob} blob @param {string} name */
export function save(blob, name) {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(blob);
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 60_000);
}
