"""What the page's tests do with it, and pictures as files."""

import base64
import io
import time
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

PHONE = {"viewport": {"width": 390, "height": 844}, "has_touch": True, "is_mobile": True}
# What is too small for a finger, in words.
SMALL = """[...document.querySelectorAll('a, button, select, input, [role=slider]')].flatMap(one => {
  const shown = one.type === 'file' || one.type === 'radio' || one.type === 'checkbox' ? one.labels[0] : one;
  if (one.disabled || !shown.checkVisibility() || one.closest('dialog:not([open])')) return [];
  shown.scrollIntoView({ block: 'center' });
  const box = shown.getBoundingClientRect();
  const [x, y] = [box.x + box.width / 2, box.y + box.height / 2];
  const hit = (dx, dy) => {
    const there = document.elementFromPoint(x + dx, y + dy);
    return there && (shown.contains(there) || there.contains(shown));
  };
  const large = [[-21, 0], [21, 0], [0, -21], [0, 21]].every(([dx, dy]) => hit(dx, dy));
  return large ? [] : [`${one.id || one.name || one.outerHTML} ${box.width} x ${box.height}`];
})"""


def png(folder: Path, rgb: np.ndarray, name: str = "photo.png") -> Path:
    """A picture as a file."""
    path = folder / name
    Image.fromarray(rgb).save(path)
    return path


def until(page: Any, script: str, seconds: float = 120) -> Any:
    """Wait until a script's value is true, and return it; Playwright's own way needs eval, which the page forbids."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        value = page.evaluate(script)
        if value:
            return value
        time.sleep(0.02)
    raise AssertionError(f"never true: {script}; the page says {page.inner_text('body')}")


def upload(page: Any, photo: Path) -> None:
    """Choose a file, and wait for the small pictures of all expressions."""
    until(page, "document.body.dataset.ready")
    page.set_input_files("#file", photo)
    until(page, "document.querySelectorAll('.thumb img').length === 9")


def opened(page: Any, photo: Path) -> None:
    """Choose a file, and wait until its faces are known; the small pictures may come later."""
    until(page, "document.body.dataset.ready")
    page.set_input_files("#file", photo)
    until(page, "document.querySelectorAll('#boxes button').length > 0")


class Held:
    """Requests for an address, held back until they are let go: `page.route("**/v1/edit", held)`."""

    def __init__(self, passing: int = 0) -> None:
        """passing: of the first ones, so many go through at once."""
        self.passing, self.routes = passing, list[Any]()

    def __call__(self, route: Any) -> None:
        self.passing -= 1
        if self.passing >= 0:
            route.continue_()
        else:
            self.routes.append(route)

    def come(self, page: Any, count: int = 1) -> None:
        """Wait for requests."""
        end = time.monotonic() + 120
        while len(self.routes) < count:
            assert time.monotonic() < end, "no request came"
            page.wait_for_timeout(20)

    def go(self) -> None:
        """Let all that came pass, and all that will come."""
        self.passing = 1_000_000
        for route in self.routes:
            route.continue_()
        self.routes = []


def without(page: Any, *lines: str) -> None:
    """Take the browser's own lines about refused requests from the page's problems."""
    page.wait_for_timeout(100)
    page.problems = [line for line in page.problems if not any(known in line for known in lines)]


def picked(page: Any, expression: str) -> None:
    """Choose an expression and wait for its preview."""
    page.get_by_role("radio", name=expression).check(force=True)
    until(page, f"document.getElementById('picture').dataset.edits.includes('{expression}')")


def pixels(page: Any, canvas: str) -> np.ndarray:
    """What a canvas of the page shows."""
    url = page.eval_on_selector(canvas, "canvas => canvas.toDataURL()")
    image = Image.open(io.BytesIO(base64.b64decode(url.split(",")[1])))
    return np.asarray(image.convert("RGB")).astype(int)


def settled(page: Any) -> np.ndarray:
    """Where before and after differ once the preview is sharp, levels (H, W)."""
    until(page, "document.getElementById('picture').ariaBusy === 'false'")
    return np.abs(pixels(page, "#before") - pixels(page, "#after")).max(axis=2)
