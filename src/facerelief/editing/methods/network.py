"""What editors with a trained network share: how a crop and an expression reach it, and what runs it."""

from abc import ABC
from collections.abc import Mapping

import numpy as np
from torch import nn

from facerelief.array_types import RGB, Float32, Floats
from facerelief.config import ExpressionTraining
from facerelief.data.conditions import Condition, build_condition
from facerelief.editing.editor import Editor, PlanT
from facerelief.editing.engines.agreement import load_engine
from facerelief.errors import CheckpointError
from facerelief.faces.detector import FaceFinder

_ENOUGH = 0.9  # of the share of real photos that a classifier recognises
_ADVICE = "where it is faint, try --strength 1.5 or --method morphable"


class NetworkEditor(Editor[PlanT], ABC):
    """Edits with the generator of one set of weights.

    Attributes:
        generator: The network.
        condition: What tells it which expression to show.
        config: Its configuration.
        scores: Of weights that were measured: by expression, shares that an expression classifier recognises, of
            "edits" and of real photos ("judge_on_real").
        engine: The name of what runs the network.
    """

    def __init__(
        self,
        generator: nn.Module,
        config: ExpressionTraining,
        finder: FaceFinder | None = None,
        engine: str = "torch",
        scores: Mapping[str, Mapping[str, float]] | None = None,
        condition: Condition | None = None,
    ) -> None:
        super().__init__(config.expressions, finder)
        self.generator, self.condition = generator.eval(), condition or build_condition(config)
        self.config, self.scores = config, scores or {}
        self.method = config.method
        self.engine, self._run = load_engine(engine, self.generator, self.condition, config)

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
        condition = self.condition.of_face(landmarks, self.expressions.index(to))
        found = [np.moveaxis(part[0], 0, 2) for part in self._run(image, condition)]
        if not all(np.isfinite(part).all() for part in found):
            raise CheckpointError("these weights make pixels that are not numbers; train them again, with a lower rate")
        return found
