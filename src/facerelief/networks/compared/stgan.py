"""STGAN (Liu et al., CVPR 2019): AttGAN with selective transfer units between encoder and decoder.

The condition is the difference of the attributes, target minus source. Its discriminator is AttGAN's with slopes 0.2.
"""

import torch
from torch import Tensor, nn

from facerelief.networks.classifier import Classifier
from facerelief.networks.compared.attgan import CODE_STRENGTH, AttributeDecoder, AttributeEncoder
from facerelief.networks.generator_output import GeneratorOutput
from facerelief.networks.stargan import planes, smoothed

SLOPE = 0.2


class SelectiveTransferUnit(nn.Module):
    """A GRU cell of convolutions that decides what of the encoder's map an edit needs.

    Args:
        inputs: Channels of the coarser state.
        channels: Of the encoder's map, and of the output.
    """

    def __init__(self, inputs: int, channels: int) -> None:
        super().__init__()
        self.upsample = nn.ConvTranspose2d(inputs, channels, 4, stride=2, padding=1)
        self.reset = nn.Conv2d(2 * channels, channels, 3, padding=1)
        self.update = nn.Conv2d(2 * channels, channels, 3, padding=1)
        self.info = nn.Conv2d(2 * channels, channels, 3, padding=1)

    def forward(self, encoded: Tensor, state: Tensor) -> tuple[Tensor, Tensor]:
        """The unit's output and its state for the next finer one, both (N, channels, 2 h, 2 w).

        Args:
            encoded: The encoder's map, (N, channels, 2 h, 2 w).
            state: Of the coarser unit, with the attributes, (N, inputs, h, w).
        """
        coarse = self.upsample(state)  # s hat
        both = torch.cat([encoded, coarse], dim=1)
        reset, update = self.reset(both).sigmoid(), self.update(both).sigmoid()  # r, z
        kept = reset * coarse  # s
        info = self.info(torch.cat([encoded, kept], dim=1)).tanh()  # f hat
        return (1 - update) * coarse + update * info, kept  # f_t, s


class STGAN(nn.Module):
    """G: 75.0 M parameters at width 64 and 13 attributes. The coarsest map passes to the decoder as it is.

    Args:
        channels: Of the image, in and out.
        attributes: Length of the difference vector.
        width: Channels of the first layer.
        layers: Halvings; one fewer are the units, shortcuts and injections.

    Example:
        >>> STGAN(attributes=8, width=4, layers=4)(torch.zeros(2, 3, 32, 32), torch.zeros(2, 8)).shape
        torch.Size([2, 3, 32, 32])
    """

    def __init__(self, channels: int = 3, attributes: int = 8, width: int = 64, layers: int = 5) -> None:
        super().__init__()
        self.encoder = AttributeEncoder(channels, width, layers, SLOPE)
        widths = [width * min(2**k, 16) for k in range(layers)]
        self.units = nn.ModuleList(
            SelectiveTransferUnit(widths[k + 1] + attributes, widths[k]) for k in reversed(range(layers - 1))
        )
        self.decoder = AttributeDecoder(channels, attributes, width, layers, layers - 1, layers - 1)

    def encode(self, image: Tensor) -> list[Tensor]:
        """The encoder's maps of images (N, C, H, W), from fine to coarse."""
        maps: list[Tensor] = self.encoder(image)
        return maps

    def decode(self, maps: list[Tensor], difference: Tensor) -> Tensor:
        """Images (N, C, H, W) of the encoder's maps, changed by differences of attributes (N, attributes)."""
        state, transferred = maps[-1], [maps[-1]]
        for unit, encoded in zip(self.units, reversed(maps[:-1]), strict=True):
            output, state = unit(encoded, torch.cat([state, planes(difference, state)], dim=1))
            transferred.insert(0, output)
        image: Tensor = self.decoder(transferred, difference)
        return image

    def forward(self, image: Tensor, difference: Tensor) -> Tensor:
        """Edits of images (N, C, H, W), H and W divisible by 2 ** layers, by differences (N, attributes)."""
        return self.decode(self.encode(image), difference)


class SourceAwareSTGAN(nn.Module):
    """STGAN as a generator that also edits photos whose own expression nobody tells.

    A small classifier beside it, not part of the authors', estimates the source's attributes then.

    Args: as of `STGAN`; smooth: as of `networks.stargan.Generator`.

    Example:
        >>> network = SourceAwareSTGAN(attributes=8, width=4, layers=4)
        >>> network(torch.zeros(2, 3, 32, 32), torch.eye(8)[:2]).image.shape
        torch.Size([2, 3, 32, 32])
    """

    def __init__(
        self, channels: int = 3, attributes: int = 8, width: int = 64, layers: int = 5, smooth: bool = False
    ) -> None:
        super().__init__()
        self.smooth = smooth
        self.network = STGAN(channels, attributes, width, layers)
        self.source = Classifier(channels, attributes, max(4, width // 2), dropout=0)

    def forward(self, image: Tensor, y: Tensor | None, own: Tensor | None = None) -> GeneratorOutput | Tensor:
        """Edits of images (N, C, H, W) to attributes y (N, K) in {0, 1}.

        Args:
            image: Photos.
            y: The target's attributes; without them the logits (N, K) of the photos' own are returned.
            own: The photos' attributes; by default they are estimated.
        """
        if y is None:
            logits: Tensor = self.source(image)
            return logits
        own = self.source(image).softmax(dim=1) if own is None else own
        edited = self.network(image, 2 * CODE_STRENGTH * (y - own))
        return GeneratorOutput(smoothed(image, edited) if self.smooth else edited)
