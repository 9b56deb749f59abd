"""Stage 2: StarGAN guided end to end by the depth network (Eqs. 1-8 and 11); without guidance, StarGAN.

facerelief train expression DATASET --depth DEPTH_RUN -o RUN --preset cpu
facerelief train expression DATASET --guide none -o RUN --preset cpu
"""

from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from facerelief.checkpoint import WEIGHTS, named_tensors, save_checkpoint
from facerelief.config import ExpressionTraining
from facerelief.data.arrays import Arrays
from facerelief.data.batches import Batch, Batches, make_batch, spread_rows
from facerelief.progress import StepProgress, no_progress
from facerelief.training import losses as eq
from facerelief.training.depth import DepthNets, Features
from facerelief.training.run.model_card import write_card
from facerelief.training.run.sample_grids import one_hot, save_expression_grid
from facerelief.training.run.session import Session
from facerelief.training.steps.distillation import Edited, Nets, Tutor, build_nets, edit, restraint
from facerelief.training.steps.gan_step import (
    Average,
    Noise,
    Targets,
    augmented,
    discriminator_terms,
    discriminator_weights,
    learns,
)


def generator_terms(
    nets: Nets,
    batch: Batch,
    edited: Edited,
    config: ExpressionTraining,
    features: Features | None,
    noise: Noise,
    told: Tensor | None = None,
) -> eq.Terms:
    """The terms of G_rgb and G_depth: L_rgb (Eq. 4), L_depth on the edit (Eq. 8), and the anchor on real pairs.

    told: bool (K,), the expressions that real photos show the critics; by default all. Nobody is asked about others:
    what critics would know of pseudo-targets alone are their seams, which G_rgb would learn to draw.
    """
    y_t, i_t, d_t = edited.y_t, edited.i_t, edited.d_t
    verdict = nets.critic(augmented(i_t, noise, config.augment))
    i_cycled = nets.generator(i_t, one_hot(batch.label, len(config.expressions))).image
    terms = {
        "rgb/adv": eq.adversarial_generator(verdict.real, config.objective),  # Eq. 1
        "rgb/cls": eq.classification(verdict.classes, y_t, told),  # Eq. 2
        "rgb/rec": eq.reconstruction(batch.image, i_cycled),  # Eq. 3
    }
    if verdict.matches is not None:
        matches = eq.of_class(verdict.matches, y_t, told)
        terms["rgb/match"] = eq.adversarial_generator(matches, config.objective)  # Eq. 1, of each expression by itself
    if nets.depth is None or d_t is None:
        return terms
    verdict = nets.depth.critic(augmented(d_t, noise, config.augment, light=False))
    terms |= {
        "depth/adv": eq.adversarial_generator(verdict.real, config.objective),  # Eq. 5
        "depth/cls": eq.classification(verdict.classes, y_t, told),  # Eq. 6
        "depth/rec": eq.reconstruction(i_t, nets.depth.translator(d_t, to="image")),  # Eq. 7
    }
    if config.freeze_depth:
        return terms
    d_hat = nets.depth.translator(batch.image)
    terms["depth/pix"] = eq.pixel(batch.geometry, d_hat)  # Eq. 9
    if features is not None:
        terms["depth/per"] = eq.perceptual(features, batch.geometry, d_hat)  # Eq. 10
    return terms


def generator_weights(config: ExpressionTraining) -> dict[str, float]:
    """L_rgb + depth_weight * (adv + cls) + depth_rec_weight * rec, and the anchor's own weights."""
    return {
        "rgb/adv": config.adv_weight,
        "rgb/cls": config.cls_weight,
        "rgb/match": config.match_weight,
        "rgb/rec": config.rec_weight,
        "rgb/pair": config.pair_weight,
        "rgb/way": config.way_weight,
        "rgb/paint": config.paint_weight,
        "rgb/id": config.id_weight,
        "rgb/flow": config.flow_weight,
        "rgb/mask": config.mask_weight,
        "depth/adv": config.depth_weight * config.adv_weight,
        "depth/cls": config.depth_weight * config.cls_weight,
        "depth/rec": config.depth_rec_weight,
        "depth/pix": config.pix_weight,
        "depth/per": config.per_weight,
    }


def train_expression(
    config: ExpressionTraining,
    train: Arrays,
    held_out: Arrays,
    folder: Path,
    basis: dict[str, Any],
    depth: DepthNets | None = None,
    features: Features | None = None,
    progress: StepProgress = no_progress,
    tutor: Tutor | None = None,
) -> Path:
    """Train, or go on with, the run in `folder`; returns its weights file.

    depth: the networks of a finished stage 1 of the same guide, size, colour and expressions; None for guide "none".
    tutor: teaches G_rgb beside the critics, e.g. by pseudo-targets of `train`.
    """
    tutor = tutor or Tutor()
    session = Session("editor", config, folder, basis, progress)
    nets = build_nets(config, depth)
    generator, mean = nets.generator, Average(nets.generator, config.ema)
    learners, fixed = _players(nets, config, mean)
    for name, module in zip(learners, session.adopt(learners, fixed), strict=True):
        _put(nets, name, module)
    guide, classes = "depth" if config.guide == "none" else config.guide, len(config.expressions)
    batches = Batches(train, config, guide, session.rank, session.world)
    told = torch.from_numpy(batches.drawn).to(session.device)
    shown = make_batch(held_out, spread_rows(held_out), guide, device=session.device)

    translator = nets.depth.translator if nets.depth else None
    for step in session.steps(
        lambda path: save_expression_grid(path, mean.module, translator, shown, config.expressions)
    ):
        batch, noise = batches(step, session.device), session.noise(step)
        due = (step + 1) % config.d_steps == 0
        with torch.set_grad_enabled(due):  # both players' steps share it
            edited = edit(nets, batch, tutor.targets(batch, noise, classes), classes, tutor.pairs)
        discriminator_step(session, nets, batch, edited, step, noise, told)
        if due:
            _freeze_critics(nets, True)
            terms = restraint(edited.drawn) | tutor.terms(batch, edited)
            if step >= config.warm_up:
                terms |= generator_terms(nets, batch, edited, config, features, noise, told)
            elif tutor.pairs is None:
                terms["rgb/rec"] = eq.reconstruction(batch.image, edited.i_t)
            moving = [name for name in learners if name in ("generator", "translator")]
            session.descend("G", terms, generator_weights(config), step, *moving)
            mean.update(generator, step)

    if session.run.main:
        save_checkpoint(folder / WEIGHTS, "editor", named_tensors(generator=mean.module), session.run.settings)
        write_card(folder)
    session.close()
    return folder / WEIGHTS


def discriminator_step(
    session: Session, nets: Nets, batch: Batch, edited: Edited, step: int, noise: Noise, told: Tensor
) -> None:
    """One step of D_rgb and, where the run is guided, of D_depth. told: as `generator_terms` takes it."""
    config = session.config
    assert isinstance(config, ExpressionTraining)
    _freeze_critics(nets, False)
    weights = discriminator_weights(config) | {"match": config.match_weight}
    real, fake = augmented(batch.image, noise, config.augment), augmented(edited.i_t.detach(), noise, config.augment)
    targets = Targets(edited.y_t, told)
    terms = discriminator_terms(nets.critic, real, fake, batch.label, step, config, noise, 0.0, targets)
    if edited.lesson is not None and len(edited.lesson.label):  # few photos tell little: pseudo-targets help
        verdict = nets.critic(augmented(edited.lesson.image, noise, config.augment))
        terms["pair"] = eq.classification(verdict.classes, edited.lesson.label, told)
    session.descend("D_rgb", terms, weights, step, "critic")
    if nets.depth is not None and edited.d_t is not None:
        d_t = edited.d_t.detach()
        real, fake = (augmented(x, noise, config.augment, light=False) for x in (batch.geometry, d_t))
        beta = config.conf_penalty
        terms = discriminator_terms(nets.depth.critic, real, fake, batch.label, step, config, noise, beta)
        session.descend("D_depth", terms, weights, step, "depth_critic")


def _players(
    nets: Nets, config: ExpressionTraining, mean: Average
) -> tuple[dict[str, nn.Module], dict[str, nn.Module]]:
    """Who learns, and what else belongs to the state."""
    learners = {"generator": nets.generator, "critic": nets.critic}
    fixed: dict[str, nn.Module] = {"average": mean}
    if nets.depth is not None:
        learners["depth_critic"] = nets.depth.critic
        if config.freeze_depth:
            learns(nets.depth.translator, False)
        (fixed if config.freeze_depth else learners)["translator"] = nets.depth.translator
    return learners, fixed


def _put(nets: Nets, name: str, module: nn.Module) -> None:
    if name in ("generator", "critic"):
        setattr(nets, name, module)
    elif nets.depth is not None:
        setattr(nets.depth, {"depth_critic": "critic", "translator": "translator"}[name], module)


def _freeze_critics(nets: Nets, frozen: bool) -> None:
    for critic in (nets.critic, nets.depth.critic if nets.depth else None):
        if critic is not None:
            learns(critic, not frozen)
