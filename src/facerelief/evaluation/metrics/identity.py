"""The identity distance of edits (the paper's Fig. 4): how far an edit looks from the person in its source photo.

The distance is 1 - cos of the vectors that the project's own encoder gives the two. No editor was trained with that
encoder, and it was trained on nobody who is measured here. It is small, and the paper's is VGG-Face: the numbers mean
something beside the distances of real photos only, of one person and of two, and cannot be compared with the paper's.
"""

from dataclasses import dataclass

import numpy as np
from torch import nn

from facerelief.data.arrays import Arrays
from facerelief.training.identity import embed_all
from facerelief.training.verification import Verification, cosine_distances, draw_pairs, verification

IDENTITY_DISTANCE_TITLE = "identity distance (facerelief encoder)"


@dataclass(frozen=True)
class DistanceSummary:
    """A distribution of distances in a few numbers.

    Attributes:
        count: Number of distances.
        mean: Their mean.
        deviation: Their standard deviation.
        quartiles: The quantiles 0.25, 0.5 and 0.75.
    """

    count: int
    mean: float
    deviation: float
    quartiles: tuple[float, float, float]


@dataclass(frozen=True)
class References:
    """Identity distances between real photos.

    Attributes:
        same: Of pairs of one person, (N,).
        changed: Those of `same` whose two photos show different expressions, as a photo and its edit do.
        different: Of pairs of two people, (M,).
        verified: How well the distance separates `same` from `different`.
    """

    same: np.ndarray
    changed: np.ndarray
    different: np.ndarray
    verified: Verification


def summarise_distances(distances: np.ndarray) -> DistanceSummary:
    """The distribution of distances (N,)."""
    low, middle, high = np.quantile(distances, (0.25, 0.5, 0.75)).tolist()
    return DistanceSummary(
        len(distances), float(distances.mean(dtype=float)), float(distances.std()), (low, middle, high)
    )


def real_distances(encoder: nn.Module, test: Arrays) -> References:
    """Distances between real photos, for comparison. Raises `DatasetError` where nobody has two test photos."""
    pairs = draw_pairs([sample.identity for sample in test.samples])
    vectors = embed_all(encoder, test)
    same, different = (cosine_distances(vectors, rows) for rows in (pairs.same, pairs.different))
    first, second = test.label[pairs.same].T
    return References(same, same[first != second], different, verification(pairs, vectors))
