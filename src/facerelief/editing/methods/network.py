"""What editors with a trained network share: how a crop and an expression reach it, and what runs it."""

import functools
from abc import ABC
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from facerelief.array_types import RGB, Float32, Floats
from facerelief.config import ExpressionTraining
from facerelief.editing.editor import Editor, PlanT
from facerelief.editing.engines.agreement import load_engine
from facerelief.editing.engines.graph import graph_of, load_graph
from facerelief.errors import CheckpointError
from facerelief.faces.detector import FaceFinder
from facerelief.processes.threads import threads_for

if TYPE_CHECKING:
    from torch import nn

    from facerelief.data.conditions import Condition

_ENOUGH = 0.9  # of the share of real photos that a classifier recognises
_ADVICE = "where it is faint, try --strength 1.5 or --method morphable"


class TrainedNetwork(NamedTuple):
    """What weights hold.

    Attributes:
        generator: The network.
        condition: What tells it which expression to show.
    """

    generator: "nn.Module"
    condition: "Condition"


class NetworkEditor(Editor[PlanT], ABC):
    """Edits with the generator of one set of weights.

    Attributes:
        config: The network's configuration.
        scores: Of weights that were measured: by expression, shares that an expression classifier recognises, of
            "edits" and of real photos ("judge_on_real").
        engine: The name of what runs the network.
    """

    def __init__(
        self,
        build: Callable[[], TrainedNetwork],
        config: ExpressionTraining,
        finder: FaceFinder | None = None,
        engine: str | None = None,
        scores: Mapping[str, Mapping[str, float]] | None = None,
        weights: Path | None = None,
    ) -> None:
        """Load what runs the network.

        Args:
            build: Makes the network, which needs torch.
            config: Its configuration.
            finder: What finds faces; by default loaded when it is needed.
            engine: One of `ENGINES`, or "auto"; by default "onnx" for weights with a graph, and "torch" for others.
            scores: As of the class.
            weights: The file of the weights, beside which a graph may lie.
        """
        super().__init__(config.expressions, finder)
        self._build, self.config, self.scores = build, config, scores or {}
        self.method = config.method
        graph = graph_of(weights) if weights and engine in (None, "onnx") else None
        if weights and graph:
            self.engine, self._run = "onnx", load_graph(graph, weights, threads_for(1, config.size, config.width))
            self._ask = self._one_hot
        else:
            self.engine, self._run = load_engine(engine or "torch", self.generator, self.condition, config)
            self._ask = self.condition.of_face

    @functools.cached_property
    def _trained(self) -> TrainedNetwork:
        trained = self._build()
        return trained._replace(generator=trained.generator.eval())

    @property
    def generator(self) -> "nn.Module":
        """The network. Raises `MissingExtra` where torch is not installed, `CheckpointError` for weights of another."""
        return self._trained.generator

    @property
    def condition(self) -> "Condition":
        """What tells the network which expression to show. Raises as `generator`."""
        return self._trained.condition

    def _one_hot(self, landmarks: Floats, to: int) -> Float32:
        """As `Condition.of_face` of one-hot conditions, the only ones of graphs, without torch."""
        return np.eye(len(self.expressions), dtype=np.float32)[to : to + 1]

    def caution(self, expression: str) -> str | None:
        """That the weights learnt an expression without photos of it, or show it less clearly than photos do."""
        edits, real = self.scores.get("edits", {}), self.scores.get("judge_on_real", {})
        if edits and expression not in edits:
            return f"{expression}: these weights saw too few photos of it to be measured; {_ADVICE}"
        if edits and edits[expression] < _ENOUGH * real.get(expression, 0):
            shares = f"{edits[expression]:.0%} of such edits, and {real[expression]:.0%} of real photos"
            return f"{expression}: a classifier recognises {shares}; {_ADVICE}"
        return None

    def prepare(self, pixels: RGB) -> Float32:
        """A crop (S, S, 3) as the network takes it, a batch (1, C, S, S) in [-1, 1]."""
        return self.config.network_input(pixels)[None]

    def run(self, image: Float32, to: str, landmarks: Floats) -> list[Float32]:
        """Run the network.

        Args:
            image: As `prepare` gives it.
            to: One of `expressions`.
            landmarks: (468, 3), in pixels of the image.

        Returns:
            Its outputs, (S, S, C) each.

        Raises:
            CheckpointError: The weights give NaN or infinity, as those of a run that diverged do.
        """
        condition = self._ask(landmarks, self.expressions.index(to))
        found = [np.moveaxis(part[0], 0, 2) for part in self._run(image, condition)]
        if not all(np.isfinite(part).all() for part in found):
            raise CheckpointError("these weights make pixels that are not numbers; train them again, with a lower rate")
        return found
