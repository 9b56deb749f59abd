"""RGB backbones by name: any network that draws an edit I_t = G_rgb(I_s, y_t) can be trained under the guidance."""

from collections.abc import Callable
from typing import NamedTuple

from torch import Tensor, nn

from facerelief.config import ExpressionTraining
from facerelief.networks.relief import ReliefGenerator
from facerelief.networks.stargan import Generator
from facerelief.registry import Registry


class Drawn(NamedTuple):
    """What a backbone makes of I_s: I_t (N, C, H, W) in [-1, 1], and by which flow and mask (`Maps`), if by any."""

    image: Tensor
    flow: Tensor | None = None
    mask: Tensor | None = None


# (channels of the image, length of the one-hot condition, settings) to a fresh network, (I_s, condition) to `Drawn`
BACKBONES: Registry[Callable[[int, int, ExpressionTraining], nn.Module]] = Registry("backbone")


@BACKBONES.add("stargan")
class StarGAN(Generator):
    """StarGAN's generator, the paper's G_rgb: it repaints every pixel."""

    def __init__(self, channels: int, conditions: int, config: ExpressionTraining) -> None:
        super().__init__(channels, conditions, config.width, config.blocks, config.smooth)

    def forward(self, image: Tensor, condition: Tensor) -> Drawn:  # type: ignore[override]
        """image: (N, C, H, W); condition: (N, conditions)."""
        return Drawn(super().forward(image, condition))


@BACKBONES.add("relief")
class Relief(ReliefGenerator):
    """An edit as flow, mask and colour: it moves what is there, and paints what is not."""

    def __init__(self, channels: int, conditions: int, config: ExpressionTraining) -> None:
        super().__init__(channels, conditions, config.width, config.blocks)

    def forward(self, image: Tensor, condition: Tensor) -> Drawn:  # type: ignore[override]
        """image: (N, C, H, W); condition: (N, conditions)."""
        drawn, maps = super().forward(image, condition)
        return Drawn(drawn, maps.flow, maps.mask)


def build_backbone(config: ExpressionTraining) -> nn.Module:
    """A fresh G_rgb of a run's kind and size. Raises `FacereliefError` for an unknown backbone."""
    return BACKBONES[config.backbone](config.channels, len(config.expressions), config)
