"""The depth network: one conditional generator that is G_depth (to geometry) and G'_depth (to the image).

A one-hot domain chooses between the two, as StarGAN's labels choose the target. Both domains share one tensor of K
channels: a grey image or a depth map is repeated over them and read back as their mean, so that weights of every mode
have one form. "both" stacks depth (channel 0) and normals (channels 1-3).
"""

import torch
from torch import Tensor, nn

from facerelief.networks.stargan import Generator

GEOMETRY_CHANNELS = {"depth": 1, "normal": 3, "both": 4}
_DOMAINS = ("image", "geometry")


class DepthTranslator(nn.Module):
    """G_depth and G'_depth with shared weights.

    Args:
        image_channels: 3 (RGB) or 1 (luma).
        guide: What geometry is: "depth", "normal" or "both".
        width: Channels of the first layer, as of `Generator`.
        blocks: Residual blocks.

    Example:
        >>> network = DepthTranslator(guide="both", width=4, blocks=1)
        >>> geometry = network(torch.zeros(1, 3, 32, 32))
        >>> geometry.shape, network(geometry, to="image").shape
        (torch.Size([1, 4, 32, 32]), torch.Size([1, 3, 32, 32]))
    """

    def __init__(self, image_channels: int = 3, guide: str = "depth", width: int = 64, blocks: int = 6) -> None:
        super().__init__()
        self.image_channels, self.geometry_channels = image_channels, GEOMETRY_CHANNELS[guide]
        self.common = max(image_channels, self.geometry_channels)
        self.generator = Generator(self.common, conditions=2, width=width, blocks=blocks)

    def forward(self, x: Tensor, to: str = "geometry") -> Tensor:
        """Translate between image and geometry, all in [-1, 1].

        Args:
            x: Images (N, C, H, W), or geometry (N, K, H, W) with to="image".
            to: "geometry" for G_depth, "image" for G'_depth.

        Returns:
            Geometry (N, K, H, W), or images (N, C, H, W) with to="image".
        """
        condition = x.new_zeros(len(x), len(_DOMAINS))
        condition[:, _DOMAINS.index(to)] = 1
        out = self.generator(_spread(x, self.common), condition)
        return _read(out, self.image_channels if to == "image" else self.geometry_channels)


def _spread(x: Tensor, channels: int) -> Tensor:
    """x's channels as `channels`: one is repeated; three get their mean as a fourth."""
    if x.shape[1] == channels:
        return x
    if x.shape[1] == 1:
        return x.expand(-1, channels, -1, -1)
    return torch.cat([x, x.mean(dim=1, keepdim=True)], dim=1)


def _read(x: Tensor, channels: int) -> Tensor:
    """The inverse of `_spread`: one channel is the mean of all, three are the first three."""
    if x.shape[1] == channels:
        return x
    if channels == 1:
        return x.mean(dim=1, keepdim=True)
    return x[:, :channels]
