"""Stage 1: pre-train the depth network on real pairs of photo and map (Eqs. 5-11).

facerelief train depth DATASET -o RUN --preset cpu
"""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from facerelief.checkpoint import WEIGHTS, Checkpoint, load_checkpoint, save_checkpoint, weights_in
from facerelief.config import DepthTraining, Training
from facerelief.data.arrays import Arrays
from facerelief.data.batches import Batch, Batches, balanced_rows, make_batch
from facerelief.networks.depth import GEOMETRY_CHANNELS, DepthTranslator
from facerelief.networks.weights import build_network, named_tensors
from facerelief.progress import StepProgress, no_progress
from facerelief.training import losses as eq
from facerelief.training.run.model_card import write_card
from facerelief.training.run.sample_grids import save_depth_grid
from facerelief.training.run.session import Learner, Session
from facerelief.training.steps.ema import EMA
from facerelief.training.steps.gan_step import (
    augment,
    build_discriminator,
    discriminator_terms,
    discriminator_weights,
    set_requires_grad,
)
from facerelief.training.steps.step_random import StepRandom

Features = Callable[[Tensor], list[Tensor]]


@dataclass(frozen=True)
class DepthNets:
    """G_depth with G'_depth (`translator`), and D_depth."""

    translator: nn.Module
    discriminator: nn.Module


def build_depth_nets(config: DepthTraining) -> DepthNets:
    """Fresh networks of the run's size."""
    return DepthNets(_build_translator(config), build_discriminator(config, GEOMETRY_CHANNELS[config.guide]))


def _build_translator(config: DepthTraining) -> DepthTranslator:
    return DepthTranslator(config.channels, config.guide, config.width, config.blocks)


def depth_generator_terms(
    nets: DepthNets, batch: Batch, d_hat: Tensor, config: DepthTraining, features: Features | None, noise: StepRandom
) -> eq.Terms:
    """The terms of G_depth and G'_depth on real pairs.

    Args:
        nets: The depth network.
        batch: I_s, its real map and its label.
        d_hat: G_depth(I_s), (N, K, S, S) in [-1, 1].
        config: The objective, and whether the discriminator sees jittered maps.
        features: V of Eq. 10; None leaves that term out.
        noise: The step's random numbers.

    Returns:
        Unweighted scalars "adv", "cls", "rec", "pix" and, with features, "per".
    """
    fake = nets.discriminator(augment(d_hat, noise, config.augment, light=False))
    terms = {
        "adv": eq.adversarial_generator(fake.real, config.objective),  # Eq. 5
        "cls": eq.classification(fake.classes, batch.classes),  # Eq. 6
        "rec": eq.reconstruction(batch.image, nets.translator(d_hat, to="image")),  # Eq. 7
        "pix": eq.pixel(batch.geometry, d_hat),  # Eq. 9
    }
    if features is not None:
        terms["per"] = eq.perceptual(features, batch.geometry, d_hat)  # Eq. 10
    return terms


def depth_critic_terms(nets: DepthNets, batch: Batch, d_hat: Tensor, config: Training, noise: StepRandom) -> eq.Terms:
    """D_depth's terms: Eqs. 5 and 11; d_hat: G_depth(I_s), or G_depth of edits, without gradient."""
    real, fake = (augment(x, noise, config.augment, light=False) for x in (batch.geometry, d_hat))
    return discriminator_terms(nets.discriminator, real, fake, batch.classes, config, noise, config.conf_penalty)


def depth_generator_weights(config: DepthTraining) -> dict[str, float]:
    """Eq. 8's lambdas and the weights of Eqs. 9 and 10."""
    return {
        "adv": config.adv_weight,
        "cls": config.cls_weight,
        "rec": config.rec_weight,
        "pix": config.pix_weight,
        "per": config.per_weight,
    }


def train_depth(
    config: DepthTraining,
    train: Arrays,
    held_out: Arrays,
    folder: Path,
    data_facts: dict[str, Any],
    features: Features | None = None,
    progress: StepProgress = no_progress,
) -> Path:
    """Train the depth network in `folder`, or resume it.

    Args:
        config: Its settings.
        train: Training photos and their maps.
        held_out: Validation samples, for the grids.
        folder: The run's folder.
        data_facts: What config.json records of the data.
        features: V of Eq. 10; None leaves that term out.
        progress: Called after every step.

    Returns:
        The weights' file.

    Raises:
        FacereliefError: The folder holds another run, or the loss is not finite.
    """
    session = Session("depth", config, folder, data_facts, progress)
    nets = build_depth_nets(config)
    translator, mean = nets.translator, EMA(nets.translator, config.ema)
    learners = {
        "translator": Learner(nets.translator, config.lr),
        "critic": Learner(nets.discriminator, config.d_lr),
    }
    prepared = session.prepare(learners, fixed={"average": mean})
    nets = DepthNets(prepared["translator"], prepared["critic"])
    batches, rows = Batches(train, config, config.guide), session.parts(config.batch)
    shown = make_batch(held_out, balanced_rows(held_out), config.guide, device=session.device)

    for step in session.steps(lambda path: save_depth_grid(path, mean.module, shown)):
        parts = [(batches(step, session.device, one), session.noise(step, one)) for one in rows]
        due = (step + 1) % config.d_steps == 0
        shared = due and len(parts) == 1  # by the discriminator's and the generator's step
        with torch.set_grad_enabled(shared):
            d_hats = [nets.translator(batch.image) for batch, _ in parts]
        set_requires_grad(nets.discriminator, True)
        terms = (
            depth_critic_terms(nets, batch, d_hat.detach(), config, noise)
            for (batch, noise), d_hat in zip(parts, d_hats, strict=True)
        )
        session.optimizer_step("D_depth", terms, discriminator_weights(config), step, "critic")
        if due:
            set_requires_grad(nets.discriminator, False)
            again = d_hats if shared else (nets.translator(batch.image) for batch, _ in parts)
            terms = (
                depth_generator_terms(nets, batch, d_hat, config, features, noise)
                for (batch, noise), d_hat in zip(parts, again, strict=True)
            )
            session.optimizer_step("G_depth", terms, depth_generator_weights(config), step, "translator")
            mean.update(translator, step)

    if session.run.main:
        tensors = named_tensors(translator=mean.module, critic=session.accelerator.unwrap_model(nets.discriminator))
        save_checkpoint(folder / WEIGHTS, "depth", tensors, session.run.settings)
        write_card(folder)
    session.close()
    return folder / WEIGHTS


def load_depth_nets(folder: Path) -> tuple[DepthNets, DepthTraining, Checkpoint]:
    """The depth network of a finished stage 1, its configuration and its file.

    Args:
        folder: The run's folder, or its weights' file.

    Raises:
        CheckpointError: The weights are absent, damaged, or of another kind.
    """
    path = weights_in(folder)
    saved = load_checkpoint(path, "depth")
    config = saved.config(DepthTraining)
    translator = build_network(saved, lambda: _build_translator(config), "translator")
    discriminator = build_network(saved, lambda: build_discriminator(config, GEOMETRY_CHANNELS[config.guide]), "critic")
    return DepthNets(translator, discriminator), config, saved
