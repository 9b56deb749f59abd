"""The setup of an evaluation: held-out photos of one dataset, and the metric networks, checked to fit."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor

from facerelief.checkpoint import read_facts, weights_in
from facerelief.config import Training
from facerelief.data.arrays import Arrays
from facerelief.data.batches import make_batch
from facerelief.data.dataset import Dataset
from facerelief.errors import DatasetError
from facerelief.evaluation.external_networks import SUFFIXES
from facerelief.evaluation.leakage import check_unseen
from facerelief.evaluation.metric_files import (
    MetricFiles,
    check_agrees,
    load_feature_net,
    load_identity_net,
    with_depth,
)
from facerelief.evaluation.metric_networks import FeatureNet, MetricNetworks
from facerelief.evaluation.summary import MEASURES, accuracy_facts, class_matched_distances, distances, feature_rows
from facerelief.evaluation.systems import partner_rows
from facerelief.files import sha256
from facerelief.training.classifier import accuracy_on, load_classifier
from facerelief.training.splits import load_split


@dataclass(frozen=True)
class EvaluationSetup:
    """What editors are measured on and with.

    Attributes:
        test: The held-out photos.
        networks: The metric networks.
        features: Of `networks`.
        real: Features (M, D) of held-out real photos.
        real_label: Their classes, (M,).
        facts: What a report records.
    """

    test: Arrays
    networks: MetricNetworks
    features: FeatureNet
    real: Tensor
    real_label: Tensor
    facts: dict[str, Any]


def best_device() -> torch.device:
    """The GPU where there is one."""
    return torch.device("cuda" if torch.cuda.is_available() else "cpu")


def set_up(
    dataset: Dataset, config: Training, files: MetricFiles, device: torch.device | None = None
) -> EvaluationSetup:
    """Load the test photos and the metric networks.

    Args:
        dataset: Its test photos are edited; its val and test photos are the real ones of FID.
        config: Size, colour and expressions of the editors.
        files: Where the metric networks are.
        device: By default the GPU where there is one.

    Raises:
        FacereliefError: A metric network does not fit `config`, or was trained on a test person.
        DatasetError: There are no test photos of the expressions.
    """
    device = device or best_device()
    classifier, settings = load_classifier(files.judge)
    check_agrees("the editor", config, f"the classifier {files.judge}", settings, ("size", "colour", "expressions"))
    test = load_split(dataset, "test", config)
    check_unseen(files.judge, test, "judge")
    classifier.to(device)
    features = load_feature_net(files, classifier)
    identity, identity_facts = load_identity_net(files, config, test)
    networks = MetricNetworks(classifier, features, identity.to(device) if identity else None, device=device)
    depth_facts = None
    if files.depth is not None:
        networks, depth_facts = with_depth(networks, dataset, config, files.depth, test)
    held_out = [test, *_val(dataset, config)]
    parts = [_features_of(features, arrays, device) for arrays in held_out]
    real, real_label = torch.cat(parts), torch.cat([torch.from_numpy(arrays.label) for arrays in held_out])
    facts = {
        **dataset.facts,
        "size": config.size,
        "colour": config.colour,
        "expressions": list(config.expressions),
        "test_photos": len(test.label),
        "test_persons": len({sample.identity for sample in test.samples}),
        "pairs": partner_rows(test) is not None,
        "judge": {
            "sha256": sha256(weights_in(files.judge)),
            "accuracy_on_real": accuracy_facts(accuracy_on(classifier, test)),
        },
        "features": _feature_facts(features, real),
        "encoder": identity_facts,
        "depth": depth_facts,
        "notes": _notes(dataset, test) + _foreign(dataset, files) + _perfect(parts, held_out, features),
    }
    return EvaluationSetup(test, networks, features, real, real_label, facts)


def _feature_facts(features: FeatureNet, real: Tensor) -> dict[str, Any]:
    sizes = {"dimensions": real.shape[1], "real_photos": len(real)}
    return {"name": features.frechet, "sha256": features.sha256, **sizes}


def _perfect(parts: list[Tensor], held_out: list[Arrays], features: FeatureNet) -> list[str]:
    """What real photos of the targets get: distances of test photos, as many of each class, to validation photos."""
    if len(parts) < 2:
        return []
    label, other = (torch.from_numpy(arrays.label) for arrays in held_out)
    counts = [int((label == k).sum()) for k in range(len(held_out[0].expressions))]
    few = min((count for count in counts if count), default=0)
    rows = torch.cat([torch.nonzero(label == k)[:few, 0] for k in range(len(counts))])
    made, target = parts[0][rows], label[rows]
    found = distances(parts[1], made, features) | class_matched_distances(parts[1], other, made, target)
    titles = {"frechet": features.frechet, "kernel": features.kernel}
    titles |= {name: MEASURES[name].title for name in ("frechet_matched", "kernel_within")}
    shown = [f"{title} {found[name]:.{MEASURES[name].digits}f}" for name, title in titles.items() if name in found]
    if not shown:
        return []
    numbers = ", ".join(shown)
    return [f"Real test photos, {few} of each expression, in place of edits, against validation photos: {numbers}."]


def _val(dataset: Dataset, config: Training) -> list[Arrays]:
    """The validation photos, where there are any: held out too, and so real examples for FID beside the test photos."""
    return [load_split(dataset, "val", config)] if dataset.select("val", config.expressions) else []


def _features_of(features: FeatureNet, arrays: Arrays, device: torch.device, batch: int = 64) -> Tensor:
    rows = [np.arange(k, min(k + batch, len(arrays.label))) for k in range(0, len(arrays.label), batch)]
    return feature_rows(features, [make_batch(arrays, some, "depth", device=device).image for some in rows])


def _notes(dataset: Dataset, test: Arrays) -> list[str]:
    """What a reader should know of the photos, a sentence each."""
    counts = np.bincount(test.label, minlength=len(test.expressions))
    absent = [name for name, count in zip(test.expressions, counts, strict=True) if not count]
    notes = []
    if absent:
        notes.append(f"No test photo shows {', '.join(absent)}: the classifier's accuracy there is unknown.")
    few = [f"{name} {n}" for name, n in zip(test.expressions, counts, strict=True) if 0 < n < 20]
    if few:
        notes.append(f"Few real test photos: {', '.join(few)}; the classifier's accuracy there is rough.")
    others = [sample.expression for sample in dataset.select("test") if sample.expression not in test.expressions]
    if others:
        names = ", ".join(sorted(set(others)))
        notes.append(f"{len(others):,} test photos of {names} are not used: the editors do not support them.")
    return notes


def _foreign(dataset: Dataset, files: MetricFiles) -> list[str]:
    """Which of the project's own metric networks learnt from other photos than the dataset's."""
    notes = []
    for kind, path in (("expressions", files.judge), ("identity", files.encoder), ("depth", files.depth)):
        if path is None or path.suffix in SUFFIXES:
            continue
        if read_facts(weights_in(path)).get("metadata_sha256") != dataset.digest:
            notes.append(f"{path.name}, which measures {kind}, was trained on another dataset, or another state of it.")
    return notes


def require_test_photos(dataset: Dataset, expressions: tuple[str, ...]) -> None:
    """Raise `DatasetError` where a dataset shows none of the expressions in its test split."""
    if not dataset.select("test", expressions):
        there = sorted({sample.expression for sample in dataset.select("test")})
        raise DatasetError(
            f"{dataset} has no test photos of {', '.join(expressions)}; "
            f"it has {', '.join(there) or 'no test photos at all'}: give the dataset that the editor was trained on"
        )
