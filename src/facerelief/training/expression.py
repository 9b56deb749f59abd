"""Stage 2: an editor of any method, guided end to end by the depth network (Eqs. 1-8 and 11), or without guidance.

facerelief train expression DATASET --depth DEPTH_RUN -o RUN --preset cpu
facerelief train expression DATASET --guide none --method ganimation -o RUN --preset cpu
"""

import dataclasses
import itertools
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from facerelief.checkpoint import WEIGHTS, save_checkpoint
from facerelief.config import ExpressionTraining
from facerelief.data.arrays import Arrays
from facerelief.data.batches import Batch, Batches, balanced_rows, make_batch
from facerelief.data.conditions import Condition, build_condition
from facerelief.networks.weights import named_tensors
from facerelief.progress import StepProgress, no_progress
from facerelief.training import losses as eq
from facerelief.training.depth import DepthNets
from facerelief.training.guidance import Guidance, check_guide, guidance_weights
from facerelief.training.methods import TRAINING_METHODS, TrainingMethod, TrainingStep, Update
from facerelief.training.run.collectives import whole_batch
from facerelief.training.run.model_card import write_card
from facerelief.training.run.sample_grids import save_expression_grid
from facerelief.training.run.session import Learner, Session
from facerelief.training.steps.distillation import Distillation, distillation_weights
from facerelief.training.steps.edited_batch import EditedBatch
from facerelief.training.steps.ema import EMA
from facerelief.training.steps.gan_step import discriminator_weights, set_requires_grad
from facerelief.training.steps.step_random import StepRandom


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
        train: Training photos, with what the method's condition measures of them.
        held_out: Validation photos, the same, for the grids of samples.
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
    check_guide(config, guidance)
    method, condition = TRAINING_METHODS[config.method](config), build_condition(config)
    condition.collect(train)
    session = Session("editor", config, folder, data_facts, progress)
    built = method.build()
    generator, mean = built["generator"], EMA(built["generator"], config.ema)
    prepared = session.prepare(*_learners(method, built, guidance, mean))
    nets = {name: prepared.get(name, module) for name, module in built.items()}
    guidance = guidance and guidance.with_nets(_prepared_depth(guidance.nets, prepared))
    condition.to(session.device)
    guide = "depth" if config.guide == "none" else config.guide
    batches, rows = Batches(train, config, guide), session.parts(config.batch)
    known_classes = torch.from_numpy(batches.known_classes).to(session.device)
    loop = Loop(session, method, nets, Conditioned(condition, train), guidance, distillation or Distillation())
    shown = make_batch(held_out, balanced_rows(held_out), guide, device=session.device)
    asked = Conditioned(condition, held_out).every(shown)
    translator = guidance.nets.translator if guidance else None
    for step in session.steps(
        lambda path: save_expression_grid(path, mean.module, translator, shown, asked, config.expressions)
    ):
        if loop([(batches(step, session.device, one), session.noise(step, one)) for one in rows], known_classes):
            mean.update(generator, step)
    if session.run.main:
        tensors = named_tensors(generator=mean.module, condition=condition)
        save_checkpoint(folder / WEIGHTS, "editor", tensors, session.run.settings)
        write_card(folder)
    session.close()
    return folder / WEIGHTS


@dataclass(frozen=True)
class Conditioned:
    """Photos, and the condition that asks for their edits."""

    condition: Condition
    arrays: Arrays

    def of(self, batch: Batch, y_t: Tensor, noise: StepRandom) -> tuple[Tensor, Tensor]:
        """What photos show, and what asks for y_t."""
        draws = noise.uniform(len(y_t)) if self.condition.random else None
        return self.condition.own(self.arrays, batch), self.condition.towards(self.arrays, batch, y_t, draws)

    def every(self, batch: Batch) -> list[Tensor]:
        """What asks all photos for each expression in turn."""
        labels = range(len(self.arrays.expressions))
        return [self.condition.towards(self.arrays, batch, torch.full_like(batch.label, k)) for k in labels]


@dataclass(frozen=True)
class Loop:
    """What one step does, whatever the method.

    Attributes:
        session: The run's.
        method: The method.
        nets: Its networks, as the session prepared them.
        photos: The training photos and the condition.
        guidance: The depth network, where the run is guided.
        distillation: Further losses of G_rgb.
    """

    session: Session
    method: TrainingMethod
    nets: Mapping[str, nn.Module]
    photos: Conditioned
    guidance: Guidance | None
    distillation: Distillation

    @property
    def config(self) -> ExpressionTraining:
        """The run's settings."""
        return self.method.config

    def __call__(self, parts: Sequence[tuple[Batch, StepRandom]], known_classes: Tensor) -> bool:
        """Critics learn; every `d_steps`-th time the generator does too, and True is returned.

        Args:
            parts: Those of the batch that this process computes, with their random numbers.
            known_classes: As of `TrainingStep`.
        """
        due = (parts[0][1].step + 1) % self.config.d_steps == 0
        shared = due and len(parts) == 1  # by the critics' and the generator's step
        asked = [self.choose(batch, noise, known_classes) for batch, noise in parts]
        with torch.set_grad_enabled(shared):
            edits = (self.edit(*part, y_t) for part, y_t in zip(parts, asked, strict=True))
            edited = list(self.session.by_part(edits, counts=shared or not due))
        scales = self.scales([batch for batch, _ in parts], asked, known_classes)
        steps = [
            TrainingStep(self.nets, batch, edit, noise, known_classes, *scale)
            for (batch, noise), edit, scale in zip(parts, edited, scales, strict=True)
        ]
        self.train_critics(steps)
        if due:
            self.train_generator(steps, again=not shared)
        return due

    def choose(self, batch: Batch, noise: StepRandom, known_classes: Tensor) -> Tensor:
        """Target labels of some photos, as the method chooses them; with pseudo-targets, any."""
        if self.distillation.targets is None:
            return self.method.choose(batch, noise, known_classes)
        return self.distillation.choose(batch, noise, len(self.config.expressions))

    def edit(self, batch: Batch, noise: StepRandom, y_t: Tensor) -> EditedBatch:
        """The photos' edits to y_t."""
        c_s, c_t = self.photos.of(batch, y_t, noise)
        return edit_batch(self.method, self.nets, batch, y_t, (c_s, c_t), noise, self.guidance, self.distillation)

    def scales(
        self, batches: Sequence[Batch], asked: Sequence[Tensor], known_classes: Tensor
    ) -> Iterator[tuple[float, float]]:
        """`known_scale` and `taught_scale` of each part's `TrainingStep`."""
        rows = [batch.part for batch in batches if batch.part is not None]
        targets = self.distillation.targets
        if not rows or (targets is None and bool(known_classes.all())):
            yield from [(1.0, 1.0)] * len(batches)
            return
        known = known_classes[whole_batch(asked, rows)[0]].cpu().numpy()
        taught = targets.have(batches[0]) if targets else known
        yield from ((one.scale(known), one.scale(known & taught)) for one in rows)

    def train_critics(self, steps: Sequence[TrainingStep]) -> None:
        """One step of the method's critics and, where the run is guided, of D_depth."""
        self._freeze_critics(False)
        self._updates(self.method.critic_updates, steps)
        if self.guidance is not None:
            guidance, weights = self.guidance, discriminator_weights(self.config)
            terms = (guidance.critic_terms(step, self.config) for step in steps)
            self.session.optimizer_step("D_depth", terms, weights, steps[0].noise.step, "depth_critic")

    def train_generator(self, steps: Sequence[TrainingStep], *, again: bool) -> None:
        """One step of G_rgb and G_depth. again: edits have no gradient, and are computed once more."""
        self._freeze_critics(True)
        terms = (self.generator_terms(self.edited_again(step) if again else step) for step in steps)
        translator = ["translator"] * (self.guidance is not None and not self.config.freeze_depth)
        self._step("G", terms, steps[0], [*self.method.moved, *translator])
        self._updates(self.method.other_updates, steps)

    def generator_terms(self, step: TrainingStep) -> eq.Terms:
        """The generators' terms; during the warm-up without the critics and the depth network."""
        terms = self.method.warm_up_terms(step) | self.distillation.terms(step.batch, step.edited)
        if step.noise.step >= self.config.warm_up:
            terms |= generator_terms(self.method, step, self.guidance)
        elif self.distillation.targets is None:
            terms["rgb/rec"] = eq.reconstruction(step.batch.image, step.edited.i_t)
        return terms

    def edited_again(self, step: TrainingStep) -> TrainingStep:
        """The same edits, with gradient."""
        edited = step.edited
        output = self.method.edit(self.nets, step.batch, edited.c_s, edited.c_t)
        d_t = self.guidance.nets.translator(output.image) if self.guidance else None
        return dataclasses.replace(step, edited=dataclasses.replace(edited, output=output, d_t=d_t))

    def _updates(self, updates: Callable[[TrainingStep], Iterator[Update]], steps: Sequence[TrainingStep]) -> None:
        """The method's updates in turn, each of all parts."""
        first, *others = (updates(step) for step in steps)
        for update in first:
            terms = itertools.chain([update.terms], (next(one).terms for one in others))
            self._step(update.log, terms, steps[0], update.networks)

    def _step(self, log: str, terms: Iterable[eq.Terms], step: TrainingStep, networks: Iterable[str]) -> None:
        self.session.optimizer_step(log, terms, generator_weights(self.method), step.noise.step, *networks)

    def _freeze_critics(self, frozen: bool) -> None:
        depth = [self.guidance.nets.discriminator] if self.guidance else []
        for one in (*(self.nets[name] for name in self.method.critics), *depth):
            set_requires_grad(one, not frozen)


def edit_batch(
    method: TrainingMethod,
    nets: Mapping[str, nn.Module],
    batch: Batch,
    y_t: Tensor,
    conditions: tuple[Tensor, Tensor],
    noise: StepRandom,
    guidance: Guidance | None = None,
    distillation: Distillation | None = None,
) -> EditedBatch:
    """The batch's edits to y_t (N,); `conditions`: of what the photos show, and of y_t."""
    c_s, c_t = conditions[0], method.target(conditions[1], noise)
    output = method.edit(nets, batch, c_s, c_t)
    d_t = guidance.nets.translator(output.image) if guidance else None
    targets = distillation.targets if distillation else None
    return EditedBatch(y_t, output, c_s, c_t, d_t, targets.of_batch(batch, y_t) if targets else None)


def generator_terms(method: TrainingMethod, step: TrainingStep, guidance: Guidance | None = None) -> eq.Terms:
    """The terms of the edit: the method's (of StarGAN L_rgb, Eq. 4), and the guidance's L_depth (Eq. 8)."""
    return method.generator_terms(step) | (guidance.terms(step, method.config) if guidance else {})


def generator_weights(method: TrainingMethod) -> dict[str, float]:
    """The weights of all terms but D_depth's; the method's own come last, so that it may change any."""
    shared = {"rgb/rec": method.config.rec_weight}  # of the warm-up
    return shared | distillation_weights(method.config) | guidance_weights(method.config) | method.weights()


def _prepared_depth(nets: DepthNets, prepared: Mapping[str, nn.Module]) -> DepthNets:
    return DepthNets(prepared.get("translator", nets.translator), prepared["depth_critic"])


def _learners(
    method: TrainingMethod, built: Mapping[str, nn.Module], guidance: Guidance | None, mean: EMA
) -> tuple[dict[str, Learner], dict[str, nn.Module]]:
    """The networks that learn, and the others of the state, by their names in its file."""
    config = method.config
    with_weights = {name for name, module in built.items() if any(True for _ in module.parameters())}
    learners = {name: method.learner(name, module) for name, module in built.items() if name in with_weights}
    fixed: dict[str, nn.Module] = {"average": mean, **{k: v for k, v in built.items() if k not in with_weights}}
    if guidance is not None:
        learners["depth_critic"] = Learner(guidance.nets.discriminator, config.d_lr)
        if config.freeze_depth:
            set_requires_grad(guidance.nets.translator, False)
            fixed["translator"] = guidance.nets.translator
        else:
            learners["translator"] = Learner(guidance.nets.translator, config.lr)
    return learners, fixed
