"""Movements of landmarks, by hand, and photos that are warped by them."""

from pathlib import Path

import numpy as np
import pytest
from drawn_mouths import draw, landmarks

from facerelief.data.sources.labelled import Labelled
from facerelief.evaluation.outside.movement import MeanMovements, measure_movement, moved_photo
from facerelief.evaluation.outside.views import aligned
from facerelief.faces.alignment import align


def one_point(x: float, y: float) -> np.ndarray:
    found = np.zeros((468, 2))
    found[14] = x, y
    return found


def test_a_movement_by_hand() -> None:
    """(3, 4) is 5 long; (6, 8 - 10) has 6 * 0.6 - 2 * 0.8 = 2 along it; along (0, 1): -2 and 4."""
    found = measure_movement(one_point(0, 0), one_point(6, -2), one_point(3, 4), one_point(0, 7))
    assert (found.made, found.true) == (pytest.approx(2), pytest.approx(5))
    assert (found.made_common, found.true_common) == (pytest.approx(-2), pytest.approx(4))
    alone = measure_movement(one_point(0, 0), one_point(3, 4), one_point(3, 4), None)
    assert alone.made == alone.true == pytest.approx(5)
    assert np.isnan([alone.made_common, alone.true_common]).all()


class Table:
    """In place of `FaceLandmarks`: landmarks by photo."""

    def __init__(self, **found: np.ndarray) -> None:
        self._found = found
        self.asked: list[str] = []

    def or_none(self, one: Labelled) -> np.ndarray | None:
        self.asked.append(one.photo.stem)
        return self._found.get(one.photo.stem)


def photo(name: str) -> Labelled:
    return Labelled(Path(f"{name}.png"), "neutral", name[0])


def test_the_mean_of_all_others_leaves_oneself_out() -> None:
    """B opens the mouth by 0.1, C by 0.3; D's second photo has no face, and E has no second photo."""
    rest = landmarks("neutral")

    def opened(amount: float) -> np.ndarray:
        found = rest.copy()
        found[14, 1] += amount * 200
        return found

    table = Table(a1=rest, a2=opened(0.9), b1=rest, b2=opened(0.1), c1=rest, c2=opened(0.3), d1=rest, e1=rest)
    people = {name: {"neutral": photo(f"{name}1"), "surprise": photo(f"{name}2")} for name in "abcd"}
    people["e"] = {"neutral": photo("e1")}
    movements = MeanMovements(people, table)  # type: ignore[arg-type]
    found = movements.of_others("a", "neutral", "surprise")
    assert found is not None
    assert found[14, 1] == pytest.approx(0.2, abs=2e-3)
    assert np.abs(np.delete(found, 14, axis=0)).max() < 1e-6
    other = movements.of_others("c", "neutral", "surprise")
    assert other is not None
    assert other[14, 1] == pytest.approx(0.5, abs=2e-3)
    assert len(table.asked) == 8  # each once
    assert movements.of_others("a", "neutral", "anger") is None


def test_a_photo_that_does_not_move_stays() -> None:
    points = landmarks()
    pixels = draw(points)
    np.testing.assert_allclose(moved_photo(pixels, points, np.zeros((468, 2))).astype(int), pixels, atol=1)


def test_a_photo_moves_as_its_landmarks_do() -> None:
    """A slope of one level a pixel: where all landmarks move right by 0.05, it is 0.05 * 200 = 10 levels lower."""
    slope = np.broadcast_to(np.arange(256, dtype=np.uint8)[None, :, None], (640, 256, 3))
    shifted = landmarks(at=(128, 220))
    moved = moved_photo(slope, shifted, np.full((468, 2), (0.05, 0.0)))
    x, y = shifted[[4, 50, 13], :2].T.astype(int)
    change = moved[y, x, 0].astype(int) - slope[y, x, 0]
    np.testing.assert_allclose(change, -10, atol=1.5)
    assert (moved[600:] == slope[600:]).all()


def test_aligned_landmarks_do_not_depend_on_the_photo_s_scale() -> None:
    small, large = landmarks(unit=50), landmarks(unit=300, at=(10, 800))
    np.testing.assert_allclose(aligned(small), aligned(large), atol=1e-4)
    eyes = aligned(large)[[33, 133, 362, 263]]
    assert np.linalg.norm(eyes[2:].mean(axis=0) - eyes[:2].mean(axis=0)) == pytest.approx(1, abs=0.1)
    assert align(large).size == 256
