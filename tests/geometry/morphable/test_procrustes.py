"""The common frame of meshes, and principal modes, against scipy and closed forms."""

import numpy as np
import pytest
from heads import head, similarities

from facerelief.geometry.morphable.learning.shape import modes_beyond, neutral_means, principal, projected
from facerelief.geometry.morphable.procrustes import (
    STABLE_LANDMARKS,
    apply_similarity,
    fit_similarity,
    mirror_shapes,
    procrustes_align,
)

EYES = (33, 133, 362, 263)


def test_similarity_recovers_a_known_one() -> None:
    random = np.random.default_rng(1)
    source = random.normal(size=(20, 3))
    turns, scales, shifts = similarities(6, random, degrees=120)
    targets = apply_similarity(np.repeat(source[None], 6, axis=0), turns, scales, shifts)
    for turn, scale, shift, target in zip(turns, scales, shifts, targets, strict=True):
        found = fit_similarity(source[None], target)
        for got, expected in zip(found, (turn, scale, shift), strict=True):
            np.testing.assert_allclose(got[0], expected, atol=1e-9)
        np.testing.assert_allclose(apply_similarity(source[None], *found)[0], target, atol=1e-9)
    # Several at once, to one target.
    found = fit_similarity(targets, source)
    np.testing.assert_allclose(apply_similarity(targets, *found), np.repeat(source[None], 6, axis=0), atol=1e-9)


@pytest.mark.parametrize("mirror", [False, True])
def test_similarity_against_scipy(mirror: bool) -> None:
    """With noise, and where only a reflection would fit well, which is none."""
    rotation = pytest.importorskip("scipy.spatial.transform", reason="scipy is the reference").Rotation
    random = np.random.default_rng(2)
    source, (turns, scales, shifts) = random.normal(size=(30, 3)), similarities(1, random, degrees=60)
    target = apply_similarity(source[None] * (-1 if mirror else 1, 1, 1), turns, scales, shifts)[0] + random.normal(
        size=(30, 3)
    )
    (found,), (scale,), (shift,) = fit_similarity(source[None], target)
    s, t = source - source.mean(axis=0), target - target.mean(axis=0)
    expected = rotation.align_vectors(t, s)[0].as_matrix()
    np.testing.assert_allclose(found, expected, atol=1e-6)
    assert np.linalg.det(found) == pytest.approx(1)
    best = (t * (s @ expected.T)).sum() / (s**2).sum()  # least squares, the rotation given
    assert scale == pytest.approx(best, rel=1e-6)
    np.testing.assert_allclose(shift, target.mean(axis=0) - scale * found @ source.mean(axis=0), atol=1e-9)


def test_the_mirror() -> None:
    points = np.random.default_rng(3).normal(size=(2, 468, 3))
    np.testing.assert_array_equal(mirror_shapes(mirror_shapes(points)), points)
    np.testing.assert_allclose(mirror_shapes(head()), head(), atol=1e-12)
    np.testing.assert_array_equal(mirror_shapes(points)[:, 33], points[:, 263] * (-1, 1, 1))


def test_alignment_undoes_similarities() -> None:
    """Up to how far the head nods, which no symmetry tells: the average of the photos decides it."""
    random, count = np.random.default_rng(4), 12
    change = np.zeros((count, 468, 3))
    moving = np.setdiff1d(np.arange(468), STABLE_LANDMARKS)
    change[:, moving] = random.normal(scale=0.02, size=(count, len(moving), 3))
    true = head() + change
    found, mean = procrustes_align(apply_similarity(true, *similarities(count, random)))
    np.testing.assert_allclose(mean, mirror_shapes(mean), atol=1e-9)
    np.testing.assert_allclose(mean[list(EYES)].mean(axis=0), 0, atol=1e-9)
    outer, inner = mean[263] - mean[33], mean[362] - mean[133]
    assert np.linalg.norm(outer + inner) / 2 == pytest.approx(1)  # one inter-ocular distance
    one = fit_similarity(found[:1], true[0])
    restored = apply_similarity(found, *(np.repeat(part, count, axis=0) for part in one))
    np.testing.assert_allclose(restored, true, atol=1e-9)
    assert one[1][0] == pytest.approx(1, abs=0.01)


def test_neutral_means() -> None:
    values = np.array([(1.0,), (3.0,), (10.0,), (7.0,)])
    expression = np.array(["neutral", "neutral", "fear", "neutral"])
    found = neutral_means(values, expression, np.array(["b", "b", "b", "a"]))
    assert {person: mean.tolist() for person, mean in found.items()} == {"a": [7.0], "b": [2.0]}


@pytest.mark.parametrize(("count", "width"), [(40, 9), (9, 40)])
def test_principal_modes_against_the_covariance(count: int, width: int) -> None:
    """Whether there are more rows or more values, and in any precision."""
    rows = np.random.default_rng(6).normal(size=(count, width)) * np.linspace(1, 3, width)
    rows -= rows.mean(axis=0)
    values, vectors = np.linalg.eigh(np.cov(rows.T, bias=True))
    modes, explained = principal(rows.reshape(count, width, 1), 4)
    assert modes.shape == (4, width, 1)
    np.testing.assert_allclose(explained, np.cumsum(values[::-1])[:4] / values.sum())
    for number, mode in enumerate(modes[..., 0]):
        expected = vectors[:, -1 - number] * np.sqrt(values[-1 - number])
        np.testing.assert_allclose(mode, expected * np.sign(expected @ mode), atol=1e-9)
        assert np.abs(mode).max() == mode.max()
    coefficients = projected(rows.reshape(count, width, 1), modes)
    np.testing.assert_allclose(coefficients, np.linalg.lstsq(modes[..., 0].T, rows.T, rcond=None)[0].T)
    np.testing.assert_allclose(coefficients.std(axis=0), 1)
    single, _ = principal(rows.astype(np.float32), 4)
    assert single.dtype == np.float32
    np.testing.assert_allclose(single, modes[..., 0], atol=1e-5)


@pytest.mark.parametrize("seed", range(8))
def test_rounding_does_not_choose_the_sign_of_a_lopsided_mode(seed: int) -> None:
    random = np.random.default_rng(seed)
    sides = np.array((0.5, 1, -1, -0.5)) + random.normal(scale=1e-9, size=4)
    ((mode,), _) = principal(random.normal(size=(20, 1)) * sides, 1)
    assert mode[1] > 0 > mode[2]


def test_modes_beyond_others_have_the_covariance_of_what_movements_do_beside_them() -> None:
    """Movements of which each has an amount of one deviation; principal modes may be scaled, as they are orthogonal."""
    random = np.random.default_rng(3)
    frame, _ = np.linalg.qr(random.normal(size=(12, 3)))
    modes = (frame * (3.0, 1.0, 0.2)).T.reshape(3, 4, 3)
    movements = random.normal(size=(5, 4, 3))
    found = modes_beyond(movements, modes).reshape(5, 12)
    beside = movements.reshape(5, 12) @ (np.eye(12) - frame @ frame.T)
    np.testing.assert_allclose(found.T @ found, beside.T @ beside, atol=1e-12)
    np.testing.assert_allclose(found @ found.T, np.diag((found**2).sum(axis=1)), atol=1e-12)
    np.testing.assert_allclose(found @ frame, 0, atol=1e-12)
