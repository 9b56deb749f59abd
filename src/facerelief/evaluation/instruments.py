"""The bench on which editors are measured: held-out photos of one dataset, and the instruments, checked to fit."""

import dataclasses
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from facerelief.checkpoint import WEIGHTS, read_facts, weights_in
from facerelief.config import JudgeTraining, Training
from facerelief.data.arrays import Arrays
from facerelief.data.batches import make_batch
from facerelief.data.manifest import METADATA, chosen, read_samples
from facerelief.errors import DatasetError, FacereliefError
from facerelief.evaluation.external_networks import SUFFIXES, load_outside
from facerelief.evaluation.metrics.geometry import GeometryError, geometry_error
from facerelief.evaluation.metrics.identity import NAME, check_unseen
from facerelief.evaluation.scoring import FeatureNet, Instruments, call_maps, class_mean_maps, partner_rows
from facerelief.evaluation.summary import accuracy_facts, accuracy_of, feature_rows
from facerelief.files import sha256
from facerelief.networks.classifier import Classifier
from facerelief.networks.inception import load_inception
from facerelief.training.classifier import judge_accuracy, load_judge
from facerelief.training.depth import load_depth_nets
from facerelief.training.geometry_probe import fit_maps
from facerelief.training.identity import load_identity
from facerelief.training.launch import load_split, run_judge
from facerelief.training.presets import make_config


@dataclass(frozen=True)
class Tools:
    """Where the instruments are. judge: a judge's run. encoder: a run of `train identity`, or a recogniser's .onnx
    file. depth: a run of stage 1. features: published Inception weights, or a file as `encoder`'s; by
    default the judge's trunk. input_size: of such files.
    """

    judge: Path
    encoder: Path | None = None
    depth: Path | None = None
    features: Path | None = None
    input_size: int | None = None


@dataclass(frozen=True)
class Bench:
    """What editors are measured on and with. real: features (M, D) of held-out photos. facts: what a report records."""

    test: Arrays
    instruments: Instruments
    class_maps: Tensor | None
    real: Tensor
    facts: dict[str, Any]


def best_device() -> torch.device:
    """The GPU where there is one."""
    return torch.device("cuda" if torch.cuda.is_available() else "cpu")


def set_up(dataset: Path, config: Training, tools: Tools, device: torch.device | None = None) -> Bench:
    """The bench for editors of `config`'s size, colour and expressions.

    Raises `FacereliefError` for an instrument that does not fit, or that knows somebody in the test photos.
    """
    device = device or best_device()
    judge, settings = load_judge(tools.judge)
    check_agrees("the editor", config, f"the judge {tools.judge}", settings, ("size", "colour", "expressions"))
    test = load_split(dataset, "test", config)
    check_unseen(tools.judge, test, "judge")
    judge.to(device)
    features = load_feature_net(tools, judge)
    encoder, encoder_facts = _encoder(tools, config, test)
    instruments = Instruments(judge, features, encoder.to(device) if encoder else None, device=device)
    class_maps, depth_facts = None, None
    if tools.depth is not None:
        instruments, class_maps, depth_facts = _with_depth(instruments, dataset, config, tools.depth, test)
    held_out = [test, *_val(dataset, config)]
    real = torch.cat([_features_of(features, arrays, device) for arrays in held_out])
    facts = {
        "dataset": dataset.resolve().name,
        "metadata_sha256": sha256(dataset / METADATA),
        "size": config.size,
        "colour": config.colour,
        "expressions": list(config.expressions),
        "test_photos": len(test.label),
        "test_persons": len({sample.identity for sample in test.samples}),
        "pairs": partner_rows(test) is not None,
        "judge": {
            "sha256": sha256(weights_in(tools.judge)),
            "accuracy_on_real": accuracy_facts(judge_accuracy(judge, test)),
        },
        "features": {
            "name": features.frechet,
            "sha256": features.sha256,
            "dimensions": real.shape[1],
            "real_photos": len(real),
        },
        "encoder": encoder_facts,
        "depth": depth_facts,
        "notes": _notes(dataset, test) + _foreign(dataset, tools),
    }
    return Bench(test, instruments, class_maps, real, facts)


def load_feature_net(tools: Tools, judge: Classifier) -> FeatureNet:
    """The features for Frechet and kernel distance. Only published Inception weights may be called FID and KID."""
    if tools.features is None:
        return FeatureNet(
            lambda image: judge.features(image)[-1].mean(dim=(2, 3)),
            "expression-FID",
            "expression-KID",
            sha256(weights_in(tools.judge)),
        )
    digest = sha256(tools.features) if tools.features.is_file() else ""
    device = next(judge.parameters()).device
    if tools.features.suffix in SUFFIXES:
        outside = load_outside(tools.features, tools.input_size)
        name = tools.features.stem
        return FeatureNet(outside, f"FID ({name})", f"KID ({name})", digest)
    inception, published = load_inception(tools.features)
    suffix = f" ({published.name})" if published.name else ""
    return FeatureNet(inception.to(device), f"FID{suffix}", f"KID{suffix}", digest)


def check_agrees(first: str, a: Training, second: str, b: Training, names: tuple[str, ...]) -> None:
    """Raise `FacereliefError` where two configurations differ in one of `names`."""
    wrong = next((name for name in names if getattr(a, name) != getattr(b, name)), None)
    if wrong:
        one, other = (_shown(getattr(config, wrong)) for config in (a, b))
        raise FacereliefError(f"{first} has {wrong} {one}, {second} {other}; give one that has the same {wrong}")


def _encoder(tools: Tools, config: Training, test: Arrays) -> tuple[nn.Module | None, dict[str, Any] | None]:
    if tools.encoder is None:
        return None, None
    if tools.encoder.suffix in SUFFIXES:
        name = f"identity distance ({tools.encoder.stem})"
        return load_outside(tools.encoder, tools.input_size), {"name": name, "sha256": sha256(tools.encoder)}
    encoder, settings = load_identity(tools.encoder)
    check_agrees("the editor", config, f"the encoder {tools.encoder}", settings, ("size", "colour"))
    check_unseen(tools.encoder, test)
    return encoder, {"name": NAME, "sha256": sha256(weights_in(tools.encoder))}


def _with_depth(
    instruments: Instruments, dataset: Path, config: Training, run: Path, test: Arrays
) -> tuple[Instruments, Tensor, dict[str, Any]]:
    """The instruments with a depth network and what reads its maps; the expressions' mean maps; what a report tells."""
    nets, settings, saved = load_depth_nets(run)
    check_agrees("the editor", config, f"the depth network {run}", settings, ("size", "colour"))
    translator = nets.translator.eval().requires_grad_(False).to(instruments.device)
    train = load_split(dataset, "train", config)
    kinds = ("depth", "normal") if settings.guide == "both" else (settings.guide,)
    geometry = {kind: fit_maps(train, kind).to(instruments.device) for kind in kinds}
    instruments = dataclasses.replace(instruments, depth=translator, guide=settings.guide, geometry=geometry)
    error: GeometryError = geometry_error(translator, train, test, settings.guide)
    facts = {
        "sha256": sha256(saved.path),
        "guide": settings.guide,
        "error_on_real": dataclasses.asdict(error),
        "called_on_real": _called_on_real(instruments, test),
    }
    return instruments, class_mean_maps(train, settings.guide, instruments.device), facts


def _called_on_real(instruments: Instruments, test: Arrays, batch: int = 64) -> dict[str, float]:
    """By kind of map: how many real test photos are called right by their estimated maps, mean over classes."""
    assert instruments.depth is not None
    parts: dict[str, list[np.ndarray]] = {kind: [] for kind in instruments.geometry}
    with torch.inference_mode():
        for start in range(0, len(test.label), batch):
            rows = np.arange(start, min(start + batch, len(test.label)))
            image = make_batch(test, rows, "depth", device=instruments.device).image
            for kind, called in call_maps(instruments, instruments.depth(image).float()).items():
                parts[kind].append(called.cpu().numpy())
    return {
        kind: accuracy_of(test.label, np.concatenate(called), test.expressions).balanced
        for kind, called in parts.items()
    }


def _val(dataset: Path, config: Training) -> list[Arrays]:
    """The validation photos, where there are any: held out too, and so real examples for FID beside the test photos."""
    if not chosen(read_samples(dataset), "val", config.expressions):
        return []
    return [load_split(dataset, "val", config)]


def _features_of(features: FeatureNet, arrays: Arrays, device: torch.device, batch: int = 64) -> Tensor:
    rows = [np.arange(k, min(k + batch, len(arrays.label))) for k in range(0, len(arrays.label), batch)]
    return feature_rows(features, [make_batch(arrays, some, "depth", device=device).image for some in rows])


def _notes(dataset: Path, test: Arrays) -> list[str]:
    """What a reader should know of the photos, a sentence each."""
    counts = np.bincount(test.label, minlength=len(test.expressions))
    absent = [name for name, count in zip(test.expressions, counts, strict=True) if not count]
    notes = []
    if absent:
        notes.append(f"No test photo shows {', '.join(absent)}: the judge's accuracy there is unknown.")
    few = [f"{name} {n}" for name, n in zip(test.expressions, counts, strict=True) if 0 < n < 20]
    if few:
        notes.append(f"Few real test photos: {', '.join(few)}; the judge's accuracy there is rough.")
    kept = [sample for sample in read_samples(dataset) if sample.keep and sample.split == "test"]
    other = sorted({sample.expression for sample in kept} - set(test.expressions))
    if other:
        count = sum(sample.expression in other for sample in kept)
        notes.append(f"{count:,} test photos of {', '.join(other)} are not used: the editors do not know them.")
    return notes


def _foreign(dataset: Path, tools: Tools) -> list[str]:
    """Which of the project's own instruments learnt from other photos than the dataset's."""
    now, notes = sha256(dataset / METADATA), []
    for kind, path in (("judge", tools.judge), ("identity", tools.encoder), ("depth", tools.depth)):
        if path is None or path.suffix in SUFFIXES:
            continue
        if read_facts(weights_in(path)).get("metadata_sha256") != now:
            notes.append(f"{path.name}, which measures {kind}, was trained on another dataset, or another state of it.")
    return notes


def train_missing_judge(dataset: Path, config: Training, folder: Path, progress: Callable[..., None]) -> Path:
    """A judge for editors of `config`, trained in `folder` unless it is there already.

    Raises `FacereliefError` where another dataset's is there.
    """
    if (folder / WEIGHTS).is_file():
        if read_facts(folder / WEIGHTS).get("metadata_sha256") != sha256(dataset / METADATA):
            raise FacereliefError(f"{folder} judges another dataset, or another state of it; choose another -o")
        return folder
    shared = {"size": config.size, "colour": config.colour, "expressions": config.expressions}
    run_judge(
        dataset, make_config(JudgeTraining, "gpu" if config.size > 64 else "cpu", shared), folder, progress=progress
    )
    return folder


def _shown(value: Any) -> str:
    return ", ".join(value) if isinstance(value, tuple) else str(value)


def require_test_photos(dataset: Path, expressions: tuple[str, ...]) -> None:
    """Raise `DatasetError` where a dataset shows none of the expressions in its test split."""
    samples = read_samples(dataset)
    if not chosen(samples, "test", expressions):
        there = sorted({sample.expression for sample in samples if sample.keep and sample.split == "test"})
        raise DatasetError(
            f"{dataset} has no test photos of {', '.join(expressions)}; "
            f"it has {', '.join(there) or 'no test photos at all'}: give the dataset that the editor was trained on"
        )
