"""Pairs and the measures of verification, against hand numbers, a rank test and the closed form of two Gaussians."""

import math
from statistics import NormalDist

import numpy as np
import pytest

from facerelief.errors import DatasetError
from facerelief.training.verification import Verification, cosine_distances, draw_pairs, measures, verification


def test_measures_by_hand() -> None:
    """14 of 16 comparisons are right; at 0.4 one of four is wrong on either side; below 0.4 no pair of two passes."""
    assert measures(np.array([0.6, 0.1, 0.3, 0.2]), np.array([0.5, 0.8, 0.4, 0.7])) == (14 / 16, 0.25, 0.75)


def test_measures_of_distances_that_tell_all_nothing_or_the_contrary() -> None:
    near, far = np.array([0.1, 0.2]), np.array([0.6, 0.7, 0.8])
    assert measures(near, far) == (1.0, 0.0, 1.0)
    assert measures(far, near) == (0.0, 1.0, 0.0)
    assert measures(np.full(4, 0.5), np.full(3, 0.5)) == (0.5, 0.5, 0.0)


def test_the_area_is_that_of_mann_and_whitney_ties_included() -> None:
    stats = pytest.importorskip("scipy.stats")
    random = np.random.default_rng(0)
    same, different = random.normal(0.4, 0.2, 300).round(2), random.normal(0.6, 0.2, 500).round(2)
    u = stats.mannwhitneyu(different, same).statistic
    assert measures(same, different)[0] == pytest.approx(u / (300 * 500), abs=1e-12)


@pytest.mark.parametrize("apart", [0.5, 1.5, 3.0])
def test_measures_of_two_gaussians(apart: float) -> None:
    """Equal spreads, means `apart` deviations from one another: all three are values of the normal distribution."""
    random, normal = np.random.default_rng(1), NormalDist()
    found = measures(random.normal(0, 1, 100_000), random.normal(apart, 1, 100_000))
    expected = [normal.cdf(apart / math.sqrt(2)), normal.cdf(-apart / 2), normal.cdf(normal.inv_cdf(0.01) + apart)]
    assert found == pytest.approx(expected, abs=0.01)


def test_every_pair_of_one_person_and_distinct_pairs_of_two() -> None:
    people = ["ann", "bob", "ann", "cid", "ann", "bob"]
    pairs = draw_pairs(people)
    assert pairs.persons == 2
    assert {(i, j) for i, j in pairs.same.tolist()} == {(0, 2), (0, 4), (2, 4), (1, 5)}
    assert len(pairs.same) == 4
    everyone = {(i, j) for j in range(6) for i in range(j) if people[i] != people[j]}
    assert {(i, j) for i, j in pairs.different.tolist()} == everyone
    assert len(pairs.different) == len(everyone) == 11


def test_the_draw_is_limited_and_always_the_same() -> None:
    people = [f"person {number // 2}" for number in range(200)]
    one, again = draw_pairs(people, most=50), draw_pairs(people, most=50)
    assert len(one.same) == 100
    assert 45 <= len(one.different) <= 50  # drawn twice, a pair counts once
    assert np.array_equal(one.different, again.different)
    assert not np.array_equal(one.different, draw_pairs(people, most=50, seed=1).different)
    assert all(people[i] != people[j] for i, j in one.different)


@pytest.mark.parametrize("people", [[], ["ann"], ["ann", "bob", "cid"], ["ann", "ann"]])
def test_photos_that_show_nobody_twice_or_only_one_person(people: list[str]) -> None:
    with pytest.raises(DatasetError, match=r"at least two people, one of them with two photos.*; add photos"):
        draw_pairs(people)


def test_vectors_at_known_angles() -> None:
    """Two persons, each with two photos, 30 and 90 degrees apart; any two of different persons are at 180 or 90."""
    angles = np.radians([0, 30, 180, 90])
    vectors = np.column_stack([np.cos(angles), np.sin(angles)])
    assert cosine_distances(vectors, np.array([[0, 0], [0, 1], [0, 2], [0, 3]])) == pytest.approx(
        [0, 1 - math.sqrt(3) / 2, 2, 1]
    )
    found = verification(draw_pairs(["ann", "ann", "bob", "bob"]), vectors)
    # Of one: 0.13 and 1. Of two: 0-180: 2, 0-90: 1, 30-180: 1.87, 30-90: 0.5; 0.13 is nearer than all, 1 than 2.5.
    assert (found.persons, found.same, found.different) == (2, 2, 4)
    assert found.auc == pytest.approx((4 + 2.5) / 8)


def test_the_verdict_names_chance() -> None:
    verdict = Verification(12, 3_456, 50_000, 0.87654, 0.2, 0.345).verdict
    assert verdict.startswith(
        "3,456 pairs of one person (12 persons) against 50,000 pairs of two; chance in brackets: "
    )
    assert "AUC 0.877 (0.500), equal error rate 0.200 (0.500), accepted at 1 % false accepts 0.345 (0.010)" in verdict
