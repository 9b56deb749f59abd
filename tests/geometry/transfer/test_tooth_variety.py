"""Teeth that differ from person to person, on the package's mouth."""

import numpy as np

from facerelief.geometry.transfer.mouth.model import load_mouth
from facerelief.geometry.transfer.mouth.tooth_variety import ToothVariety

MOUTH = load_mouth()
VARIETY = ToothVariety(MOUTH)


def person(seed: int) -> np.ndarray:
    return np.random.default_rng(seed).normal(size=30)


def test_the_mean_face_has_the_models_teeth() -> None:
    np.testing.assert_allclose(VARIETY.moved(MOUTH.vertices, np.zeros(30)), MOUTH.vertices, atol=1e-12)
    np.testing.assert_array_equal(VARIETY.brightness(np.zeros(30)), 1)


def test_a_person_has_own_teeth_and_the_same_again() -> None:
    one, again, other = (VARIETY.moved(MOUTH.vertices, person(seed)) for seed in (0, 0, 1))
    np.testing.assert_array_equal(one, again)
    moved = np.linalg.norm(one - other, axis=1)
    assert 0.005 < moved[moved > 0].mean() < 0.03
    similar = VARIETY.moved(MOUTH.vertices, person(0) + 0.02)
    assert np.abs(similar - one).max() < 0.002  # smooth: teeth in a video do not jump


def test_only_teeth_are_varied_and_by_little() -> None:
    """Beside a shift up or down of the whole mouth."""
    vertices, bright = VARIETY.moved(MOUTH.vertices, 10 * person(2)), VARIETY.brightness(10 * person(2))
    shifts = (vertices - MOUTH.vertices)[MOUTH.tooth < 0.01]
    np.testing.assert_allclose(shifts, shifts[:1] + np.zeros_like(shifts), atol=1e-6)
    assert not shifts[:, [0, 2]].any() and abs(shifts[0, 1]) < 0.031
    varied = np.linalg.norm(vertices - MOUTH.vertices - shifts[0], axis=1) > 1e-6
    assert (bright[~varied] == 1).all()
    assert np.linalg.norm(vertices - MOUTH.vertices - shifts[0], axis=1).max() < 0.06
    assert 0.91 < bright.min() < bright.max() < 1.09
    for jaw in (MOUTH.jaw < 0.01, MOUTH.jaw > 0.99):  # incisors, canines and premolars of both jaws
        assert varied[jaw & (MOUTH.tooth > 0.99) & (np.abs(MOUTH.vertices[:, 0]) < 0.2)].mean() > 0.5


def test_teeth_of_people_differ_in_colour() -> None:
    np.testing.assert_array_equal(VARIETY.tint(np.zeros(30)), 1)
    tints = np.array([VARIETY.tint(person(seed)) for seed in range(200)])
    assert np.abs(np.median(tints, axis=0) - 1).max() < 0.02
    assert (tints.std(axis=0) > 0.01).all() and np.abs(tints - 1).max() < 0.21
    assert np.ptp(tints[:, 2] / tints[:, 0]) > np.ptp(tints[:, 1] / tints[:, 0])  # yellow is a lack of blue


def test_patterns_are_blended_differently_for_different_people() -> None:
    blends = np.array([VARIETY.blend(person(seed), 4) for seed in range(50)])
    np.testing.assert_allclose(np.linalg.norm(blends, axis=1), 1, rtol=1e-5)
    np.testing.assert_allclose(VARIETY.blend(np.zeros(30), 4), 0.5)
    assert np.abs(np.corrcoef(blends) - np.eye(50)).mean() < 0.6


def test_the_edge_of_a_tooth_is_its_own() -> None:
    """The upper front teeth's edges lie lowest, the lower ones' highest; gums have none."""
    front = (MOUTH.tooth > 0.99) & (np.abs(MOUTH.vertices[:, 0]) < 0.12)
    for jaw, way in ((MOUTH.jaw < 0.01, -1), (MOUTH.jaw > 0.99, 1)):
        own = front & jaw
        assert np.corrcoef(VARIETY.from_edge[own], way * MOUTH.vertices[own, 1])[0, 1] > 0.85
    assert (VARIETY.from_edge[MOUTH.tooth < 0.01] == 1).all()
