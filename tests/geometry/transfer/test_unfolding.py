"""Flows without folds: determinants of known maps, folds that are known, and any smooth flow."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from facerelief.geometry.transfer.unfolding import folds, jacobian_determinants, unfold

SIZE = 64


def grid() -> tuple[np.ndarray, np.ndarray]:
    """x and y of the nodes, from -1 to 1."""
    line = np.linspace(-1, 1, SIZE)
    return np.meshgrid(line, line)


def window() -> np.ndarray:
    """1 in the middle, 0 at the border."""
    x, y = grid()
    return (np.clip(1 - x**2, 0, 1) * np.clip(1 - y**2, 0, 1)) ** 2


def test_the_determinant_of_a_linear_map() -> None:
    matrix = np.array([[0.9, -0.4], [0.3, 1.2]])
    y, x = np.mgrid[:SIZE, :SIZE].astype(float)
    nodes = np.stack([x, y], axis=2)
    flow = nodes @ matrix.T - nodes
    np.testing.assert_allclose(jacobian_determinants(flow), np.linalg.det(matrix))


def test_a_flow_without_folds_is_left_alone() -> None:
    x, y = grid()
    flow = 3 * np.stack([np.sin(2 * x), np.cos(y)], axis=2) * window()[..., None]
    assert not folds(flow).any()
    assert unfold(flow) is flow


def test_a_fold_is_smoothed_and_the_rest_stays() -> None:
    """Left of the middle pixels come from the right, and right of it from the left: they change places."""
    x, y = grid()
    bump = np.exp(-((x**2 + y**2) / 0.02))
    flow = np.stack([-60 * x * bump, np.zeros_like(x)], axis=2)
    assert folds(flow).sum() > 10
    smooth = unfold(flow)
    assert not folds(smooth).any()
    far = np.hypot(x, y) > 0.8
    np.testing.assert_array_equal(smooth[far], flow[far])
    near = folds(flow)
    assert np.abs(smooth - flow)[:-1, :-1][near].max() > 1


@settings(max_examples=60, deadline=None, derandomize=True)
@given(st.integers(0, 10**6), st.floats(0, 40), st.integers(1, 6))
def test_any_smooth_flow_ends_without_folds_and_zero_at_the_border(seed: int, reach: float, waves: int) -> None:
    x, y = grid()
    random = np.random.default_rng(seed)
    flow = np.zeros((SIZE, SIZE, 2))
    for _ in range(waves):
        a, b, phase = random.uniform(-8, 8), random.uniform(-8, 8), random.uniform(0, 6)
        flow += random.normal(size=2) * np.sin(a * x + b * y + phase)[..., None]
    flow = reach * flow / waves * window()[..., None]
    smooth = unfold(flow)
    assert not folds(smooth).any()
    assert np.isfinite(smooth).all()
    edge = np.concatenate([smooth[0], smooth[-1], smooth[:, 0], smooth[:, -1]])
    assert np.abs(edge).max() < 1e-9
    assert unfold(smooth) is smooth


@pytest.mark.parametrize("kind", [np.float32, np.float64])
def test_the_type_stays(kind: type) -> None:
    x, y = grid()
    flow = np.stack([-60 * x * np.exp(-((x**2 + y**2) / 0.02)), 0 * x], axis=2).astype(kind)
    assert unfold(flow).dtype == kind
