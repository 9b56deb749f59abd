"""Face verification: how well distances separate pairs of photos of one person from pairs of two people."""

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from facerelief.errors import DatasetError

MOST_DIFFERENT = 50_000  # pairs of different persons to draw; all of them would be millions


@dataclass(frozen=True)
class Verification:
    """How well distances separate same-person pairs from different-person pairs.

    Attributes:
        persons: People with several photos.
        same: Number of same-person pairs.
        different: Number of different-person pairs.
        auc: Area under the ROC curve, 0 to 1; chance is 0.5.
        eer: Equal error rate, 0 to 1; chance is 0.5.
        tar: Share of same-person pairs accepted at a false accept rate of at most 1 %; chance is 0.01.
    """

    persons: int
    same: int
    different: int
    auc: float
    eer: float
    tar: float

    @property
    def verdict(self) -> str:
        """The measures in words, beside chance."""
        return (
            f"{self.same:,} pairs of one person ({self.persons:,} persons) against {self.different:,} pairs of two; "
            f"chance in brackets: ROC AUC {self.auc:.3f} (0.500), equal error rate {self.eer:.3f} (0.500), "
            f"accepted at 1 % false accepts {self.tar:.3f} (0.010)"
        )


@dataclass(frozen=True)
class Pairs:
    """Pairs of photos, by their rows.

    Attributes:
        same: Every pair of one person's photos, (P, 2).
        different: A fixed random subset of pairs of two people's photos, (Q, 2).
        persons: People with several photos.
    """

    same: np.ndarray
    different: np.ndarray
    persons: int


def person_digest(name: str) -> str:
    """Stands for a person in a checkpoint, which holds no names: the first 16 hexadecimal digits of SHA-256."""
    return hashlib.sha256(name.encode("utf-8", "surrogateescape")).hexdigest()[:16]


def person_digests(names: Iterable[str]) -> list[str]:
    """`person_digest` of each person once, in the order of their names."""
    return [person_digest(name) for name in sorted({*names})]


def rows_by_person(identities: Sequence[str]) -> dict[str, np.ndarray]:
    """The rows of each person's photos, persons in the order of their names.

    Raises:
        DatasetError: Nobody has two photos, or all photos are of one person, so there are no pairs.
    """
    names, people = np.unique(np.array(identities), return_inverse=True)
    photos = np.bincount(people, minlength=len(names))
    if len(names) < 2 or photos.max() < 2:
        raise DatasetError(
            "a split needs at least two people, one of them with two photos; "
            "add photos, or name the persons in a CSV with an identity column"
        )
    rows = np.split(np.argsort(people, kind="stable"), np.cumsum(photos)[:-1])
    return dict(zip(names.tolist(), rows, strict=True))


def draw_pairs(identities: Sequence[str], most: int = MOST_DIFFERENT, seed: int = 0) -> Pairs:
    """Pairs of photos to measure verification on.

    Args:
        identities: The person on each photo.
        most: Different-person pairs to draw at most.
        seed: Of the draw.

    Raises:
        DatasetError: As of `rows_by_person`.
    """
    several = [rows for rows in rows_by_person(identities).values() if len(rows) > 1]
    same = np.concatenate([np.column_stack([a[i] for i in np.triu_indices(len(a), 1)]) for a in several])
    drawn = np.random.default_rng(seed).integers(len(identities), size=(4 * most, 2))
    people = np.array(identities)
    drawn = drawn[people[drawn[:, 0]] != people[drawn[:, 1]]][:most]
    return Pairs(same, np.unique(np.sort(drawn, axis=1), axis=0), len(several))


def verification(pairs: Pairs, vectors: np.ndarray) -> Verification:
    """The measures of the embeddings of N photos, unit vectors (N, D)."""
    same, different = (cosine_distances(vectors, rows) for rows in (pairs.same, pairs.different))
    return Verification(pairs.persons, len(same), len(different), *measures(same, different))


def cosine_distances(vectors: np.ndarray, rows: np.ndarray) -> np.ndarray:
    """1 - cos between the vectors of pairs of rows (P, 2): (P,), in [0, 2]."""
    return 1 - np.einsum("pd,pd->p", vectors[rows[:, 0]], vectors[rows[:, 1]])


def measures(same: np.ndarray, different: np.ndarray) -> tuple[float, float, float]:
    """auc, eer and tar of `Verification` from the distances of same-person (P,) and different-person pairs (Q,)."""
    same, different = np.sort(same), np.sort(different)
    nearer = np.searchsorted(same, different, "left") + np.searchsorted(same, different, "right")  # a tie is half
    auc = nearer.mean() / 2 / len(same)
    limits = np.unique(np.concatenate([same, different]))
    accepted = np.searchsorted(different, limits, "right") / len(different)
    refused = 1 - np.searchsorted(same, limits, "right") / len(same)
    nearest = np.argmin(np.abs(accepted - refused))
    strict = limits[accepted <= 0.01]
    tar = np.searchsorted(same, strict[-1], "right") / len(same) if len(strict) else 0.0
    return float(auc), float((accepted[nearest] + refused[nearest]) / 2), float(tar)
