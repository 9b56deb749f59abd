"""Sharpness, grain and colours of a photo, against pictures that were blurred and made noisy by known amounts."""

import numpy as np
import pytest
from scipy.ndimage import gaussian_filter

from facerelief.faces.alignment import inter_ocular
from facerelief.geometry.depth_maps import polygon_mask
from facerelief.geometry.morphable.model import load_face
from facerelief.geometry.topology import INNER_LIPS, LIPS, eye_outlines
from facerelief.geometry.transfer.lips import TRIM, close_lips, lip_curves, mouth_opening
from facerelief.geometry.transfer.photo_look import (
    clear_teeth,
    edge_blur,
    exposed_skin,
    face_colour,
    grain,
    lip_rims,
    seen_lips,
    tooth_colour,
)

SIDE = 500
SKIN, LIP, TOOTH = (200, 150, 130), (170, 90, 95), (225, 218, 205)


def landmarks(expression: str = "neutral", size: float = 0.3) -> np.ndarray:
    face = load_face()
    shape = face.mean + face.expression(expression)
    return shape * (size * SIDE) + (0.5 * SIDE, 0.36 * SIDE, 0)


def filled(rgb: np.ndarray, points: np.ndarray, colour: tuple[int, int, int]) -> None:
    rgb[polygon_mask(points[:, :2], SIDE)] = colour


def portrait(points: np.ndarray, inside: tuple[int, int, int] | None = None) -> np.ndarray:
    """Skin, the whites of eyes, lips, and between them what is `inside`."""
    rgb = np.full((SIDE, SIDE, 3), SKIN, np.uint8)
    for outline in eye_outlines():
        filled(rgb, points[list(outline)], (160, 155, 150))
    filled(rgb, points[list(LIPS)], LIP)
    if inside:
        filled(rgb, points[list(INNER_LIPS)], inside)
    return rgb


@pytest.mark.parametrize("deviation", [1.5, 2.0, 3.0])
def test_the_blur_of_edges_is_measured(deviation: float) -> None:
    """A board of dark and light squares over the eyes; what lids are soft by themselves is taken off."""
    points = landmarks()
    rows, columns = np.indices((SIDE, SIDE)) // 24
    board = np.where((rows + columns) % 2, 220.0, 40.0)
    rgb = np.repeat(gaussian_filter(board, deviation)[..., None], 3, axis=2).round().astype(np.uint8)
    expected = np.sqrt(deviation**2 - (0.007 * inter_ocular(points)) ** 2)
    assert edge_blur(rgb, points) == pytest.approx(expected, rel=0.15)


def test_a_photo_without_edges_or_with_a_tiny_face_counts_as_sharp() -> None:
    flat = np.full((SIDE, SIDE, 3), 128, np.uint8)
    assert 0.5 < edge_blur(flat, landmarks()) < 1
    assert 0.5 < edge_blur(flat[:3, :3], landmarks()) < 1


@pytest.mark.parametrize("deviation", [2.0, 8.0])
def test_grain_is_the_deviation_of_noise_and_not_of_shade(deviation: float) -> None:
    random = np.random.default_rng(0)
    shade = np.add.outer(np.linspace(90, 150, SIDE), np.linspace(0, 30, SIDE))
    noisy = shade + random.normal(scale=deviation, size=(SIDE, SIDE))
    rgb = np.repeat(noisy[..., None], 3, axis=2).round().astype(np.uint8)
    assert grain(rgb, landmarks()) == pytest.approx(deviation, rel=0.12)
    assert grain(np.repeat(shade[..., None], 3, axis=2).round().astype(np.uint8), landmarks()) < 0.7


def test_lips_that_the_photo_shows_closed_are_brought_together() -> None:
    points = landmarks("surprise")
    assert mouth_opening(points) > 0.15
    closed = seen_lips(portrait(points), points)
    np.testing.assert_allclose(closed, close_lips(points, 1.0))
    assert mouth_opening(closed) == pytest.approx(0, abs=1e-6)


@pytest.mark.parametrize("inside", [TOOTH, (15, 8, 8), (60, 170, 40)])
def test_an_open_mouth_stays_open(inside: tuple[int, int, int]) -> None:
    points = landmarks("surprise")
    np.testing.assert_allclose(seen_lips(portrait(points, inside), points), points)
    if inside[1] == max(inside):
        return  # what differs by its hue alone does not in grey
    grey = np.repeat((portrait(points, inside) @ (0.3, 0.59, 0.11))[..., None], 3, axis=2).astype(np.uint8)
    np.testing.assert_allclose(seen_lips(grey, points), points)


def test_teeth_that_are_shown_tell_their_colour() -> None:
    points = landmarks("surprise")
    found = tooth_colour(portrait(points, TOOTH), points, mouth_opening(points))
    np.testing.assert_allclose(found * 255, TOOTH, atol=1)


@pytest.mark.parametrize(("shade", "clear"), [(1.0, 1.0), (0.5, 0.0)])
def test_teeth_in_the_shade_are_not_what_lit_ones_look_like(shade: float, clear: float) -> None:
    """Of teeth that are much darker than the whites of the eyes let expect, the colour is not taken."""
    points = landmarks("happiness")
    rgb = portrait(points, TOOTH)
    lit = tooth_colour(rgb, points, 0.0)
    within = polygon_mask(points[list(INNER_LIPS), :2], SIDE)
    rgb[within] = np.rint(255 * shade * lit).astype(np.uint8)
    assert clear_teeth(rgb, points) == pytest.approx(clear, abs=0.02)
    np.testing.assert_allclose(tooth_colour(rgb, points, 0.1), lit, atol=0.01)


def test_hidden_teeth_are_brighter_the_brighter_the_whites_of_the_eyes() -> None:
    points = landmarks()
    levels = []
    for brightness in (0.5, 0.8, 1.0, 1.3):
        rgb = np.clip(portrait(points) * brightness, 0, 255).astype(np.uint8)
        levels.append(tooth_colour(rgb, points, 0.0))
    assert (np.diff([level.mean() for level in levels]) > 0).all()
    red, green, blue = levels[2]
    assert red > green > blue > 0.4
    grey = np.full((SIDE, SIDE, 3), 120, np.uint8)
    assert np.ptp(tooth_colour(grey, points, 0.0)) < 1e-6


def test_teeth_are_as_dark_as_the_photo_is() -> None:
    """And in an overexposed one hardly darker than skin; but as bright as ever beside dark skin."""
    points, usual = landmarks(), tooth_colour(portrait(landmarks()), landmarks(), 0.0).max()
    for share in (0.5, 0.25, 0.1):
        dark = (portrait(points) * share).astype(np.uint8)
        found = tooth_colour(dark, points, 0.0).max()
        assert found < 1.3 * share * usual + 0.05
        assert found * 255 > dark.max() * 0.7
    white = np.full((SIDE, SIDE, 3), 250, np.uint8)
    assert tooth_colour(white, points, 0.0).min() > 0.84
    brown = portrait(points)
    brown[(brown == SKIN).all(axis=-1)] = (60, 40, 32)
    brown[:4] = 220  # a backdrop
    brown[:, :60] = 220
    assert tooth_colour(brown, points, 0.0).max() == pytest.approx(usual, abs=0.05)


def test_where_skin_is_white_there_is_no_shading() -> None:
    rgb = np.full((40, 40, 3), 200, np.uint8)
    rgb[:, 20:] = 255
    found = exposed_skin(rgb)
    np.testing.assert_array_equal(found[:, :16], 1)
    np.testing.assert_array_equal(found[:, 24:], 0)


def test_teeth_are_seen_in_a_grey_photo_that_hardly_tells_them_from_lips() -> None:
    """Stripes, 15 % brighter and darker than the lips, are teeth; so much noise in colour, or a plain patch, is not."""
    points = landmarks("happiness")
    lips = np.full(3, 120)
    rgb = np.full((SIDE, SIDE, 3), 170, np.uint8)
    filled(rgb, points[list(LIPS)], (120, 120, 120))
    plain = rgb.copy()
    mask = polygon_mask(points[list(INNER_LIPS), :2], SIDE)
    stripes = np.where(np.arange(SIDE) % 8 < 2, 60, 145)
    rgb[mask] = np.broadcast_to(stripes[None, :, None], rgb.shape)[mask]
    plain[mask] = lips * 1.15
    opening = mouth_opening(points)
    assert mouth_opening(seen_lips(rgb, points)) == pytest.approx(opening)
    assert mouth_opening(seen_lips(plain, points)) == pytest.approx(0, abs=1e-6)


def test_the_background_does_not_tell_how_coloured_a_face_is() -> None:
    points = landmarks()
    rgb = np.full((SIDE, SIDE, 3), 128, np.uint8)
    assert face_colour(rgb, points) == 0
    x0, y0 = points[:, :2].min(axis=0).astype(int)
    x1, y1 = points[:, :2].max(axis=0).astype(int) + 1
    rgb[y0:y1, x0:x1] = SKIN
    assert face_colour(rgb, points) == 1
    rgb[y0:y1, x0:x1] = (134, 130, 128)  # 6 levels from grey, of 12
    assert face_colour(rgb, points) == pytest.approx(0.5, abs=0.02)
    assert face_colour(rgb, points + np.array((5000.0, 0, 0))) == 0


def test_a_face_outside_of_the_photo_has_usual_teeth() -> None:
    points = landmarks() + np.array((5000.0, 0.0, 0.0))
    rgb = portrait(landmarks())
    assert np.isfinite(tooth_colour(rgb, points, 0.2)).all()
    np.testing.assert_allclose(seen_lips(rgb, points), close_lips(points, 1.0))


# -- the rims of lips -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("inside", [TOOTH, (35, 12, 12)])
def test_lips_begin_where_teeth_and_the_dark_end(inside: tuple[int, int, int]) -> None:
    """Half of a lower lip's height is covered, on the right: there it begins later; elsewhere at the usual share."""
    points = landmarks("happiness")
    picture = portrait(points, inside)
    inner, outer = lip_curves(points)
    low, high = inner[1, 24:33], inner[1, 24:33] + 0.4 * (outer - inner)[1, 24:33]
    filled(picture, np.concatenate([low, high[::-1]]), inside)
    shares = lip_rims(picture, points)
    assert shares.shape == (2, 41)
    assert shares[1, 26:31].min() > 0.45 and shares.max() <= 0.6
    assert shares[1, 12:20] == pytest.approx(TRIM, abs=1e-6) and shares[0, 12:28] == pytest.approx(TRIM, abs=1e-6)


def test_a_highlight_on_a_lip_is_not_beside_it() -> None:
    points = landmarks("happiness")
    picture = portrait(points, TOOTH)
    inner, outer = lip_curves(points)
    ends = [inner[1, 18:23] + share * (outer - inner)[1, 18:23] for share in (0.35, 0.6)]
    filled(picture, np.concatenate([ends[0], ends[1][::-1]]), (250, 245, 240))
    assert lip_rims(picture, points)[1, 18:23] == pytest.approx(TRIM, abs=1e-6)
