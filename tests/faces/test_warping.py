"""A crop's maps at the photo's resolution, and photos warped, against analytic pictures."""

import numpy as np
import pytest
from crops import HEIGHT, WIDTH, centred, centres, slopes

from facerelief import strips as strips_module
from facerelief.faces.bicubic import sample_bicubic
from facerelief.faces.warping import average_warped, average_where_shrunk, crop_strips, resample_map, warp_photo


def bump(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Smooth, 1 at the middle of the photo and 0 further than 18 pixels from it."""
    return np.maximum(0, 1 - ((x - 60) ** 2 + (y - 45) ** 2) / 18**2) ** 3


@pytest.mark.parametrize(("scale", "degrees", "size"), [(1.0, 0, 48), (1.0, 17, 48), (2.7, -30, 128), (0.6, 25, 32)])
@pytest.mark.parametrize("channels", [0, 2])
def test_bringing_back_is_the_way_back_of_cut(scale: float, degrees: float, size: int, channels: int) -> None:
    crop = centred(scale, degrees, size)
    x, y = centres(size, size)
    places = crop.to_photo(np.column_stack([x.ravel(), y.ravel()])).reshape(size, size, 2)
    values = bump(places[..., 0], places[..., 1])
    if channels:
        values = np.stack([values, -3 * values], axis=-1)
    rows, columns = crop.covers((HEIGHT, WIDTH))
    spread = resample_map(crop, values, (rows, columns))
    expected = bump(*centres(HEIGHT, WIDTH))
    assert not expected[np.delete(np.arange(HEIGHT), rows)].any()  # what is left out was zero
    assert not expected[:, np.delete(np.arange(WIDTH), columns)].any()
    expected = expected[rows, columns]
    if channels:
        np.testing.assert_allclose(spread[..., 1], -3 * expected, atol=0.09)
        spread = spread[..., 0]
    assert spread.dtype == np.float32
    assert spread.shape == expected.shape
    np.testing.assert_allclose(spread, expected, atol=0.03)  # half a pixel aside it would be 0.05


@pytest.mark.parametrize("at", [(0.0, 0.0), (119.0, 45.0), (60.0, 89.0)])
def test_bringing_back_at_the_photos_border(at: tuple[float, float]) -> None:
    crop = centred(2.0, 30, 96, at)
    values = np.zeros((96, 96))
    values[2:-2, 2:-2] = 1
    rows, columns = crop.covers((HEIGHT, WIDTH))
    spread = resample_map(crop, values, (rows, columns))
    assert 0 <= rows.start < rows.stop <= HEIGHT
    assert 0 <= columns.start < columns.stop <= WIDTH
    assert spread.shape == (rows.stop - rows.start, columns.stop - columns.start)
    row, column = min(int(at[1]), HEIGHT - 1), min(int(at[0]), WIDTH - 1)
    assert spread[row - rows.start, column - columns.start] == pytest.approx(1)


def test_a_map_ends_with_its_crop() -> None:
    crop = centred(0.7, 25, 48)
    place = crop.covers((HEIGHT, WIDTH))
    found = resample_map(crop, np.ones((48, 48)), place)
    x, y = (one[place].ravel() for one in centres(HEIGHT, WIDTH))
    there = crop.to_crop(np.column_stack([x, y])).reshape(*found.shape, 2)
    outside = ((there < 0) | (there > 48)).any(axis=2)
    assert outside.any()
    assert not found[outside].any()
    assert found[~outside].all()


def test_a_crop_outside_the_photo_spreads_to_nothing() -> None:
    for at in ((-400.0, 45.0), (60.0, 900.0)):
        crop = centred(1.0, 0, 32, at)
        rows, columns = crop.covers((HEIGHT, WIDTH))
        assert resample_map(crop, np.ones((32, 32)), (rows, columns)).size == 0
        assert np.zeros((HEIGHT, WIDTH))[rows, columns].size == 0
        assert not [*crop_strips(crop, (HEIGHT, WIDTH))]


def test_pulled_pixels_stand_where_they_are_asked_for() -> None:
    x, y = centres(HEIGHT, WIDTH)
    rgb = np.round(slopes(x, y)).astype(np.uint8)
    whole = np.dstack([x, y])
    np.testing.assert_allclose(sample_bicubic(rgb, whole), rgb, atol=1e-3)
    random = np.random.default_rng(1)
    points = random.uniform((5, 5), (WIDTH - 5, HEIGHT - 5), (40, 31, 2)).astype(np.float32)
    rounding = 0.7
    np.testing.assert_allclose(sample_bicubic(rgb, points), slopes(points[..., 0], points[..., 1]), atol=rounding)


def test_what_lies_beyond_a_photo_repeats_its_border() -> None:
    rgb = np.random.default_rng(2).integers(0, 256, (HEIGHT, WIDTH, 3), dtype=np.uint8)
    found = sample_bicubic(rgb, np.array([[(-9.0, 0.5), (WIDTH + 9.0, HEIGHT + 9.0)]], np.float32))
    np.testing.assert_allclose(found[0], [rgb[0, 0], rgb[-1, -1]], atol=1e-3)
    for far, corner in ((-40.0, rgb[0, 0]), (WIDTH + 40.0, rgb[-1, -1])):  # all of them
        np.testing.assert_allclose(sample_bicubic(rgb, np.full((2, 2, 2), far, np.float32))[0, 0], corner, atol=1e-3)


@pytest.mark.parametrize(("scale", "degrees"), [(1.0, 0), (0.5, 0), (2.0, 90), (1.5, -40)])
def test_a_photo_is_warped_by_the_crops_flow(scale: float, degrees: float) -> None:
    crop, size = centred(scale, degrees, 64), 64
    x, y = centres(HEIGHT, WIDTH)
    rgb = np.round(slopes(x, y)).astype(np.uint8)
    flow, other = np.zeros((size, size, 2)), np.zeros((size, size, 1))
    flow[8:-8, 8:-8], other[8:-8, 8:-8] = (4.0, -2.0), 1.0  # right and up
    rows, columns = crop.covers((HEIGHT, WIDTH))
    out, maps = warp_photo(rgb, crop, flow, {"other": other}, (rows, columns))
    turn = np.radians(-degrees)  # of the flow, back in the photo
    way = np.array([[np.cos(turn), -np.sin(turn)], [np.sin(turn), np.cos(turn)]]) @ (4.0, -2.0) / scale
    x, y = x[rows, columns] + way[0], y[rows, columns] + way[1]
    expected = slopes(x, y)
    near = (abs(maps["other"][..., 0] - 1) < 1e-3) & (x > 1) & (x < WIDTH - 1) & (y > 1) & (y < HEIGHT - 1)
    assert near.any()
    np.testing.assert_allclose(out[near], expected[near], atol=0.8)
    still = maps["other"][..., 0] == 0
    np.testing.assert_allclose(out[still], rgb[rows, columns][still], atol=1e-3)


@pytest.mark.parametrize(
    ("scale", "degrees", "at"), [(0.5, 0, (60.0, 45.0)), (0.3, 25, (60.0, 45.0)), (1, 40, (100, 9))]
)
def test_strips_are_the_whole_a_few_rows_at_a_time(
    scale: float, degrees: float, at: tuple[float, float], monkeypatch: pytest.MonkeyPatch
) -> None:
    crop = centred(scale, degrees, 48, at)
    random = np.random.default_rng(3)
    rgb = random.integers(0, 256, (HEIGHT, WIDTH, 3), dtype=np.uint8)
    flow, first, second = (
        np.pad(random.normal(scale=2, size=(40, 40, channels)), ((4, 4), (4, 4), (0, 0))) for channels in (2, 1, 3)
    )
    maps = {"first": first, "second": second}
    whole = crop.covers((HEIGHT, WIDTH))
    assert [*crop_strips(crop, rgb.shape)] == [whole]
    (pixels, enlarged), cut = warp_photo(rgb, crop, flow, maps, whole), crop.cut(rgb)
    monkeypatch.setattr(strips_module, "_STRIP", 7 * (whole[1].stop - whole[1].start))
    places = [*crop_strips(crop, rgb.shape)]
    assert len(places) > 5
    assert all(columns == whole[1] for _, columns in places)
    assert [k for rows, _ in places for k in range(rows.start, rows.stop)] == [*range(whole[0].start, whole[0].stop)]
    parts = [warp_photo(rgb, crop, flow, maps, place) for place in places]
    np.testing.assert_allclose(np.concatenate([part for part, _ in parts]), pixels, atol=0.3)  # noise twice over
    for name in maps:
        np.testing.assert_allclose(np.concatenate([more[name] for _, more in parts]), enlarged[name], atol=0.02)
        np.testing.assert_allclose(enlarged[name], resample_map(crop, maps[name], whole), atol=1e-6)
    np.testing.assert_array_equal(crop.cut(rgb), cut)


def test_what_a_warp_brings_together_is_averaged() -> None:
    """Rows of which every third is black, brought together three times: all grey; where nothing shrinks, the rows."""
    photo = np.full((60, 40, 3), 240, np.uint8)
    photo[::3] = 0
    for step, expected in ((3.0, [160.0] * 12), (1.0, [0.0, 240.0, 240.0] * 4)):
        rows, columns = np.mgrid[-1:13, -1:18] + 0.5
        points = np.dstack([columns, 0.5 + step * (rows - 0.5)]).astype(np.float32)
        pixels = sample_bicubic(photo, points[1:-1, 1:-1].copy())
        average_where_shrunk(pixels, photo, points)
        np.testing.assert_allclose(pixels[1:, 5, 0], expected[1:], atol=12)


def test_warps_are_averaged_in_strips_as_in_one() -> None:
    random = np.random.default_rng(0)
    photo = random.integers(0, 255, (HEIGHT, WIDTH, 3), dtype=np.uint8)
    crop, (rows, columns) = centred(1.0, 10, 40), (slice(30, 60), slice(40, 80))
    flow = np.zeros((40, 40, 2), np.float32)
    flow[10:30, 10:30, 1] = np.linspace(-9, 9, 20)[:, None]

    def averaged(place: tuple[slice, slice]) -> np.ndarray:
        pixels, _ = warp_photo(photo, crop, flow, {}, place)
        before = pixels.copy()
        average_warped(pixels, photo, crop, flow, place)
        assert (pixels != before).any()
        return pixels

    halves = [averaged((slice(30, 43), columns)), averaged((slice(43, 60), columns))]
    np.testing.assert_allclose(np.concatenate(halves), averaged((rows, columns)), atol=0.02)
