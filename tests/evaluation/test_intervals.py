"""Intervals over persons, against scipy's bootstrap and by hand."""

import numpy as np
import pytest

from facerelief.evaluation.intervals import FEWEST, mean_interval, quantile_interval


def test_a_quantile_of_persons_with_one_value_each_is_scipys() -> None:
    stats = pytest.importorskip("scipy.stats")
    values = np.random.default_rng(1).normal(size=200)
    found = quantile_interval(values, np.arange(200), 0.5)
    drawn = stats.bootstrap((values,), np.median, n_resamples=2000, method="percentile", rng=0).confidence_interval
    assert found["value"] == pytest.approx(np.median(values))
    assert found["n"] == 200
    assert (found["low"], found["high"]) == (pytest.approx(drawn.low, abs=0.04), pytest.approx(drawn.high, abs=0.04))


def test_photos_of_one_person_are_drawn_together() -> None:
    """Ten values of each of ten persons: as wide as of ten values, not of a hundred."""
    persons = np.repeat(np.arange(10), 10)
    values = persons.astype(float)
    found = quantile_interval(values, persons, 0.5)
    alone = quantile_interval(np.arange(10.0), np.arange(10), 0.5)
    assert found["value"] == pytest.approx(4.5)
    for end in ("low", "high"):
        assert found[end] == pytest.approx(alone[end], abs=0.6)


def test_few_persons_have_no_interval_and_what_is_no_number_is_left_out() -> None:
    values = np.array([1.0, np.nan, 3.0, 2.0])
    found = quantile_interval(values, np.arange(FEWEST - 1), 0.5)
    assert found == {"value": 2.0, "low": None, "high": None, "n": 3}
    assert mean_interval(values, np.arange(FEWEST - 1)) == {"mean": 2.0, "low": None, "high": None, "n": 3}
