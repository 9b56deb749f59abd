"""Metric networks from the runs and files that a user names, checked to fit the editors and to know no test person."""

import dataclasses
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn

from facerelief.checkpoint import WEIGHTS, read_facts, weights_in
from facerelief.config import ClassifierTraining, Training
from facerelief.data.arrays import Arrays
from facerelief.data.batches import make_batch
from facerelief.data.dataset import Dataset
from facerelief.errors import FacereliefError
from facerelief.evaluation.depth_accuracy import GeometryAccuracy, geometry_accuracy
from facerelief.evaluation.external_networks import SUFFIXES, load_feature_network
from facerelief.evaluation.leakage import check_unseen
from facerelief.evaluation.metric_networks import FeatureNet, MetricNetworks, class_mean_maps, predict_from_maps
from facerelief.evaluation.metrics.identity import IDENTITY_DISTANCE_TITLE
from facerelief.evaluation.summary import accuracy_of
from facerelief.files import sha256
from facerelief.networks.classifier import Classifier
from facerelief.networks.inception import load_inception
from facerelief.training.depth import load_depth_nets
from facerelief.training.geometry_probe import fit_probe
from facerelief.training.identity import load_identity
from facerelief.training.launch import run_classifier
from facerelief.training.presets import make_config
from facerelief.training.splits import load_split


@dataclass(frozen=True)
class MetricFiles:
    """Where the metric networks are.

    Attributes:
        judge: A run of `train judge`: the expression classifier.
        encoder: A run of `train identity`, or a face recogniser's .onnx file.
        depth: A run of `train depth`.
        features: Published Inception weights, or a file as `encoder`'s; by default the classifier's trunk.
        input_size: Side in pixels of the images that such files take.
    """

    judge: Path
    encoder: Path | None = None
    depth: Path | None = None
    features: Path | None = None
    input_size: int | None = None


def load_feature_net(files: MetricFiles, classifier: Classifier) -> FeatureNet:
    """The features for Frechet and kernel distance. Only published Inception weights may be called FID and KID."""
    if files.features is None:
        return FeatureNet(
            lambda image: classifier.features(image)[-1].mean(dim=(2, 3)),
            "expression-FID",
            "expression-KID",
            sha256(weights_in(files.judge)),
        )
    digest = sha256(files.features) if files.features.is_file() else ""
    device = next(classifier.parameters()).device
    if files.features.suffix in SUFFIXES:
        outside = load_feature_network(files.features, files.input_size)
        name = files.features.stem
        return FeatureNet(outside, f"FID ({name})", f"KID ({name})", digest)
    inception, published = load_inception(files.features)
    suffix = f" ({published.name})" if published.name else ""
    return FeatureNet(inception.to(device), f"FID{suffix}", f"KID{suffix}", digest)


def load_identity_net(
    files: MetricFiles, config: Training, test: Arrays
) -> tuple[nn.Module | None, dict[str, Any] | None]:
    """The identity encoder and its facts for a report; None where none is named."""
    if files.encoder is None:
        return None, None
    if files.encoder.suffix in SUFFIXES:
        name = f"identity distance ({files.encoder.stem})"
        return load_feature_network(files.encoder, files.input_size), {"name": name, "sha256": sha256(files.encoder)}
    encoder, settings = load_identity(files.encoder)
    check_agrees("the editor", config, f"the encoder {files.encoder}", settings, ("size", "colour"))
    check_unseen(files.encoder, test)
    return encoder, {"name": IDENTITY_DISTANCE_TITLE, "sha256": sha256(weights_in(files.encoder))}


def with_depth(
    networks: MetricNetworks, dataset: Dataset, config: Training, run: Path, test: Arrays
) -> tuple[MetricNetworks, dict[str, Any]]:
    """The networks with a depth network and linear classifiers of its maps, and its facts for a report."""
    nets, settings, saved = load_depth_nets(run)
    check_agrees("the editor", config, f"the depth network {run}", settings, ("size", "colour"))
    translator = nets.translator.eval().requires_grad_(False).to(networks.device)
    train = load_split(dataset, "train", config)
    kinds = ("depth", "normal") if settings.guide == "both" else (settings.guide,)
    probes = {kind: fit_probe(train, kind).to(networks.device) for kind in kinds}
    means = class_mean_maps(train, settings.guide, networks.device)
    networks = dataclasses.replace(networks, depth=translator, guide=settings.guide, probes=probes, class_maps=means)
    error: GeometryAccuracy = geometry_accuracy(translator, train, test, settings.guide)
    facts = {
        "sha256": sha256(saved.path),
        "guide": settings.guide,
        "error_on_real": dataclasses.asdict(error),
        "called_on_real": _probes_on_real(networks, test),
    }
    return networks, facts


def _probes_on_real(networks: MetricNetworks, test: Arrays, batch: int = 64) -> dict[str, float]:
    """By kind of map: the balanced accuracy of its probe on the estimated maps of real test photos."""
    assert networks.depth is not None
    parts: dict[str, list[np.ndarray]] = {kind: [] for kind in networks.probes}
    with torch.inference_mode():
        for start in range(0, len(test.label), batch):
            rows = np.arange(start, min(start + batch, len(test.label)))
            image = make_batch(test, rows, "depth", device=networks.device).image
            for kind, predicted in predict_from_maps(networks, networks.depth(image).float()).items():
                parts[kind].append(predicted.cpu().numpy())
    return {
        kind: accuracy_of(test.label, np.concatenate(predicted), test.expressions).balanced
        for kind, predicted in parts.items()
    }


def check_agrees(first: str, a: Training, second: str, b: Training, names: tuple[str, ...], remedy: str = "") -> None:
    """Raise `FacereliefError` where two configurations differ in one of `names`; `remedy`: what else would help."""
    wrong = next((name for name in names if getattr(a, name) != getattr(b, name)), None)
    if wrong:
        one, other = (_shown(getattr(config, wrong)) for config in (a, b))
        also = f", {remedy}" if remedy else ""
        raise FacereliefError(f"{first} has {wrong} {one}, {second} {other}; give one that has the same {wrong}{also}")


def train_missing_classifier(dataset: Dataset, config: Training, folder: Path, progress: Callable[..., None]) -> Path:
    """A classifier for editors of `config`, trained in `folder` unless it is there already.

    Raises `FacereliefError` where another dataset's is there.
    """
    if (folder / WEIGHTS).is_file():
        if read_facts(folder / WEIGHTS).get("metadata_sha256") != dataset.digest:
            raise FacereliefError(f"{folder} is of another dataset, or another state of it; choose another -o")
        return folder
    shared = {"size": config.size, "colour": config.colour, "expressions": config.expressions}
    run_classifier(
        dataset,
        make_config(ClassifierTraining, "gpu" if config.size > 64 else "cpu", shared),
        folder,
        progress=progress,
    )
    return folder


def _shown(value: Any) -> str:
    return ", ".join(value) if isinstance(value, tuple) else str(value)
