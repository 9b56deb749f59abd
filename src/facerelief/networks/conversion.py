"""Conversion of labels to network inputs, and of network outputs to pixels."""

import numpy as np
from torch import Tensor, nn


def to_pixels(x: Tensor) -> np.ndarray:
    """Images or maps as pixels.

    Args:
        x: (N, C, H, W) in [-1, 1], C of 1, 3, or 4 (depth and normals).

    Returns:
        uint8 (N, H, W, 3); of 4 channels (N, H, 2 W, 3), depth beside normals.
    """
    if x.shape[1] == 4:
        return np.concatenate([to_pixels(x[:, :1]), to_pixels(x[:, 1:])], axis=2)
    levels = ((x.float().clamp(-1, 1) + 1) * 127.5).round().byte().cpu()
    return levels.expand(-1, 3, -1, -1).permute(0, 2, 3, 1).numpy()


def one_hot(labels: Tensor, classes: int) -> Tensor:
    """Labels (N,) as float (N, classes)."""
    return nn.functional.one_hot(labels, classes).float()
