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
    vertices, bright = VARIETY.moved(MOUTH.vertices, 10 * person(2)), VARIETY.brightness(10 * person(2))
    varied = (vertices != MOUTH.vertices).any(axis=1)
    assert not varied[MOUTH.tooth < 0.99].any()
    assert (bright[~varied] == 1).all()
    assert np.abs(vertices - MOUTH.vertices).max() < 0.04
    assert 0.93 < bright.min() < bright.max() < 1.07
    for jaw in (MOUTH.jaw < 0.01, MOUTH.jaw > 0.99):  # incisors, canines and premolars of both jaws
        assert varied[jaw & (MOUTH.tooth > 0.99) & (np.abs(MOUTH.vertices[:, 0]) < 0.2)].mean() > 0.5
