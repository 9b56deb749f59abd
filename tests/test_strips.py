"""Pictures in strips: the same as whole."""

import numpy as np
import pytest
from PIL import Image

from facerelief import strips
from facerelief.strips import in_strips, pixels_of, shrunk


@pytest.fixture(autouse=True)
def narrow(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(strips, "_STRIP", 300)


@pytest.fixture
def rgb() -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, (97, 61, 3), dtype=np.uint8)


def test_strips_follow_one_another_and_are_small() -> None:
    assert [*in_strips(3, 14, 60)] == [(3, 8), (8, 13), (13, 14)]
    assert [*in_strips(0, 2, 1000)] == [(0, 1), (1, 2)]  # a row at least
    assert [*in_strips(0, 10, 50, 4)] == [(0, 4), (4, 8), (8, 10)]
    assert not [*in_strips(5, 5, 60)]


def test_pixels_of_an_image(rgb: np.ndarray) -> None:
    pixels = pixels_of(Image.fromarray(rgb))
    np.testing.assert_array_equal(pixels, rgb)
    assert pixels.flags.writeable


@pytest.mark.parametrize(("width", "height"), [(60, 97), (61, 40), (20, 31), (1, 1)])
def test_a_shrunk_picture_is_pillows(rgb: np.ndarray, width: int, height: int) -> None:
    expected = Image.fromarray(rgb).resize((width, height), Image.Resampling.BOX)
    np.testing.assert_array_equal(shrunk(rgb, width, height), np.asarray(expected))
