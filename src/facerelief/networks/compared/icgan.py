"""IcGAN (Perarnau et al., 2016): a conditional GAN from noise, and two encoders that invert it.

An edit is G(E_z(I), y): the photo's code, decoded with another expression.
"""

import torch
from torch import Tensor, nn

from facerelief.networks.compared.initial_weights import normal_start
from facerelief.networks.generator_output import GeneratorOutput
from facerelief.networks.stargan import planes

CODE = 100  # length of z


def _halvings(size: int) -> int:
    """From an image of `size` px to the map of 4 px (6 where the side is 3 times a power of 2)."""
    return size.bit_length() - 3


class ConditionalDecoder(nn.Module):
    """G: a code z (N, code) and attributes y (N, attributes) to images (N, C, size, size) in [-1, 1].

    Args:
        size: Side of the images in pixels; the authors' is 64.
        channels: Of the images.
        attributes: Length of y; values are -1 and 1.
        width: Channels before the last layer; the first has 8 times as many at 64 px.
        code: Length of z.

    Example:
        >>> ConditionalDecoder(32, attributes=8, width=4)(torch.zeros(2, 100), torch.zeros(2, 8)).shape
        torch.Size([2, 3, 32, 32])
    """

    def __init__(
        self, size: int = 64, channels: int = 3, attributes: int = 8, width: int = 64, code: int = CODE
    ) -> None:
        super().__init__()
        depth = _halvings(size)
        inputs = width << (depth - 1)
        layers: list[nn.Module] = [nn.ConvTranspose2d(code + attributes, inputs, size >> depth), *_normed(inputs)]
        for _ in range(depth - 1):
            layers += [nn.ConvTranspose2d(inputs, inputs // 2, 4, stride=2, padding=1), *_normed(inputs // 2)]
            inputs //= 2
        layers += [nn.ConvTranspose2d(inputs, channels, 4, stride=2, padding=1), nn.Tanh()]
        self.layers = nn.Sequential(*layers)
        normal_start(self)

    def forward(self, z: Tensor, y: Tensor) -> Tensor:
        """Images."""
        image: Tensor = self.layers(torch.cat([z, y], dim=1)[:, :, None, None])
        return image


class MatchingDiscriminator(nn.Module):
    """D: is an image (N, C, size, size) real, and do its attributes y (N, attributes) fit? Logits (N,).

    Args: as of `ConditionalDecoder`; width: channels of the first layer, after which y is joined.
    """

    def __init__(self, size: int = 64, channels: int = 3, attributes: int = 8, width: int = 64) -> None:
        super().__init__()
        depth = _halvings(size)
        self.first = nn.Sequential(nn.Conv2d(channels, width, 4, stride=2, padding=1), nn.LeakyReLU(0.2, inplace=True))
        layers: list[nn.Module] = []
        inputs, outputs = width + attributes, width * 2
        for _ in range(depth - 1):
            norm = nn.BatchNorm2d(outputs), nn.LeakyReLU(0.2, inplace=True)
            layers += [nn.Conv2d(inputs, outputs, 4, stride=2, padding=1), *norm]
            inputs, outputs = outputs, outputs * 2
        layers.append(nn.Conv2d(inputs, 1, size >> depth))
        self.rest = nn.Sequential(*layers)
        normal_start(self)

    def forward(self, image: Tensor, y: Tensor) -> Tensor:
        """Logits."""
        h = self.first(image)
        return self.rest(torch.cat([h, planes(y, h)], dim=1)).flatten()


class CodeEncoder(nn.Module):
    """E_z or E_y: images (N, C, size, size) to codes z or attributes y, (N, outputs).

    Args:
        outputs: Length of z or y.
        hidden: Units of the linear layer: the authors' are 4096 for E_z and 512 for E_y.
        size: Side of the images in pixels.
        channels: Of the images.
        width: Channels of the first of four layers.

    Example:
        >>> CodeEncoder(8, hidden=16, size=32, width=4)(torch.zeros(2, 3, 32, 32)).shape
        torch.Size([2, 8])
    """

    def __init__(self, outputs: int, hidden: int, size: int = 64, channels: int = 3, width: int = 32) -> None:
        super().__init__()
        layers: list[nn.Module] = []
        inputs, filters = channels, width
        for _ in range(4):
            layers += [nn.Conv2d(inputs, filters, 5, stride=2, padding=2), *_normed(filters)]
            inputs, filters = filters, filters * 2
        flat = inputs * (size // 16) ** 2
        norm = nn.BatchNorm1d(hidden), nn.ReLU(inplace=True)
        self.layers = nn.Sequential(*layers, nn.Flatten(), nn.Linear(flat, hidden), *norm, nn.Linear(hidden, outputs))

    def forward(self, image: Tensor) -> Tensor:
        """Codes or attributes."""
        code: Tensor = self.layers(image)
        return code


class IcGAN(nn.Module):
    """E_z and G, as a generator. E_y is not needed where y is an expression: all of it is replaced.

    Args:
        size: As of `ConditionalDecoder`.
        channels: As of `ConditionalDecoder`.
        attributes: As of `ConditionalDecoder`.
        width: Of G; E_z's first layer has half as many.

    Example:
        >>> IcGAN(32, width=4)(torch.zeros(2, 3, 32, 32), torch.eye(8)[:2]).image.shape
        torch.Size([2, 3, 32, 32])
    """

    def __init__(self, size: int = 64, channels: int = 3, attributes: int = 8, width: int = 64) -> None:
        super().__init__()
        self.encoder = CodeEncoder(CODE, 64 * width, size, channels, width // 2)
        self.decoder = ConditionalDecoder(size, channels, attributes, width)

    def forward(self, image: Tensor | None, y: Tensor | None, z: Tensor | None = None) -> GeneratorOutput | Tensor:
        """Edits of images to attributes.

        Args:
            image: (N, C, size, size) in [-1, 1]; None where z is given.
            y: One-hot, (N, K); without it the codes E_z(image), (N, code), are returned.
            z: Codes (N, code), to paint new images from.
        """
        code: Tensor = self.encoder(image) if z is None else z
        return code if y is None else GeneratorOutput(self.decoder(code, 2 * y - 1))


def _normed(channels: int) -> tuple[nn.Module, nn.Module]:
    return nn.BatchNorm2d(channels), nn.ReLU(inplace=True)
