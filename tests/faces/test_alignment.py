"""The crop and its way back against analytic pictures."""

from collections.abc import Callable

import numpy as np
import pytest
from crops import HEIGHT, WIDTH, centred, centres, similarity, slopes
from PIL import Image

from facerelief.colour import LUMA
from facerelief.faces.alignment import (
    _RIGID,
    _TEMPLATE,
    EYE_INNER,
    EYE_OUTER,
    EYES_AT,
    INTER_OCULAR,
    Crop,
    _similarity,
    align,
    inter_ocular,
)

Picture = Callable[[np.ndarray, np.ndarray], np.ndarray]


def landmarks(matrix: np.ndarray) -> np.ndarray:
    """A face whose rigid points lie on the template, seen through the inverse of `matrix`."""
    points = np.zeros((468, 3))
    points[list(_RIGID), :2] = (np.array(EYES_AT) + _TEMPLATE * INTER_OCULAR) * 256
    inverse = np.linalg.inv(np.vstack([matrix, (0, 0, 1)]))
    points[:, :2] = points[:, :2] @ inverse[:2, :2].T + inverse[:2, 2]
    return points


def waves(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    return 128 + 90 * np.stack([np.sin(x / 9), np.cos(y / 7), np.sin((x + y) / 11)], axis=-1)


def photo(picture: Picture) -> np.ndarray:
    return np.round(picture(*centres(HEIGHT, WIDTH))).astype(np.uint8)


# --- points ---


@pytest.mark.parametrize("columns", [2, 3])
def test_points_come_back(columns: int) -> None:
    crop = Crop(similarity(2.5, 30, (7, -4)), 256)
    points = np.random.default_rng(0).normal(size=(20, columns)) * 100
    np.testing.assert_allclose(crop.to_photo(crop.to_crop(points)), points, atol=1e-9)
    np.testing.assert_allclose(crop.to_crop(crop.to_photo(points)), points, atol=1e-9)
    assert crop.to_crop(points).shape == (20, columns)


def test_points_by_hand() -> None:
    crop = Crop(np.array([(0.0, -2.0, 10.0), (2.0, 0.0, 5.0)]), 64)  # twice as large, a quarter turn
    assert crop.scale == pytest.approx(2)
    np.testing.assert_allclose(crop.to_crop(np.array([(1.0, 3.0, -4.0)])), [(4, 7, -8)])
    np.testing.assert_allclose(crop.to_photo(np.array([(4.0, 7.0, -8.0)])), [(1, 3, -4)])
    np.testing.assert_allclose(crop.inverse, [(0, 0.5, -2.5), (-0.5, 0, 5)])


# --- alignment ---


@pytest.mark.parametrize("scale", [0.2, 1.0, 3.0])
@pytest.mark.parametrize("degrees", [0, 15, -120, 180])
def test_a_similarity_is_recovered(scale: float, degrees: float) -> None:
    matrix = similarity(scale, degrees, (31.0, -12.0))
    points = np.random.default_rng(1).normal(size=(7, 2)) * 50 + 100
    moved = points @ matrix[:, :2].T + matrix[:, 2]
    np.testing.assert_allclose(_similarity(points, moved), matrix, atol=1e-9)
    np.testing.assert_allclose(align(landmarks(matrix)).matrix, matrix, atol=1e-9)


def test_the_fit_is_the_least_squares_one() -> None:
    random = np.random.default_rng(2)
    source = random.normal(size=(7, 2)) * 40
    target = source @ similarity(1.5, 25, (0, 0))[:, :2].T + random.normal(size=(7, 2)) * 5
    # x' = a x - b y + s, y' = b x + a y + t is linear in (a, b, s, t).
    ones, zeros = np.ones(7), np.zeros(7)
    rows = [np.column_stack([source[:, 0], -source[:, 1], ones, zeros])]
    rows += [np.column_stack([source[:, 1], source[:, 0], zeros, ones])]
    (a, b, s, t), *_ = np.linalg.lstsq(np.concatenate(rows), target.T.ravel(), rcond=None)
    np.testing.assert_allclose(_similarity(source, target), [(a, -b, s), (b, a, t)], atol=1e-9)


@pytest.mark.parametrize("size", [64, 256])
def test_the_eyes_are_level_in_their_place(size: int) -> None:
    face = landmarks(similarity(0.6, 33, (400, 90)))
    crop = align(face.astype(np.float32), size)
    placed = crop.to_crop(face)
    eyes = np.array([placed[list(pair), :2].mean(axis=0) for pair in zip(EYE_OUTER, EYE_INNER, strict=True)])
    assert eyes[0, 1] == pytest.approx(eyes[1, 1], abs=1e-3)
    assert inter_ocular(placed) == pytest.approx(INTER_OCULAR * size, rel=0.02)
    np.testing.assert_allclose(eyes.mean(axis=0), np.array(EYES_AT) * size, atol=0.02 * size)
    assert eyes[0, 0] < eyes[1, 0]  # the person's right eye is at the picture's left


def test_the_inter_ocular_distance_is_between_the_middles_of_the_eyes() -> None:
    points = np.zeros((468, 3))
    for index, place in zip((33, 133, 362, 263), ((0, 0, 9), (2, 0, 9), (4, 4, 0), (4, 4, 0)), strict=True):
        points[index] = place
    assert inter_ocular(points) == pytest.approx(5)


# --- pixels ---

CUTS = [
    *((1.0, 0, 48), (1.0, 90, 48), (1.0, 17, 48)),
    *((4.0, 0, 128), (2.7, -30, 96), (8.0, 45, 128)),  # enlarged
    *((0.8, 0, 40), (0.6, 25, 32), (0.5, 0, 24), (0.34, 10, 20), (0.25, -40, 12)),  # reduced
]


@pytest.mark.parametrize(("scale", "degrees", "size"), CUTS)
def test_a_cut_shows_the_photo_where_the_matrix_says(scale: float, degrees: float, size: int) -> None:
    """On linear pictures every pixel is the function's value at its place; a shift of half a pixel would show.

    Pillow's bicubic filter misplaces a value by up to a tenth of a pixel, and cuts off fractions: half a level in the
    mean.
    """
    crop = centred(scale, degrees, size)
    cut = crop.cut(photo(slopes))
    assert (cut.shape, cut.dtype) == ((size, size, 3), np.uint8)
    x, y = centres(size, size)
    places = crop.to_photo(np.column_stack([x.ravel(), y.ravel()])).reshape(size, size, 2)
    error = cut - slopes(places[..., 0], places[..., 1])
    assert np.abs(error).max() < 1.6 + 0.25 * max(1, 1 / scale)
    assert -1 < error.mean(axis=(0, 1)).min() <= error.mean(axis=(0, 1)).max() < 0.2


@pytest.mark.parametrize(("scale", "degrees", "size"), [cut for cut in CUTS if cut[0] >= 1])
def test_an_enlarged_cut_follows_a_curved_picture(scale: float, degrees: float, size: int) -> None:
    crop = centred(scale, degrees, size)
    x, y = centres(size, size)
    places = crop.to_photo(np.column_stack([x.ravel(), y.ravel()])).reshape(size, size, 2)
    error = crop.cut(photo(waves)) - waves(places[..., 0], places[..., 1])
    assert np.abs(error).max() < 3.5
    assert np.sqrt((error**2).mean()) < 1


def test_an_unmoved_cut_is_the_photo() -> None:
    rgb = np.random.default_rng(0).integers(0, 256, (HEIGHT, WIDTH, 3), dtype=np.uint8)
    crop = Crop(np.array([(1.0, 0.0, -20.0), (0.0, 1.0, -10.0)]), 64)
    np.testing.assert_array_equal(crop.cut(rgb), rgb[10:74, 20:84])


def test_reducing_averages_instead_of_skipping() -> None:
    rgb = np.zeros((HEIGHT, WIDTH, 3), np.uint8)
    rgb[::2] = 200  # stripes of one pixel
    cut = centred(0.25, 0, 16).cut(rgb)
    assert np.abs(cut.astype(int) - 100).max() <= 1


@pytest.mark.parametrize("scale", [0.5, 1.0, 2.0])
@pytest.mark.parametrize("at", [(-500.0, 45.0), (60.0, 700.0), (999.0, -999.0)])
def test_beyond_the_border_the_edge_is_repeated(scale: float, at: tuple[float, float]) -> None:
    rgb = photo(slopes)
    cut = centred(scale, 0, 24, at).cut(rgb)
    x, y = centres(24, 24)
    places = centred(scale, 0, 24, at).to_photo(np.column_stack([x.ravel(), y.ravel()])).reshape(24, 24, 2)
    column = np.clip(places[..., 0], 0.5, WIDTH - 0.5)
    row = np.clip(places[..., 1], 0.5, HEIGHT - 0.5)
    assert np.abs(cut - slopes(column, row)).max() < 1.6


def test_across_the_border_there_is_no_seam() -> None:
    flat = np.full((HEIGHT, WIDTH, 3), (10, 100, 250), np.uint8)
    cut = centred(2.0, 20, 96, at=(0.0, HEIGHT)).cut(flat)
    np.testing.assert_array_equal(cut, np.broadcast_to(np.uint8([10, 100, 250]), cut.shape))


@pytest.mark.parametrize("size", [40, 300])
def test_luminance_is_cut_as_colours_are(size: int) -> None:
    """To what rounding of the colours, and clipping beside edges, leaves."""
    random = np.random.default_rng(0)
    rgb = np.asarray(Image.fromarray(random.integers(60, 200, (20, 20, 3), dtype=np.uint8)).resize((160, 160)))
    crop = Crop(np.array([[0.98, 0.2, -8.0], [-0.2, 0.98, 5.0]]) * (size / 160), size)
    luma = crop.cut_luma(rgb)
    assert luma.shape == (size, size) and luma.dtype == np.float32
    np.testing.assert_allclose(luma, crop.cut(rgb) @ LUMA, atol=1.2)
