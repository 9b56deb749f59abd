"""The relief backbone: an edit as a flow, a mask and a colour, out = (1 - mask) * warp(photo, flow) + mask * colour.

What need not change is copied, so that it is sharp and true to the person from the first step; and the three maps are
smooth, so that they can be applied to a photo at any resolution (`editing.relief`), whatever size the network ran at.
"""

import math
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from facerelief.networks.stargan import smoothed, trunk, with_planes

REACH = 0.2  # of the side: the farthest from where a pixel is fetched
_START = 0.03  # share that the mask paints before training


class Maps(NamedTuple):
    """An edit. flow: (N, 2, H, W), where each pixel comes from, right and down, in sides of the image; mask: (N, 1, H,
    W) in [0, 1], share of the colour; colour: (N, C, H, W) in [-1, 1].
    """

    flow: Tensor
    mask: Tensor
    colour: Tensor


class ReliefGenerator(nn.Module):
    """StarGAN's trunk with one head for all three maps. 8.44 M parameters at width 64, 6 blocks and 8 conditions."""

    def __init__(self, channels: int = 3, conditions: int = 8, width: int = 64, blocks: int = 6) -> None:
        super().__init__()
        self.channels, self.conditions = channels, conditions
        self.trunk = nn.Sequential(*trunk(channels + conditions, width, blocks))
        self.head = nn.Conv2d(width, 3 + channels, 7, padding=3)
        bias = torch.zeros(3 + channels)
        bias[2] = math.log(_START / (1 - _START))
        self.head.bias = nn.Parameter(bias)
        with torch.no_grad():  # start near the photo itself
            self.head.weight *= 0.02

    def maps(self, image: Tensor, condition: Tensor) -> Maps:
        """The edit of images (N, C, H, W) in [-1, 1], H and W divisible by 4, to conditions (N, conditions)."""
        drawn = smoothed(self.head(self.trunk(with_planes(image, condition))).float())
        flow, mask, colour = drawn[:, :2], drawn[:, 2:3], drawn[:, 3:]
        return Maps(smoothed(REACH * flow.tanh()), mask.sigmoid(), colour.tanh())

    def forward(self, image: Tensor, condition: Tensor) -> tuple[Tensor, Maps]:
        """The edited images (N, C, H, W), and how they were made."""
        maps = self.maps(image, condition)
        return (1 - maps.mask) * warped(image.float(), maps.flow) + maps.mask * maps.colour, maps


def warped(image: Tensor, flow: Tensor) -> Tensor:
    """Images (N, C, H, W) with each pixel fetched from where `flow` (N, 2, H, W), in sides, says; bilinear."""
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
