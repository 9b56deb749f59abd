// The edited photo, at full size, as a file; or one for each of several expressions.

import { known } from "./controls.js";
import { $, save, say, state } from "./page.js";
import { post } from "./server.js";
import { zip } from "./zip.js";

const MOST_NAMED = 80; // letters of a file's name

/** Edit the whole photo and save it. */
export async function download() {
  const { picture } = state;
  const button = $("download");
  button.disabled = true;
  button.textContent = "Working …";
  say("Making the photo at full size");
  try {
    const { name, blob } = await edited(picture, picture.edits, shownIn(picture));
    save(blob, name);
    say(`Saved as ${name}`);
  } finally {
    button.textContent = "Download";
    button.disabled = false;
  }
}

/** The photo's name without its suffix. @param {import("./picture.js").Picture} picture */
export function stem(picture) {
  return (picture.file.name || "photo").replace(/\.[^.]*$/, "");
}

/** What a photo's faces show, as a part of a file's name. @param {import("./picture.js").Picture} picture */
export function shownIn(picture) {
  const names = [...new Set(picture.edits.map(({ to }) => to))].join("-");
  return names.replaceAll(":", "-").replaceAll("+", "_").slice(0, MOST_NAMED);
}

async function edited(picture, edits, what, signal = undefined) {
  const fields = { photo: picture.file, edits, method: $("method").value, format: $("format").value };
  const answer = await post("v1/edit", fields, signal);
  const suffix = answer.headers.get("Content-Type").split("/")[1].replace("jpeg", "jpg");
  return { name: `${stem(picture)}-${what}.${suffix}`, blob: await answer.blob() };
}

// -- several at once ------------------------------------------------------------------------------------------------

let making = new AbortController();

/** Ask which expressions. */
export function openSeveral() {
  $("several-list").replaceChildren(
    ...known().map((name) => {
      const label = document.createElement("label");
      label.className = "check";
      label.innerHTML = "<input type='checkbox' checked> <span></span>";
      label.firstChild.value = name;
      label.lastChild.textContent = name;
      return label;
    }),
  );
  $("several-said").textContent = "";
  $("several-done").hidden = true;
  countSeveral();
  $("several").showModal();
}

const chosen = () => [...$("several-list").querySelectorAll("input:checked")].map(({ value }) => value);

/** How many are ticked, on the button. */
export function countSeveral() {
  const count = chosen().length;
  $("several-go").disabled = !count;
  $("several-go").textContent = count > 1 ? `Download ${count} photos` : "Download 1 photo";
}

/** End what is being made. */
export function stopSeveral() {
  making.abort();
}

/** Make and save those that are ticked. What goes wrong is told in the dialog, which hides the rest of the page. */
export async function makeSeveral() {
  const { signal } = (making = new AbortController());
  $("several-go").disabled = $("several-done").parentElement.ariaBusy = true;
  try {
    const files = await all(chosen(), signal);
    const name = files.length > 1 ? `${stem(state.picture)}-expressions.zip` : files[0].name;
    save(files.length > 1 ? await zip(files) : files[0].blob, name);
    $("several-said").textContent = `Saved as ${name}`;
  } catch (problem) {
    if (problem.name !== "AbortError") $("several-said").textContent = `${problem.message} ${problem.remedy ?? ""}`;
  } finally {
    $("several-done").hidden = true;
    $("several-done").parentElement.ariaBusy = false;
    countSeveral();
  }
}

async function all(names, signal) {
  const { picture } = state;
  const { strength, part, original: landmarks } = picture.selected;
  const others = picture.edits.filter((edit) => edit.landmarks !== landmarks);
  const files = [];
  Object.assign($("several-done"), { max: names.length, value: 0, hidden: false });
  for (const to of names) {
    $("several-said").textContent = `${files.length + 1} of ${names.length}: ${to}`;
    const own = { to, strength: strength || 1, part, landmarks };
    files.push(await edited(picture, [...others, own], to, signal));
    $("several-done").value = files.length;
  }
  return files;
}
