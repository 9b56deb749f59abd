"""Whether a classifier is better than chance: its balanced accuracy on real photos against random predictions.

The test: permute the classifier's predictions among the photos. Mean and variance of the balanced accuracy over all
permutations have closed forms, and its distribution is taken for normal; one-sided, at 5 %. A classifier that always
predicts one class is at chance, however common that expression is.
"""

import math
from typing import Any

import numpy as np

from facerelief.training.classifier import Accuracy

LEVEL = 0.05
SMOKE_WARNING = "SMOKE TEST: THESE NUMBERS MEAN NOTHING"


def permutation_p_value(accuracy: Accuracy) -> float:
    """Probability that predictions which ignore the photos reach this balanced accuracy."""
    counts = np.array(accuracy.confusion, dtype=float)
    counts = counts[counts.sum(axis=1) > 0]
    rows, predicted, total = counts.sum(axis=1), counts.sum(axis=0), counts.sum()
    if total < 2:
        return 1.0
    there = [place for place, row in enumerate(accuracy.confusion) if sum(row)]
    hits = counts[np.arange(len(there)), there] / rows  # recall of each class that occurs
    rate = predicted[there] / total
    # Of two cells of a table with fixed margins: covariance rate_i rate_j / (total - 1).
    covariance = np.outer(rate, rate) / (total - 1)
    np.fill_diagonal(covariance, rate * (1 - rate) * (total - rows) / (rows * (total - 1)))
    deviation = math.sqrt(max(float(covariance.sum()), 0.0))
    gap = float(hits.sum() - rate.sum())
    return 1.0 if deviation < 1e-12 else math.erfc(gap / deviation / math.sqrt(2)) / 2


def chance_warning(accuracy: Accuracy) -> str:
    """In capitals, where a classifier's accuracy on real photos could be luck; else ""."""
    p = permutation_p_value(accuracy)
    if p <= LEVEL:
        return ""
    return (
        f"THE CLASSIFIER IS AT CHANCE LEVEL: ITS RATES ARE MEANINGLESS (balanced accuracy {accuracy.balanced:.3f} on "
        f"{sum(map(sum, accuracy.confusion)):,} real photos, chance {1 / len(accuracy.expressions):.3f}, permutation "
        f"test p = {p:.2f})"
    )


def chance_facts(accuracy: Accuracy) -> dict[str, Any]:
    """For a JSON file."""
    return {"judge_at_chance": permutation_p_value(accuracy) > LEVEL, "judge_chance_p": permutation_p_value(accuracy)}
