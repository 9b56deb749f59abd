"""StarGAN (Choi et al., CVPR 2018): the paper's RGB network, and the trunk and discriminator of its depth network.

Instance norm uses each image's own statistics in training and at test, so train() and eval() agree. Convolutions pad
with zeros: reflection would make a constant label plane invisible to instance norm.
"""

from collections.abc import Sequence
from itertools import pairwise
from typing import NamedTuple, TypeVar

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from facerelief.networks.generator_output import GeneratorOutput

Module = TypeVar("Module", bound=nn.Module)

_LOCAL = 3  # convolutions before the local head: its receptive field is 22 px


class InstanceNorm(nn.InstanceNorm2d):
    """Instance norm; on a CPU by the kernel of group norm, which takes half as long.

    Args:
        channels: Of the maps.
        affine: Whether it has a scale and a shift.
    """

    def __init__(self, channels: int, affine: bool = True) -> None:
        super().__init__(channels, affine=affine)

    def forward(self, x: Tensor) -> Tensor:
        """x: (N, C, H, W)."""
        if x.device.type != "cpu" or torch.onnx.is_in_onnx_export():  # other engines know instance norm by its name
            return super().forward(x)
        return F.group_norm(x, self.num_features, self.weight, self.bias, self.eps)


class PaddedConv2d(nn.Conv2d):
    """A convolution to few channels, of stride 1, which keeps the size, (N, C, H, W) to (N, outputs, H, W), both even.

    It is computed for squares of 2x2 pixels: a convolution of stride 2 to 4 * outputs channels, whose kernels are this
    one's, each shifted to its pixel. Processors compute 16 channels in the time of one, so this takes half as long.

    Args:
        inputs: C.
        outputs: Channels.
        side: Of the kernel, odd.
        bias: Whether there is one.

    Example:
        >>> layer, x = PaddedConv2d(2, 3, 7), torch.rand(1, 2, 8, 8)
        >>> torch.allclose(layer(x), F.conv2d(x, layer.weight, layer.bias, padding=3), atol=1e-6)
        True
    """

    def __init__(self, inputs: int, outputs: int, side: int, bias: bool = True) -> None:
        super().__init__(inputs, outputs, side, padding=side // 2, bias=bias)

    def forward(self, x: Tensor) -> Tensor:
        """x: (N, C, H, W)."""
        shifted = [F.pad(self.weight, (right, 1 - right, down, 1 - down)) for down in (0, 1) for right in (0, 1)]
        side = self.kernel_size[0] + 1
        shape = 4 * self.out_channels, self.in_channels, side, side  # in numbers, for ONNX
        kernels = torch.stack(shifted, dim=1).reshape(shape)  # channels in the order of `pixel_shuffle`
        bias = None if self.bias is None else self.bias.repeat_interleave(4)
        return F.pixel_shuffle(F.conv2d(x, kernels, bias, stride=2, padding=self.padding), 2)


class ResidualBlock(nn.Module):
    """Two 3x3 convolutions and a skip, (N, C, H, W) to (N, C, H, W)."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.body = nn.Sequential(
            nn.Conv2d(channels, channels, 3, padding=1, bias=False),
            InstanceNorm(channels),
            nn.ReLU(inplace=True),
            nn.Conv2d(channels, channels, 3, padding=1, bias=False),
            InstanceNorm(channels),
        )

    def forward(self, x: Tensor) -> Tensor:
        """One block."""
        return x + self.body(x)


class Generator(nn.Module):
    """G: image and condition to image. 8.44 M parameters at width 64, 6 blocks and 8 conditions.

    Args:
        channels: Of the image, in and out.
        conditions: Length of the one-hot condition.
        width: Channels of the first layer.
        blocks: Residual blocks.
        smooth: Filter the change by `binomial_filter`, so that the class cannot be encoded in a fine grid.
    """

    def __init__(
        self, channels: int = 3, conditions: int = 8, width: int = 64, blocks: int = 6, smooth: bool = False
    ) -> None:
        super().__init__()
        self.channels, self.conditions, self.smooth = channels, conditions, smooth
        head = [PaddedConv2d(width, channels, 7, bias=False), nn.Tanh()]
        self.layers = nn.Sequential(*trunk(channels + conditions, width, blocks), *head)

    def forward(self, image: Tensor, condition: Tensor) -> Tensor:
        """image: (N, C, H, W) in [-1, 1], H and W divisible by 4; condition: (N, conditions). Returns (N, C, H, W)."""
        return self.translate(image, planes(condition, image))

    def translate(self, image: Tensor, maps: Tensor) -> Tensor:
        """The same for a condition of each pixel, maps (N, conditions, H, W)."""
        out: Tensor = self.layers(torch.cat([image, maps], dim=1))
        return smoothed(image, out) if self.smooth else out


def trunk(inputs: int, width: int, blocks: int) -> list[nn.Module]:
    """The generator's layers before its head: inputs (N, inputs, H, W) to features (N, width, H, W)."""
    layers: list[nn.Module] = [
        nn.Conv2d(inputs, width, 7, padding=3, bias=False),
        InstanceNorm(width),
        nn.ReLU(inplace=True),
    ]
    for k in (1, 2):
        layers += [
            nn.Conv2d(width * k, width * k * 2, 4, stride=2, padding=1, bias=False),
            InstanceNorm(width * k * 2),
            nn.ReLU(inplace=True),
        ]
    layers += [ResidualBlock(width * 4) for _ in range(blocks)]
    for k in (4, 2):
        layers += [
            nn.ConvTranspose2d(width * k, width * k // 2, 4, stride=2, padding=1, bias=False),
            InstanceNorm(width * k // 2),
            nn.ReLU(inplace=True),
        ]
    return layers


def planes(condition: Tensor, maps: Tensor) -> Tensor:
    """A condition (N, K) at every pixel of maps (N, C, H, W): (N, K, H, W)."""
    return condition[:, :, None, None].expand(-1, -1, *maps.shape[2:]).to(maps.dtype)


class StarGAN(Generator):
    """StarGAN's generator as a backbone, the paper's G_rgb: it repaints every pixel."""

    def forward(self, image: Tensor, condition: Tensor) -> GeneratorOutput:  # type: ignore[override]
        """image: (N, C, H, W); condition: (N, conditions)."""
        return GeneratorOutput(super().forward(image, condition))


def binomial_filter(change: Tensor) -> Tensor:
    """The 3x3 binomial filter (1 2 1)^T (1 2 1) / 16 of a change (N, C, H, W); it removes grids of period 2."""
    padded = F.pad(change, (1, 1, 1, 1), mode="replicate")
    return F.avg_pool2d(F.avg_pool2d(padded, 2, stride=1), 2, stride=1)


def he_start(module: Module) -> Module:
    """Draw weights as He et al. (2015) do, for a discriminator without norms; the module itself.

    Other starts shrink the signal in each layer, the more the narrower it is.
    """
    for part in module.modules():
        if isinstance(part, nn.Conv2d):
            nn.init.kaiming_normal_(part.weight, a=0.01, nonlinearity="leaky_relu")
            if part.bias is not None:
                nn.init.zeros_(part.bias)
    return module


def critic_depth(size: int) -> int:
    """How often a discriminator halves images of `size` px."""
    return min(6, size.bit_length() - 2)


def critic_trunk(channels: int, widths: Sequence[int]) -> list[nn.Module]:
    """A discriminator's strided convolutions, of images with `channels`, to as many maps as `widths` say."""
    layers: list[nn.Module] = []
    for inputs, outputs in pairwise((channels, *widths)):
        layers += [nn.Conv2d(inputs, outputs, 4, stride=2, padding=1), nn.LeakyReLU(0.01, inplace=True)]
    return layers


def smoothed(image: Tensor, edited: Tensor) -> Tensor:
    """An edit (N, C, H, W) of an image whose change is filtered by `binomial_filter`, in [-1, 1]."""
    return (image + binomial_filter(edited - image)).clamp(-1, 1)


class DiscriminatorOutput(NamedTuple):
    """A discriminator's output for N images.

    Attributes:
        real: Patch logits D_adv, (N, P, h, w).
        classes: Class logits D_cls, (N, K).
        matches: Patch logits of being a real image of each class, (N, K, h, w), where there is such a head.
    """

    real: Tensor
    classes: Tensor
    matches: Tensor | None


class Discriminator(nn.Module):
    """D: image to patch logits D_adv and class logits D_cls. 44.8 M parameters at 128 px, width 64 and 8 classes.

    Strided convolutions halve the image and double the channels (at most `max_channels`) until the map is 2 px, or
    4 px for images of 256 px: six of them at 128 and 256 px, five at 64 px.

    Args:
        size: Side of the images in pixels.
        channels: Of the images, or of the maps.
        classes: Expressions.
        width: Channels of the first layer.
        max_channels: Of any layer.
        local: Add a second patch head on the map after `_LOCAL` convolutions, which sees small artefacts.
        matching: Add a patch head for each class: a real image of it or not (StarGAN v2, Choi et al., 2020).
    """

    def __init__(
        self,
        size: int = 128,
        channels: int = 3,
        classes: int = 8,
        width: int = 64,
        max_channels: int = 2048,
        local: bool = False,
        matching: bool = False,
    ) -> None:
        super().__init__()
        depth = critic_depth(size)
        widths = [min(width * 2**k, max_channels) for k in range(depth)]
        self.trunk = nn.Sequential(*critic_trunk(channels, widths))
        inputs = widths[-1]
        self.adversarial = nn.Conv2d(inputs, 1, 3, padding=1, bias=False)
        seen = min(width * 2 ** (_LOCAL - 1), max_channels)
        self.local = nn.Conv2d(seen, 1, 3, padding=1, bias=False) if local else None
        self.classes = nn.Conv2d(inputs, classes, size >> depth, bias=False)
        self.matches = nn.Conv2d(inputs, classes, 3, padding=1, bias=False) if matching else None

    def start_afresh(self) -> "Discriminator":
        """`he_start` of itself."""
        return he_start(self)

    def forward(self, image: Tensor) -> DiscriminatorOutput:
        """image: (N, C, size, size) in [-1, 1].

        P of `DiscriminatorOutput.real` is 1; with a local head it is 2: the main head's logits, enlarged, and the
        local head's.
        """
        middle = self.trunk[: 2 * _LOCAL](image)
        h = self.trunk[2 * _LOCAL :](middle)
        real = self.adversarial(h)
        if self.local is not None:
            parts = self.local(middle)
            real = torch.cat([F.interpolate(real, parts.shape[2:]), parts], dim=1)
        matches = None if self.matches is None else self.matches(h)
        return DiscriminatorOutput(real, self.classes(h).flatten(1), matches)
