"""What editors with a trained network share: how a crop and an expression reach it, and what runs it."""

from abc import ABC
from collections.abc import Mapping

import numpy as np
from torch import nn

from facerelief.array_types import RGB, Float32
from facerelief.config import ExpressionTraining
from facerelief.editing.editor import Editor, PlanT
from facerelief.editing.engines.agreement import load_engine
from facerelief.errors import CheckpointError
from facerelief.faces.detector import FaceFinder

_ENOUGH = 0.9  # of what a judge tells of real photos
_ADVICE = "where it is faint, try --strength 1.5 or --method morphable"


class NetworkEditor(Editor[PlanT], ABC):
    """Edits with the generator of one set of weights; `engine`: the name of what runs it.

    scores: of weights that were measured, by expression, shares that a judge tells: "edits" and "judge_on_real".
    """

    def __init__(
        self,
        generator: nn.Module,
        config: ExpressionTraining,
        finder: FaceFinder | None = None,
        engine: str = "torch",
        scores: Mapping[str, Mapping[str, float]] | None = None,
    ) -> None:
        super().__init__(config.expressions, finder)
        self.generator, self.config, self.scores = generator.eval(), config, scores or {}
        self.method = config.backbone
        self.engine, self._run = load_engine(engine, self.generator, config)

    def caution(self, expression: str) -> str | None:
        """That the weights learnt an expression without photos of it, or show it less clearly than photos do."""
        edits, real = self.scores.get("edits", {}), self.scores.get("judge_on_real", {})
        if edits and expression not in edits:
            return f"{expression}: these weights saw too few photos of it to be measured; {_ADVICE}"
        if edits and edits[expression] < _ENOUGH * real.get(expression, 0):
            shares = f"{edits[expression]:.0%} of such edits, and {real[expression]:.0%} of real photos"
            return f"{expression}: a judge tells {shares}; {_ADVICE}"
        return None

    def seen(self, pixels: RGB) -> Float32:
        """A crop uint8 (S, S, 3) as the network sees it, float32 (1, C, S, S)."""
        return self.config.network_input(pixels)[None]

    def run(self, image: Float32, label: int) -> list[Float32]:
        """What the network gives for an image as `seen` and an expression, each (S, S, C).

        Raises `CheckpointError` for weights that give numbers which are none, as those of a run that diverged do.
        """
        condition = np.eye(len(self.expressions), dtype=np.float32)[label : label + 1]
        found = [np.moveaxis(part[0], 0, 2) for part in self._run(image, condition)]
        if not all(np.isfinite(part).all() for part in found):
            raise CheckpointError("these weights make pixels that are not numbers; train them again, with a lower rate")
        return found
