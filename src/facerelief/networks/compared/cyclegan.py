"""CycleGAN (Zhu et al., ICCV 2017): Johnson's residual translator without a condition, and a patch discriminator."""

from torch import Tensor, nn

from facerelief.networks.compared.initial_weights import normal_start


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
