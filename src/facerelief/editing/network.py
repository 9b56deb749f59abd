"""What editors with a trained network share: how a crop and an expression reach it."""

from abc import ABC

import numpy as np
import torch
from torch import Tensor, nn

from facerelief.config import ExpressionTraining
from facerelief.editing.editor import Change, Editor
from facerelief.faces.colour import to_luma
from facerelief.faces.detect import FaceFinder


class NetworkEditor(Editor[Change], ABC):
    """Edits with the generator of one set of weights."""

    def __init__(self, generator: nn.Module, config: ExpressionTraining, finder: FaceFinder | None = None) -> None:
        super().__init__(config.expressions, finder)
        self.generator, self.config = generator.eval(), config

    def seen(self, pixels: np.ndarray) -> Tensor:
        """A crop uint8 (S, S, 3) as the network sees it, (1, C, S, S)."""
        levels = to_luma(pixels)[..., None] if self.config.colour == "luma" else pixels
        return torch.from_numpy(np.moveaxis(levels, 2, 0).astype(np.float32))[None] / 127.5 - 1

    def condition(self, label: int) -> Tensor:
        """An expression as the network sees it, (1, K)."""
        return torch.eye(len(self.expressions))[label : label + 1]
