"""DIAT-A (Li, Zuo and Zhang, 2016): one translator for each target attribute, and a discriminator of that attribute.

There is no public code. The translator is Johnson's, CycleGAN's with 5 blocks; the discriminator's maps also measure
whether a face is still the same.
"""

import torch
from torch import Tensor, nn

from facerelief.networks.compared.cyclegan import PerExpression, ResidualTranslator
from facerelief.networks.compared.initial_weights import normal_start
from facerelief.networks.generator_output import GeneratorOutput
from facerelief.networks.stargan import critic_depth, smoothed

BLOCKS = 5


class DIAT(nn.Module):
    """T for each expression: 3 convolutions, residual blocks, 2 doublings, 1 convolution.

    Args:
        channels: Of the image, in and out.
        expressions: Translators.
        width: As of `ResidualTranslator`.
        blocks: As of `ResidualTranslator`.
        smooth: As of `networks.stargan.Generator`.

    Example:
        >>> DIAT(expressions=2, width=4, blocks=1)(torch.zeros(2, 3, 32, 32), torch.eye(2)).image.shape
        torch.Size([2, 3, 32, 32])
    """

    def __init__(
        self, channels: int = 3, expressions: int = 2, width: int = 64, blocks: int = BLOCKS, smooth: bool = False
    ) -> None:
        super().__init__()
        self.smooth = smooth
        self.translators = PerExpression(expressions, lambda: ResidualTranslator(channels, width, blocks))

    def forward(self, image: Tensor, y: Tensor) -> GeneratorOutput:
        """Images (N, C, H, W) in [-1, 1] by the translators to y, one-hot (N, K)."""
        edited = self.translators(image, y)
        return GeneratorOutput(smoothed(image, edited) if self.smooth else edited)


class ReferenceDiscriminator(nn.Module):
    """D: is an image (N, C, size, size) a real one with the reference attribute? Logits and maps as one tensor.

    Its last two convolutions' maps, phi, are where identities are compared.

    Args:
        size: Side of the images in pixels.
        channels: Of the images.
        width: Channels of the first layer.
    """

    def __init__(self, size: int = 128, channels: int = 3, width: int = 64) -> None:
        super().__init__()
        self.layers = nn.ModuleList()
        depth = critic_depth(size)
        inputs = channels
        for k in range(depth):
            outputs = width * min(2**k, 8)
            conv = nn.Conv2d(inputs, outputs, 4, stride=2, padding=1)
            self.layers.append(nn.Sequential(conv, nn.LeakyReLU(0.2)))
            inputs = outputs
        self.linear = nn.Linear(inputs * (size >> depth) ** 2, 1)
        normal_start(self)

    def forward(self, image: Tensor) -> Tensor:
        """(N, 1 + M): the logit of each image, then its M values of phi."""
        maps = []
        for layer in self.layers:
            image = layer(image)
            maps.append(image.flatten(1))
        return torch.cat([self.linear(maps[-1]), maps[-2], maps[-1]], dim=1)


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
