"""What an editor's edits show to judges and to the meter: of test photos, and of people whose true target is known."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import nn

from facerelief.array_types import Int64
from facerelief.data.arrays import Arrays
from facerelief.errors import DatasetError
from facerelief.evaluation.evidence.judges import Judge, as_rgb
from facerelief.evaluation.evidence.meter import LandmarkMeter, landmark_error
from facerelief.evaluation.metrics.quality import to_levels
from facerelief.network_input import from_levels
from facerelief.networks.conversion import one_hot

EDIT_STRENGTHS = (0.5, 1.0, 1.5)  # factors of an edit's change

# Pictures (N, C, S, S), uint8, and targets (N,) to edits, uint8, at a strength.
LevelsEdit = Callable[[np.ndarray, Int64, float], np.ndarray]


@dataclass(frozen=True)
class TruePairs:
    """People with two expressions of their own.

    Attributes:
        people: P names.
        expressions: The two expressions.
        levels: Their photos, (2, P, C, S, S), uint8.
    """

    people: tuple[str, ...]
    expressions: tuple[str, str]
    levels: np.ndarray


def true_pairs(arrays: Arrays, expressions: tuple[str, str] = ("neutral", "happiness")) -> TruePairs:
    """The people of whom there is a photo of both expressions. Raises `DatasetError` where there are none."""
    found: dict[str, dict[str, int]] = {}
    for row, sample in enumerate(arrays.samples):
        found.setdefault(sample.identity, {}).setdefault(sample.expression, row)
    people = sorted(name for name, shown in found.items() if {*expressions} <= shown.keys())
    if not people:
        raise DatasetError(f"nobody has a photo of {' and '.join(expressions)}; give photos such as the London set's")
    rows = np.array([[found[name][expression] for name in people] for expression in expressions])
    return TruePairs(tuple(people), expressions, np.asarray(arrays.image)[rows])


def network_edit(generator: nn.Module, classes: int, batch: int = 64) -> LevelsEdit:
    """Edits of a generator, at a strength: the photo plus so many times the change, rounded to 8 bits."""
    device = next(generator.parameters()).device

    @torch.inference_mode()
    def edit(levels: np.ndarray, targets: Int64, strength: float) -> np.ndarray:
        made = []
        for start in range(0, len(levels), batch):
            photo = from_levels(torch.from_numpy(levels[start : start + batch]).to(device).float())
            y_t = torch.from_numpy(targets[start : start + batch]).to(device)
            image = generator(photo, one_hot(y_t, classes)).image.float()
            made.append(to_levels(photo + strength * (image - photo)).to(torch.uint8).cpu().numpy())
        return np.concatenate(made)

    return edit


def leave_alone(levels: np.ndarray, targets: Int64, strength: float) -> np.ndarray:
    """The editor that does nothing."""
    return levels


def true_target_errors(
    edit: LevelsEdit, pairs: TruePairs, expressions: Sequence[str], meter: LandmarkMeter, strength: float = 1.0
) -> dict[str, list[float]]:
    """Landmark error of each person's edit to the other expression against the own photo of it.

    Returns:
        By "neutral to happiness" and so on, the errors (P,) in inter-ocular distances.
    """
    truth = [meter(as_rgb(pairs.levels[k])) for k in (0, 1)]
    errors = {}
    for source, target in ((0, 1), (1, 0)):
        names = pairs.expressions[source], pairs.expressions[target]
        wanted = np.full(len(pairs.people), expressions.index(names[1]))
        made = meter(as_rgb(edit(pairs.levels[source], wanted, strength)))
        errors[" to ".join(names)] = landmark_error(made, truth[target]).tolist()
    return errors


def drawn_rows(test: Arrays, a_class: int, seed: int = 0) -> Int64:
    """Rows of so many test photos of each expression, a fixed random subset."""
    random = np.random.default_rng(seed)
    pools = [random.permutation(np.flatnonzero(test.label == k))[:a_class] for k in range(len(test.expressions))]
    return np.sort(np.concatenate(pools))


def judged_edits(
    edit: LevelsEdit, test: Arrays, rows: Int64, judges: Mapping[str, Judge], strength: float = 1.0
) -> dict[str, Any]:
    """Edits of test photos to every other expression, called by every judge.

    Returns:
        "confusion": by judge, target (row) against prediction (column); "n": edits; "levels" and "targets" of them.
    """
    count = len(test.expressions)
    pairs = [(row, target) for row in rows for target in range(count) if target != test.label[row]]
    sources, targets = (np.array(column) for column in zip(*pairs, strict=True))
    made = edit(np.asarray(test.image[sources]), targets, strength)
    confusion = {name: confusion_of(targets, judge(made), count).tolist() for name, judge in judges.items()}
    return {"confusion": confusion, "n": len(made), "levels": made, "targets": targets, "rows": sources}


def confusion_of(wanted: Int64, called: Int64, classes: int) -> Int64:
    """Counts (K, K): wanted (row) against called (column)."""
    return np.bincount(wanted * classes + called, minlength=classes**2).reshape(classes, classes)


def balanced_rate(confusion: Sequence[Sequence[int]]) -> float:
    """The mean over classes of the share that is called as wanted.

    Example:
        >>> balanced_rate([[3, 1], [0, 8]])
        0.875
    """
    return float(np.mean([row[k] / sum(row) for k, row in enumerate(confusion) if sum(row)]))
