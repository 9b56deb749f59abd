"""Landmarks by a network that guided nobody, and how far they are from the true ones."""

from pathlib import Path

import numpy as np
import pytest
from face_api_files import write_tfjs

from facerelief.evaluation.evidence.meter import INNER, LandmarkMeter, aligned_shape, landmark_error
from facerelief.networks.face_api import FaceApiLandmarks

FACE = np.random.default_rng(0).uniform(0.2, 0.8, (3, 68, 2))


def moved(points: np.ndarray, degrees: float, scale: float, shift: tuple[float, float]) -> np.ndarray:
    turn = np.radians(degrees)
    return points @ np.array([[np.cos(turn), np.sin(turn)], [-np.sin(turn), np.cos(turn)]]) * scale + shift


def test_how_a_photo_was_cropped_does_not_count() -> None:
    assert landmark_error(moved(FACE, 20, 1.3, (0.1, -0.4)), FACE) == pytest.approx(np.zeros(3), abs=1e-12)


def test_one_point_that_is_off_counts_by_its_distance() -> None:
    """Mouth corner 48, off by a tenth of the inter-ocular distance, is one of 51 points; the outline does not count."""
    off = FACE.copy()
    unit = np.linalg.norm(FACE[:, 42:48].mean(axis=1) - FACE[:, 36:42].mean(axis=1), axis=1)
    off[:, 48, 0] += 0.1 * unit
    assert landmark_error(off, FACE) == pytest.approx(np.full(3, 0.1 / 51))
    outline = FACE.copy()
    outline[:, 5] += 0.3
    assert landmark_error(outline, FACE) == pytest.approx(np.zeros(3), abs=1e-12)


def test_shapes_do_not_depend_on_place_size_and_roll() -> None:
    shapes = aligned_shape(FACE)
    assert shapes.shape == (3, 2 * len(range(68)[INNER]))
    assert np.allclose(aligned_shape(moved(FACE, -33, 0.7, (2.0, 1.0))), shapes)


@pytest.mark.parametrize("size", [48, 256, 512])
def test_landmarks_are_shares_of_the_crop_whatever_its_size(tmp_path: Path, size: int) -> None:
    """A network of zeros gives its bias: places in the square that it sees, 0.8 of the crop around 0.5, 0.6."""
    network = FaceApiLandmarks()
    for weight in network.parameters():
        weight.data.zero_()
    network.fc.bias.data[:] = 0.25
    write_tfjs(tmp_path, "face_landmark_68", network)
    found = LandmarkMeter(tmp_path)(np.zeros((2, size, size, 3), np.uint8))
    assert found.shape == (2, 68, 2)
    assert found[..., 0] == pytest.approx(0.1 + 0.25 * 0.8)
    assert found[..., 1] == pytest.approx(0.2 + 0.25 * 0.8)
