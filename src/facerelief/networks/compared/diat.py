"""DIAT-A (Li, Zuo and Zhang, 2016): one translator for each target attribute, and a discriminator of that attribute.

There is no public code. The translator is Johnson's, CycleGAN's with 5 blocks; the discriminator's maps also measure
whether a face is still the same.
"""

from typing import NamedTuple

from torch import Tensor, nn

from facerelief.networks.compared.cyclegan import ResidualTranslator
from facerelief.networks.compared.initial_weights import normal_start

BLOCKS = 5


class DIAT(ResidualTranslator):
    """T: images (N, C, H, W) to images with the reference attribute: 3 convolutions, 5 blocks, 2 doublings, 1.

    Args: as of `ResidualTranslator`.
    """

    def __init__(self, channels: int = 3, width: int = 64, blocks: int = BLOCKS) -> None:
        super().__init__(channels, width, blocks)


class ReferenceOutput(NamedTuple):
    """A `ReferenceDiscriminator`'s output for N images.

    Attributes:
        real: Logits (N,) of being a real image with the attribute.
        maps: The last two convolutions' maps, where identities are compared.
    """

    real: Tensor
    maps: tuple[Tensor, Tensor]


class ReferenceDiscriminator(nn.Module):
    """D: is an image (N, C, size, size) a real one with the reference attribute? And the maps of phi.

    Args:
        size: Side of the images in pixels.
        channels: Of the images.
        width: Channels of the first layer.
    """

    def __init__(self, size: int = 128, channels: int = 3, width: int = 64) -> None:
        super().__init__()
        self.layers = nn.ModuleList()
        depth = min(6, size.bit_length() - 2)
        inputs = channels
        for k in range(depth):
            outputs = width * min(2**k, 8)
            conv = nn.Conv2d(inputs, outputs, 4, stride=2, padding=1)
            self.layers.append(nn.Sequential(conv, nn.LeakyReLU(0.2)))
            inputs = outputs
        self.linear = nn.Linear(inputs * (size >> depth) ** 2, 1)
        normal_start(self)

    def forward(self, image: Tensor) -> ReferenceOutput:
        """Logits and maps."""
        maps = []
        for layer in self.layers:
            image = layer(image)
            maps.append(image)
        return ReferenceOutput(self.linear(image.flatten(1)).flatten(), (maps[-2], maps[-1]))


class Denoiser(nn.Module):
    """f: the noise in images (N, C, H, W); two 3x3 convolutions, trained on photos with noise of a known deviation.

    Args:
        channels: Of the images.
        width: Channels between the two.
    """

    def __init__(self, channels: int = 3, width: int = 64) -> None:
        super().__init__()
        self.layers = nn.Sequential(
            nn.Conv2d(channels, width, 3, padding=1), nn.ReLU(), nn.Conv2d(width, channels, 3, padding=1)
        )

    def forward(self, image: Tensor) -> Tensor:
        """The estimated noise, (N, C, H, W)."""
        noise: Tensor = self.layers(image)
        return noise
