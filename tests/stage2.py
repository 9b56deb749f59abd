"""One step of stage 2, piece by piece: networks, edits and terms of a method, with or without guidance."""

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from facerelief.config import ExpressionTraining
from facerelief.data.batches import Batch
from facerelief.networks.conversion import one_hot
from facerelief.training import expression, losses
from facerelief.training.depth import DepthNets
from facerelief.training.guidance import Guidance, check_guide
from facerelief.training.methods import TRAINING_METHODS, TrainingStep
from facerelief.training.steps.edited_batch import EditedBatch
from facerelief.training.steps.step_random import StepRandom

Features = Callable[[Tensor], list[Tensor]]


@dataclass(frozen=True)
class Nets:
    """The networks of StarGAN, and the depth network where a run is guided."""

    generator: nn.Module
    discriminator: nn.Module
    depth: DepthNets | None
    config: ExpressionTraining


def build_nets(config: ExpressionTraining, depth: DepthNets | None) -> Nets:
    check_guide(config, Guidance(depth) if depth else None)
    built = TRAINING_METHODS[config.method](config).build()
    return Nets(built["generator"], built["critic"], depth, config)


def edit_batch(nets: Nets, batch: Batch, y_t: Tensor, classes: int) -> EditedBatch:
    method = TRAINING_METHODS[nets.config.method](nets.config)
    conditions = one_hot(batch.label, classes), one_hot(y_t, classes)
    guidance = Guidance(nets.depth) if nets.depth else None
    noise = StepRandom(0, 0, torch.device("cpu"))
    return expression.edit_batch(method, {"generator": nets.generator}, batch, y_t, conditions, noise, guidance)


def generator_terms(
    nets: Nets,
    batch: Batch,
    edited: EditedBatch,
    config: ExpressionTraining,
    features: Features | None,
    noise: StepRandom,
    known_classes: Tensor | None = None,
) -> losses.Terms:
    named = {"generator": nets.generator, "critic": nets.discriminator}
    guidance = Guidance(nets.depth, features) if nets.depth else None
    step = TrainingStep(named, batch, edited, noise, known_classes)
    return expression.generator_terms(TRAINING_METHODS[config.method](config), step, guidance)


def generator_weights(config: ExpressionTraining) -> dict[str, float]:
    """Those of the generators' terms."""
    weights = expression.generator_weights(TRAINING_METHODS[config.method](config))
    return {name: weight for name, weight in weights.items() if "/" in name}
