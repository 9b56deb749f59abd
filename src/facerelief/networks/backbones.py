"""RGB backbones by name. Any network that computes an edit I_t = G_rgb(I_s, y_t) can be trained with the guidance."""

from collections.abc import Callable

from torch import nn

from facerelief.config import ExpressionTraining
from facerelief.networks.generator_output import GeneratorOutput
from facerelief.networks.relief import ReliefGenerator
from facerelief.networks.stargan import StarGAN
from facerelief.registry import Registry

__all__ = ["BACKBONES", "GeneratorOutput", "build_backbone"]

# Functions of image channels, length of the one-hot condition and settings. They build a network that takes I_s and a
# condition and gives a `GeneratorOutput`.
BACKBONES: Registry[Callable[[int, int, ExpressionTraining], nn.Module]] = Registry("backbone")


@BACKBONES.add("stargan")
def _stargan(channels: int, conditions: int, config: ExpressionTraining) -> nn.Module:
    return StarGAN(channels, conditions, config.width, config.blocks, config.smooth)


@BACKBONES.add("relief")
def _relief(channels: int, conditions: int, config: ExpressionTraining) -> nn.Module:
    return ReliefGenerator(channels, conditions, config.width, config.blocks)


def build_backbone(config: ExpressionTraining) -> nn.Module:
    """A fresh G_rgb of a run's kind and size. Raises `FacereliefError` for an unknown backbone."""
    return BACKBONES[config.backbone](config.channels, len(config.expressions), config)
