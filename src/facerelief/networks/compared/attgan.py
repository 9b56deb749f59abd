"""AttGAN (He et al., TIP 2019): an encoder, a decoder that receives the target attributes, and two-headed critic."""

from typing import NamedTuple

import torch
from torch import Tensor, nn

from facerelief.networks.generator_output import GeneratorOutput
from facerelief.networks.stargan import planes, smoothed

CODE_STRENGTH = 0.5  # attributes reach the decoder as -0.5 and 0.5


def halvings(size: int, most: int = 5) -> int:
    """How often an image of `size` px is halved: at most `most` times, and to no less than 2 px."""
    return min(most, size.bit_length() - 2)


class AttributeEncoder(nn.Module):
    """Images (N, C, H, W) to the maps of all layers, from fine to coarse.

    Args:
        channels: Of the images.
        width: Channels of the first layer; each further one has twice as many, at most 16 times.
        layers: Halvings.
        slope: Of LeakyReLU: 0.01 in the port whose counts are tested, 0.2 in the TensorFlow original and in STGAN.
    """

    def __init__(self, channels: int, width: int, layers: int, slope: float) -> None:
        super().__init__()
        self.layers = nn.ModuleList()
        inputs = channels
        for k in range(layers):
            outputs = width * min(2**k, 16)
            conv = nn.Conv2d(inputs, outputs, 4, stride=2, padding=1, bias=False)
            self.layers.append(nn.Sequential(conv, nn.BatchNorm2d(outputs), nn.LeakyReLU(slope)))
            inputs = outputs

    def forward(self, image: Tensor) -> list[Tensor]:
        """The maps z."""
        maps = []
        for layer in self.layers:
            image = layer(image)
            maps.append(image)
        return maps


class AttributeDecoder(nn.Module):
    """Maps and attributes to images.

    Args:
        channels: Of the images.
        attributes: Length of the attribute vector.
        width: As of the encoder.
        layers: As of the encoder.
        shortcuts: Layers after which the encoder's map of that size is joined.
        injections: Layers after which the attributes are joined again.
    """

    def __init__(
        self, channels: int, attributes: int, width: int, layers: int, shortcuts: int, injections: int
    ) -> None:
        super().__init__()
        self.shortcuts, self.injections = (min(k, layers - 1) for k in (shortcuts, injections))
        self.layers = nn.ModuleList()
        inputs = width * min(2 ** (layers - 1), 16) + attributes
        for k in range(layers - 1):
            outputs = width * min(2 ** (layers - 1 - k), 16)
            up = nn.ConvTranspose2d(inputs, outputs, 4, stride=2, padding=1, bias=False)
            self.layers.append(nn.Sequential(up, nn.BatchNorm2d(outputs), nn.ReLU()))
            inputs = outputs + (outputs // 2 if self.shortcuts > k else 0) + (attributes if self.injections > k else 0)
        last = nn.ConvTranspose2d(inputs, channels, 4, stride=2, padding=1)
        self.layers.append(nn.Sequential(last, nn.Tanh()))

    def forward(self, maps: list[Tensor], attributes: Tensor) -> Tensor:
        """maps: of the encoder; attributes: (N, attributes). Returns images (N, C, H, W)."""
        h = torch.cat([maps[-1], planes(attributes, maps[-1])], dim=1)
        for k, layer in enumerate(self.layers):
            h = layer(h)
            if self.shortcuts > k:
                h = torch.cat([h, maps[len(self.layers) - 2 - k]], dim=1)
            if self.injections > k:
                h = torch.cat([h, planes(attributes, h)], dim=1)
        return h


class AttGAN(nn.Module):
    """G: 43.4 M parameters at width 64 and 13 attributes.

    Args:
        channels: Of the image, in and out.
        attributes: Length of the attribute vector.
        width: Channels of the first layer.
        layers: Halvings.
        shortcuts: As of `AttributeDecoder`.
        injections: As of `AttributeDecoder`; the authors' recipe is 1.
        slope: As of `AttributeEncoder`.
        smooth: As of `networks.stargan.Generator`.

    Example:
        >>> AttGAN(attributes=8, width=4, layers=4)(torch.zeros(2, 3, 32, 32), torch.zeros(2, 8)).image.shape
        torch.Size([2, 3, 32, 32])
    """

    def __init__(
        self,
        channels: int = 3,
        attributes: int = 8,
        width: int = 64,
        layers: int = 5,
        shortcuts: int = 1,
        injections: int = 1,
        slope: float = 0.01,
        smooth: bool = False,
    ) -> None:
        super().__init__()
        self.smooth = smooth
        self.encoder = AttributeEncoder(channels, width, layers, slope)
        self.decoder = AttributeDecoder(channels, attributes, width, layers, shortcuts, injections)

    def encode(self, image: Tensor) -> list[Tensor]:
        """The maps z of images (N, C, H, W), from fine to coarse."""
        maps: list[Tensor] = self.encoder(image)
        return maps

    def decode(self, maps: list[Tensor], attributes: Tensor) -> Tensor:
        """Images (N, C, H, W) of maps z with attributes (N, attributes)."""
        image: Tensor = self.decoder(maps, attributes)
        return image

    def forward(self, image: Tensor, y: Tensor) -> GeneratorOutput:
        """Edits of images (N, C, H, W), H and W divisible by 2 ** layers, to attributes y (N, K) in {0, 1}."""
        edited = self.decode(self.encode(image), (2 * y - 1) * CODE_STRENGTH)
        return GeneratorOutput(smoothed(image, edited) if self.smooth else edited)


class AttributeLogits(NamedTuple):
    """An `AttributeDiscriminator`'s output.

    Attributes:
        real: (N, 1).
        attributes: (N, attributes).
    """

    real: Tensor
    attributes: Tensor


class AttributeDiscriminator(nn.Module):
    """D and C: images (N, C, size, size) to scores and attribute logits; 44.7 M parameters at width 64.

    Args:
        size: Side of the images in pixels.
        channels: Of the images.
        attributes: Logits of the second head.
        width: Channels of the first layer.
        hidden: Units of the linear layers.
        slope: Of LeakyReLU in the convolutions.
        linear_slope: In the linear layers; 0 is ReLU, as the authors' command line has it.
    """

    def __init__(
        self,
        size: int = 128,
        channels: int = 3,
        attributes: int = 8,
        width: int = 64,
        hidden: int = 1024,
        slope: float = 0.01,
        linear_slope: float = 0.0,
    ) -> None:
        super().__init__()
        layers: list[nn.Module] = []
        inputs, depth = channels, halvings(size)
        for k in range(depth):
            outputs = width * min(2**k, 16)
            conv = nn.Conv2d(inputs, outputs, 4, stride=2, padding=1, bias=False)
            layers += [conv, nn.InstanceNorm2d(outputs, affine=True), nn.LeakyReLU(slope)]
            inputs = outputs
        self.trunk = nn.Sequential(*layers, nn.Flatten())
        flat = inputs * (size >> depth) ** 2
        self.adversarial, self.attributes = (
            nn.Sequential(nn.Linear(flat, hidden), nn.LeakyReLU(linear_slope), nn.Linear(hidden, outputs))
            for outputs in (1, attributes)
        )

    def forward(self, image: Tensor) -> AttributeLogits:
        """Scores and attribute logits."""
        h = self.trunk(image)
        return AttributeLogits(self.adversarial(h), self.attributes(h))
