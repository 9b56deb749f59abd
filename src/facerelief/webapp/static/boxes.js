// The faces' boxes on the picture.

import { $, state } from "./page.js";

/** A button for each face; its value is the face's number. */
export function drawBoxes() {
  const { picture } = state;
  $("boxes").className = picture.faces.length > 1 ? "several" : "";
  $("boxes").replaceChildren(...picture.faces.map((face) => box(face, picture)));
}

function box({ number, unfit, box: [x0, y0, x1, y1] }, { width, height }) {
  const button = document.createElement("button");
  Object.assign(button.style, {
    left: `${(100 * x0) / width}%`,
    top: `${(100 * y0) / height}%`,
    width: `${(100 * (x1 - x0)) / width}%`,
    height: `${(100 * (y1 - y0)) / height}%`,
  });
  button.type = "button";
  button.value = number;
  button.disabled = Boolean(unfit);
  button.title = unfit ? `This face ${unfit.split("; ")[0]}` : "";
  button.setAttribute("aria-label", `Face ${number}`);
  button.innerHTML = "<span aria-hidden='true'></span>";
  button.firstChild.textContent = number;
  return button;
}
