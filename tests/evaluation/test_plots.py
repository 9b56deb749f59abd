"""Distributions and confusion matrices as pictures: what lies where, in which colour."""

import re
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from facerelief.errors import FacereliefError
from facerelief.evaluation.report.plots import (
    REFERENCE_COLOURS,
    confusion_plot,
    distribution_plot,
    plot_html,
    save_plot,
)
from facerelief.training.classifier import Accuracy

pytest.importorskip("matplotlib", reason="plots are drawn with it")

REFERENCES = {"one": np.linspace(0.1, 0.5, 200), "two": np.linspace(0.6, 0.98, 200)}
LINES = ((31, 119, 180), (255, 127, 14))  # matplotlib's first colours
FILLS = [tuple(round(0.4 * int(c[k : k + 2], 16) + 0.6 * 255) for k in (1, 3, 5)) for c in REFERENCE_COLOURS]


def place(path: Path, colour: tuple[int, ...]) -> np.ndarray:
    """(P, 2), x and y of the pixels of one colour, as shares of width and height, from the top left."""
    pixels = np.asarray(Image.open(path).convert("RGB")).astype(int)
    y, x = np.nonzero(np.abs(pixels - colour).max(axis=2) < 8)
    return np.column_stack([x / pixels.shape[1], y / pixels.shape[0]])


def draw(path: Path, lines: dict[str, np.ndarray], references: dict[str, np.ndarray]) -> Path:
    save_plot(path, distribution_plot(lines, references, "distance"))
    return path


def test_a_line_for_each_editor_over_filled_references(tmp_path: Path) -> None:
    random = np.random.default_rng(0)
    lines = {"guided": random.normal(0.25, 0.02, 400), "stargan": random.normal(0.75, 0.02, 400)}
    path = draw(tmp_path / "figure.png", lines, REFERENCES)
    for colour, middle in zip(LINES, (0.25, 0.75), strict=True):
        found = place(path, colour)
        x, y = found[found[:, 1].argmin()]  # the peak; the axis ends at 1.0
        assert abs(x - middle) < 0.05
        assert y < 0.4
    one, two = (place(path, colour) for colour in FILLS)
    assert np.median(one[:, 0]) < 0.5 < np.median(two[:, 0])


def test_without_editors_the_references_remain(tmp_path: Path) -> None:
    path = draw(tmp_path / "figure.png", {}, REFERENCES)
    assert len(place(path, FILLS[0])) > 1000
    assert not len(place(path, LINES[0]))


@pytest.mark.parametrize("values", [np.zeros(5), np.full(3, 1.9), np.array([0.3])])
def test_distances_that_are_all_alike(tmp_path: Path, values: np.ndarray) -> None:
    assert len(place(draw(tmp_path / "figure.png", {"editor": values}, REFERENCES), LINES[0])) > 30


@pytest.mark.parametrize("name", ["figure", "figure.docx"])
def test_a_name_that_says_no_picture_format_is_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(FacereliefError, match="names no picture format; end it with"):
        draw(tmp_path / name, {}, REFERENCES)
    assert not list(tmp_path.iterdir())


def test_a_confusion_matrix_is_dark_where_the_predictions_are(tmp_path: Path) -> None:
    """All of the first row in its last column, the second row nowhere, the third on the diagonal."""
    accuracy = Accuracy(("neutral", "happiness", "fear"), [[0, 0, 7], [0, 0, 0], [0, 0, 9]])
    figure = confusion_plot([("editor", accuracy, "asked for")])
    (axis,) = figure.axes
    np.testing.assert_array_equal(axis.images[0].get_array(), [[0, 0, 100], [0, 0, 0], [0, 0, 100]])
    assert [text.get_text() for text in axis.texts] == ["0", "0", "100", "-", "-", "-", "0", "0", "100"]
    assert axis.get_title() == "editor, N 16"
    html = plot_html(figure, "confusion <of> edits")
    assert re.fullmatch(r'<p><img class="figure" alt="confusion &lt;of&gt; edits" src="data:image/svg[^"]+"></p>', html)
    assert html == plot_html(confusion_plot([("editor", accuracy, "asked for")]), "confusion <of> edits")
