"""Mean pictures that were moved by known amounts of known modes: the movement is taken back."""

import numpy as np
import pytest

from facerelief.geometry.morphable.learning.registration import register
from facerelief.geometry.morphable.uv_map import sample_bilinear

SIZE = 160
GRID = np.dstack(np.meshgrid(*(np.arange(SIZE, dtype=np.float64) + 0.5,) * 2)).astype(np.float64)


def bump(x: float, y: float, wide: float, high: float) -> np.ndarray:
    found: np.ndarray = np.exp(-(((GRID[..., 0] - x) / wide) ** 2) - ((GRID[..., 1] - y) / high) ** 2)
    return found


def face() -> np.ndarray:
    """Dark brows, eyes and a mouth on bright skin."""
    parts = ((50, 55, 12, 2.5), (110, 55, 12, 2.5), (50, 70, 7, 3), (110, 70, 7, 3), (80, 120, 18, 3))
    found: np.ndarray = -0.3 - np.sum([0.8 * bump(*part) for part in parts], axis=0)
    return found


@pytest.fixture(scope="module")
def moves() -> np.ndarray:
    """Three modes, up to 1 pixel: brows down, brows together, mouth down; (3, 160, 160, 2)."""
    found = np.zeros((3, SIZE, SIZE, 2))
    brows = bump(50, 55, 25, 10), bump(110, 55, 25, 10)
    found[0, ..., 1] = brows[0] + brows[1]
    found[1, ..., 0] = brows[0] - brows[1]
    found[2, ..., 1] = bump(80, 120, 40, 15)
    return found


def moved(picture: np.ndarray, moves: np.ndarray, amounts: tuple[float, ...]) -> np.ndarray:
    """A picture whose features at u appear at u + the movement at u, by fixed points of the inverse."""
    away = np.tensordot(amounts, moves, 1)
    back = np.zeros_like(away)
    for _ in range(50):
        back = -sample_bilinear(away, GRID + back)
    return sample_bilinear(picture[..., None], GRID + back)[..., 0]


@pytest.mark.parametrize("amounts", [(0.0, 0.0, 0.0), (3.0, 0.0, 0.0), (2.0, 2.5, -2.0), (-3.0, -1.0, 3.0)])
def test_what_was_moved_comes_back(moves: np.ndarray, amounts: tuple[float, ...]) -> None:
    still = face()
    shown = moved(still, moves, amounts)
    registered = register(still, shown, moves, np.ones((SIZE, SIZE)))
    before, after = np.abs(shown - still).mean(), np.abs(registered - still).mean()
    assert after <= 0.25 * before + 1e-6


def test_light_and_wrinkles_are_not_taken_for_movement(moves: np.ndarray) -> None:
    still = face()
    furrows = -0.15 * bump(80, 58, 2, 8)
    shown = moved(still, moves, (2.0, 0.0, 0.0)) + furrows + 0.3 * GRID[..., 0] / SIZE
    registered = register(still, shown, moves, np.ones((SIZE, SIZE)))
    change = registered - still - 0.3 * GRID[..., 0] / SIZE
    assert change[58, 80] < -0.1  # the furrow stays, for the texture
    brows = np.s_[45:66, 36:64]
    assert np.abs(change[brows]).mean() < 0.25 * np.abs(shown - still - 0.3 * GRID[..., 0] / SIZE)[brows].mean()


def test_where_nothing_counts_nothing_moves(moves: np.ndarray) -> None:
    weight = np.ones((SIZE, SIZE))
    weight[:90] = 0
    still, shown = face(), moved(face(), moves, (3.0, 2.0, 2.0))
    registered = register(still, shown, moves, weight)
    np.testing.assert_allclose(registered[:80], shown[:80], atol=1e-4)
    mouth = np.s_[105:135, 50:110]
    assert np.abs(registered - still)[mouth].mean() < 0.25 * np.abs(shown - still)[mouth].mean()


def test_pictures_without_features(moves: np.ndarray) -> None:
    flat = np.full((SIZE, SIZE), -0.3)
    np.testing.assert_array_equal(register(flat, flat, moves, np.ones((SIZE, SIZE))), flat)
