"""The Python interface as a user of Jupyter meets it: what is shown, completed, and said when something is wrong."""

import base64
import html
import io
import re
import subprocess
import sys
from pathlib import Path

import nbformat
import numpy as np
import pytest
from kernels import cells, run, shown
from PIL import Image

_LOAD = """
import facerelief, numpy as np
from PIL import Image
editor = facerelief.load(method="morphable")
photo = Image.open("me.png")
big = Image.new("RGB", (4000, 3000), "grey"); big.paste(photo, (1500, 900))
"""
_HELPER = """
def through_a_helper(path):
    text = "a line between"
    return editor.edit(path, "happiness")

through_a_helper("absent.png")
"""


@pytest.fixture(scope="module")
def session(tmp_path_factory: pytest.TempPathFactory, portrait: np.ndarray) -> list[nbformat.NotebookNode]:
    """The cells of one session, after they ran."""
    folder = tmp_path_factory.mktemp("session")
    Image.fromarray(portrait).save(folder / "me.png")
    notebook = cells(
        _LOAD,
        "editor.edit(photo, 'anger')",
        "editor.edit(photo, 'all')",
        "editor.faces(np.hstack([photo, photo]))",
        "editor.edit(big, 'anger')",
        _HELPER.strip(),
        "editor.edit(photo, 'glee')",
        "editor",
        "editor.edit(photo, 'anger').faces",
        "[editor.edit(photo, 'anger').photo, editor.faces(photo)[0]]",
        "from IPython.core.completer import provisionalcompleter\n"
        "with provisionalcompleter():\n"
        "    found = {c.text for text in ('facerelief.lo', 'facerelief.') for c in get_ipython().Completer.completions("
        "text, len(text))}\n"
        "sorted(found)",
    )
    return run(notebook, folder).cells


def picture(cell: nbformat.NotebookNode) -> tuple[Image.Image, str, str]:
    """What an HTML output shows: the picture, its words for those who do not see it, and its caption."""
    found = re.fullmatch(
        r'<figure[^>]*><img alt="([^"]*)" src="data:image/jpeg;base64,([^"]+)"[^>]*><figcaption>(.*)</figcaption>'
        r"</figure>",
        shown(cell)["text/html"],
    )
    assert found is not None
    image = Image.open(io.BytesIO(base64.b64decode(found[2])))
    return image, html.unescape(found[1]), found[3]


def test_an_edit_is_shown_beside_the_picture_as_it_was(
    session: list[nbformat.NotebookNode], portrait: np.ndarray
) -> None:
    image, alt, caption = picture(session[1])
    assert (alt, caption) == ("Left: before. Right: anger.", "before, anger")
    assert max(image.height, image.width / 2) <= 324
    width = (image.width - 8) // 2
    left, right = (np.asarray(image)[:, start : start + width].astype(int) for start in (0, width + 8))
    assert 0.5 < np.abs(left - right).mean() < 20  # the same picture but for the face
    png = Image.open(io.BytesIO(base64.b64decode(shown(session[1])["image/png"])))
    assert png.size == image.size
    assert len(shown(session[1])["text/plain"]) < 60


def test_several_edits_are_shown_in_a_row_that_fits_a_screen(session: list[nbformat.NotebookNode]) -> None:
    image, alt, _ = picture(session[2])
    assert alt.startswith("From left to right: before, neutral, happiness, sadness")
    assert 6 < image.width / image.height < 12
    assert image.width < 1700


def test_faces_are_shown_with_their_numbers(session: list[nbformat.NotebookNode]) -> None:
    image, alt, caption = picture(session[3])
    assert alt.startswith("The picture with 2 numbered faces. 1: Face(x=")
    assert "2: Face(x=" in caption
    assert image.width <= 480
    yellow = (np.abs(np.asarray(image).astype(int) - (255, 200, 0)).max(axis=2) < 60).nonzero()[1]
    assert (yellow < image.width / 2).any() and (yellow > image.width / 2).any()


def test_small_faces_are_shown_large_enough_to_see(session: list[nbformat.NotebookNode]) -> None:
    """A face of 106 pixels in a picture of 4000 would be 8 pixels high."""
    image, _, _ = picture(session[4])
    face = np.asarray(image)[:, : image.height].astype(int)
    assert np.ptp(face, axis=2).mean() > 5  # not the grey around it
    assert image.height > 150


def test_an_error_is_one_line_and_the_line_that_led_to_it(session: list[nbformat.NotebookNode]) -> None:
    (missing,), (wrong,) = session[5].outputs, session[6].outputs
    assert missing.traceback == [
        "PhotoError: absent.png does not exist; check the name",
        '    line 3: return editor.edit(path, "happiness")',
    ]
    assert len(wrong.traceback) == 2
    assert wrong.traceback[0].startswith("FacereliefError: nothing is called 'glee'; choose from neutral, happiness")


def test_values_are_described_in_a_line(session: list[nbformat.NotebookNode]) -> None:
    editor, faces, others = (shown(session[k])["text/plain"] for k in (7, 8, 9))
    assert editor.startswith("FaceEditor(method='morphable', engine='numpy', expressions=('neutral', 'happiness'")
    assert re.fullmatch(r"\[EditedFace\(Face\(x=\d+, y=\d+, size=\d+\), part='face', 192x192\)\]", faces)
    assert re.fullmatch(r"\[Photo\('the image', 512x512\), Face\(x=\d+, y=\d+, size=\d+\)\]", others)


def test_tab_completes_the_interface_and_nothing_else(session: list[nbformat.NotebookNode]) -> None:
    found = eval(shown(session[10])["text/plain"])
    assert {"load", "FaceEditor", "Edited", "EXPRESSIONS", "errors"} <= set(found)
    assert not {"Any", "TYPE_CHECKING", "version", "typing"} & set(found)


def test_before_torch_is_imported_the_interface_can_be_listed(tmp_path: Path) -> None:
    code = "import sys, facerelief; print(*dir(facerelief)); assert 'torch' not in sys.modules"
    listed = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True).stdout.split()
    assert listed == sorted(
        ["EXPRESSIONS", "Edited", "Face", "FaceEditor", "FacereliefError", "errors", "load", "__version__"]
    )
