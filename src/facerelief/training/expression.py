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
from facerelief.training.run.session import Learner, Session
from facerelief.training.steps.distillation import Edited, Nets, Tutor, build_nets, edit, restraint
from facerelief.training.steps.gan_step import (
    EMA,
    StepRandom,
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
    noise: StepRandom,
    known_classes: Tensor | None = None,
) -> eq.Terms:
    """The terms of G_rgb and G_depth: L_rgb (Eq. 4), L_depth on the edit (Eq. 8), and the anchor on real pairs.

    known_classes: bool (K,), the expressions that the discriminators see in real photos; by default all. Others are
    left out of the terms: all that discriminators would learn of them are the seams of pseudo-targets.
    """
    y_t, i_t, d_t = edited.y_t, edited.i_t, edited.d_t
    fake = nets.discriminator(augmented(i_t, noise, config.augment))
    i_cycled = nets.generator(i_t, one_hot(batch.label, len(config.expressions))).image
    terms = {
        "rgb/adv": eq.adversarial_generator(fake.real, config.objective),  # Eq. 1
        "rgb/cls": eq.classification(fake.classes, y_t, known_classes),  # Eq. 2
        "rgb/rec": eq.reconstruction(batch.image, i_cycled),  # Eq. 3
    }
    if fake.matches is not None:
        matches = eq.of_class(fake.matches, y_t, known_classes)
        terms["rgb/match"] = eq.adversarial_generator(matches, config.objective)  # Eq. 1, of each expression by itself
    if nets.depth is None or d_t is None:
        return terms
    fake = nets.depth.discriminator(augmented(d_t, noise, config.augment, light=False))
    terms |= {
        "depth/adv": eq.adversarial_generator(fake.real, config.objective),  # Eq. 5
        "depth/cls": eq.classification(fake.classes, y_t, known_classes),  # Eq. 6
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
        "rgb/pair": config.image_distill_weight,
        "rgb/way": config.flow_distill_weight,
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
    """Train, or resume, the run in `folder`; returns its weights file.

    depth: the networks of a finished stage 1 of the same guide, size, colour and expressions; None for guide "none".
    tutor: teaches G_rgb beside the discriminators, e.g. by pseudo-targets of `train`.
    """
    tutor = tutor or Tutor()
    session = Session("editor", config, folder, basis, progress)
    nets = build_nets(config, depth)
    generator, mean = nets.generator, EMA(nets.generator, config.ema)
    learners, fixed = _learners(nets, config, mean)
    nets = nets.with_modules(session.prepare(learners, fixed))
    guide, classes = "depth" if config.guide == "none" else config.guide, len(config.expressions)
    batches = Batches(train, config, guide, session.rank, session.world)
    known_classes = torch.from_numpy(batches.drawn).to(session.device)
    shown = make_batch(held_out, spread_rows(held_out), guide, device=session.device)

    translator = nets.depth.translator if nets.depth else None
    for step in session.steps(
        lambda path: save_expression_grid(path, mean.module, translator, shown, config.expressions)
    ):
        batch, noise = batches(step, session.device), session.noise(step)
        due = (step + 1) % config.d_steps == 0
        with torch.set_grad_enabled(due):  # both players' steps share it
            edited = edit(nets, batch, tutor.targets(batch, noise, classes), classes, tutor.pairs)
        discriminator_step(session, nets, batch, edited, step, noise, known_classes)
        if due:
            _freeze_discriminators(nets, True)
            terms = restraint(edited.drawn) | tutor.terms(batch, edited)
            if step >= config.warm_up:
                terms |= generator_terms(nets, batch, edited, config, features, noise, known_classes)
            elif tutor.pairs is None:
                terms["rgb/rec"] = eq.reconstruction(batch.image, edited.i_t)
            moving = [name for name in learners if name in ("generator", "translator")]
            session.optimizer_step("G", terms, generator_weights(config), step, *moving)
            mean.update(generator, step)

    if session.run.main:
        save_checkpoint(folder / WEIGHTS, "editor", named_tensors(generator=mean.module), session.run.settings)
        write_card(folder)
    session.close()
    return folder / WEIGHTS


def discriminator_step(
    session: Session, nets: Nets, batch: Batch, edited: Edited, step: int, noise: StepRandom, known_classes: Tensor
) -> None:
    """One step of D_rgb and, where the run is guided, of D_depth. known_classes: as `generator_terms` takes it."""
    config = session.config
    assert isinstance(config, ExpressionTraining)
    _freeze_discriminators(nets, False)
    weights = discriminator_weights(config) | {"match": config.match_weight}
    real, fake = augmented(batch.image, noise, config.augment), augmented(edited.i_t.detach(), noise, config.augment)
    targets = Targets(edited.y_t, known_classes)
    terms = discriminator_terms(nets.discriminator, real, fake, batch.label, step, config, noise, 0.0, targets)
    if edited.lesson is not None and len(edited.lesson.label):  # few photos tell little: pseudo-targets help
        fake = nets.discriminator(augmented(edited.lesson.image, noise, config.augment))
        terms["pair"] = eq.classification(fake.classes, edited.lesson.label, known_classes)
    session.optimizer_step("D_rgb", terms, weights, step, "critic")
    if nets.depth is not None and edited.d_t is not None:
        d_t = edited.d_t.detach()
        real, fake = (augmented(x, noise, config.augment, light=False) for x in (batch.geometry, d_t))
        beta = config.conf_penalty
        terms = discriminator_terms(nets.depth.discriminator, real, fake, batch.label, step, config, noise, beta)
        session.optimizer_step("D_depth", terms, weights, step, "depth_critic")


def _learners(nets: Nets, config: ExpressionTraining, mean: EMA) -> tuple[dict[str, Learner], dict[str, nn.Module]]:
    """What learns, and what else belongs to the state, by the names in its file."""
    learners = {"generator": Learner(nets.generator, config.lr), "critic": Learner(nets.discriminator, config.d_lr)}
    fixed: dict[str, nn.Module] = {"average": mean}
    if nets.depth is not None:
        learners["depth_critic"] = Learner(nets.depth.discriminator, config.d_lr)
        if config.freeze_depth:
            learns(nets.depth.translator, False)
            fixed["translator"] = nets.depth.translator
        else:
            learners["translator"] = Learner(nets.depth.translator, config.lr)
    return learners, fixed


def _freeze_discriminators(nets: Nets, frozen: bool) -> None:
    for one in (nets.discriminator, nets.depth.discriminator if nets.depth else None):
        if one is not None:
            learns(one, not frozen)
