"""The interface of conditions, and their registry."""

from abc import ABC, abstractmethod
from pathlib import Path

from torch import Tensor, nn

from facerelief.array_types import Float32, Floats
from facerelief.config import ExpressionTraining
from facerelief.data.arrays import Arrays
from facerelief.data.batches import Batch
from facerelief.data.manifest import Sample
from facerelief.progress import Progress, no_progress
from facerelief.registry import Registry


class Condition(nn.Module, ABC):
    """What tells a generator which expression to show; its buffers travel with the generator's weights.

    Attributes:
        random: Whether `towards` chooses among training photos, so that it needs random numbers.
        meaning: What a condition is, for exported models.
        carries: What of training photos travels with the weights, for cards; nothing by default.
    """

    random: bool = False
    meaning: str
    carries: str = ""

    def __init__(self, config: ExpressionTraining) -> None:
        super().__init__()
        self.expressions, self.input = config.expressions, config.network_input

    def check(self, dataset: Path, sample: Sample) -> None:
        """Raise `DatasetError` where a dataset lacks what `measure` takes, by one sample, before any is decoded."""

    def measure(self, dataset: Path, arrays: Arrays, progress: Progress = no_progress) -> Arrays:
        """The same photos with what this condition needs of each in `Arrays.measured`; kept beside the dataset.

        Raises:
            DatasetError: The dataset lacks what it takes.
        """
        return arrays

    def collect(self, train: Arrays) -> None:
        """Keep what edits need of the training photos, measured before."""

    @property
    @abstractmethod
    def shape(self) -> tuple[int, ...]:
        """The shape of one condition."""

    @abstractmethod
    def own(self, arrays: Arrays, batch: Batch) -> Tensor:
        """What the photos of a batch show, (N, ...); `arrays`: those that it is of, measured."""

    def back(self, arrays: Arrays, batch: Batch) -> Tensor:
        """What asks edits of a batch to show again what its photos show, (N, ...), for the cycle; without these photos
        themselves. By default `own`.
        """
        return self.own(arrays, batch)

    @abstractmethod
    def towards(self, arrays: Arrays, batch: Batch, y_t: Tensor, draws: Tensor | None = None) -> Tensor:
        """What asks for expressions.

        Args:
            arrays: Those that the batch is of, measured.
            batch: N photos.
            y_t: Target labels, (N,).
            draws: (N,) in [0, 1), which of the training photos that show them, where the condition is `random`; by
                default a typical one.

        Returns:
            (N, ...).
        """

    @abstractmethod
    def of_face(self, landmarks: Floats, to: int) -> Float32:
        """What asks one face for an expression.

        Args:
            landmarks: (468, 3), pixels of the aligned crop at the network's size.
            to: Index of the expression.

        Returns:
            (1, ...).
        """


CONDITIONS: Registry[type[Condition]] = Registry("kind of condition", "facerelief.methods", Condition)
