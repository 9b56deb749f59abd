"""Stage 2: StarGAN guided end to end by the depth network (Eqs. 1-8 and 11); without guidance, StarGAN.

facerelief train expression DATASET --depth DEPTH_RUN -o RUN --preset cpu
facerelief train expression DATASET --guide none -o RUN --preset cpu
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from facerelief.checkpoint import WEIGHTS, named_tensors, save_checkpoint
from facerelief.config import ExpressionTraining
from facerelief.data.arrays import Arrays
from facerelief.data.batches import Batch, Batches, balanced_rows, make_batch
from facerelief.networks.conversion import one_hot
from facerelief.progress import StepProgress, no_progress
from facerelief.training import losses as eq
from facerelief.training.depth import DepthNets, Features
from facerelief.training.run.model_card import write_card
from facerelief.training.run.sample_grids import save_expression_grid
from facerelief.training.run.session import Learner, Session
from facerelief.training.steps.distillation import Distillation
from facerelief.training.steps.editing_step import (
    EditedBatch,
    Nets,
    build_nets,
    edit_batch,
    flow_and_mask_regularisers,
)
from facerelief.training.steps.ema import EMA
from facerelief.training.steps.gan_step import (
    TargetClasses,
    augment,
    discriminator_terms,
    discriminator_weights,
    set_requires_grad,
)
from facerelief.training.steps.step_random import StepRandom


def generator_terms(
    nets: Nets,
    batch: Batch,
    edited: EditedBatch,
    config: ExpressionTraining,
    features: Features | None,
    noise: StepRandom,
    known_classes: Tensor | None = None,
) -> eq.Terms:
    """The terms of G_rgb and G_depth: L_rgb (Eq. 4), L_depth on the edit (Eq. 8), and the anchor on real pairs.

    Args:
        nets: Their networks, discriminators included.
        batch: Source photos, maps and labels.
        edited: The photos' edits.
        config: The objective, and which terms there are.
        features: V of Eq. 10; None leaves that term out.
        noise: The step's random numbers.
        known_classes: bool (K,), the expressions that the discriminators see in real photos; by default all. Others
            count in no class term: discriminators could learn them only from artefacts of pseudo-targets.

    Returns:
        Unweighted scalars, named as in `generator_weights`.
    """
    y_t, i_t, d_t = edited.y_t, edited.i_t, edited.d_t
    fake = nets.discriminator(augment(i_t, noise, config.augment))
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
    fake = nets.depth.discriminator(augment(d_t, noise, config.augment, light=False))
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


@dataclass(frozen=True)
class Guidance:
    """The networks that guide a run.

    Attributes:
        nets: Of a finished stage 1.
        features: V of Eq. 10, where G_depth is trained too.
    """

    nets: DepthNets
    features: Features | None = None


def train_expression(
    config: ExpressionTraining,
    train: Arrays,
    held_out: Arrays,
    folder: Path,
    data_facts: dict[str, Any],
    guidance: Guidance | None = None,
    progress: StepProgress = no_progress,
    distillation: Distillation | None = None,
) -> Path:
    """Train the editor in `folder`, or resume it.

    Args:
        config: Its settings.
        train: Training photos.
        held_out: Validation photos, for the grids of samples.
        folder: The run's folder.
        data_facts: What config.json records of the data and of what the run learns from.
        guidance: Of the same guide, size, colour and expressions; None for guide "none".
        progress: Called after every step.
        distillation: Pseudo-targets of `train` and an identity encoder, further losses of G_rgb.

    Returns:
        The weights' file.

    Raises:
        FacereliefError: The folder holds another run, or the loss is not finite.
    """
    session = Session("editor", config, folder, data_facts, progress)
    nets = build_nets(config, guidance.nets if guidance else None)
    generator, mean = nets.generator, EMA(nets.generator, config.ema)
    nets = nets.with_modules(session.prepare(*_learners(nets, config, mean)))
    guide = "depth" if config.guide == "none" else config.guide
    batches = Batches(train, config, guide, session.rank, session.world)
    known_classes = torch.from_numpy(batches.known_classes).to(session.device)
    shown = make_batch(held_out, balanced_rows(held_out), guide, device=session.device)
    translator = nets.depth.translator if nets.depth else None
    generator_step = GeneratorStep(
        session, nets, config, guidance.features if guidance else None, known_classes, distillation or Distillation()
    )
    for step in session.steps(
        lambda path: save_expression_grid(path, mean.module, translator, shown, config.expressions)
    ):
        batch, noise = batches(step, session.device), session.noise(step)
        due = (step + 1) % config.d_steps == 0
        with torch.set_grad_enabled(due):  # shared by the discriminator's and the generator's step
            edited = generator_step.edit(batch, noise)
        discriminator_step(session, nets, batch, edited, noise, known_classes)
        if due:
            generator_step(batch, edited, noise)
            mean.update(generator, step)
    if session.run.main:
        save_checkpoint(folder / WEIGHTS, "editor", named_tensors(generator=mean.module), session.run.settings)
        write_card(folder)
    session.close()
    return folder / WEIGHTS


@dataclass(frozen=True)
class GeneratorStep:
    """Updates the generators: G_rgb and, unless it is frozen or absent, the depth network."""

    session: Session
    nets: Nets
    config: ExpressionTraining
    features: Features | None
    known_classes: Tensor
    distillation: Distillation

    def edit(self, batch: Batch, noise: StepRandom) -> EditedBatch:
        """The batch's edits to chosen expressions."""
        classes = len(self.config.expressions)
        return edit_batch(
            self.nets, batch, self.distillation.choose(batch, noise, classes), classes, self.distillation.targets
        )

    def __call__(self, batch: Batch, edited: EditedBatch, noise: StepRandom) -> None:
        """One step; during the warm-up without the discriminators and the depth network."""
        config, nets = self.config, self.nets
        _freeze_discriminators(nets, True)
        terms = flow_and_mask_regularisers(edited.output) | self.distillation.terms(batch, edited)
        if noise.step >= config.warm_up:
            terms |= generator_terms(nets, batch, edited, config, self.features, noise, self.known_classes)
        elif self.distillation.targets is None:
            terms["rgb/rec"] = eq.reconstruction(batch.image, edited.i_t)
        moving = ["generator"] + ["translator"] * (nets.depth is not None and not config.freeze_depth)
        self.session.optimizer_step("G", terms, generator_weights(config), noise.step, *moving)


def discriminator_step(
    session: Session, nets: Nets, batch: Batch, edited: EditedBatch, noise: StepRandom, known_classes: Tensor
) -> None:
    """One step of D_rgb and, where the run is guided, of D_depth. known_classes: as `generator_terms` takes it."""
    config = session.config
    assert isinstance(config, ExpressionTraining)
    _freeze_discriminators(nets, False)
    weights = discriminator_weights(config) | {"match": config.match_weight}
    real, fake = augment(batch.image, noise, config.augment), augment(edited.i_t.detach(), noise, config.augment)
    targets = TargetClasses(edited.y_t, known_classes)
    terms = discriminator_terms(nets.discriminator, real, fake, batch.classes, config, noise, 0.0, targets)
    if edited.taught is not None and len(edited.taught.label):  # of rare expressions there are few photos
        fake = nets.discriminator(augment(edited.taught.image, noise, config.augment))
        terms["pair"] = eq.classification(fake.classes, edited.taught.label, known_classes)
    session.optimizer_step("D_rgb", terms, weights, noise.step, "critic")
    if nets.depth is not None and edited.d_t is not None:
        d_t = edited.d_t.detach()
        real, fake = (augment(x, noise, config.augment, light=False) for x in (batch.geometry, d_t))
        beta = config.conf_penalty
        terms = discriminator_terms(nets.depth.discriminator, real, fake, batch.classes, config, noise, beta)
        session.optimizer_step("D_depth", terms, weights, noise.step, "depth_critic")


def _learners(nets: Nets, config: ExpressionTraining, mean: EMA) -> tuple[dict[str, Learner], dict[str, nn.Module]]:
    """The networks that learn, and the others of the state, by their names in its file."""
    learners = {"generator": Learner(nets.generator, config.lr), "critic": Learner(nets.discriminator, config.d_lr)}
    fixed: dict[str, nn.Module] = {"average": mean}
    if nets.depth is not None:
        learners["depth_critic"] = Learner(nets.depth.discriminator, config.d_lr)
        if config.freeze_depth:
            set_requires_grad(nets.depth.translator, False)
            fixed["translator"] = nets.depth.translator
        else:
            learners["translator"] = Learner(nets.depth.translator, config.lr)
    return learners, fixed


def _freeze_discriminators(nets: Nets, frozen: bool) -> None:
    for one in (nets.discriminator, nets.depth.discriminator if nets.depth else None):
        if one is not None:
            set_requires_grad(one, not frozen)
