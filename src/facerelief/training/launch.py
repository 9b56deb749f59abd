"""Entry points of training, for the command line and for Python: a dataset and a configuration give a run."""

import dataclasses
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import torch
from torch import Tensor

from facerelief.checkpoint import Checkpoint, load_checkpoint, weights_in
from facerelief.config import (
    ClassifierTraining,
    Config,
    DepthTraining,
    ExpressionTraining,
    IdentityTraining,
    Training,
)
from facerelief.data.conditions import build_condition
from facerelief.data.dataset import Dataset
from facerelief.errors import FacereliefError
from facerelief.files import sha256
from facerelief.networks.vgg import load_vgg19, three_channels
from facerelief.progress import Progress, StepProgress, no_progress
from facerelief.training.classifier import Accuracy, load_classifier, train_classifier
from facerelief.training.depth import Features, load_depth_nets, train_depth
from facerelief.training.expression import train_expression
from facerelief.training.geometry_probe import ProbeResult, probe_geometry
from facerelief.training.guidance import STARTED_FROM, Guidance, save_trained_depth
from facerelief.training.identity import load_identity, train_identity
from facerelief.training.methods import TRAINING_METHODS
from facerelief.training.run.folder import check_folder
from facerelief.training.splits import choose_splits, decode_splits
from facerelief.training.steps.distillation import Distillation
from facerelief.training.steps.pseudo_targets import load_pseudo_targets
from facerelief.training.verification import Verification, draw_pairs, rows_by_person

_JUDGE = "judge_weights_sha256"  # fact of a run that learnt from a judge's features; "stage1_...": its stage 1 did


def count_persons(dataset: Dataset, config: Training) -> tuple[int, int, int]:
    """Training persons of a run: all, those with two photos or more, and those with three or more."""
    photos = Counter(s.identity for s in dataset.select("train", config.expressions)).values()
    return len(photos), sum(count > 1 for count in photos), sum(count > 2 for count in photos)


def run_depth(
    dataset: Dataset,
    config: DepthTraining,
    folder: Path,
    *,
    vgg: Path | None = None,
    judge: Path | None = None,
    progress: StepProgress = no_progress,
    decoding: Progress = no_progress,
) -> Path:
    """Stage 1: pre-train the depth network.

    Args:
        dataset: What it learns from.
        config: Its settings.
        folder: The run's folder; a run that is there is resumed.
        vgg: VGG19's weights for Eq. 10; by default they are fetched once.
        judge: A run of `train judge`, for perceptual="judge".
        progress: Called after every step.
        decoding: Called while the dataset is decoded.

    Returns:
        The weights' file.

    Raises:
        DatasetError: The dataset is too small, or damaged.
        FacereliefError: The folder holds another run, or the loss is not finite.
    """
    _check_steps(config)
    splits = choose_splits(dataset, config)
    data_facts = splits.data_facts | _teacher(config, judge)
    check_folder(folder, "depth", config, data_facts)
    features = load_features(config, vgg, judge)  # may be fetched
    arrays = decode_splits(splits, config, decoding)
    return train_depth(config, arrays.train, arrays.val, folder, data_facts, features, progress)


def run_expression(
    dataset: Dataset,
    config: ExpressionTraining,
    folder: Path,
    *,
    depth: Path | None = None,
    vgg: Path | None = None,
    judge: Path | None = None,
    identity: Path | None = None,
    progress: StepProgress = no_progress,
    decoding: Progress = no_progress,
    on_probe: Callable[[list[ProbeResult]], None] | None = None,
) -> Path:
    """Stage 2: train an expression editor.

    Args:
        dataset: What it learns from.
        config: Its settings.
        folder: The run's folder; a run that is there is resumed.
        depth: The finished stage 1, for every guide but "none".
        vgg: As in `run_depth`.
        judge: As in `run_depth`.
        identity: A run of `train identity`, needed where config.id_weight is not 0.
        progress: Called after every step.
        decoding: Called while the dataset is decoded.
        on_probe: Called before a guided training with the results of the geometry probe on validation maps.

    Returns:
        The weights' file.

    Raises:
        DatasetError: The dataset is too small, or damaged.
        FacereliefError: A network that the run learns from is missing or does not fit, the folder holds another run,
            or the loss is not finite.
    """
    _check_steps(config)
    if config.guide == "none" and depth is not None:
        raise FacereliefError(f"--guide none does not use a depth network; leave out --depth {depth}, or --guide none")
    encoder = _identity_teacher(config, identity)
    TRAINING_METHODS[config.method](config)  # what does not fit is refused before anything is decoded
    splits = choose_splits(dataset, config)
    condition = build_condition(config)
    condition.check(dataset.path, splits.rows["train"][0])
    guidance, saved = _load_guidance(config, depth, vgg, judge) if config.guide != "none" else (None, None)
    data_facts = splits.data_facts | ({"identity_weights_sha256": sha256(weights_in(identity))} if identity else {})
    if guidance and saved:
        if saved.facts.get("metadata_sha256") != data_facts["metadata_sha256"]:
            # The splits may differ, so the depth network may have seen this dataset's held-out people.
            raise FacereliefError(f"{depth} was trained on another state of the dataset; train it again on {dataset}")
        data_facts |= {"depth_weights_sha256": sha256(saved.path)}
        data_facts |= _teacher(config, judge) if guidance.features else {}
        data_facts |= {
            f"stage1_{name}": saved.facts[name] for name in saved.facts if name.endswith((_JUDGE, STARTED_FROM))
        }
    check_folder(folder, "editor", config, data_facts)
    arrays = decode_splits(splits, config, decoding)
    if guidance and on_probe:
        on_probe([probe_geometry(arrays.train, arrays.val, kind) for kind in ("depth", "normal")])
    paired, warm = config.warm_start == "paired", config.warm_start != "none"
    targets = load_pseudo_targets(dataset.path, arrays.train, decoding, paired=paired) if warm else None
    train, val = (condition.measure(dataset.path, one, decoding) for one in (arrays.train, arrays.val))
    weights = train_expression(
        config, train, val, folder, data_facts, guidance, progress, Distillation(targets, encoder)
    )
    if guidance and saved and not config.freeze_depth:
        save_trained_depth(folder, guidance, saved, {k: v for k, v in data_facts.items() if k.endswith(_JUDGE)})
    return weights


def run_classifier(
    dataset: Dataset,
    config: ClassifierTraining,
    folder: Path,
    *,
    progress: StepProgress = no_progress,
    decoding: Progress = no_progress,
) -> tuple[Path, Accuracy]:
    """Train the expression classifier; arguments and errors as of `run_depth`.

    Returns:
        The weights' file, and the accuracy on the test photos.
    """
    splits = choose_splits(dataset, config)
    check_folder(folder, "judge", config, splits.data_facts)
    arrays = decode_splits(splits, config, decoding)
    return train_classifier(config, arrays.train, arrays.test, folder, arrays.data_facts, progress)


def run_identity(
    dataset: Dataset,
    config: IdentityTraining,
    folder: Path,
    *,
    progress: StepProgress = no_progress,
    decoding: Progress = no_progress,
) -> tuple[Path, Verification]:
    """Train the identity encoder; arguments and errors as of `run_depth`.

    Returns:
        The weights' file, and how well its distances separate the people of the val and test photos.
    """
    splits = choose_splits(dataset, config, complete=False)
    check_folder(folder, "identity", config, splits.data_facts)
    rows_by_person([sample.identity for sample in splits.rows["train"]])  # raises where there are no pairs
    draw_pairs([sample.identity for split in ("val", "test") for sample in splits.rows[split]])
    arrays = decode_splits(splits, config, decoding)
    return train_identity(config, arrays.train, (arrays.val, arrays.test), folder, arrays.data_facts, progress)


def _check_steps(config: DepthTraining | ExpressionTraining) -> None:
    if config.steps < config.d_steps:
        raise FacereliefError(
            f"{config.steps} steps are fewer than the {config.d_steps} discriminator steps before each step of the "
            f"generator, which would not learn; give --steps {config.d_steps} or more, or a smaller --set d_steps"
        )


def inherit_depth_settings(depth: Path, config: Config, given: set[str]) -> Config:
    """`config` with the size, colour, expressions and guide of a depth network, except those named in `given`."""
    stage1 = load_checkpoint(weights_in(depth), "depth").config(DepthTraining)
    names = {"size", "colour", "expressions", "guide"} - given
    return dataclasses.replace(config, **{name: getattr(stage1, name) for name in names})


def load_features(config: Training, vgg: Path | None, judge: Path | None) -> Features | None:
    """V of Eq. 10, chosen by `config.perceptual`.

    Args:
        config: The run's settings.
        vgg: VGG19's weights; by default they are downloaded once.
        judge: A run of `train judge`, needed for "judge".

    Returns:
        A function from maps (N, K, S, S) to lists of feature maps; None for "none".

    Raises:
        FacereliefError: A network is missing or damaged.
    """
    if config.perceptual == "none":
        return None
    if config.perceptual == "vgg19":
        return _on_device(load_vgg19(vgg))
    network, settings = load_classifier(_need_judge(judge))

    def features(maps: Tensor) -> list[Tensor]:
        return network.to(maps.device).features(three_channels(maps)[:, : settings.channels])

    return features


def _load_guidance(
    config: ExpressionTraining, depth: Path | None, vgg: Path | None, judge: Path | None
) -> tuple[Guidance, Checkpoint]:
    """The networks that guide a run, and their file. Raises `FacereliefError` where it is missing or does not fit."""
    if depth is None:
        raise FacereliefError("guided training needs a depth network: give --depth RUN, or --guide none for StarGAN")
    nets, stage1, saved = load_depth_nets(depth)
    for name in ("size", "colour", "expressions", "guide"):
        if getattr(stage1, name) != getattr(config, name):
            raise FacereliefError(
                f"{depth} was trained with {name} {getattr(stage1, name)}, not {getattr(config, name)}; "
                f"give the same {name}, or train another"
            )
    return Guidance(nets, None if config.freeze_depth else load_features(config, vgg, judge)), saved


def _identity_teacher(config: ExpressionTraining, identity: Path | None) -> torch.nn.Module | None:
    """The encoder that a run learns from."""
    if (identity is None) != (config.id_weight == 0):
        raise FacereliefError("--identity RUN and --set id_weight=WEIGHT go together: give both, or neither")
    if identity is None:
        return None
    encoder, settings = load_identity(identity)
    if (settings.size, settings.colour) != (config.size, config.colour):
        raise FacereliefError(
            f"{identity} sees {settings.size} px, {settings.colour}, not {config.size} px, {config.colour}; "
            "train one like the editor"
        )
    return encoder


def _teacher(config: Training, judge: Path | None) -> dict[str, str]:
    """The checksum of a classifier whose features a run learns from; VGG19's file is always the same.

    Raises `FacereliefError` where the classifier is missing.
    """
    if config.perceptual != "judge":
        return {}
    return {_JUDGE: sha256(load_checkpoint(weights_in(_need_judge(judge)), "judge").path)}


def _need_judge(judge: Path | None) -> Path:
    if judge is None:
        raise FacereliefError(
            "perceptual=judge needs a classifier: give --judge RUN; evaluate the result with another one"
        )
    return judge


def _on_device(network: torch.nn.Module) -> Features:
    def features(maps: Tensor) -> list[Tensor]:
        found: list[Tensor] = network.to(maps.device)(maps)
        return found

    return features
