"""ELEGANT (Xiao et al., ECCV 2018): blocks of the latent code, one an attribute, are exchanged between two photos."""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from facerelief.networks.compared.initial_weights import normal_start
from facerelief.networks.generator_output import GeneratorOutput
from facerelief.networks.stargan import planes, smoothed


class ChannelNorm(nn.Module):
    """Each pixel's channels at length 1, then one scale and one shift for all."""

    def __init__(self) -> None:
        super().__init__()
        self.scale, self.shift = nn.Parameter(torch.ones(1)), nn.Parameter(torch.zeros(1))

    def forward(self, x: Tensor) -> Tensor:
        """(N, C, H, W) to the same."""
        return F.normalize(x, dim=1) * self.scale + self.shift


def _conv(inputs: int, outputs: int) -> list[nn.Module]:
    return [nn.Conv2d(inputs, outputs, 3, stride=2, padding=1), ChannelNorm(), nn.LeakyReLU(0.2)]


class LatentEncoder(nn.Module):
    """Images (N, C, H, W) to the maps of all layers, from fine to coarse; the last is the code z. 3.9 M parameters.

    Args:
        channels: Of the images.
        width: Channels of the first layer.
        layers: Halvings.
    """

    def __init__(self, channels: int = 3, width: int = 64, layers: int = 5) -> None:
        super().__init__()
        widths = [channels, *_widths(width, layers)]
        self.layers = nn.ModuleList(nn.Sequential(*_conv(widths[k], widths[k + 1])) for k in range(layers))
        normal_start(self)

    def forward(self, image: Tensor) -> list[Tensor]:
        """The maps."""
        maps = []
        for layer in self.layers:
            image = layer(image)
            maps.append(image)
        return maps


class ResidualDecoder(nn.Module):
    """Two codes to the residual 2 tanh(.) of an image; the encoder's maps are added on the way. 6.3 M parameters.

    Args: as of `LatentEncoder`.
    """

    def __init__(self, channels: int = 3, width: int = 64, layers: int = 5) -> None:
        super().__init__()
        widths = _widths(width, layers)
        inputs = 2 * widths[-1]
        self.layers = nn.ModuleList()
        for outputs in reversed(widths[:-1]):
            self.layers.append(nn.Sequential(_up(inputs, outputs), ChannelNorm(), nn.ReLU()))
            inputs = outputs
        self.layers.append(_up(inputs, channels))
        normal_start(self)

    def forward(self, z: Tensor, z_own: Tensor, maps: list[Tensor]) -> Tensor:
        """The residual (N, C, H, W) in [-2, 2].

        Args:
            z: The code with exchanged blocks.
            z_own: The image's own code.
            maps: The encoder's maps of the image; the last is `z_own`.
        """
        h = torch.cat([z, z_own], dim=1)
        for layer, skip in zip(self.layers, reversed(maps[:-1]), strict=False):
            h = layer(h) + skip
        return 2 * self.layers[-1](h).tanh()


class ELEGANT(nn.Module):
    """G: the encoder and the decoder.

    Args:
        channels: Of the image, in and out.
        width: Channels of the first layer; the code has 8 times as many.
        layers: Halvings.
        smooth: As of `networks.stargan.Generator`.

    Example:
        >>> photo, exemplar = torch.zeros(2, 3, 32, 32), torch.zeros(2, 3 + 8, 32, 32)
        >>> ELEGANT(width=4, layers=4)(photo, exemplar).image.shape
        torch.Size([2, 3, 32, 32])
    """

    def __init__(self, channels: int = 3, width: int = 64, layers: int = 5, smooth: bool = False) -> None:
        super().__init__()
        self.channels, self.smooth = channels, smooth
        self.encoder = LatentEncoder(channels, width, layers)
        self.decoder = ResidualDecoder(channels, width, layers)

    def forward(self, image: Tensor, exemplar: Tensor, chosen: Tensor | None = None) -> GeneratorOutput:
        """Edits of images with the attributes of exemplars.

        Args:
            image: (N, C, H, W) in [-1, 1], H and W divisible by 2 ** layers.
            exemplar: (N, C or more, H, W), of which the first C channels are photos.
            chosen: bool (N, K), the attributes whose blocks are exchanged; by default all, as a photo's own
                expression is unknown.
        """
        maps, other = self.encoder(image), self.encoder(exemplar[:, : self.channels])[-1]
        z = other if chosen is None else exchange(maps[-1], other, chosen)
        edited = (image + self.decoder(z, maps[-1], maps)).clamp(-1, 1)
        return GeneratorOutput(smoothed(image, edited) if self.smooth else edited)


class LabelledDiscriminator(nn.Module):
    """D: are images real, and do they have these attributes? Logits (N,); larger images are average-pooled first.

    Args:
        size: Side of the images that it sees: the full side for D1, half of it for D2.
        channels: Of the images.
        attributes: Of the labels.
        width: Channels of the first layer.
    """

    def __init__(self, size: int = 256, channels: int = 3, attributes: int = 8, width: int = 64) -> None:
        super().__init__()
        self.size = size
        depth = min(4, size.bit_length() - 2)
        widths = [channels + attributes, *_widths(width, depth)]
        layers = [layer for k in range(depth) for layer in _conv(widths[k], widths[k + 1])]
        self.trunk = nn.Sequential(*layers, nn.Flatten())
        self.linear = nn.Linear(widths[-1] * (size >> depth) ** 2, 1)
        normal_start(self)

    def forward(self, image: Tensor, y: Tensor) -> Tensor:
        """image: (N, C, H, W), of this size or a multiple by a power of 2; y: (N, attributes)."""
        image = F.avg_pool2d(image, image.shape[-1] // self.size)
        return self.linear(self.trunk(torch.cat([image, planes(y, image)], dim=1))).flatten()


def exchange(z: Tensor, other: Tensor, chosen: Tensor) -> Tensor:
    """A code with the chosen attributes' blocks of another.

    Args:
        z: Codes (N, D, h, w); channels d of [D k / K, D (k + 1) / K), rounded, are the block of attribute k.
        other: The codes to take blocks from.
        chosen: bool (N, K).
    """
    length, count = z.shape[1], chosen.shape[1]
    edges = [round(length * k / count) for k in range(count + 1)]
    lengths = torch.tensor([edges[k + 1] - edges[k] for k in range(count)], device=z.device)
    return torch.where(chosen.repeat_interleave(lengths, dim=1)[:, :, None, None], other, z)


def _widths(width: int, layers: int) -> list[int]:
    return [width * min(2**k, 8) for k in range(layers)]


def _up(inputs: int, outputs: int) -> nn.Module:
    return nn.ConvTranspose2d(inputs, outputs, 3, stride=2, padding=1, output_padding=1)
