"""What an edit adds to a frame as it was decoded."""

import numpy as np
import pytest

from facerelief.editing.video.yuv_frames import ColourFormat, Frame, add_change, pad_even, to_yuv

av = pytest.importorskip("av")

BT601 = ColourFormat(5, 1, False)


def frame_of(rgb: np.ndarray, colours: ColourFormat) -> Frame:
    planes = [plane.astype(np.uint16) * 4 if colours.deep else plane for plane in to_yuv(pad_even(rgb), colours)]
    return Frame(rgb, tuple(planes), 0, 0.0)


@pytest.fixture
def rgb() -> np.ndarray:
    return np.random.default_rng(0).integers(40, 200, (42, 60, 3), dtype=np.uint8)


@pytest.mark.parametrize("deep", [False, True])
def test_what_does_not_change_stays_bit_for_bit(rgb: np.ndarray, deep: bool) -> None:
    colours = ColourFormat(1, 1, deep)
    frame = frame_of(rgb, colours)
    noisy = tuple(plane + 1 for plane in frame.planes)  # what is stored need not be what comes of the pixels
    frame = Frame(rgb, noisy, 0, 0.0)
    assert add_change(frame, rgb.copy(), colours) is frame.planes
    edited = rgb.copy()
    edited[11:20, 31:41] += 30
    new = add_change(frame, edited, colours)
    box = np.zeros((42, 60), bool)
    box[10:20, 30:42] = True
    for before, after, there in zip(noisy, new, (box, box[::2, ::2], box[::2, ::2]), strict=True):
        assert before.dtype == after.dtype
        np.testing.assert_array_equal(before[~there], after[~there])
    brighter = (new[0].astype(int) - noisy[0])[12:18, 32:40]
    assert brighter.mean() == pytest.approx(30 * 219 / 255 * (4 if deep else 1), abs=1)  # of limited range
    np.testing.assert_array_equal(frame.planes[0], noisy[0])


def test_values_stay_in_range(rgb: np.ndarray) -> None:
    for deep, most in ((False, 255), (True, 1023)):
        colours = ColourFormat(5, 1, deep)
        frame = frame_of(rgb, colours)
        top = tuple(np.full_like(plane, most) for plane in frame.planes)
        new = add_change(Frame(rgb, top, 0, 0.0), np.full_like(rgb, 255), colours)
        assert max(int(plane.max()) for plane in new) == most
        none = tuple(np.zeros_like(plane) for plane in frame.planes)
        dark = add_change(Frame(rgb, none, 0, 0.0), np.zeros_like(rgb), colours)
        assert int(dark[0].max()) == 0 and max(int(plane.max()) for plane in dark) < most / 2  # nothing wraps around


def test_sides_that_are_odd(rgb: np.ndarray) -> None:
    odd = rgb[:41, :59]
    frame = frame_of(odd, BT601)
    assert [plane.shape for plane in frame.planes] == [(42, 60), (21, 30), (21, 30)]
    edited = odd.copy()
    edited[-3:, -3:] = 250
    new = add_change(frame, edited, BT601)
    assert (new[0][-4:, -4:] != frame.planes[0][-4:, -4:]).any()
    np.testing.assert_array_equal(new[0][:38], frame.planes[0][:38])


def test_conversions_by_the_standards_own_numbers() -> None:
    """White, black and red of BT.601 and BT.709, limited and full range."""
    expected = {
        (5, 1): {(255, 255, 255): (235, 128, 128), (0, 0, 0): (16, 128, 128), (255, 0, 0): (81, 90, 240)},
        (1, 1): {(255, 255, 255): (235, 128, 128), (0, 0, 0): (16, 128, 128), (255, 0, 0): (63, 102, 240)},
        (5, 2): {(255, 255, 255): (255, 128, 128), (0, 0, 0): (0, 128, 128), (255, 0, 0): (76, 85, 255)},
    }
    for (space, span), colours in expected.items():
        for colour, levels in colours.items():
            planes = to_yuv(np.full((16, 16, 3), colour, np.uint8), ColourFormat(space, span, False))
            assert [int(plane[4, 4]) for plane in planes] == pytest.approx(levels, abs=1), (space, span, colour)
