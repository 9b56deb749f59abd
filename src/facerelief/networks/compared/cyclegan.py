"""CycleGAN (Zhu et al., ICCV 2017): Johnson's residual translator without a condition, and a patch discriminator.

Each expression has networks of its own: a translator from any photo to it, and a discriminator. With two expressions
these are G and F, D_Y and D_X of the paper.
"""

from collections.abc import Callable

import torch
from torch import Tensor, nn

from facerelief.networks.compared.initial_weights import normal_start
from facerelief.networks.generator_output import GeneratorOutput
from facerelief.networks.stargan import smoothed


class ResidualTranslator(nn.Module):
    """G: c7s1-64, two halvings, residual blocks, two doublings, c7s1-3; 11.4 M parameters at 9 blocks.

    Instance norm has no scale and uses each image's own statistics.

    Args:
        channels: Of the image, in and out.
        width: Channels of the first layer.
        blocks: Residual blocks: 9 at 256 px, 6 below.

    Example:
        >>> import torch
        >>> ResidualTranslator(width=4, blocks=1)(torch.zeros(2, 3, 32, 32)).shape
        torch.Size([2, 3, 32, 32])
    """

    def __init__(self, channels: int = 3, width: int = 64, blocks: int = 9) -> None:
        super().__init__()
        layers: list[nn.Module] = [nn.ReflectionPad2d(3), nn.Conv2d(channels, width, 7), *_normed(width)]
        for k in (1, 2):
            layers += [nn.Conv2d(width * k, width * k * 2, 3, stride=2, padding=1), *_normed(width * k * 2)]
        layers += [_Block(width * 4) for _ in range(blocks)]
        for k in (4, 2):
            up = nn.ConvTranspose2d(width * k, width * k // 2, 3, stride=2, padding=1, output_padding=1)
            layers += [up, *_normed(width * k // 2)]
        layers += [nn.ReflectionPad2d(3), nn.Conv2d(width, channels, 7), nn.Tanh()]
        self.layers = nn.Sequential(*layers)
        normal_start(self)

    def forward(self, image: Tensor) -> Tensor:
        """Images (N, C, H, W) in [-1, 1], H and W divisible by 4, in the other domain."""
        out: Tensor = self.layers(image)
        return out


class PatchDiscriminator(nn.Module):
    """D: images (N, C, H, W) to scores (N, 1, h, w) of overlapping patches of 70 px; 2.76 M parameters.

    Args:
        channels: Of the images.
        width: Channels of the first layer.
        halvings: Strided convolutions; 3 see 70 px, 2 see 34 px.
    """

    def __init__(self, channels: int = 3, width: int = 64, halvings: int = 3) -> None:
        super().__init__()
        layers: list[nn.Module] = [nn.Conv2d(channels, width, 4, stride=2, padding=1), nn.LeakyReLU(0.2, inplace=True)]
        for k in range(1, halvings + 1):
            inputs, outputs = (width * min(2**n, 8) for n in (k - 1, k))
            layers += [
                nn.Conv2d(inputs, outputs, 4, stride=2 if k < halvings else 1, padding=1),
                nn.InstanceNorm2d(outputs),
                nn.LeakyReLU(0.2, inplace=True),
            ]
        layers.append(nn.Conv2d(width * min(2**halvings, 8), 1, 4, padding=1))
        self.layers = nn.Sequential(*layers)
        normal_start(self)

    def forward(self, image: Tensor) -> Tensor:
        """Patch scores."""
        scores: Tensor = self.layers(image)
        return scores


class PerExpression(nn.Module):
    """A network for each expression; a batch's samples go through that of their own.

    Only the networks that are asked for run. One that nobody asks for gets no gradient: with a gradient of 0, Adam
    would move it on. An exported model has no such choice: it runs all.

    Args:
        expressions: K.
        build: Builds one network, from images (N, C, H, W) to one tensor (N, ...).
    """

    def __init__(self, expressions: int, build: Callable[[], nn.Module]) -> None:
        super().__init__()
        self.networks = nn.ModuleList(build() for _ in range(expressions))

    def forward(self, image: Tensor, y: Tensor) -> Tensor:
        """The output for each image, of the network of its expression; y: one-hot, (N, K)."""
        if torch.onnx.is_in_onnx_export():
            every = torch.stack([network(image) for network in self.networks], dim=1)
            return (every * y.reshape(*y.shape, *[1] * (every.ndim - 2)).to(every.dtype)).sum(dim=1)
        labels, parts, places = y.argmax(dim=1), [], []
        for label, network in enumerate(self.networks):
            (rows,) = torch.nonzero(labels == label, as_tuple=True)
            if len(rows):
                parts.append(network(image[rows]))
                places.append(rows)
        return torch.cat(parts)[torch.cat(places).argsort()]


class CycleGAN(nn.Module):
    """A translator to each expression, as a generator.

    Args:
        channels: Of the image, in and out.
        expressions: Translators.
        width: As of `ResidualTranslator`.
        blocks: As of `ResidualTranslator`.
        smooth: As of `networks.stargan.Generator`.

    Example:
        >>> CycleGAN(expressions=2, width=4, blocks=1)(torch.zeros(2, 3, 32, 32), torch.eye(2)).image.shape
        torch.Size([2, 3, 32, 32])
    """

    def __init__(
        self, channels: int = 3, expressions: int = 2, width: int = 64, blocks: int = 9, smooth: bool = False
    ) -> None:
        super().__init__()
        self.smooth = smooth
        self.translators = PerExpression(expressions, lambda: ResidualTranslator(channels, width, blocks))

    def forward(self, image: Tensor, y: Tensor) -> GeneratorOutput:
        """Images (N, C, H, W) in [-1, 1] by the translators to y, one-hot (N, K)."""
        edited = self.translators(image, y)
        return GeneratorOutput(smoothed(image, edited) if self.smooth else edited)


def _normed(channels: int) -> tuple[nn.Module, nn.Module]:
    return nn.InstanceNorm2d(channels), nn.ReLU(inplace=True)


class _Block(nn.Module):
    def __init__(self, channels: int) -> None:
        super().__init__()
        self.body = nn.Sequential(
            nn.ReflectionPad2d(1),
            nn.Conv2d(channels, channels, 3),
            *_normed(channels),
            nn.ReflectionPad2d(1),
            nn.Conv2d(channels, channels, 3),
            nn.InstanceNorm2d(channels),
        )

    def forward(self, x: Tensor) -> Tensor:
        return x + self.body(x)
