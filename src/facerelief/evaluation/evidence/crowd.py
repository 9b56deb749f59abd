"""How far people agree on the expressions of photos: the ceiling of what any judge can reach on majority labels."""

from collections.abc import Sequence

import numpy as np

from facerelief.data.manifest import Sample
from facerelief.expressions import EXPRESSIONS


def one_against_the_others(counts: Sequence[int]) -> float:
    """How often one of the people who labelled a photo agrees with the majority of the others.

    Args:
        counts: How many chose each expression.

    Returns:
        The share of them, 0 to 1; where the others are divided between two, agreement with one counts half.

    Example:
        >>> one_against_the_others([8, 2]), one_against_the_others([5, 4])
        (0.8, 0.2777777777777778)
    """
    agreed = 0.0
    for k, count in enumerate(counts):
        others = np.array(counts) - np.eye(len(counts), dtype=int)[k]
        leaders = np.flatnonzero(others == others.max())
        agreed += count * float(k in leaders) / len(leaders)
    return agreed / sum(counts)


def crowd_ceiling(samples: Sequence[Sample], expressions: Sequence[str]) -> dict[str, float]:
    """By expression the mean of `one_against_the_others` over photos with that label, and "balanced", their mean.

    Photos without votes are left out; {} where none has any.
    """
    found: dict[str, list[float]] = {}
    for sample in samples:
        votes = [int(text) for text in sample.votes.split()]
        if len(votes) == len(EXPRESSIONS) and sum(votes) > 1 and sample.expression in expressions:
            found.setdefault(sample.expression, []).append(one_against_the_others(votes))
    means = {name: float(np.mean(found[name])) for name in expressions if name in found}
    return means | {"balanced": float(np.mean(list(means.values())))} if means else {}
