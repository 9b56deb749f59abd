"""Averages of faces: shapes and pictures of known ones."""

import numpy as np
import pytest

from facerelief.faces.alignment import align_eyes
from facerelief.geometry.morphable.model import load_face
from facerelief.stimuli import AverageFace
from facerelief.stimuli.averaging import warp_to_shape

SIZE, NOSE = 128, 4


def shape(lower: float = 0.0) -> np.ndarray:
    """The mean face's landmarks in a crop, its nose lower by so many pixels, what is near it less."""
    points = align_eyes(load_face().mean, SIZE).to_crop(load_face().mean.astype(np.float64))
    near = np.exp(-np.square(points[:, :2] - points[NOSE, :2]).sum(axis=1) / (2 * 15.0**2))
    return points + near[:, None] * (0, lower, 0)


def dot_at(point: np.ndarray) -> np.ndarray:
    down, right = np.mgrid[:SIZE, :SIZE] + 0.5
    blob = np.exp(-((right - point[0]) ** 2 + (down - point[1]) ** 2) / (2 * 3.0**2))
    return np.repeat(np.rint(200 * blob).astype(np.uint8)[..., None], 3, axis=2)


def centre(picture: np.ndarray) -> np.ndarray:
    down, right = np.mgrid[:SIZE, :SIZE] + 0.5
    weight = picture[..., 0].astype(float)
    return np.array([(weight * right).sum(), (weight * down).sum()]) / weight.sum()


def test_what_is_at_a_landmark_goes_with_it() -> None:
    source, target = shape(), shape(6)
    made = warp_to_shape(dot_at(source[NOSE]), source, target)
    assert centre(made) == pytest.approx(target[NOSE, :2], abs=0.6)


def test_the_average_is_between() -> None:
    shapes = [shape(-6), shape(6)]
    average = AverageFace(shapes, SIZE)
    for one in shapes:
        average.add(dot_at(one[NOSE]), one)
    assert average.shape == pytest.approx(shape(), abs=1e-9)
    assert centre(average.picture) == pytest.approx(shape()[NOSE, :2], abs=0.6)
    assert average.picture.max() > 170  # one dot, not two


def test_a_face_by_itself_stays() -> None:
    average = AverageFace([shape()], SIZE)
    picture = np.random.default_rng(0).integers(0, 256, (SIZE, SIZE, 3)).astype(np.uint8)
    average.add(picture, shape())
    assert np.abs(average.picture.astype(int) - picture).max() <= 1
