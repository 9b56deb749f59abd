"""Distributions as a picture: what lies where, in which colour."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from facerelief.errors import FacereliefError
from facerelief.evaluation.report.distribution import FILLS, HEIGHT, LINES, WIDTH, save_distributions

REFERENCES = {"one": np.linspace(0.1, 0.5, 200), "two": np.linspace(0.6, 0.98, 200)}


def place(path: Path, colour: tuple[int, ...]) -> np.ndarray:
    """(P, 2), x and y of the plot's pixels of one colour on white; the legend above and the axis below are left out."""
    share = (*colour, 255)[3] / 255
    colour = tuple(round(level * share + 255 * (1 - share)) for level in colour[:3])
    pixels = np.asarray(Image.open(path).convert("RGB")).astype(int)[40 : HEIGHT - 60]
    y, x = np.nonzero(np.abs(pixels - colour).max(axis=2) < 12)
    return np.column_stack([x, y + 40])


def test_a_line_for_each_editor_over_filled_references(tmp_path: Path) -> None:
    path, random = tmp_path / "figure.png", np.random.default_rng(0)
    lines = {"guided": random.normal(0.25, 0.02, 400), "stargan": random.normal(0.75, 0.02, 400)}
    save_distributions(path, "distance", lines, REFERENCES)
    with Image.open(path) as picture:
        assert (picture.format, picture.size) == ("PNG", (WIDTH, HEIGHT))
    for colour, middle in zip(LINES, (0.25, 0.75), strict=False):
        found = place(path, colour)
        x, y = found[found[:, 1].argmin()]  # the peak; the axis ends at 1.0
        assert abs(x / WIDTH - middle) < 0.03
        assert y < 100  # it fills the height
    one, two = (place(path, colour) for colour in FILLS)
    assert one[:, 0].max() < 0.6 * WIDTH
    assert two[:, 0].min() > 0.55 * WIDTH
    assert not len(place(path, LINES[2]))


def test_without_editors_the_references_remain(tmp_path: Path) -> None:
    save_distributions(tmp_path / "figure.jpg", "distance", {}, REFERENCES)
    assert len(place(tmp_path / "figure.jpg", FILLS[0])) > 1000
    assert not len(place(tmp_path / "figure.jpg", LINES[0]))


def test_a_uniform_reference_fills_a_rectangle(tmp_path: Path) -> None:
    save_distributions(tmp_path / "figure.png", "distance", {}, {"one": np.linspace(0, 0.9999, 6000)})
    found = place(tmp_path / "figure.png", FILLS[0])
    wide, high = np.ptp(found, axis=0)
    assert wide > 0.9 * WIDTH
    assert high > 0.7 * HEIGHT
    assert len(found) > 0.95 * wide * high


@pytest.mark.parametrize("values", [np.zeros(5), np.full(3, 1.9), np.array([0.3])])
def test_distances_that_are_all_alike(tmp_path: Path, values: np.ndarray) -> None:
    save_distributions(tmp_path / "figure.png", "distance", {"editor": values}, REFERENCES)
    assert len(place(tmp_path / "figure.png", LINES[0])) > 100


@pytest.mark.parametrize("name", ["figure", "figure.docx"])
def test_a_name_that_says_no_picture_format_is_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(FacereliefError, match="names no picture format; end it with"):
        save_distributions(tmp_path / name, "distance", {}, REFERENCES)
    assert not list(tmp_path.iterdir())
