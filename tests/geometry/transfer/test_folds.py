"""Folds between cheeks and lips: where they may lie, how deep they are, when they leave."""

import dataclasses
import itertools

import numpy as np
import pytest
from scipy import ndimage

from facerelief.colour import LUMA
from facerelief.editing.methods.morphable import MorphableEditor
from facerelief.faces.detector import Face
from facerelief.geometry.morphable.model import load_face
from facerelief.geometry.morphable.random_faces import random_person, random_setting, render_portrait
from facerelief.geometry.transfer.folds import FOLDS, fold_band, fold_depth, leaving_folds
from facerelief.geometry.transfer.shading import wrinkle_map

SIZE = 320
POINTS = load_face().mean * (0.33 * SIZE) + (0.5 * SIZE, 0.36 * SIZE, 0)
UNIT = 0.33 * SIZE
BAND = fold_band(POINTS, SIZE)


def at(vertices: tuple[int, ...]) -> tuple[np.ndarray, np.ndarray]:
    """Rows and columns of landmarks."""
    columns, rows = POINTS[list(vertices), :2].astype(int).T
    return rows, columns


def beside_fold() -> np.ndarray:
    """(SIZE, SIZE): distance from the left fold, pixels, by its points alone; negative towards the mouth."""
    rows, columns = np.mgrid[:SIZE, :SIZE]
    line = POINTS[list(FOLDS[0]), :2]
    dense = np.concatenate([a + np.linspace(0, 1, 40)[:, None] * (b - a) for a, b in itertools.pairwise(line)])
    offset = np.dstack([columns, rows])[:, :, None] - dense[::8]
    nearest = np.linalg.norm(offset, axis=3).argmin(axis=2)
    distance = np.linalg.norm(offset, axis=3).min(axis=2)
    return np.where(columns > dense[::8][nearest][..., 0], -distance, distance)


def test_folds_lie_from_the_nose_to_beside_the_chin() -> None:
    for fold in FOLDS:
        assert BAND[at(fold[1:5])].min() > 0.95
    assert BAND[at((1, 4, 33, 263, 13, 14, 152, 10, 234, 454))].max() < 1e-3
    mirrored = fold_band(POINTS * (-1, 1, 1) + (SIZE, 0, 0), SIZE)
    assert np.abs(mirrored[:, ::-1] - BAND).mean() < 0.01  # the landmarks are named for both sides


def test_a_fold_between_skin_of_two_shades_is_filled_smoothly() -> None:
    """A cheek brighter than the lip, a dark line between, half as bright: afterwards no line."""
    beside = beside_fold()
    skin = 0.15 * np.tanh(beside / (0.06 * UNIT))  # log luminance: brighter on the cheek
    line = -0.5 * np.exp(-((beside / (0.03 * UNIT)) ** 2))
    depth = fold_depth((skin + line).astype(np.float32), POINTS, BAND)
    on_line = (np.abs(beside) < 1) & (BAND > 0.99)
    before, after = (np.abs((light - skin)[on_line]).mean() for light in (skin + line, skin + line + depth))
    assert before > 0.45 and after < 0.1
    assert depth.min() > -1e-5 and depth[BAND < 1e-4].max() < 1e-3


def test_the_skins_own_texture_stays() -> None:
    pores = np.random.default_rng(0).normal(0, 0.05, (SIZE, SIZE)).astype(np.float32)
    depth = fold_depth(pores, POINTS, BAND)
    inside = BAND > 0.99
    assert (pores + depth)[inside].std() > 0.9 * pores[inside].std()
    assert np.corrcoef((pores + depth)[inside], pores[inside])[0, 1] > 0.9


def test_it_is_as_deep_in_a_picture_twice_as_fine() -> None:
    light = (-0.5 * np.exp(-((beside_fold() / (0.04 * UNIT)) ** 2))).astype(np.float32)
    finer = ndimage.zoom(light, 2, order=1)
    depth = fold_depth(finer, 2 * POINTS, fold_band(2 * POINTS, 2 * SIZE))
    assert np.abs(depth[::2, ::2] - fold_depth(light, POINTS, BAND)).mean() < 0.01


def test_the_wrinkles_of_a_photo_have_its_folds() -> None:
    picture = np.full((SIZE, SIZE, 3), 180.0)
    picture *= np.exp(-0.4 * np.exp(-((beside_fold() / (0.08 * UNIT)) ** 2)))[..., None]  # wider than wrinkles are
    depth = wrinkle_map(np.rint(picture) @ LUMA, POINTS)
    rows, columns = at(FOLDS[0][2:4])
    assert depth[rows, columns].min() > 0.2
    assert depth[at((50, 280))].max() < 0.05  # cheeks


def test_folds_leave_with_a_smile() -> None:
    face = load_face()
    smile, rest, surprise = face.expression("happiness"), 0 * face.mean, face.expression("surprise")
    assert leaving_folds(smile, rest) == leaving_folds(smile, surprise) == 1
    assert leaving_folds(smile, smile) == leaving_folds(rest, smile) == leaving_folds(rest, surprise) == 0
    some = [leaving_folds(amount * smile, rest) for amount in np.linspace(0, 1, 9)]
    assert some == sorted(some) and 0.2 < leaving_folds(0.4 * smile, rest) < 0.8


@pytest.fixture(scope="module")
def smiling() -> tuple[np.ndarray, Face]:
    """A drawn portrait of a smile, and its face."""
    face, random = load_face(), np.random.default_rng(3)
    person, setting = random_person(face, random), random_setting(random)
    rgb, landmarks = render_portrait(face, person, "happiness", setting, 320)
    return rgb, Face(landmarks.astype(np.float32))


def test_they_are_filled_in_proportion_to_strength(smiling: tuple[np.ndarray, Face]) -> None:
    """Half of the strength makes about half of the light, not all of a shallow fold's."""
    editor = MorphableEditor(load_face())
    plan = editor.plan(*smiling, "neutral")
    found = []
    for strength in (0.25, 0.5, 1.0):
        layers = editor.layers(plan, strength)
        dark = np.zeros_like(layers.light)
        found.append(dataclasses.replace(layers, light=dark).filled(np.float32(strength) * plan.wrinkles).light.sum())
    assert found[2] > 100
    assert np.array(found[:2]) / found[2] == pytest.approx((0.25, 0.5), rel=0.15)


def test_an_action_unit_leaves_them(smiling: tuple[np.ndarray, Face]) -> None:
    editor = MorphableEditor(load_face())
    fill = editor.layers(editor.plan(*smiling, "AU4:0.8"), 1.0).fill
    assert fill is not None and fill.max() == 0
