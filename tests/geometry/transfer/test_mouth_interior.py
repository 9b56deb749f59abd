"""What is drawn between lips: light by a closed form; own teeth where they were; nothing outside of the lips."""

import dataclasses
import math
from itertools import pairwise

import numpy as np
import pytest
from PIL import Image

from facerelief.faces.alignment import inter_ocular
from facerelief.geometry.depth_maps import polygon_mask
from facerelief.geometry.morphable.fitting import fit_face
from facerelief.geometry.morphable.model import load_face
from facerelief.geometry.topology import INNER_LIPS
from facerelief.geometry.transfer.lips import LOWER, MOUTH_CORNERS, close_lips, lip_outline, mouth_opening
from facerelief.geometry.transfer.mouth.interior import MouthInterior, _reaching
from facerelief.geometry.transfer.mouth.maps import _FROM_ABOVE, _SPREAD, through_opening, without_gaps
from facerelief.geometry.transfer.mouth.model import load_mouth
from facerelief.geometry.transfer.mouth.motion import Mouth, MouthMotion

SIDE = 600
FACE = load_face()
INTERIOR = MouthInterior(load_mouth())


def seen(expression: str = "neutral", strength: float = 1.0, size: float = 0.3, turn: float = 0.0) -> Mouth:
    """The average face's mouth, in a picture of `SIDE` pixels, turned by radians."""
    shape = (FACE.mean + FACE.expression(expression, strength)) * (size * SIDE)
    c, s = np.cos(turn), np.sin(turn)
    shape[:, :2] = shape[:, :2] @ np.array([(c, s), (-s, c)])
    landmarks = shape + np.array((0.5 * SIDE, 0.3 * SIDE, 0))
    fit = fit_face(FACE, landmarks)
    closed = FACE.shape(fit.identity)[list(MOUTH_CORNERS)]
    drop = float(FACE.movement(fit.expression)[152, 1])
    return Mouth(landmarks, fit, closed, drop)


def noise(seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).integers(60, 200, (SIDE, SIDE, 3), dtype=np.uint8)


def inside(mouth: Mouth, grow: int = 0) -> np.ndarray:
    """bool (SIDE, SIDE): between the inner lips, `grow` pixels wider (or narrower)."""
    mask = polygon_mask(mouth.landmarks[list(INNER_LIPS), :2], SIDE)
    for _ in range(abs(grow)):
        neighbours = [np.roll(mask, step, axis) for step in (1, -1) for axis in (0, 1)]
        mask = np.logical_or.reduce([mask, *neighbours]) if grow > 0 else np.logical_and.reduce([mask, *neighbours])
    return mask


def drawn(photo: np.ndarray, before: Mouth, after: Mouth, **rest: object) -> np.ndarray:
    edited = photo.copy()
    INTERIOR.draw(edited, photo, MouthMotion(before, after.landmarks, after.drop, **rest))  # type: ignore[arg-type]
    return edited


def test_only_what_is_between_the_lips_changes() -> None:
    photo, (before, after) = np.full((SIDE, SIDE, 3), 150, np.uint8), (seen(), seen("surprise"))
    edited = drawn(photo, before, after)
    changed = (edited != photo).any(axis=2)
    assert not changed[~inside(after, 6)].any()
    assert changed[inside(after, -4)].mean() > 0.99
    closed = dataclasses.replace(before, landmarks=close_lips(before.landmarks, 1.0))
    np.testing.assert_array_equal(drawn(photo, before, closed), photo)


def test_an_opened_mouth_has_teeth_above_and_dark_below() -> None:
    photo, after = np.full((SIDE, SIDE, 3), 150, np.uint8), seen("surprise")
    luma = drawn(photo, seen(), after).mean(axis=2)
    column = int(after.landmarks[13, 0]) + 12  # beside the gap between the middle teeth
    top, bottom = (int(after.landmarks[k, 1]) for k in (13, 14))
    line = luma[top : bottom - 2, column]  # the lip's soft edge left out
    teeth = line > 110
    assert teeth[: len(line) // 2].mean() >= 0.1
    middle = slice(len(line) // 3, 2 * len(line) // 3)
    assert not teeth[middle].any() and line[: middle.stop].min() < 50  # below it, the edge of the lower teeth may show


def test_the_edit_of_a_mirrored_photo_is_mirrored() -> None:
    photo, before, after = np.full((SIDE, SIDE, 3), 150, np.uint8), seen(), seen("happiness")
    straight = drawn(photo, before, after).astype(float)
    mouth = inside(after)
    assert np.abs(straight - straight[:, ::-1])[mouth].mean() < 7 < np.abs(straight - 150)[mouth].mean()


def test_own_teeth_stay_where_the_skull_keeps_them() -> None:
    """The very pixels, while the lower lip and the jaw drop."""
    photo, before = noise(), seen("happiness")
    teeth = inside(before, 4)
    photo[teeth] = 190 + photo[teeth] % 32  # as bright as teeth, and as even
    lowered = before.landmarks.copy()
    lowered[[*LOWER, 17], 1] += 12
    after = dataclasses.replace(before, landmarks=lowered, drop=before.drop + 0.1)
    assert before.opening > 0.06
    edited = drawn(photo, before, after)
    kept = inside(before, -8)
    kept[int(before.landmarks[[13, 14], 1].mean()) :] = False  # above the line of the teeth
    assert kept.sum() > 150
    np.testing.assert_array_equal(edited[kept], photo[kept])


def test_lower_teeth_and_the_rim_of_the_lip_do_not_stay_with_upper_teeth() -> None:
    """Of a smile with closed jaws, white above, then a shade, lower teeth, and a strip of the lip within landmarks."""
    photo, before = np.full((SIDE, SIDE, 3), (170, 110, 100), np.uint8), seen("happiness", 1.6)
    top, bottom = (before.landmarks[k, 1] for k in (13, 14))
    for share, colour in (
        (0.0, (225, 220, 210)),
        (0.55, (140, 125, 120)),
        (0.62, (185, 180, 172)),
        (0.8, (160, 70, 70)),
    ):
        rows = np.arange(SIDE)[:, None] >= top + share * (bottom - top)
        photo[inside(before, 1) & rows] = colour
    dropped = before.landmarks.copy()
    dropped[[*LOWER, 17], 1] += 60
    after = dataclasses.replace(before, landmarks=dropped, drop=before.drop + 0.4)
    edited = drawn(photo, before, after).astype(int)
    x = int(before.landmarks[13, 0])
    line = edited[int(top) : int(bottom) + 20, x - 12 : x + 12].mean(axis=1)
    bright = line @ (0.299, 0.587, 0.114)
    ends = np.flatnonzero(bright > 150).max() / (bottom - top)
    assert 0.4 < ends < 0.66  # upper teeth are there, and nothing as bright below them
    reddish = (line[:, 0] - line[:, 1]) / np.maximum(bright, 10)
    below = slice(int((ends + 0.08) * (bottom - top)), int(1.1 * (bottom - top)))
    assert not ((reddish[below] > 0.5) & (bright[below] > 85)).any()  # nor the lip's strip


def test_own_teeth_reach_a_lip_that_rises() -> None:
    """Edges at 30; a lip that is trusted from 20 on, and lies at 18, rises by 1: teeth reach from 30 to 17, not 20."""
    places = np.array([[(5.0, 17.0), (5.0, 23.5), (5.0, 30.0), (5.0, 33.0)]])
    edge, old, new = (np.array([(0.0, y), (10.0, y)]) for y in (30, 20, 17))
    found, longer = _reaching(places, edge, old, new, 2.0)
    assert longer == pytest.approx(1.2)  # over 1 of the margin of 2, too
    np.testing.assert_allclose(found[0, :, 1], 30 - np.array((13, 6.5, 0, -3 * 1.2)) / 1.2)
    np.testing.assert_allclose(found[..., 0], 5)
    for still in (18, 28):  # a lip that stays or falls
        found, longer = _reaching(places, edge, old, new + np.array((0, still - 17)), 2.0)
        np.testing.assert_allclose(found, places)
        assert longer == 1
    far, longer = _reaching(places, edge, old, new - np.array((0, 100)), 2.0)
    np.testing.assert_allclose(far[0, 0, 1], 30 - 13 / 1.5)  # they get no longer than that
    assert longer == 1.5


def test_lower_teeth_go_with_the_jaw() -> None:
    """A mark in the lower part of a wide open mouth is found again as far down as the model's jaw has moved."""
    before = seen("surprise", 1.0)
    after = seen("surprise", 1.25)
    photo = np.full((SIDE, SIDE, 3), 40, np.uint8)
    x, y = before.landmarks[14, :2].astype(int) - (0, 14)
    photo[y - 2 : y + 3, x - 2 : x + 3] = 255
    edited = drawn(photo, before, after).mean(axis=2)
    rows, columns = np.nonzero((edited > 180) & inside(after, -2))
    down = INTERIOR._jaw_shift(after, after.drop) - INTERIOR._jaw_shift(before, before.drop)
    assert down[1] > 4
    np.testing.assert_allclose((columns.mean(), rows.mean()), (x + down[0], y + down[1]), atol=2.5)


def test_what_is_seen_between_closed_jaws_does_not_go_with_a_jaw_that_drops() -> None:
    """A mark below the upper teeth of a smile is not found again when the mouth opens wide."""
    before, after = seen("happiness"), seen("surprise")
    photo = np.full((SIDE, SIDE, 3), 120, np.uint8)
    x, y = before.landmarks[14, :2].astype(int) - (0, 5)
    photo[y - 2 : y + 3, x - 4 : x + 5] = (0, 255, 0)
    assert before.drop < 0.07 < 0.15 < after.drop
    edited = drawn(photo, before, after).astype(int)
    below = inside(after, -2)
    below[: y + 12] = False
    assert not ((edited[..., 1] - edited[..., 0] > 60) & below).any()


def test_a_tongue_lies_on_the_floor_of_an_open_mouth() -> None:
    """Red, and brighter than the throat above it."""
    photo, after = np.full((SIDE, SIDE, 3), (190, 140, 125), np.uint8), seen("surprise")
    edited = drawn(photo, seen(), after).astype(float)
    top, bottom = (int(after.landmarks[k, 1]) for k in (13, 14))
    middle = edited[:, int(after.landmarks[13, 0]) - 5 : int(after.landmarks[13, 0]) + 6].mean(axis=1)
    below_teeth = middle[top + (bottom - top) // 6 : (top + bottom) // 2]
    throat, tongue = below_teeth[below_teeth.mean(axis=1).argmin()], middle[top + round(0.6 * (bottom - top))]
    assert tongue.mean() > 1.5 * throat.mean() > 10
    for flesh in (throat, tongue):
        assert 1.5 < flesh[0] / flesh[1] < 3.2


def test_a_small_photo_shows_what_a_large_one_shows() -> None:
    """Reduced to a fourth, with softer edges: no step of a pixel is harder than in the picture that was reduced."""
    pictures = []
    for size in (0.4, 0.1):
        photo, before, after = np.full((SIDE, SIDE, 3), 150, np.uint8), seen(size=size), seen("surprise", size=size)
        edited = drawn(photo, before, after)
        x, y = after.landmarks[[13, 14], :2].mean(axis=0)
        half = 0.35 * size * SIDE
        box = tuple(float(v) for v in (x - half, y - half, x + half, y + half))
        reduced = Image.fromarray(edited).resize((42, 42), Image.Resampling.BOX, box)
        pictures.append(np.asarray(reduced, float).mean(axis=2))
    assert np.abs(pictures[0] - pictures[1]).mean() < 4
    hardest = [np.hypot(*np.gradient(picture)).max() for picture in pictures]
    assert hardest[1] < 1.05 * hardest[0]


@pytest.mark.parametrize(("size", "turn"), [(0.3, 0.0), (0.42, 0.0), (0.3, 0.3)])
def test_teeth_of_another_photo_come_to_the_same_place_of_the_face(size: float, turn: float) -> None:
    """Its mark lies as far below the eyes as in that photo, however large and turned the face is in it."""
    other, before, after = seen("happiness", size=size, turn=turn), seen(), seen("happiness")
    photo, source = (np.full((SIDE, SIDE, 3), 150, np.uint8) for _ in range(2))
    place = before.fit.to_image(np.array([(0.05, 1.075, 0.2)]))[0, :2]
    mark = other.fit.to_image(np.array([(0.05, 1.075, 0.2)]))[0, :2]
    rows, columns = np.indices((SIDE, SIDE)) + 0.5
    source[np.hypot(rows - mark[1], columns - mark[0]) < 4 * size / 0.3] = (0, 255, 0)
    edited = drawn(photo, before, after, teeth=(source, other)).astype(int)
    green = (edited[..., 1] - edited[..., 0] > 60) & inside(after, 2)
    found = np.argwhere(green)[:, ::-1].mean(axis=0) + 0.5
    np.testing.assert_allclose(found, place, atol=0.02 * inter_ocular(before.landmarks))


@pytest.mark.parametrize("shift", [(-280.0, 0.0), (0.0, 260.0), (290.0, -200.0), (5000.0, 0.0)])
def test_a_mouth_at_the_photos_border(shift: tuple[float, float]) -> None:
    """What is inside the photo is as in a larger one."""
    moved = []
    for mouth in (seen(), seen("surprise")):
        landmarks = mouth.landmarks + np.array((*shift, 0))
        fit = fit_face(FACE, landmarks)
        moved.append(Mouth(landmarks, fit, mouth.closed, mouth.drop))
    photo = np.full((SIDE, SIDE, 3), 150, np.uint8)
    edited = drawn(photo, *moved)
    assert edited.shape == photo.shape
    assert not (edited[~inside(moved[1], 6)] != 150).any()


def test_an_outline_passes_through_its_points_with_corners_at_the_ends() -> None:
    points = seen("surprise").landmarks[list(INNER_LIPS), :2]
    outline = lip_outline(points, steps=8)
    assert outline.shape == (160, 2)
    nearest = np.linalg.norm(outline[:, None] - points[None], axis=2).min(axis=0)
    np.testing.assert_allclose(nearest, 0, atol=1e-9)
    turns = np.diff(np.concatenate([outline, outline[:2]]), axis=0)
    angle = np.abs(np.angle(np.exp(1j * np.diff(np.arctan2(turns[:, 1], turns[:, 0])))))
    assert (angle > 0.8).sum() <= 2  # but for its corners it bends little


@pytest.mark.parametrize("depth", [0.14, 0.3])
def test_light_through_half_a_plane_is_a_gaussians_share(depth: float) -> None:
    """Of an opening that is all that is below a line: the normal distribution, seen from above."""
    size, unit = 480, 200.0
    mask = np.zeros((size, size), bool)
    mask[240:] = True
    light = through_opening(mask, np.full((size, size), depth), unit)[:, 240]
    for row in (200, 240, 260, 300):
        away = row + 0.5 - _FROM_ABOVE * depth * unit - 240
        expected = 0.5 * (1 + math.erf(away / (_SPREAD * depth * unit) / math.sqrt(2)))
        assert light[row] == pytest.approx(expected, abs=0.06)


def test_it_is_darker_the_deeper_it_is() -> None:
    mask = np.zeros((320, 320), bool)
    mask[120:200, 60:260] = True
    levels = [through_opening(mask, np.full((320, 320), depth), 300.0)[150, 160] for depth in (0.02, 0.1, 0.3, 0.6)]
    assert all(near > far for near, far in pairwise(levels))
    assert levels[0] > 0.95 and levels[-1] < 0.3


def test_openings_are_those_of_the_landmarks() -> None:
    mouth = seen("surprise")
    assert mouth.opening == mouth_opening(mouth.landmarks) > 0.1


def test_gaps_between_teeth_are_filled_and_others_are_not() -> None:
    """Two teeth beside each other, 10 apart; below them, as far away, a lower one: of 400 pixels, 0.04 are 16."""
    tooth, colours = np.zeros((120, 120, 1)), np.zeros((120, 120, 3))
    for rows, columns in (
        (slice(20, 60), slice(20, 50)),
        (slice(20, 60), slice(60, 90)),
        (slice(70, 110), slice(20, 90)),
    ):
        tooth[rows, columns], colours[rows, columns] = 1, (0.8, 0.75, 0.7)
    filled = without_gaps(colours, tooth, 400.0)
    assert filled[40, 55] == pytest.approx(0.84 * np.array((0.8, 0.75, 0.7)), abs=0.01)
    assert not filled[65, 22:88].any() and not filled[40, 92:].any()
    np.testing.assert_allclose(filled[40, 25:45], colours[40, 25:45])


def test_a_tongue_rises_behind_the_lower_teeth_of_an_open_mouth() -> None:
    """Beside the jaw, which goes down as one piece; and with it where the mouth is closed."""
    model, mouth = load_mouth(), seen()
    x, z, unit = np.abs(model.vertices[:, 0]), model.vertices[:, 2], mouth.fit.scale
    lower = model.jaw > 0.99
    tongue = lower & (model.tooth < 0.5) & (x < 0.1) & (z < -0.25) & (z > -0.5)
    teeth, gums = lower & (model.tooth > 0.5) & (x < 0.2), lower & (model.tooth < 0.5) & (z > 0.06)
    rises = []
    for drop in (0.0, 0.05, 0.3):
        rigid = mouth.fit.to_image(model.opened(math.hypot(drop, 0.035))[0])
        beside = (INTERIOR._renderer.placed(mouth, drop)[0] - rigid)[:, 1] / unit
        assert abs(beside[gums].mean() - beside[teeth].mean()) < 0.05
        rises.append(float(beside[gums].mean() - beside[tongue].mean()))
    assert rises[0] == pytest.approx(0, abs=0.02) and rises[0] < rises[1] < rises[2]
    assert 0.05 < rises[2] < 0.12
