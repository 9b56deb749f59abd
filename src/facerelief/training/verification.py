"""Verification: how well distances tell two photos of one person from photos of two, by the measures of the field."""

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from facerelief.errors import DatasetError

MOST_DIFFERENT = 50_000  # pairs of different persons to draw; all of them would be millions


@dataclass(frozen=True)
class Verification:
    """Shares of pairs, told apart by one distance; by chance auc is 0.5, eer 0.5 and tar 0.01.

    persons: with several photos. same, different: numbers of pairs. auc: how often a pair of one person is nearer
    than a pair of two. eer: share of both kinds called wrongly at the distance where the two shares are equal. tar:
    share of same pairs accepted at the distance that accepts 1 % of different ones.
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
    """Rows of photos, (P, 2) each: every pair of one person's photos, and a fixed draw of pairs of two persons'."""

    same: np.ndarray
    different: np.ndarray
    persons: int


def person_digest(name: str) -> str:
    """What stands for a person in a checkpoint, which names nobody: the start of the name's SHA-256, hexadecimal."""
    return hashlib.sha256(name.encode("utf-8", "surrogateescape")).hexdigest()[:16]


def person_digests(names: Iterable[str]) -> list[str]:
    """`person_digest` of each person once, in the order of their names."""
    return [person_digest(name) for name in sorted({*names})]


def rows_by_person(identities: Sequence[str]) -> dict[str, np.ndarray]:
    """The rows of each person's photos, persons in the order of their names.

    Raises `DatasetError` where nobody has two photos, or all photos are of one person: nothing can be learnt from
    such photos, or measured on them.
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
    """The pairs of photos whose persons are `identities`. Raises `DatasetError` as `rows_by_person` does."""
    several = [rows for rows in rows_by_person(identities).values() if len(rows) > 1]
    same = np.concatenate([np.column_stack([a[i] for i in np.triu_indices(len(a), 1)]) for a in several])
    drawn = np.random.default_rng(seed).integers(len(identities), size=(4 * most, 2))
    people = np.array(identities)
    drawn = drawn[people[drawn[:, 0]] != people[drawn[:, 1]]][:most]
    return Pairs(same, np.unique(np.sort(drawn, axis=1), axis=0), len(several))


def verification(pairs: Pairs, vectors: np.ndarray) -> Verification:
    """The measures of unit vectors (N, D), a row a photo."""
    same, different = (cosine_distances(vectors, rows) for rows in (pairs.same, pairs.different))
    return Verification(pairs.persons, len(same), len(different), *measures(same, different))


def cosine_distances(vectors: np.ndarray, rows: np.ndarray) -> np.ndarray:
    """1 - cos between the vectors of pairs of rows (P, 2): (P,), in [0, 2]."""
    return 1 - np.einsum("pd,pd->p", vectors[rows[:, 0]], vectors[rows[:, 1]])


def measures(same: np.ndarray, different: np.ndarray) -> tuple[float, float, float]:
    """auc, eer and tar of `Verification` from distances of pairs of one person and of two."""
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
