"""How a face is cut out for face-api's networks, by hand; and what they are told of it."""

from pathlib import Path

import numpy as np
import pytest
from face_api_files import write_instruments

from facerelief.errors import CheckpointError
from facerelief.evaluation.outside.instruments import Instruments, face_box, face_square
from facerelief.files import sha256
from facerelief.geometry.topology import INNER_LIPS, LIPS


def points(left: tuple[float, float], right: tuple[float, float], mouth: tuple[float, float]) -> np.ndarray:
    """Landmarks whose eyes and lips are three points."""
    found = np.zeros((468, 3), np.float32)
    for at, vertices in (
        (left, (33, 160, 158, 133, 153, 144)),
        (right, (362, 385, 387, 263, 373, 380)),
        (mouth, (*LIPS, *INNER_LIPS)),
    ):
        found[list(vertices), :2] = at
    return found


def test_the_box_by_hand() -> None:
    """From either eye to the mouth are hypot(50, 100) = 111.8, of 0.45 of the side: 248. The three points' middle
    (150, 133.3) is at 0.5 and 0.43 of it: from 26 and 26.69.
    """
    face = points((100, 100), (200, 100), (150, 200))
    assert face_box(face, (600, 500, 3)) == (26, 26, 26 + 248, 26 + 248)


def test_at_the_border_it_is_cut_and_padded_half_on_each_side() -> None:
    """As face-api does: what begins left of the photo is moved in, what ends beyond it is cut."""
    face = points((100, 100), (200, 100), (150, 200))
    assert face_box(face, (600, 200, 3)) == (26, 26, 200, 274)
    moved = points((50, 100), (150, 100), (100, 200))
    assert face_box(moved, (600, 500, 3)) == (0, 26, 248, 274)
    white = np.full((600, 200, 3), 255, np.uint8)
    square = face_square(white, face)
    assert square.shape == (248, 248, 3)
    assert (square[0, :, 0] == np.repeat([0, 255, 0], [37, 174, 37])).all()


@pytest.mark.parametrize("place", [(-5000, -5000), (5000, 5000), (0, 0)])
def test_a_face_outside_or_without_extent_still_gives_a_picture(place: tuple[int, int]) -> None:
    square = face_square(np.zeros((40, 60, 3), np.uint8), points(place, place, place))
    assert square.shape[0] == square.shape[1] >= 2


def test_both_networks_look(tmp_path: Path) -> None:
    tools = Instruments(write_instruments(tmp_path))
    rgb = np.random.default_rng(0).integers(0, 256, (300, 300, 3)).astype(np.uint8)
    face = points((100, 100), (200, 100), (150, 200))
    seen, again = tools(rgb, face), tools(rgb.copy(), face)
    assert seen.expression.shape == (7,)
    assert float(seen.expression.sum()) == pytest.approx(1, abs=1e-5)
    assert seen.identity.shape == (128,)
    np.testing.assert_array_equal(seen.identity, again.identity)
    other = tools(255 - rgb, face)
    assert np.linalg.norm(other.identity - seen.identity) > 0
    assert tools.sha256["face_expression"] == sha256(tmp_path / "face_expression_model.bin")


def test_without_the_package(tmp_path: Path) -> None:
    with pytest.raises(CheckpointError, match="npm pack @vladmandic/face-api"):
        Instruments(tmp_path)
