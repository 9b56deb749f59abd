"""Layers of edits applied to a photo, on a few pixels by hand."""

import dataclasses
from typing import Any

import numpy as np
import pytest

from facerelief.colour import LUMA
from facerelief.faces.alignment import Crop
from facerelief.faces.bicubic import sample_bicubic
from facerelief.geometry.morphable.log_albedo import FLOOR
from facerelief.geometry.transfer.lips import MeetingLips
from facerelief.geometry.transfer.warp_layers import WarpLayers, apply_layers

SIDE = 24
SAME = Crop(np.array([(1.0, 0, 0), (0, 1, 0)]), SIDE)  # the photo itself


@pytest.fixture
def picture() -> np.ndarray:
    """uint8 (SIDE, SIDE, 3): noise, without black and white, so that nothing is clipped."""
    return np.random.default_rng(0).integers(60, 160, (SIDE, SIDE, 3), dtype=np.uint8)


def layers(
    flow: tuple[float, float] = (0, 0),
    light: float = 0,
    shade: tuple[float, ...] | None = None,
    shade_opacity: float = 0,
    size: int = SIDE,
) -> WarpLayers:
    """The same edit everywhere; shade is not yet multiplied by its opacity."""
    one: dict[str, Any] = {"flow": flow, "light": [light]}
    if shade is not None:
        one |= {"shade": shade_opacity * np.array(shade), "shade_opacity": [shade_opacity]}
    return WarpLayers(**{name: np.tile(np.float32(value), (size, size, 1)) for name, value in one.items()})


def centres(height: int, width: int) -> np.ndarray:
    return np.stack(np.meshgrid(np.arange(width) + 0.5, np.arange(height) + 0.5), axis=2).astype(np.float32)


# -- flow, light ----------------------------------------------------------------------------------------------------


def test_no_change_gives_the_very_photo(picture: np.ndarray) -> None:
    picture[:4], picture[4:8] = 0, 255
    for crop in (SAME, Crop(np.array([(0.8, 0.3, -4), (-0.3, 0.8, 5)]), 20), Crop(SAME.matrix * 3, 3 * SIDE)):
        out = apply_layers(picture, crop, layers(size=crop.size))
        np.testing.assert_array_equal(out, picture)
        assert not np.shares_memory(out, picture)


@pytest.mark.parametrize("light", [-1.0, -0.2, 0.1, 0.4])
def test_light_is_a_factor(picture: np.ndarray, light: float) -> None:
    """Above the floor, which keeps black from being divided by."""
    floor, grey = 255 * FLOOR, picture[..., :1].repeat(3, axis=2)
    out = apply_layers(grey, SAME, layers(light=light))
    assert np.abs((out + floor) / (grey + floor) - np.exp(light)).max() < 0.51 / (60 + floor)  # half a level
    assert (out == out[..., :1]).all()


def test_light_that_is_too_much_or_too_little_is_clipped() -> None:
    ends = np.zeros((SIDE, SIDE, 3), np.uint8)
    ends[:, 8:16], ends[:, 16:] = 128, 255
    brighter, darker = apply_layers(ends, SAME, layers(light=1.0)), apply_layers(ends, SAME, layers(light=-1.0))
    floor = 255 * FLOOR
    assert brighter[9, [2, 12, 20], 0].tolist() == [round(floor * np.e - floor), 255, 255]
    expected = [0, *(round((level + floor) / np.e - floor) for level in (128, 255))]
    assert darker[9, [2, 12, 20], 0].tolist() == expected


def test_a_flow_says_where_pixels_come_from(picture: np.ndarray) -> None:
    """In the crop's pixels: whole ones move the photo's exactly, whatever the crop's scale and turn."""
    inside = slice(4, -4)
    crops = {
        (3, -2): (SAME, (3.0, -2.0)),
        (4, 2): (Crop(np.array([(0.5, 0, 0), (0, 0.5, 0)]), SIDE // 2), (2.0, 1.0)),  # half the photo's size
        (0, 2): (Crop(np.array([(0.0, 1, 0), (-1, 0, SIDE)]), SIDE), (2.0, 0.0)),  # its x is the photo's y
    }
    for (right, down), (crop, flow) in crops.items():
        out = apply_layers(picture, crop, layers(flow, size=crop.size))
        expected = np.roll(picture, (-down, -right), (0, 1))
        np.testing.assert_array_equal(out[inside, inside], expected[inside, inside])


@pytest.mark.parametrize("scale", [1, 4])
def test_lips_that_meet_show_nothing_of_what_was_between_them(scale: int) -> None:
    """A red lip, white teeth and a blue lip; each lip moves by the half of the teeth's height, as fine as the photo."""
    teeth, line = slice(9 * scale, 15 * scale), 12.0
    photo = np.zeros((SIDE * scale, SIDE * scale, 3), np.uint8)
    photo[: teeth.start], photo[teeth], photo[teeth.stop :] = (200, 0, 0), 255, (0, 0, 200)
    flow = np.zeros((SIDE, SIDE, 2), np.float32)
    flow[:12, :, 1], flow[12:, :, 1] = -3, 3
    across = np.linspace(2, SIDE - 2, 11)
    rims = [np.column_stack([across, np.full(11, y)]) for y in (line, 9, 15)]
    crop = Crop(SAME.matrix / scale, SIDE)
    still = WarpLayers(flow, np.zeros((SIDE, SIDE, 1), np.float32))
    shut = apply_layers(photo, crop, dataclasses.replace(still, lips=MeetingLips(*rims)))
    middle = shut[:, 8 * scale : 16 * scale].astype(int)
    seam = round(line * scale)
    assert np.abs(middle[: seam - 1] - (200, 0, 0)).max() <= 40  # cubic values overshoot where colours meet
    assert np.abs(middle[seam + 1 :] - (0, 0, 200)).max() <= 40
    if scale > 1:  # one flow for both shows teeth
        assert apply_layers(photo, crop, still)[:, 8 * scale : 16 * scale].min(axis=2).max() > 120


@pytest.mark.parametrize("at", [(-14, -14), (14, -14), (0, 14), (14, 14)])
def test_a_crop_that_reaches_beyond_the_photo(picture: np.ndarray, at: tuple[int, int]) -> None:
    crop = Crop(np.column_stack([np.eye(2), np.negative(at)]).astype(float), SIDE)
    out = apply_layers(picture, crop, layers(shade=(0, 0, 255), shade_opacity=1))
    x, y = np.arange(SIDE) - at[0], (np.arange(SIDE) - at[1])[:, None]
    covered = (x >= 0) & (x < SIDE) & (y >= 0) & (y < SIDE)
    assert covered.any() and not covered.all()
    np.testing.assert_array_equal(out[covered], np.broadcast_to((0, 0, 255), (covered.sum(), 3)))
    np.testing.assert_array_equal(out[~covered], picture[~covered])


def test_pixels_that_must_not_be_written_to(picture: np.ndarray) -> None:
    picture.flags.writeable = False
    assert apply_layers(picture, SAME, layers(light=0.1)).flags.writeable


# -- a network's colour ---------------------------------------------------------------------------------------------


def test_shade_in_colour_by_hand(picture: np.ndarray) -> None:
    out = apply_layers(picture, SAME, layers(shade=(40, 80, 200), shade_opacity=0.25))
    expected = 0.75 * picture + 0.25 * np.array((40, 80, 200))
    np.testing.assert_allclose(out, expected, atol=0.51)


@pytest.mark.parametrize("level", [20, 100, 170])
def test_shade_of_luminance_keeps_the_hue(picture: np.ndarray, level: float) -> None:
    """What differs from grey does so in the same proportions, more so in the dark."""
    out = apply_layers(picture, SAME, layers(shade=(level,), shade_opacity=0.5)).astype(float)
    before = picture.astype(float)
    whole = (out.max(axis=2) < 255) & (out.min(axis=2) > 0)
    np.testing.assert_allclose((out @ LUMA)[whole], (0.5 * (picture @ LUMA) + level / 2)[whole], atol=0.51)
    after, chroma = (x[whole] - (x[whole] @ LUMA)[:, None] for x in (out, before))
    strong = np.linalg.norm(chroma, axis=1) > 30
    lengths = np.linalg.norm(after, axis=1) * np.linalg.norm(chroma, axis=1)
    assert ((after * chroma).sum(axis=1) / lengths)[strong].min() > 0.99
    assert whole.mean() > 0.9 and strong.mean() > 0.3


def test_more_than_all_is_not_shaded(picture: np.ndarray) -> None:
    out = apply_layers(picture, SAME, layers(shade=(90, 90, 90), shade_opacity=1.5))
    np.testing.assert_array_equal(out, np.full_like(picture, 90))


# -- masks ----------------------------------------------------------------------------------------------------------


def test_wrinkles_are_filled_as_deep_as_they_are() -> None:
    """Beside what is darkened: 0.2 of a wrinkle's 0.3 where that much may be filled, and 0.1 where it is no deeper."""
    depth = np.full((2 * SIDE, 2 * SIDE), 0.3, np.float32)
    depth[:, :SIDE] = 0.1
    some = dataclasses.replace(layers((0, 0), -0.5), fill=np.full((SIDE, SIDE, 1), 0.2, np.float32))
    filled = some.filled(depth)
    assert filled.fill is None and filled.light.shape == (2 * SIDE, 2 * SIDE, 1)
    np.testing.assert_allclose(filled.light[:, [2, -3], 0], np.tile((-0.4, -0.3), (2 * SIDE, 1)), atol=1e-6)
    assert layers((0, 0), -0.5).filled(depth).light.shape == (SIDE, SIDE, 1)  # nothing is to be filled


def test_a_share_of_folds_leaves_however_deep_they_are() -> None:
    """Half of 0.6, where 0.2 would be filled otherwise; all of 0.1, which is less."""
    depth = np.full((2 * SIDE, 2 * SIDE), 0.6, np.float32)
    depth[:, :SIDE] = 0.1
    some = dataclasses.replace(
        layers((0, 0), 0.0),
        fill=np.full((SIDE, SIDE, 1), 0.2, np.float32),
        folds=np.full((SIDE, SIDE, 1), 0.5, np.float32),
    )
    filled = some.filled(depth)
    assert filled.folds is None
    np.testing.assert_allclose(filled.light[:, [2, -3], 0], np.tile((0.1, 0.3), (2 * SIDE, 1)), atol=1e-6)


def test_a_mask_weakens_every_layer_and_leaves_out_none() -> None:
    ones = np.ones((SIDE, SIDE, 1), np.float32)
    full = dataclasses.replace(layers((2, 4), -0.5, (50,), 0.5), fill=ones, folds=ones)
    half = full.masked(np.full((SIDE, SIDE, 1), 0.5))
    assert set(full.maps) == set(half.maps) == {*vars(full)} - {"mouth", "lips", "eyes"}
    for name, value in full.maps.items():
        np.testing.assert_array_equal(half.maps[name], value / 2)
        assert half.maps[name].dtype == np.float32
    plain = layers((2, 4)).masked(np.ones((1, 1, 1)))
    assert plain.shade is plain.shade_opacity is None


# -- cubic values ---------------------------------------------------------------------------------------------------


def test_at_pixel_centres_is_the_photo_itself(picture: np.ndarray) -> None:
    np.testing.assert_allclose(sample_bicubic(picture, centres(SIDE, SIDE)), picture, atol=1e-3)
    part = centres(SIDE, SIDE)[10:14, 17:]
    np.testing.assert_allclose(sample_bicubic(picture, part), picture[10:14, 17:], atol=1e-3)
    wide = np.tile(picture, (1, 300, 1))  # 7200 pixels: single precision is still enough
    np.testing.assert_allclose(sample_bicubic(wide, centres(SIDE, 7200)), wide, atol=0.2)


def test_at_whole_steps_are_the_neighbours(picture: np.ndarray) -> None:
    found = sample_bicubic(picture, centres(SIDE, SIDE)[6:-6, 6:-6] + np.float32((-5, 3)))
    np.testing.assert_allclose(found, picture[9:-3, 1:-11], atol=1e-3)


def test_half_way_between_pixels() -> None:
    """Cubic convolution by hand: -3/32, 19/32, 19/32, -3/32, by which ramps stay ramps and steps are sharp."""
    step = np.zeros((8, 8, 3), np.uint8)
    step[:, 4:] = 160
    x = np.array([2.0, 3.0, 4.0, 5.0, 6.0])
    points = np.stack([x, np.full(5, 4.5)], axis=1)[None].astype(np.float32)
    np.testing.assert_allclose(sample_bicubic(step, points)[0, :, 0], [0, -15, 80, 175, 160], atol=1e-3)
    ramp = np.arange(0, 160, 20, dtype=np.uint8)[None, :, None].repeat(8, 0).repeat(3, 2)
    np.testing.assert_allclose(sample_bicubic(ramp, points)[0, :, 0], [30, 50, 70, 90, 110], atol=1e-3)


def test_beyond_the_photo_its_border_is_repeated(picture: np.ndarray) -> None:
    corners = np.array([[(-9.0, -5.0), (SIDE + 4.0, -7.0)], [(-3.0, SIDE + 3.0), (SIDE + 9.0, SIDE + 9.0)]])
    expected = picture[[[0, 0], [-1, -1]], [[0, -1], [0, -1]]]
    np.testing.assert_allclose(sample_bicubic(picture, corners.astype(np.float32)), expected, atol=1e-3)
