"""The frame of a mouth: points and pictures go to it and back, however the photo lies."""

import numpy as np
import pytest

from facerelief.geometry.transfer.lips import MOUTH_CORNERS
from facerelief.geometry.transfer.mouth.frame import MouthFrame


def frame(turn: float) -> tuple[MouthFrame, np.ndarray]:
    """Of a mouth from (-40, 0) to (40, 0), 20 high, turned by radians and moved to (300, 200); and its outline."""
    c, s = np.cos(turn), np.sin(turn)
    rotation = np.array([(c, s), (-s, c)])
    landmarks = np.zeros((468, 3))
    landmarks[list(MOUTH_CORNERS), :2] = np.array([(-40.0, 0), (40, 0)]) @ rotation + (300, 200)
    outline = np.array([(-40.0, 0), (0, -8), (40, 0), (0, 12)]) @ rotation + (300, 200)
    return MouthFrame.around(outline, landmarks), outline


@pytest.mark.parametrize("turn", [0.0, 0.3, np.pi / 2, -2.0])
def test_a_mouth_is_level_in_its_frame(turn: float) -> None:
    """80 wide and 4 of margin on each side: 88 pixels of the photo, drawn in 160, so that a mouth of 40 has as many."""
    made, outline = frame(turn)
    assert (made.width, made.side) == (88, 160)
    expected = (np.array([(-40.0, 0), (0, -8), (40, 0), (0, 12)]) - (0, 2)) * (160 / 88) + 80
    np.testing.assert_allclose(made.place(outline), expected, atol=1e-9)
    deep = made.place(np.column_stack([outline, np.full(4, 5.0)]))
    np.testing.assert_allclose(deep, np.column_stack([expected, np.full(4, 5.0 * 160 / 88)]), atol=1e-9)


@pytest.mark.parametrize(("width", "side"), [(20, 160), (130, 192), (161, 224), (300, 320), (900, 320)])
def test_a_mouth_is_drawn_finer_than_the_photo_shows_it(width: int, side: int) -> None:
    assert MouthFrame(np.zeros(2), np.eye(2), width).side == side


@pytest.mark.parametrize("turn", [0.0, 0.3, np.pi / 2, -2.0])
@pytest.mark.parametrize("side", [88, 264])
def test_a_picture_comes_to_its_place_in_the_photo(turn: float, side: int) -> None:
    """A plane that rises along the photo's x is that in the window, wherever the frame covers it."""
    made, _ = frame(turn)
    rows, columns = np.indices((side, side)) + 0.5
    places = (np.dstack([columns, rows]) - side / 2) * made.width / side @ made.turn + made.centre
    corner, wide = made.window()
    found = made.to_photo(places)
    expected = np.dstack(np.meshgrid(np.arange(wide) + corner[0] + 0.5, np.arange(wide) + corner[1] + 0.5))
    inside = (np.abs((expected - made.centre) @ made.turn.T) < made.width / 2 - 3).all(axis=2)
    assert inside.sum() > 0.8 * (made.width - 6) ** 2
    np.testing.assert_allclose(found[inside], expected[inside], atol=0.15)  # Pillow's bicubic filter bends planes
