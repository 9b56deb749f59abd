"""Wrinkles: drawn where an expression has them, filled where a photo has them, in the colour of skin."""

import numpy as np
import pytest
from scipy import ndimage

from facerelief.colour import LUMA
from facerelief.expressions import EXPRESSIONS
from facerelief.geometry.depth_maps import polygon_mask
from facerelief.geometry.filters import binomial_blur
from facerelief.geometry.morphable.action_units import EMFACS
from facerelief.geometry.morphable.log_albedo import FLOOR
from facerelief.geometry.morphable.model import MorphableFace, full_maps, load_face
from facerelief.geometry.morphable.uv_map import border_ring_mask
from facerelief.geometry.topology import BROWS, NOSE
from facerelief.geometry.transfer.shading import (
    RatioImages,
    bottom_hat,
    limit_to_wrinkles,
    log_luminance,
    relight,
    skin_tint,
    wrinkle_map,
)

SIDE = 160
UNIT = 52.8  # inter-ocular distance of a face in it
SKIN = np.array((220.0, 170.0, 140.0))


@pytest.fixture(scope="module")
def face() -> MorphableFace:
    return load_face()


# -- the bottom-hat -------------------------------------------------------------------------------------------------


def test_it_is_the_closing_less_the_picture() -> None:
    """By the definition of a closing, the lowest of the highest; borders included."""

    def highest(values: np.ndarray) -> np.ndarray:
        windows = np.lib.stride_tricks.sliding_window_view(np.pad(values, 5, mode="edge"), (11, 11))
        return windows.max(axis=(2, 3))

    light = np.random.default_rng(0).normal(size=(SIDE, SIDE)).astype(np.float32)
    expected = binomial_blur(-highest(-highest(light)) - light)
    np.testing.assert_allclose(bottom_hat(light, UNIT), expected, atol=1e-5)


@pytest.mark.parametrize(("width", "depth"), [(1, 0.375), (5, 1.0), (9, 1.0), (13, 0.0), (30, 0.0)])
def test_it_tells_trenches_that_are_narrow(width: int, depth: float) -> None:
    """As deep as it is, but for what the filter takes from a single pixel's; slopes are none, wherever they lead."""
    slope = np.tile(np.arange(SIDE) * -0.01, (SIDE, 1))
    np.testing.assert_allclose(bottom_hat(slope, UNIT)[:, 8:-8], 0, atol=1e-6)
    light = np.zeros((SIDE, SIDE))
    light[:, 5 : 5 + width] = -1
    assert bottom_hat(light, UNIT)[:, 5 + width // 2] == pytest.approx(depth, abs=1e-6)
    if width > 1:  # three times as fine a picture of the same
        finer = light.repeat(3, 0).repeat(3, 1)
        assert bottom_hat(finer, 3 * UNIT)[:, 15 + 3 * width // 2] == pytest.approx(depth, abs=1e-6)


# -- filling them ---------------------------------------------------------------------------------------------------


def elsewhere(unit: float = UNIT) -> np.ndarray:
    """The landmarks of a face beside the picture."""
    return load_face().mean * unit - 10 * unit


def test_eyebrows_eyes_and_lips_are_no_wrinkles() -> None:
    """Dark lines along both brows and across eyes and lips of the average face stay; one on the forehead is filled."""
    size = 160
    points = load_face().mean * (0.33 * size) + (0.5 * size, 0.36 * size, 0)
    picture = np.broadcast_to(SKIN, (size, size, 3)).astype(np.uint8)
    for ring in (*BROWS, (33, 263), (78, 308)):
        row = int(points[list(ring), 1].mean())
        picture[row - 2 : row + 2] //= 2
    picture[20:24] //= 2
    depth = wrinkle_map(picture @ LUMA, points)
    for ring in BROWS:
        columns, rows = points[list(ring), :2].mean(axis=0).astype(int)
        assert depth[rows, columns] < 0.1
    for inside in ((33, 133), (263, 362), (78, 308)):
        columns, rows = points[list(inside), :2].mean(axis=0).astype(int)
        assert depth[rows, columns] < 0.1
    assert depth[21, 80] > 0.4


def wrinkled(at: int) -> np.ndarray:
    """uint8 (SIDE, SIDE, 3): skin with a dark wrinkle 5 pixels wide."""
    picture = np.broadcast_to(SKIN, (SIDE, SIDE, 3)).astype(np.uint8)
    picture[:, at - 2 : at + 3] //= 2
    return picture


def limited(light: float, picture: np.ndarray, flow: tuple[float, float] = (0, 0)) -> np.ndarray:
    """(SIDE, SIDE): what is left of the same light everywhere, after the same flow everywhere."""
    same, flows = np.full((SIDE, SIDE, 1), light, np.float32), np.tile(np.float32(flow), (SIDE, SIDE, 1))
    return limit_to_wrinkles(same, flows, wrinkle_map(picture @ LUMA, elsewhere()))[..., 0]


def test_light_fills_a_wrinkle_to_the_brim_and_nothing_else() -> None:
    result = limited(5.0, wrinkled(20))
    skin, dark = wrinkled(20)[0, 0] @ LUMA / 255, wrinkled(20)[0, 20] @ LUMA / 255
    assert result[:, 20] == pytest.approx(np.log((skin + FLOOR) / (dark + FLOOR)), abs=0.02)
    assert np.abs(result[:, :14]).max() < 1e-3 and np.abs(result[:, 27:]).max() < 1e-3


def test_a_wrinkle_is_where_the_flow_leads() -> None:
    there = limited(5.0, wrinkled(20), (6, 0))
    assert there[0].argmax() == 14 and there[:, 14] == pytest.approx(there.max())
    np.testing.assert_allclose(limited(5.0, wrinkled(20).swapaxes(0, 1), (0, 6)), there.T, atol=1e-5)


def test_a_wrinkle_is_found_in_a_finer_picture() -> None:
    """A wrinkle three pixels wide in a picture of three times the size, which the crop would smear."""
    picture = np.broadcast_to(SKIN, (3 * SIDE, 3 * SIDE, 3)).astype(np.uint8)
    picture[:, 59:62] //= 2
    light, flow = np.full((SIDE, SIDE, 1), 5.0, np.float32), np.tile(np.float32((6, 0)), (SIDE, SIDE, 1))
    result = limit_to_wrinkles(light, flow, wrinkle_map(picture @ LUMA, elsewhere(3 * UNIT)))
    assert result.shape == (3 * SIDE, 3 * SIDE, 1)
    assert result[9, :, 0].argmax() == 60 - 3 * 6
    assert result[9, 36:49, 0].min() < 0.1 < 0.3 < result.max()


def test_hairs_of_a_beard_are_no_wrinkles() -> None:
    """Dark hairs, a pixel wide and many, in a fine picture; a wrinkle between them still is one."""
    picture = np.broadcast_to(SKIN, (3 * SIDE, 3 * SIDE, 3)).astype(np.uint8)
    random = np.random.default_rng(0)
    for x, y in random.integers(0, 3 * SIDE - 8, (9000, 2)):
        picture[y : y + 6, x] = picture[y : y + 6, x] // 3
    hairy = wrinkle_map(picture @ LUMA, elsewhere(3 * UNIT))
    picture[:, 236:245] //= 3
    assert hairy[100:380, 100:380].mean() < 0.35
    assert (
        wrinkle_map(picture @ LUMA, elsewhere(3 * UNIT))[100:380, 238:243].mean() > 2 * hairy[100:380, 100:380].mean()
    )


@pytest.mark.parametrize("light", [-0.5, 0.0, 0.05])
def test_what_darkens_and_what_is_not_too_much_stays(light: float) -> None:
    result = limited(light, wrinkled(20))
    np.testing.assert_allclose(result[:, 20], light, atol=1e-6)
    np.testing.assert_allclose(result[:, 5], min(light, 0), atol=1e-6)


# -- what averages know ---------------------------------------------------------------------------------------------


def test_no_light_changes_beside_the_face(face: MorphableFace) -> None:
    random = np.random.default_rng(0)
    fine = RatioImages(face)(random.normal(size=(face.uv_map.size, face.uv_map.size)))
    beside = ndimage.binary_erosion(border_ring_mask(face.uv_map), border_value=1)
    assert np.abs(fine[beside]).max() < 1 / 255
    assert np.abs(fine[60:70, 60:100]).mean() > 0.1
    assert np.abs(fine).max() <= 0.6 + 1e-6


def test_wide_light_is_no_wrinkle(face: MorphableFace) -> None:
    wide = np.linspace(-0.3, 0.3, face.uv_map.size)[:, None].repeat(face.uv_map.size, 1)
    forehead = slice(40, 48), slice(60, 100)
    assert np.abs(RatioImages(face)(wide)[forehead]).max() < 0.02


@pytest.mark.parametrize("vertex", [50, 280])
def test_wrinkles_lighten_more_than_they_darken_and_darken_most_along_their_creases(
    face: MorphableFace, vertex: int
) -> None:
    """At the cheeks, where neutral faces are even: 8 times, and 1.3 at the rim of a wrinkle to 2.5 at its bottom."""
    ratio_images, (x, y) = RatioImages(face), face.uv_map.points[vertex].astype(int)
    wrinkle = np.zeros((face.uv_map.size, face.uv_map.size))
    wrinkle[y - 4 : y + 5, x - 3 : x + 4] = 0.01 * np.array((1, 2, 3, 4, 3, 2, 1)) / 4
    lighter, darker = (ratio_images(sign * wrinkle)[y, x - 2 : x + 3] for sign in (1, -1))
    depth = lighter / lighter.max()
    assert depth[2] == 1 and (depth > 0.2).all()
    np.testing.assert_allclose(8 * darker / -lighter, 1.3 + 1.2 * depth**2, atol=0.08)


def test_no_light_changes_at_eyebrows_eyes_and_lips(face: MorphableFace) -> None:
    """Also above the brows by as much as they rise; the skin around them changes, and that between the brows."""
    random = np.random.default_rng(0)
    fine = np.abs(RatioImages(face)(random.normal(size=(face.uv_map.size, face.uv_map.size))))
    unit = np.linalg.norm(face.uv_map.points[[33, 133]].mean(axis=0) - face.uv_map.points[[263, 362]].mean(axis=0))

    def at(vertices: tuple[int, ...], higher: float = 0.0) -> float:
        """The most there, and so many inter-ocular distances higher."""
        columns, rows = (face.uv_map.points[list(vertices)] - (0, higher * unit)).astype(int).T
        return float(fine[rows, columns].max())

    brows, eyes, lips = (105, 52, 334, 282), (159, 145, 386, 374), (11, 12, 15, 16)
    for feature in (brows, eyes, lips):
        assert at(feature) < 0.05
    for higher in (0.04, 0.08, 0.12):
        assert at((105, 334), higher) < 0.01
    for skin in ((50, 280), (9, 8), (205, 425), (101, 330)):  # cheeks, between the brows, beside the nose
        assert at(skin) > 0.1
    assert at((105, 334), 0.3) > 0.05  # the forehead above


def test_light_alone_leaves_no_rims(face: MorphableFace) -> None:
    """The same change everywhere is light: also where what is masked out begins, it is no wrinkle."""
    assert np.abs(RatioImages(face)(np.full((face.uv_map.size, face.uv_map.size), 0.3))).max() < 0.01


# -- colour ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("light", [-0.9, -0.3, 0.0, 0.2])
def test_luminance_changes_by_the_ratio_whatever_the_colour(light: float) -> None:
    pixels = np.random.default_rng(0).uniform(60, 160, (9, 9, 3)).astype(np.float32)
    change = np.full((9, 9, 1), light, np.float32)
    floor = 255 * FLOOR
    ratio = (relight(pixels, change) @ LUMA + floor) / (pixels @ LUMA + floor)
    np.testing.assert_allclose(ratio, np.exp(light), rtol=1e-4)
    grey = pixels[..., :1].repeat(3, axis=2)
    np.testing.assert_allclose(np.ptp(relight(grey, change), axis=2), 0, atol=1e-4)


def test_skin_in_less_light_turns_as_skin_does() -> None:
    """By the powers that were measured on photos: red 0.80, green 1.12, blue 1.28, of luminance."""
    found = relight(SKIN[None, None], np.array([[[np.log(0.8)]]]))[0, 0]
    powers = np.log(found / SKIN) / np.log((found @ LUMA) / (SKIN @ LUMA))
    np.testing.assert_allclose(powers, (0.80, 1.12, 1.28), atol=0.06)


def test_a_wrinkle_that_is_filled_has_the_colour_of_skin() -> None:
    """Not grey: after the way into the wrinkle's shade and back again, red is within 4 % of what it was."""
    shade = np.array([[[np.log(0.6)]]])
    back = relight(relight(SKIN[None, None], shade), -shade)[0, 0]
    np.testing.assert_allclose(back / (back @ LUMA), SKIN / (SKIN @ LUMA), atol=0.06)


def test_light_of_black_and_white() -> None:
    np.testing.assert_allclose(log_luminance(np.array([-3.0, 0, 255])), np.log([FLOOR, FLOOR, 1 + FLOOR]), rtol=1e-6)


def test_a_wrinkle_that_is_filled_gets_the_colour_of_the_skin_around() -> None:
    """Its bottom is darker and redder: lightened alone, it would be an orange line."""
    skin, crease = np.array((200.0, 150.0, 120.0)), np.array((140.0, 70.0, 40.0))
    crop = np.tile(skin, (200, 200, 1))
    crop[94:106] = crease
    light = np.zeros((200, 200, 1), np.float32)
    light[94:106] = 0.5
    tint = skin_tint(crop, light)
    np.testing.assert_allclose(tint[20, 100], skin / (skin @ LUMA), atol=0.01)
    floor = FLOOR * 255
    change = np.log((skin @ LUMA + floor) / (crease @ LUMA + floor)) * np.ones((1, 1, 1))
    alone, filled = (relight(crease[None, None], change, some)[0, 0] for some in (None, tint[100:101, 100:101]))
    assert filled @ LUMA == pytest.approx(skin @ LUMA, abs=0.5)
    assert np.abs(filled - skin).max() < 10 < 0.7 * np.abs(alone - skin).max()
    np.testing.assert_allclose(relight(skin[None, None], -change, tint[:1, :1]), relight(skin[None, None], -change))


def test_noses_are_darkened_by_expressions_that_wrinkle_them(face: MorphableFace) -> None:
    """Those with action unit 9; light on noses that are held lower, and nostrils, are in all averages of photos."""
    nose = polygon_mask(face.uv_map.points[list(NOSE)], face.uv_map.size)
    ratio_images = RatioImages(face)
    for name, texture in zip(EXPRESSIONS, face.texture_classes, strict=True):
        darkest = ratio_images(full_maps(texture))[nose].min()
        assert darkest < -0.15 if 9 in EMFACS[name].units else darkest > -0.06, name
