"""The expression classifier that scores edits, and the features of its trunk."""

import torch
from torch import Tensor, nn


class Classifier(nn.Module):
    """A small residual network with batch norm: images (N, C, H, W) in [-1, 1] to logits (N, classes).

    Args:
        channels: 3 (RGB) or 1 (luma).
        classes: Expressions.
        width: Channels of the first stage; the last of four has eight times as many.
        dropout: Share of features that are left out in training, before the logits.

    Example:
        >>> Classifier(width=4)(torch.zeros(2, 3, 32, 32)).shape
        torch.Size([2, 8])
    """

    def __init__(self, channels: int = 3, classes: int = 8, width: int = 32, dropout: float = 0.3) -> None:
        super().__init__()
        self.stem = nn.Sequential(
            nn.Conv2d(channels, width, 3, padding=1, bias=False), nn.BatchNorm2d(width), nn.ReLU()
        )
        widths = [width, width, 2 * width, 4 * width, 8 * width]
        self.stages = nn.ModuleList(_Stage(widths[k], widths[k + 1], stride=1 if k == 0 else 2) for k in range(4))
        self.head = nn.Sequential(nn.Dropout(dropout), nn.Linear(widths[-1], classes))

    def forward(self, image: Tensor) -> Tensor:
        """Class logits."""
        logits: Tensor = self.head(self.features(image)[-1].mean(dim=(2, 3)))
        return logits

    def features(self, image: Tensor) -> list[Tensor]:
        """The four stages' maps, from fine to coarse: V of Eq. 10 where `perceptual` is "judge"."""
        maps, h = [], self.stem(image)
        for stage in self.stages:
            h = stage(h)
            maps.append(h)
        return maps


class _Stage(nn.Module):
    def __init__(self, inputs: int, outputs: int, stride: int) -> None:
        super().__init__()
        self.body = nn.Sequential(
            nn.Conv2d(inputs, outputs, 3, stride=stride, padding=1, bias=False),
            nn.BatchNorm2d(outputs),
            nn.ReLU(),
            nn.Conv2d(outputs, outputs, 3, padding=1, bias=False),
            nn.BatchNorm2d(outputs),
        )
        self.skip = nn.Sequential(nn.Conv2d(inputs, outputs, 1, bias=False), nn.BatchNorm2d(outputs))
        self.stride = stride

    def forward(self, x: Tensor) -> Tensor:
        # The 1x1 convolution reads every second pixel. A strided one has the same value, but on processors without
        # AVX-512 oneDNN 3.12 writes past the end of its memory in the backward pass: for channels-last maps of fewer
        # than 8 channels the gradient is wrong, the process dies, or it never returns.
        seen = x[..., :: self.stride, :: self.stride]
        return torch.relu(self.body(x) + self.skip(seen))
