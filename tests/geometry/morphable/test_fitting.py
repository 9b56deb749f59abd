"""Fitting against faces whose pose, identity and expression are known."""

import dataclasses

import numpy as np
import pytest
from expression_modes import in_modes

from facerelief.geometry.morphable.fitting import APART, CLOSE, Fit, fit_face
from facerelief.geometry.morphable.model import MorphableFace, load_face

SCALE, SHIFT = 210.0, np.array((400.0, 300.0, -20.0))


def turn(yaw: float, pitch: float, roll: float) -> np.ndarray:
    """A rotation (3, 3) from angles in degrees, by Rodrigues' formula for each axis in turn."""
    rotation = np.eye(3)
    for axis, angle in zip(np.eye(3), np.radians((pitch, yaw, roll)), strict=True):
        cross = np.cross(np.eye(3), -axis)
        rotation = (np.eye(3) + np.sin(angle) * cross + (1 - np.cos(angle)) * cross @ cross) @ rotation
    return rotation


TURN = turn(15, -8, 10)


def somebody(face: MorphableFace, seed: int) -> np.ndarray:
    return np.random.default_rng(seed).normal(scale=0.7, size=len(face.identity))


def posed(shape: np.ndarray, rotation: np.ndarray = TURN) -> np.ndarray:
    return SCALE * shape.astype(np.float64) @ rotation.T + SHIFT


def rms(difference: np.ndarray) -> float:
    return float(np.sqrt((difference**2).sum(axis=1).mean()))


def degrees_between(a: np.ndarray, b: np.ndarray) -> float:
    return float(np.degrees(np.arccos(np.clip((np.trace(a.T @ b) - 1) / 2, -1, 1))))


@pytest.mark.parametrize("expression", ["neutral", "happiness", "surprise", "anger"])
@pytest.mark.parametrize("rotation", [np.eye(3), TURN, turn(-30, 15, -120)], ids=["front", "turned", "on its side"])
def test_a_known_face_is_fitted_back(expression: str, rotation: np.ndarray) -> None:
    face = load_face()
    shape = face.shape(somebody(face, 1)) + face.movement(in_modes(face, expression, 0.8))
    landmarks = posed(shape, rotation)
    fit = fit_face(face, landmarks)
    fitted = face.shape(fit.identity) + face.movement(fit.expression)
    assert degrees_between(fit.rotation, rotation) < 0.5
    assert np.linalg.det(fit.rotation) == pytest.approx(1)
    assert fit.scale == pytest.approx(SCALE, rel=0.01)
    assert rms(fitted - shape) < 0.015  # inter-ocular distances; people differ by 0.1
    assert fit.residual < 0.008
    assert rms(fit.to_image(fitted) - landmarks) == pytest.approx(fit.residual * fit.scale, rel=0.02)


def test_the_mean_face_is_its_own_fit() -> None:
    face = load_face()
    fit = fit_face(face, posed(face.mean))
    np.testing.assert_allclose(fit.rotation, TURN, atol=1e-6)
    np.testing.assert_allclose(fit.shift, SHIFT, atol=1e-3)
    assert fit.scale == pytest.approx(SCALE)
    assert np.abs(fit.identity).max() < 1e-3
    assert np.abs(fit.expression).max() < 1e-3
    assert fit.residual < 1e-5


@pytest.mark.parametrize("noise", [CLOSE, APART])
@pytest.mark.parametrize("expression", ["happiness", "surprise"])
def test_an_expression_is_told_from_the_person(expression: str, noise: float) -> None:
    face = load_face()
    for seed in range(3):
        true = face.movement(in_modes(face, expression))
        found = face.movement(fit_face(face, posed(face.shape(somebody(face, seed)) + true), noise).expression)
        assert (true * found).sum() / np.linalg.norm(true) / np.linalg.norm(found) > 0.85
        plain = fit_face(face, posed(face.mean + true), noise)
        assert rms(face.movement(plain.expression) - true) < 0.3 * rms(true)


def test_the_more_landmarks_may_err_the_less_is_taken_for_the_person() -> None:
    """And the farther they are from the fitted face."""
    face = load_face()
    landmarks = posed(face.shape(somebody(face, 1)) + face.expression("happiness"))
    fits = [fit_face(face, landmarks, noise) for noise in (0.004, CLOSE, 0.03, APART)]
    persons, residuals = [np.linalg.norm(fit.identity) for fit in fits], [fit.residual for fit in fits]
    assert persons == sorted(persons, reverse=True)
    assert residuals == sorted(residuals)


@pytest.mark.parametrize("expression", ["happiness", "surprise", "fear"])
def test_an_expression_of_the_rig_is_told_as_far_as_modes_can(expression: str) -> None:
    """The rig moves faces in ways that the modes do not have; what they have of it is found."""
    face = load_face()
    possible, whole = face.movement(in_modes(face, expression)), face.expression(expression)
    for seed in range(3):
        fit = fit_face(face, posed(face.shape(somebody(face, seed)) + whole))
        found = face.movement(fit.expression)
        assert (possible * found).sum() / np.linalg.norm(possible) / np.linalg.norm(found) > 0.85
        assert fit.residual < rms(whole - possible) + 0.008  # and the rest is left over, at the most


def test_where_nobody_differs_the_coefficients_come_back() -> None:
    """Of the mean person, and a face that knows no other, expressions are found but for their prior."""
    face = load_face()
    alone = dataclasses.replace(face, identity=face.identity[:0])
    for name in ("happiness", "fear", "disgust"):
        coefficients = in_modes(face, name, 0.8)
        fit = fit_face(alone, posed(face.mean + face.movement(coefficients)))
        assert fit.identity.shape == (0,)
        length = np.linalg.norm(face.movement(coefficients))
        assert np.linalg.norm(face.movement(fit.expression - coefficients)) < 0.25 * length


def test_noise_is_left_over_as_the_residual() -> None:
    """Of noise in 1404 coordinates, 42 coefficients and 7 of the pose take up less than a twentieth."""
    face, noise = load_face(), 0.01
    residuals = []
    for seed in range(4):
        random = np.random.default_rng(seed)
        landmarks = posed(face.shape(somebody(face, seed)) + face.movement(in_modes(face, "happiness", 0.5)))
        residuals.append(fit_face(face, landmarks + random.normal(scale=noise * SCALE, size=(468, 3))).residual)
    assert np.mean(residuals) == pytest.approx(noise * np.sqrt(3), rel=0.06)


def test_what_is_no_face_has_a_large_residual() -> None:
    face = load_face()
    landmarks = posed(face.mean)
    assert fit_face(face, landmarks[::-1]).residual > 0.2
    assert fit_face(face, landmarks * (1, 1, -1)).residual > 0.05  # its relief turned inside out


def test_place_size_and_turn_change_the_pose_only() -> None:
    face = load_face()
    shape = face.shape(somebody(face, 5)) + face.expression("fear")
    first = fit_face(face, shape)
    second = fit_face(face, posed(shape))
    np.testing.assert_allclose(second.identity, first.identity, atol=1e-4)
    np.testing.assert_allclose(second.expression, first.expression, atol=1e-4)
    assert second.residual == pytest.approx(first.residual, rel=1e-4)
    np.testing.assert_allclose(second.rotation, TURN @ first.rotation, atol=1e-6)
    assert second.scale == pytest.approx(SCALE * first.scale, rel=1e-6)


def test_a_displacement_is_a_difference_of_places_in_the_image() -> None:
    random = np.random.default_rng(0)
    fit = Fit(TURN, SCALE, SHIFT, np.zeros(0), np.zeros(0), 0.0)
    points, change = random.normal(size=(2, 468, 3))
    np.testing.assert_allclose(fit.to_image(points), posed(points))
    np.testing.assert_allclose(
        fit.displacement(change), fit.to_image(points + change) - fit.to_image(points), atol=1e-9
    )
