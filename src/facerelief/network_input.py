"""How an aligned crop is resized and converted for a network."""

from dataclasses import dataclass
from typing import Any, TypeVar

import numpy as np
from PIL import Image

from facerelief.array_types import RGB, Float32, UInt8
from facerelief.colour import to_luma

Levels = TypeVar("Levels", bound=Any)  # an array or a tensor of floats


@dataclass(frozen=True)
class NetworkInput:
    """Size and colour in which a network sees crops.

    Attributes:
        size: Side in pixels.
        colour: "rgb", or "luma" for luminance only.

    Example:
        >>> crop = np.full((128, 128, 3), 255, dtype=np.uint8)
        >>> NetworkInput(64, "luma")(crop).shape
        (1, 64, 64)
    """

    size: int
    colour: str

    @property
    def channels(self) -> int:
        """3, or 1 of luma."""
        return {"rgb": 3, "luma": 1}[self.colour]

    def levels(self, crop: RGB) -> UInt8:
        """The crop at the network's size (box filter) and in its colour, uint8 (C, S, S)."""
        if crop.shape[:2] != (self.size, self.size):
            crop = np.asarray(Image.fromarray(crop).resize((self.size, self.size), Image.Resampling.BOX))
        return np.ascontiguousarray(np.moveaxis(crop, 2, 0)) if self.colour == "rgb" else to_luma(crop)[None]

    def __call__(self, crop: RGB) -> Float32:
        """The crop as the network takes it, float32 (C, S, S) in [-1, 1]."""
        return from_levels(self.levels(crop).astype(np.float32))


def from_levels(levels: Levels) -> Levels:
    """Levels 0 to 255, floats, as the networks take them, in [-1, 1]."""
    scaled: Levels = levels / 127.5 - 1
    return scaled
