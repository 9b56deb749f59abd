"""Steps of the transfer of an expression: how mouths open, and how an edit fades out."""

import dataclasses

import numpy as np
import pytest

from facerelief.expressions import EXPRESSIONS
from facerelief.faces.alignment import align
from facerelief.faces.warping import border_fade, changed_box
from facerelief.geometry.morphable.action_units import Rig
from facerelief.geometry.morphable.fitting import fit_face
from facerelief.geometry.morphable.model import load_face
from facerelief.geometry.morphable.procrustes import mirror_shapes
from facerelief.geometry.transfer.expression_transfer import (
    ExpressionTransfer,
    Target,
    _newly_open,
    transfer_crop,
    with_room,
)
from facerelief.geometry.transfer.lips import close_lips, mouth_opening
from facerelief.geometry.transfer.warp_layers import apply_layers


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


def mouth(gap: float, breadth: float = 0.8, unit: float = 1.0) -> np.ndarray:
    """Landmarks whose eyes are 1 apart, with a mouth so far open and so broad."""
    points = np.zeros((468, 3))
    points[[33, 133], 0], points[[263, 362], 0] = (-0.7, -0.3), (0.7, 0.3)
    points[13, 1], points[14, 1] = 1.2, 1.2 + gap
    points[[78, 308], 0] = -breadth / 2, breadth / 2
    return points * unit + 5


def test_the_border_fades() -> None:
    """Over 8 of 100 pixels, by the smooth step 3 t^2 - 2 t^3."""
    fade = border_fade(100, 0.08)
    assert fade.shape == (100, 100, 1)
    assert not fade[[0, -1]].any() and not fade[:, [0, -1]].any()
    assert (fade[8:92, 8:92] == 1).all()
    assert fade[50, 2:7:2, 0].tolist() == [0.15625, 0.5, 0.84375]
    assert fade[4, 2] == fade[2, 50] == 0.15625  # the nearer side tells
    for same in (fade[::-1], fade[:, ::-1], fade.swapaxes(0, 1)):
        np.testing.assert_array_equal(fade, same)


FACE = load_face()
TRANSFER = ExpressionTransfer(FACE)


@pytest.mark.parametrize("name", ["neutral", "sadness", "contempt"])
@pytest.mark.parametrize("shown", ["neutral", "happiness", "surprise"])
@pytest.mark.parametrize("strength", [0.4, 1.0, 1.5])
def test_an_expression_with_a_closed_mouth_shuts_it_in_proportion(name: str, shown: str, strength: float) -> None:
    """Whatever the mouth was like: from its opening down to nothing, and a closed one stays closed."""
    landmarks = 200 * (FACE.mean + FACE.expression(shown)) + 500.0
    if shown == "neutral":
        landmarks = close_lips(landmarks, 1.0)
    move = TRANSFER._move_landmarks(landmarks, fit_face(FACE, landmarks), TRANSFER.targets(name), strength)
    left = (1 - min(1.0, strength)) * mouth_opening(landmarks)
    assert mouth_opening(move.target) == pytest.approx(left, abs=0.003)
    assert move.shut == pytest.approx(min(1.0, strength) if shown != "neutral" else 0.0)


@pytest.mark.parametrize("name", EXPRESSIONS[1:])
def test_the_outline_beside_the_ears_stays_and_the_chin_moves(name: str) -> None:
    landmarks = 200 * FACE.mean + 500.0
    move = TRANSFER._move_landmarks(landmarks, fit_face(FACE, landmarks), TRANSFER.targets(name), 1.5)
    moved = np.linalg.norm((move.target - move.source)[:, :2], axis=1) / 200
    assert moved[[127, 234, 93, 132, 58, 356, 454, 323, 361, 288]].max() < 1e-6
    assert moved[[13, 14, 61, 291]].max() > 0.02
    if name in ("surprise", "fear"):
        assert moved[152] > 0.1


# -- a face whose rig is known --------------------------------------------------------------------------------------

DOTS = (101, 330, 205, 425, 52, 282, 216, 436)  # cheeks, beside the nose, brows, beside the mouth


def known_movement() -> np.ndarray:
    """Cheeks and corners of the mouth go up and apart, brows down, by a tenth of an inter-ocular distance."""
    moved = np.zeros((468, 3))
    for vertex, way in ((101, (-0.02, -0.1, 0.05)), (61, (-0.08, -0.06, 0.0)), (52, (0.03, 0.1, 0.0))):
        bump = np.exp(-((np.linalg.norm(FACE.mean - FACE.mean[vertex], axis=1) / 0.2) ** 2))[:, None] * np.array(way)
        moved += bump + mirror_shapes(bump)
    return moved


@pytest.fixture(scope="module")
def known() -> ExpressionTransfer:
    """Happiness is half of the one shape that the rig has; it has no texture."""
    rig = Rig(("mouthSmile",), (2 * known_movement())[None].astype(np.float32))
    amounts = np.zeros((len(EXPRESSIONS), 1), np.float32)
    amounts[EXPRESSIONS.index("happiness")] = 0.5
    plain = np.zeros_like(FACE.texture_classes)
    return ExpressionTransfer(dataclasses.replace(FACE, rig=rig, amounts=amounts, texture_classes=plain))


@pytest.mark.parametrize("turn", [0.0, 0.3])
@pytest.mark.parametrize("strength", [0.25, 0.5, 1.0, 1.5])
def test_what_a_photo_shows_moves_by_strength_times_the_movement(
    known: ExpressionTransfer, strength: float, turn: float
) -> None:
    """Dots that are painted where landmarks are, on a head that is held aslant by radians."""
    c, s = np.cos(turn), np.sin(turn)
    rotation = np.array([(c, -s, 0), (s, c, 0), (0, 0, 1)])
    landmarks = 150 * FACE.mean @ rotation.T + (300, 250, 0)
    rows, columns = np.mgrid[:600, :600] + 0.5
    photo = np.full((600, 600), 60.0)
    for x, y in landmarks[list(DOTS), :2]:
        photo += 150 * np.exp(-((columns - x) ** 2 + (rows - y) ** 2) / 18)
    rgb = np.repeat(photo.round().astype(np.uint8)[..., None], 3, axis=2)
    crop, aim = transfer_crop(landmarks), known.targets("happiness")
    layers = known(crop.cut(rgb), crop, landmarks, fit_face(FACE, landmarks), aim, strength)
    edited = apply_layers(rgb, crop, layers)[..., 0].astype(float)
    for vertex in DOTS:
        moved = strength * 150 * (known_movement()[vertex] @ rotation.T)[:2]
        expected = landmarks[vertex, :2] + moved
        near = np.hypot(columns - expected[0], rows - expected[1]) < 12
        weight = np.maximum(edited - 80, 0) * near
        found = np.array([(columns * weight).sum(), (rows * weight).sum()]) / weight.sum()
        # The farthest move a tenth less: a dot is a fifth as wide as the movement around it.
        assert np.linalg.norm(found - expected) < 0.3 + 0.12 * np.linalg.norm(moved), vertex


def test_a_chin_goes_all_the_way_that_a_jaw_falls() -> None:
    """A dot on the chin of a jaw that falls by a fifth of an inter-ocular distance."""
    landmarks = 150 * FACE.mean + (300, 200, 0)
    rgb = np.full((600, 600, 3), 60, np.uint8)
    x, y = landmarks[152, :2]
    rows, columns = np.mgrid[:600, :600] + 0.5
    rgb[np.hypot(columns - x, rows - y) < 7] = 210
    lip, chin = FACE.mean[[17, 152], 1]
    falls = np.zeros((468, 3))
    falls[:, 1] = 0.2 * np.clip((FACE.mean[:, 1] - lip) / (chin - lip) + 0.5, 0, 1)
    plain = TRANSFER.targets("neutral").texture
    crop, aim = transfer_crop(landmarks), Target(falls, plain, plain)
    layers = TRANSFER(crop.cut(rgb), crop, landmarks, fit_face(FACE, landmarks), aim, 1.0)
    edited = apply_layers(rgb, crop, layers)[..., 0].astype(float)
    weight = np.maximum(edited - 80, 0) * (np.hypot(columns - x, rows - y - 30) < 20)
    assert (rows * weight).sum() / weight.sum() - y == pytest.approx(30, abs=1.5)
    assert (columns * weight).sum() / weight.sum() == pytest.approx(x, abs=0.5)


def test_the_room_beside_and_below_the_aligned_crop() -> None:
    """A tenth of the aligned crop's side to the left and the right, a fifth below, nothing above."""
    landmarks = 90 * FACE.mean + (300, 200, 0)
    standard, wide = align(landmarks, 160), transfer_crop(landmarks)
    corners = np.array([(0.0, 0.0), (wide.size, wide.size)])
    found = standard.to_crop(wide.to_photo(corners)) / standard.size
    np.testing.assert_allclose(found, [(-0.1, 0.0), (1.1, 1.2)], atol=1e-9)


@pytest.mark.parametrize("channels", [(), (2,)])
@pytest.mark.parametrize("finer", [1, 3])
def test_a_map_of_the_aligned_crop_stays_where_it_is(channels: tuple[int, ...], finer: int) -> None:
    landmarks = 90 * FACE.mean + (300, 200, 0)
    maps = np.zeros((160 * finer, 160 * finer, *channels))
    maps[150, 10] = 1
    placed = with_room(maps)
    assert placed.shape == (192 * finer, 192 * finer, *channels)
    ((row, column),) = {(int(at[0]), int(at[1])) for at in np.argwhere(placed)}
    there = transfer_crop(landmarks).to_photo(np.array([(column + 0.5, row + 0.5)]) / finer)
    here = align(landmarks, 160 * finer).to_photo(np.array([(10.5, 150.5)]))
    np.testing.assert_allclose(there, here, atol=1e-6)


def test_what_part_of_a_crop_changes() -> None:
    """A pixel of a map, and one of a map that is three times as fine, each with what lies next to it."""
    flow, light = np.zeros((192, 192, 2)), np.zeros((576, 576, 1))
    flow[40, 60, 1], flow[5, 5] = 1, 1e-4
    assert changed_box([flow, light], 192) == ([59.0, 39.0], [62.0, 42.0])
    light[300, 30] = -0.2
    np.testing.assert_allclose(changed_box([flow, light], 192), [(29 / 3, 39), (62, 302 / 3)])
    low, high = changed_box([np.zeros((192, 192, 2))], 192)
    assert low == high
