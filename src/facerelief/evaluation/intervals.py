"""Intervals over persons: between which values a number lies in 95 % of redraws of the persons."""

from typing import Any

import numpy as np

DRAWS, FEWEST = 1000, 5  # redraws of persons for an interval, and the fewest persons that make one


def mean_interval(value: np.ndarray, persons: np.ndarray) -> dict[str, Any]:
    """The mean of values (N,) that are finite, its interval, and their number. persons: (N,), numbers from 0 up."""
    have = np.isfinite(value)
    count = int(persons.max()) + 1
    sums = np.bincount(persons[have], value[have].astype(float), count)
    sizes = np.bincount(persons[have], minlength=count)
    weights = redraws(count)
    with np.errstate(invalid="ignore", divide="ignore"):
        means = weights @ sums / (weights @ sizes)
    return {"mean": float(value[have].mean(dtype=float)), **interval(means, count), "n": int(have.sum())}


def quantile_interval(value: np.ndarray, persons: np.ndarray, share: float) -> dict[str, Any]:
    """A quantile of values (N,) that are finite, as `value`, its interval, and their number. persons: as above."""
    have = np.isfinite(value)
    value, persons = value[have].astype(float), persons[have]
    count = int(persons.max()) + 1
    drawn = [np.quantile(value.repeat(times[persons]), share) for times in redraws(count) if times[persons].any()]
    return {"value": float(np.quantile(value, share)), **interval(np.array(drawn), count), "n": len(value)}


def redraws(persons: int) -> np.ndarray:
    """How often each person is drawn, (DRAWS, P)."""
    return np.random.default_rng(0).multinomial(persons, np.full(persons, 1 / persons), DRAWS)


def interval(means: np.ndarray, persons: int) -> dict[str, float | None]:
    """From the means of all redraws; None where there are too few persons to redraw."""
    if persons < FEWEST:
        return {"low": None, "high": None}
    low, high = np.nanquantile(means, (0.025, 0.975)).tolist()
    return {"low": low, "high": high}
