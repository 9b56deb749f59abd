"""The steps by which a morphable edit reaches the photo, on a few pixels by hand."""

import numpy as np
import pytest

from facerelief.faces.alignment import Crop
from facerelief.faces.warping import border, pulled
from facerelief.geometry.morphable.expression_transfer import _TEETH, _drops, _newly_open, below_teeth, changed
from facerelief.geometry.morphable.log_albedo import FLOOR

SIDE = 24
SAME = Crop(np.array([(1.0, 0, 0), (0, 1, 0)]), SIDE)  # the photo itself


@pytest.fixture
def picture() -> np.ndarray:
    """uint8 (SIDE, SIDE, 3): noise, without black and white, so that nothing is clipped."""
    return np.random.default_rng(0).integers(60, 160, (SIDE, SIDE, 3), dtype=np.uint8)


def layers(
    offset: tuple[float, float] = (0, 0),
    light: float = 0,
    paint: tuple[float, float, float] = (0, 0, 0),
    opacity: float = 0,
    size: int = SIDE,
) -> np.ndarray:
    """The same change everywhere; paint is not yet multiplied by its opacity."""
    one = np.array([*offset, light, *(opacity * np.array(paint)), opacity], dtype=np.float32)
    return np.tile(one, (size, size, 1))


def centres(height: int, width: int) -> np.ndarray:
    return np.stack(np.meshgrid(np.arange(width) + 0.5, np.arange(height) + 0.5), axis=2).astype(np.float32)


# -- a photo, changed -----------------------------------------------------------------------------------------------


def test_no_change_gives_the_very_photo(picture: np.ndarray) -> None:
    picture[:4], picture[4:8] = 0, 255
    for crop in (SAME, Crop(np.array([(0.8, 0.3, -4), (-0.3, 0.8, 5)]), 20), Crop(SAME.matrix * 3, 3 * SIDE)):
        out = changed(picture, crop, layers(size=crop.size))
        np.testing.assert_array_equal(out, picture)
        assert not np.shares_memory(out, picture)


@pytest.mark.parametrize("light", [-1.0, -0.2, 0.1, 0.4])
def test_light_is_a_factor(picture: np.ndarray, light: float) -> None:
    """Above the floor, which keeps black from being divided by."""
    floor, grey = 255 * FLOOR, picture[..., :1].repeat(3, axis=2)
    out = changed(grey, SAME, layers(light=light))
    assert np.abs((out + floor) / (grey + floor) - np.exp(light)).max() < 0.51 / (60 + floor)  # half a level
    assert (out == out[..., :1]).all()


def test_light_that_is_too_much_or_too_little_is_clipped() -> None:
    ends = np.zeros((SIDE, SIDE, 3), np.uint8)
    ends[:, 8:16], ends[:, 16:] = 128, 255
    brighter, darker = changed(ends, SAME, layers(light=1.0)), changed(ends, SAME, layers(light=-1.0))
    floor = 255 * FLOOR
    assert brighter[9, [2, 12, 20], 0].tolist() == [round(floor * np.e - floor), 255, 255]
    expected = [0, *(round((level + floor) / np.e - floor) for level in (128, 255))]
    assert darker[9, [2, 12, 20], 0].tolist() == expected


def test_an_offset_says_where_pixels_come_from(picture: np.ndarray) -> None:
    """In the crop's pixels: whole ones move the photo's exactly, whatever the crop's scale and turn."""
    inside = slice(4, -4)
    crops = {
        (3, -2): (SAME, (3.0, -2.0)),
        (4, 2): (Crop(np.array([(0.5, 0, 0), (0, 0.5, 0)]), SIDE // 2), (2.0, 1.0)),  # half the photo's size
        (0, 2): (Crop(np.array([(0.0, 1, 0), (-1, 0, SIDE)]), SIDE), (2.0, 0.0)),  # its x is the photo's y
    }
    for (right, down), (crop, offset) in crops.items():
        out = changed(picture, crop, layers(offset, size=crop.size))
        expected = np.roll(picture, (-down, -right), (0, 1))
        np.testing.assert_array_equal(out[inside, inside], expected[inside, inside])


def test_paint_covers_by_its_opacity(picture: np.ndarray) -> None:
    paint = (0.2, 0.4, 0.6)
    np.testing.assert_array_equal(changed(picture, SAME, layers(paint=paint, opacity=1))[5, 5], (51, 102, 153))
    half = changed(picture, SAME, layers(paint=paint, opacity=0.5)).astype(float)
    assert np.abs(half - (0.5 * picture + (25.5, 51, 76.5))).max() < 0.51


@pytest.mark.parametrize("at", [(-14, -14), (14, -14), (0, 14), (14, 14)])
def test_a_crop_that_reaches_beyond_the_photo(picture: np.ndarray, at: tuple[int, int]) -> None:
    crop = Crop(np.column_stack([np.eye(2), np.negative(at)]).astype(float), SIDE)
    out = changed(picture, crop, layers(paint=(0, 0, 1), opacity=1))
    x, y = np.arange(SIDE) - at[0], (np.arange(SIDE) - at[1])[:, None]
    covered = (x >= 0) & (x < SIDE) & (y >= 0) & (y < SIDE)
    assert covered.any() and not covered.all()
    np.testing.assert_array_equal(out[covered], np.broadcast_to((0, 0, 255), (covered.sum(), 3)))
    np.testing.assert_array_equal(out[~covered], picture[~covered])


def test_pixels_that_must_not_be_written_to(picture: np.ndarray) -> None:
    picture.flags.writeable = False
    assert changed(picture, SAME, layers(light=0.1)).flags.writeable


# -- cubic values ---------------------------------------------------------------------------------------------------


def test_at_pixel_centres_the_photo_itself_ispulled(picture: np.ndarray) -> None:
    np.testing.assert_allclose(pulled(picture, centres(SIDE, SIDE)), picture, atol=1e-3)
    part = centres(SIDE, SIDE)[10:14, 17:]
    np.testing.assert_allclose(pulled(picture, part), picture[10:14, 17:], atol=1e-3)
    wide = np.tile(picture, (1, 300, 1))  # 7200 pixels: single precision is still enough
    np.testing.assert_allclose(pulled(wide, centres(SIDE, 7200)), wide, atol=0.2)


def test_whole_steps_pull_the_neighbours(picture: np.ndarray) -> None:
    found = pulled(picture, centres(SIDE, SIDE)[6:-6, 6:-6] + np.float32((-5, 3)))
    np.testing.assert_allclose(found, picture[9:-3, 1:-11], atol=1e-3)


def test_half_way_between_pixels() -> None:
    """Cubic convolution by hand: -3/32, 19/32, 19/32, -3/32, by which ramps stay ramps and steps are sharp."""
    step = np.zeros((8, 8, 1), np.uint8)
    step[:, 4:] = 160
    x = np.array([2.0, 3.0, 4.0, 5.0, 6.0])
    points = np.stack([x, np.full(5, 4.5)], axis=1)[None].astype(np.float32)
    np.testing.assert_allclose(pulled(step, points)[0, :, 0], [0, -15, 80, 175, 160], atol=1e-3)
    ramp = np.arange(0, 160, 20, dtype=np.uint8)[None, :, None].repeat(8, 0)
    np.testing.assert_allclose(pulled(ramp, points)[0, :, 0], [30, 50, 70, 90, 110], atol=1e-3)


def test_beyond_the_photo_its_border_is_repeated(picture: np.ndarray) -> None:
    corners = np.array([[(-9.0, -5.0), (SIDE + 4.0, -7.0)], [(-3.0, SIDE + 3.0), (SIDE + 9.0, SIDE + 9.0)]])
    expected = picture[[[0, 0], [-1, -1]], [[0, -1], [0, -1]]]
    np.testing.assert_allclose(pulled(picture, corners.astype(np.float32)), expected, atol=1e-3)


# -- the mouth, the border ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("was", "becomes", "share"),
    [
        (0.0, 0.3, 1.0),  # closed: all of the opening is new
        (0.03, 0.3, 1.0),
        (0.2, 0.25, 0.0),  # its own teeth will do
        (0.2, 0.2675, 0.5),
        (0.2, 0.3, 1.0),
        (0.05, 0.0905, 0.5),  # of the smallest opening that shows teeth
        (0.3, 0.0, 0.0),  # it closes
        (-0.1, 0.3, 1.0),  # lips that overlap are closed
    ],
)
@pytest.mark.parametrize("unit", [1.0, 33.0])
def test_how_much_of_a_mouths_opening_is_new(was: float, becomes: float, share: float, unit: float) -> None:
    """Lip gaps in inter-ocular distances, whatever the pixels."""
    assert _newly_open(mouth(was, unit=unit), mouth(becomes, unit=unit)) == pytest.approx(share, abs=1e-6)


@pytest.mark.parametrize(
    ("breadth", "becomes", "share"),
    [
        (0.9, 0.21, 0.0),  # as broad as it was
        (0.87, 0.21, 0.0),
        (0.83, 0.21, 0.5),
        (0.7, 0.21, 1.0),  # a smile that becomes surprise: its teeth are not wanted
        (0.7, 0.175, 0.5),
        (0.7, 0.1, 0.0),  # hardly open: its own teeth will do
        (1.2, 0.21, 0.0),  # broader
    ],
)
def test_a_smiles_teeth_go_when_the_mouth_drops(breadth: float, becomes: float, share: float) -> None:
    assert _drops(mouth(0.2, 0.9, unit=20), mouth(becomes, breadth, unit=20)) == pytest.approx(share, abs=1e-6)


def test_what_is_below_the_teeth_begins_where_they_end_in_every_column() -> None:
    inside = np.zeros((60, 30), bool)
    inside[10:50, 5:15] = inside[30:40, 15:20] = True
    found = below_teeth(inside)
    for column, top, height in ((5, 10, 40), (17, 30, 10)):
        depth = (np.arange(height) + 0.5) / height
        part = found[top : top + height, column]
        assert (np.diff(part) >= 0).all()
        assert not part[depth < _TEETH[0]].any()
        assert (part[depth > _TEETH[1]] == 1).all()
        assert part[height // 2] == pytest.approx(0.5, abs=0.25)


def mouth(gap: float, breadth: float = 0.8, unit: float = 1.0) -> np.ndarray:
    """Landmarks whose eyes are 1 apart, with a mouth so far open and so broad."""
    points = np.zeros((468, 3))
    points[[33, 133], 0], points[[263, 362], 0] = (-0.7, -0.3), (0.7, 0.3)
    points[13, 1], points[14, 1] = 1.2, 1.2 + gap
    points[[78, 308], 0] = -breadth / 2, breadth / 2
    return points * unit + 5


def test_the_border_fades() -> None:
    """Over 8 of 100 pixels, by the smooth step 3 t^2 - 2 t^3."""
    fade = border(100, 0.08)
    assert fade.shape == (100, 100, 1)
    assert not fade[[0, -1]].any() and not fade[:, [0, -1]].any()
    assert (fade[8:92, 8:92] == 1).all()
    assert fade[50, 2:7:2, 0].tolist() == [0.15625, 0.5, 0.84375]
    assert fade[4, 2] == fade[2, 50] == 0.15625  # the nearer side tells
    for same in (fade[::-1], fade[:, ::-1], fade.swapaxes(0, 1)):
        np.testing.assert_array_equal(fade, same)
