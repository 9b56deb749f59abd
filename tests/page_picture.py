"""The picture of the page in the documents: a photo, before and after.

    python tests/page_picture.py docs/page.jpg --photo london/neutral/002.jpg     # starts a server and a browser

It needs chromium and playwright; nothing but this machine is asked.
"""

import argparse
import io
import tempfile
from pathlib import Path

from pages import picked, settled, until
from PIL import Image
from playwright.sync_api import sync_playwright
from webapp.conftest import CHROMIUM, FLAGS, running

_SIZE = {"width": 1280, "height": 920}


def picture(url: str, photo: Path, expression: str) -> Image.Image:
    """The page at `url` with a photo, half of it edited."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=list(FLAGS))
        page = browser.new_page(viewport=_SIZE, color_scheme="light")
        page.goto(url)
        until(page, "document.body.dataset.ready")
        page.set_input_files("#file", photo)
        until(page, "document.querySelectorAll('.thumb img').length === 9")
        picked(page, expression)
        settled(page)
        wipe = page.get_by_role("slider", name="Before and after")
        for _ in range(5):
            wipe.press("PageUp")
        page.evaluate("document.activeElement.blur()")
        shot = page.screenshot()
        browser.close()
    return Image.open(io.BytesIO(shot)).convert("RGB")


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("out", type=Path)
    parser.add_argument("--photo", type=Path, required=True)
    parser.add_argument("--to", default="happiness")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder, running(Path(folder)) as server:
        picture(server.url, given.photo, given.to).save(given.out, quality=90)


if __name__ == "__main__":
    main()
