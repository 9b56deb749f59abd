"""From an editor's scores to the numbers of a report: rates, means and distances, with intervals over persons."""

import contextlib
import dataclasses
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor

from facerelief.data.arrays import Arrays
from facerelief.evaluation.intervals import interval, mean_interval, redraws
from facerelief.evaluation.metric_networks import FeatureNet
from facerelief.evaluation.metrics.distances import (
    TooFew,
    frechet_distance,
    frechet_matched,
    kernel_distance,
    kernel_within_classes,
    merged,
    moments,
)
from facerelief.evaluation.scoring import EditScores
from facerelief.training.classifier import Accuracy


@dataclass(frozen=True)
class Measure:
    """How a metric is shown.

    Attributes:
        title: Its name in tables.
        unit: Its unit, or "".
        digits: Decimal places.
        better: 1 where more is better, -1 where less is, 0 where neither.
    """

    title: str
    unit: str
    digits: int
    better: int


MEASURES = {
    "rate": Measure("expression generation rate, mean over classes", "", 3, 1),
    "rate_six": Measure("the same, six classes", "", 3, 1),
    "frechet": Measure("FID", "", 2, -1),
    "frechet_matched": Measure("FID, classes matched", "", 2, -1),
    "kernel": Measure("KID", "", 5, -1),
    "kernel_within": Measure("KID within classes", "", 5, -1),
    "depth_rate": Measure("edits whose depth is classified as the target", "", 3, 1),
    "normal_rate": Measure("edits whose normals are classified as the target", "", 3, 1),
    "cycle_psnr": Measure("PSNR of the cycle", "dB", 2, 1),
    "cycle_ssim": Measure("SSIM of the cycle", "", 3, 1),
    "identity": Measure("identity distance to the source", "", 3, -1),
    "true_psnr": Measure("PSNR against the true target", "dB", 2, 1),
    "true_ssim": Measure("SSIM against the true target", "", 3, 1),
    "true_identity": Measure("identity distance to the true target", "", 3, -1),
    "true_depth": Measure("depth error against the true target", "inter-ocular", 4, -1),
    "true_normal": Measure("normal error against the true target", "degrees", 2, -1),
    "class_depth": Measure("depth error against the target expression's mean map", "inter-ocular", 4, -1),
    "class_normal": Measure("normal error against the target expression's mean map", "degrees", 2, -1),
}


DISTANCES = ("frechet", "frechet_matched", "kernel", "kernel_within")  # among the measures

READ_FIRST = (
    "Read first: the expression generation rate, beside the classifier on real photos and beside unedited; then the "
    "identity distance, beside that of real photos of one person and of two; then the cycle's PSNR. The other numbers "
    "help to explain these three."
)
_DRAWN = " This dataset is synthetic: what is called a real photo here is its own rendering of a synthetic face."


def read_first(setup: dict[str, Any]) -> str:
    """Where to begin in a table of many metrics."""
    return READ_FIRST + (_DRAWN if setup.get("pairs") else "")


def measure_title(name: str, setup: dict[str, Any]) -> str:
    """A metric's title, with the encoder's name or the accuracy on real photos from the facts of the setup."""
    title = MEASURES[name].title
    if "identity" in name and setup["encoder"]:
        title = title.replace("identity distance", setup["encoder"]["name"])
    real = (setup["depth"] or {}).get("called_on_real", {}).get(name.removesuffix("_rate"))
    return title if real is None else f"{title} (real photos by their own: {real:.3f})"


def accuracy_facts(accuracy: Accuracy) -> dict[str, Any]:
    """An accuracy as a report holds it, with the number of samples of each class."""
    counts = [sum(row) for row in accuracy.confusion]
    return {
        **dataclasses.asdict(accuracy),
        "per_class": accuracy.per_class,
        "all": accuracy.balanced,
        "six": accuracy.six,
        "overall": accuracy.overall,
        "counts": dict(zip(accuracy.expressions, counts, strict=True)),
        "n": sum(counts),
    }


def edit_accuracy(scores: EditScores, expressions: tuple[str, ...]) -> Accuracy:
    """Target (row) against prediction (column)."""
    return accuracy_of(scores.target, scores.predicted, expressions)


def accuracy_of(wanted: np.ndarray, predicted: np.ndarray, expressions: tuple[str, ...]) -> Accuracy:
    """Of indices (N,) of expressions."""
    classes = len(expressions)
    pairs = np.bincount(wanted * classes + predicted, minlength=classes**2)
    return Accuracy(expressions, pairs.reshape(classes, classes).tolist())


def summarise(
    scores: EditScores, test: Arrays, real: Tensor, features: FeatureNet, label: Tensor | None = None
) -> dict[str, Any]:
    """The numbers of one editor.

    Args:
        scores: Of its edits.
        test: The test photos.
        real: Features (M, D) of held-out real photos.
        features: The network that they come from.
        label: Classes (M,) of those photos, for distances that the class mix does not move.
    """
    persons = _persons(scores, test)
    accuracy = edit_accuracy(scores, test.expressions)
    facts: dict[str, Any] = {
        "edits": accuracy_facts(accuracy),
        "photos": len(np.unique(scores.row)),
        "persons": int(persons.max()) + 1,
        "values": {"rate": _rate_interval(scores, persons, accuracy)},
    }
    facts["values"] |= {
        name: mean_interval(value, persons) for name, value in scores.values.items() if np.isfinite(value).any()
    }
    facts["distances"] = distances(real, scores.features, features)
    if label is not None:
        target = torch.from_numpy(scores.target)
        facts["distances"] |= class_matched_distances(real, label, scores.features, target)
    return facts


def class_matched_distances(real: Tensor, label: Tensor, made: Tensor, target: Tensor) -> dict[str, float]:
    """Distances of edits from real photos of their targets, as far as there are enough; arguments as of the metrics."""
    found = {}
    for name, call in (("frechet_matched", frechet_matched), ("kernel_within", kernel_within_classes)):
        with contextlib.suppress(TooFew):
            found[name] = call(real, label, made, target)
    return found


def distances(real: Tensor, made: Tensor, features: FeatureNet, part: int = 2048) -> dict[str, Any]:
    """Frechet and kernel distance under their names, or why there is none, and what they rest on."""
    facts: dict[str, Any] = {
        "features_sha256": features.sha256,
        "dimensions": real.shape[1],
        "n_real": len(real),
        "n_edits": len(made),
        "refused": {},
    }
    calls: dict[str, tuple[str, Callable[[], float]]] = {
        "frechet": (
            features.frechet,
            lambda: frechet_distance(*(merged(map(moments, torch.split(x, part))) for x in (real, made))),
        ),
        "kernel": (features.kernel, lambda: kernel_distance(real, made)),
    }
    for kind, (name, call) in calls.items():
        facts[f"{kind}_name"] = name
        try:
            facts[kind] = call()
        except TooFew as reason:
            facts["refused"][name] = str(reason)
    return facts


def _persons(scores: EditScores, test: Arrays) -> np.ndarray:
    """A number a person for every edit, 0 and up."""
    people = np.array([sample.identity for sample in test.samples])
    return np.unique(people[scores.row], return_inverse=True)[1]


def _rate_interval(scores: EditScores, persons: np.ndarray, accuracy: Accuracy) -> dict[str, Any]:
    classes, count = len(accuracy.expressions), int(persons.max()) + 1
    place = persons * classes + scores.target
    hits = np.bincount(place, scores.predicted == scores.target, count * classes).reshape(count, classes)
    sizes = np.bincount(place, minlength=count * classes).reshape(count, classes)
    weights = redraws(count)
    with np.errstate(invalid="ignore", divide="ignore"):
        recalls = weights @ hits / (weights @ sizes)
    means = np.nanmean(recalls, axis=1)
    return {"mean": accuracy.balanced, **interval(means, count), "n": len(scores.row)}


def feature_rows(features: FeatureNet, images: list[Tensor]) -> Tensor:
    """Features of batches of images, float32 (N, D), on the CPU."""
    with torch.inference_mode():
        return torch.cat([features.call(image).float().cpu() for image in images])
