"""The relief backbone: an edit as a flow, a mask and a colour, out = (1 - mask) * warp(photo, flow) + mask * colour.

What need not change is copied, so it stays sharp and keeps the person from the first step on. The three maps are
smooth, so they can be applied to a photo at any resolution (`editing.methods.relief`).
"""

import math
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from facerelief.networks.generator_output import GeneratorOutput
from facerelief.networks.stargan import InstanceNorm, PaddedConv2d, binomial_filter

REACH = 0.2  # largest displacement along an axis, in sides
_CAREFUL = 0.1  # Adam moves every weight of the head at once: without this factor one step moves pixels too far
_START = 0.03  # share that the mask paints before training


class Maps(NamedTuple):
    """The three maps of an edit.

    Attributes:
        flow: Where each pixel comes from, right and down, in sides of the image, (N, 2, H, W).
        mask: Share of the colour, (N, 1, H, W) in [0, 1].
        colour: (N, C, H, W) in [-1, 1].
    """

    flow: Tensor
    mask: Tensor
    colour: Tensor


class ConditionalNorm(nn.Module):
    """Instance norm with a scale and a shift for each condition (Dumoulin, Shlens and Kudlur, 2017), then ReLU.

    Instance norm removes constant label planes, StarGAN's conditions, except at the borders.

    Args:
        channels: Of the maps.
        conditions: Length of the one-hot condition.
    """

    def __init__(self, channels: int, conditions: int) -> None:
        super().__init__()
        self.norm = InstanceNorm(channels, affine=False)
        self.affine = nn.Linear(conditions, 2 * channels, bias=False)
        nn.init.normal_(self.affine.weight, std=0.1)

    def forward(self, x: Tensor, condition: Tensor) -> Tensor:
        """x: (N, C, H, W); condition: (N, K)."""
        scale, shift = self.affine(condition)[:, :, None, None].chunk(2, dim=1)
        return torch.relu(self.norm(x) * (1 + scale) + shift)


class _Step(nn.Module):
    """A convolution and its norm; `scale` 0.5 halves the map before it, 2 doubles it."""

    def __init__(self, inputs: int, outputs: int, conditions: int, scale: float = 1.0, side: int = 3) -> None:
        super().__init__()
        self.scale = scale
        self.convolution = nn.Conv2d(inputs, outputs, side, padding=side // 2, bias=False)
        self.norm = ConditionalNorm(outputs, conditions)

    def forward(self, x: Tensor, condition: Tensor) -> Tensor:
        if self.scale < 1:
            x = F.avg_pool2d(x, 2)
        if self.scale > 1:  # a transposed convolution would draw a pattern of its own
            x = F.interpolate(x, scale_factor=2, mode="bilinear")
        normed: Tensor = self.norm(self.convolution(x), condition)
        return normed


class ReliefGenerator(nn.Module):
    """StarGAN's layers (two halvings, residual blocks, two doublings) with conditional norms, and a head for all maps.

    Args:
        channels: Of the image, in and out.
        conditions: Length of the one-hot condition.
        width: Channels of the first layer.
        blocks: Residual blocks.
    """

    def __init__(self, channels: int = 3, conditions: int = 8, width: int = 64, blocks: int = 6) -> None:
        super().__init__()
        self.channels, self.conditions = channels, conditions
        self.first = nn.ModuleList(
            [
                _Step(channels, width, conditions, side=7),
                _Step(width, 2 * width, conditions, 0.5),
                _Step(2 * width, 4 * width, conditions, 0.5),
            ]
        )
        self.blocks = nn.ModuleList(_Step(4 * width, 4 * width, conditions) for _ in range(2 * blocks))
        self.last = nn.ModuleList(
            [_Step(4 * width, 2 * width, conditions, 2.0), _Step(2 * width, width, conditions, 2.0)]
        )
        self.head = PaddedConv2d(width, 3 + channels, 7)
        bias = torch.zeros(3 + channels)
        bias[2] = math.log(_START / (1 - _START))
        self.head.bias = nn.Parameter(bias)
        with torch.no_grad():  # start near the photo itself
            self.head.weight *= 0.1

    def features(self, image: Tensor, condition: Tensor) -> Tensor:
        """The features before the head, (N, width, H, W)."""
        x = image
        for step in self.first:
            x = step(x, condition)
        for one, other in zip(self.blocks[::2], self.blocks[1::2], strict=True):
            x = x + other(one(x, condition), condition)
        for step in self.last:
            x = step(x, condition)
        return x

    def maps(self, image: Tensor, condition: Tensor) -> Maps:
        """The edit of images (N, C, H, W) in [-1, 1], H and W divisible by 4, to conditions (N, conditions)."""
        raw = binomial_filter(self.head(self.features(image, condition)).float())
        flow, mask, colour = raw[:, :2], raw[:, 2:3], raw[:, 3:]
        return Maps(binomial_filter(REACH * (_CAREFUL * flow).tanh()), mask.sigmoid(), colour.tanh())

    def forward(self, image: Tensor, condition: Tensor) -> GeneratorOutput:
        """The edits of images (N, C, H, W) to conditions (N, conditions)."""
        maps = self.maps(image, condition)
        edited = (1 - maps.mask) * warped(image.float(), maps.flow) + maps.mask * maps.colour
        return GeneratorOutput(edited, maps.flow, maps.mask)


def warped(image: Tensor, flow: Tensor) -> Tensor:
    """Backward warp with bilinear sampling.

    Args:
        image: (N, C, H, W).
        flow: (N, 2, H, W), from each pixel to where it is fetched, right and down, in sides.

    Returns:
        (N, C, H, W).
    """
    height, width = image.shape[2:]
    x = (torch.arange(width, device=image.device) + 0.5) / width
    y = (torch.arange(height, device=image.device) + 0.5) / height
    place = torch.stack(torch.meshgrid(x, y, indexing="xy"))
    grid = (2 * (place + flow) - 1).permute(0, 2, 3, 1)
    return F.grid_sample(image, grid, mode="bilinear", padding_mode="border", align_corners=False)


def roughness(flow: Tensor) -> Tensor:
    """How much a flow (N, 2, H, W), in sides, stretches: mean square of its differences from pixel to pixel."""
    along_y, along_x = flow.diff(dim=2) * flow.shape[2], flow.diff(dim=3) * flow.shape[3]
    return along_y.square().mean() + along_x.square().mean()
