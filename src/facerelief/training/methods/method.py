"""The interface of methods, and their registry."""

from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, NamedTuple

from torch import Tensor, nn

from facerelief.config import ExpressionTraining
from facerelief.data.batches import Batch
from facerelief.networks.backbones import build_backbone
from facerelief.networks.generator_output import GeneratorOutput
from facerelief.registry import Registry
from facerelief.training import losses as eq
from facerelief.training.run.session import Learner
from facerelief.training.steps.edited_batch import EditedBatch
from facerelief.training.steps.step_random import StepRandom


class Update(NamedTuple):
    """A step of some networks' optimizers.

    Attributes:
        log: Before the terms' names in the log, e.g. "D_rgb".
        terms: Unweighted scalars.
        networks: Names of the networks that learn from them.
    """

    log: str
    terms: eq.Terms
    networks: tuple[str, ...]


@dataclass(frozen=True)
class TrainingStep:
    """What a step's terms are made of.

    Attributes:
        nets: The method's networks by the names that `build` gave. Call them, with keywords for what is not an edit,
            but do not call their methods: what is called has the run's precision.
        batch: Photos I_s, maps d_s and labels y_s.
        edited: Their edits I_t to y_t, and both conditions.
        noise: The step's random numbers.
        known_classes: bool (K,), the expressions that batches show.
        known_scale: Factor of means over the photos whose target is among these, so that those of a batch's parts add
            up: 1 for a whole batch.
        taught_scale: The same of means over the photos that also have a pseudo-target.
    """

    nets: Mapping[str, nn.Module]
    batch: Batch
    edited: EditedBatch
    noise: StepRandom
    known_classes: Tensor
    known_scale: float = 1.0
    taught_scale: float = 1.0


class TrainingMethod(ABC):
    """One method.

    Attributes:
        title: Its name and paper, for cards.
        presets: Settings by preset ("cpu", "gpu", "paper") that differ from those of all methods.
        options: Settings that it alone has, with their defaults.
        critics: Which of its networks learn at `d_lr`, in `critic_updates`; the others learn at `lr`.
        moved: Which networks learn from `generator_terms`, and from the guidance.
        config: The run's settings.
    """

    title: ClassVar[str]
    presets: ClassVar[Mapping[str, Mapping[str, Any]]] = {}
    options: ClassVar[Mapping[str, float]] = {}
    critics: ClassVar[tuple[str, ...]] = ("critic",)
    moved: ClassVar[tuple[str, ...]] = ("generator",)

    def __init__(self, config: ExpressionTraining) -> None:
        """Raise `FacereliefError` where the settings do not fit the method."""
        self.config = config

    def option(self, name: str) -> float:
        """A setting that this method alone has."""
        return self.config.options.get(name, self.options[name])

    def build(self) -> dict[str, nn.Module]:
        """Fresh networks: "generator", which edits and is saved, then the others."""
        return {"generator": build_backbone(self.config), **self.build_others()}

    @abstractmethod
    def build_others(self) -> dict[str, nn.Module]:
        """Fresh networks beside the generator: critics, and what only training needs."""

    def learner(self, name: str, module: nn.Module) -> Learner:
        """How a network learns: critics at `d_lr`, the others at `lr`, all by the run's Adam."""
        return Learner(module, self.config.d_lr if name in self.critics else self.config.lr)

    def choose(self, batch: Batch, noise: StepRandom, known_classes: Tensor) -> Tensor:
        """Target labels y_t (N,), where there are no pseudo-targets; by default the batch's, permuted, as in StarGAN.

        known_classes: as of `TrainingStep`.
        """
        return noise.permuted(batch.labels_of_all)

    def target(self, c_t: Tensor, noise: StepRandom) -> Tensor:
        """The target condition that training uses, of what a photo shows; by default that."""
        return c_t

    def edit(self, nets: Mapping[str, nn.Module], batch: Batch, c_s: Tensor, c_t: Tensor) -> GeneratorOutput:
        """I_t = G_rgb(I_s, c_t).

        Args:
            nets: As of `TrainingStep`.
            batch: The photos.
            c_s: Their own conditions.
            c_t: Conditions of what they are to show.
        """
        output: GeneratorOutput = nets["generator"](batch.image, c_t)
        return output

    @abstractmethod
    def critic_updates(self, step: TrainingStep) -> Iterator[Update]:
        """The steps of the critics, one after the other; edits have no gradient if they are detached."""

    @abstractmethod
    def generator_terms(self, step: TrainingStep) -> eq.Terms:
        """The terms of the edit, to which the loop adds those of the guidance."""

    def warm_up_terms(self, step: TrainingStep) -> eq.Terms:
        """Terms of the edit that are minimised from the first step on, before those of the critics."""
        return {}

    def other_updates(self, step: TrainingStep) -> Iterator[Update]:
        """Further steps, after that of the edit; by default none."""
        yield from ()

    @abstractmethod
    def weights(self) -> dict[str, float]:
        """The weight of each term, of critics and generator, by its name."""


TRAINING_METHODS: Registry[type[TrainingMethod]] = Registry("method", "facerelief.methods", TrainingMethod)
