"""What editors with a trained network share: how a crop and an expression reach it, and what runs it."""

from abc import ABC

import numpy as np
from torch import nn

from facerelief.config import ExpressionTraining
from facerelief.editing.editor import Change, Editor
from facerelief.editing.parity import as_seen, load_engine
from facerelief.faces.detect import FaceFinder


class NetworkEditor(Editor[Change], ABC):
    """Edits with the generator of one set of weights; `engine`: the name of what runs it."""

    def __init__(
        self, generator: nn.Module, config: ExpressionTraining, finder: FaceFinder | None = None, engine: str = "torch"
    ) -> None:
        super().__init__(config.expressions, finder)
        self.generator, self.config = generator.eval(), config
        self.method = config.backbone
        self.engine, self._run = load_engine(engine, self.generator, config)

    def seen(self, pixels: np.ndarray) -> np.ndarray:
        """A crop uint8 (S, S, 3) as the network sees it, float32 (1, C, S, S)."""
        return as_seen(pixels, self.config)

    def run(self, image: np.ndarray, label: int) -> list[np.ndarray]:
        """What the network gives for an image as `seen` and an expression, each (S, S, C)."""
        condition = np.eye(len(self.expressions), dtype=np.float32)[label : label + 1]
        return [np.moveaxis(part[0], 0, 2) for part in self._run(image, condition)]
