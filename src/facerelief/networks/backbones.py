"""G_rgb of each method by name: what a trained editor's file holds, and the condition that it takes.

Any network that computes an edit I_t = G_rgb(I_s, condition) can be trained with the guidance. How it is trained is in
`training.methods`, under the same name.
"""

from collections.abc import Callable
from dataclasses import dataclass

from torch import nn

from facerelief.config import ExpressionTraining
from facerelief.networks.compared.attgan import AttGAN, halvings
from facerelief.networks.compared.cyclegan import CycleGAN
from facerelief.networks.compared.diat import DIAT
from facerelief.networks.compared.elegant import ELEGANT
from facerelief.networks.compared.ganimation import GANimation
from facerelief.networks.compared.gannotation import GANnotation
from facerelief.networks.compared.icgan import IcGAN
from facerelief.networks.compared.stgan import SourceAwareSTGAN
from facerelief.networks.generator_output import GeneratorOutput
from facerelief.networks.relief import ReliefGenerator
from facerelief.networks.stargan import StarGAN
from facerelief.registry import Registry

__all__ = ["BACKBONES", "Backbone", "GeneratorOutput", "build_backbone"]


@dataclass(frozen=True)
class Backbone:
    """A method's G_rgb.

    Attributes:
        build: Builds the network of a run's size. The network takes I_s (N, C, S, S) and a condition (N, ...) and
            gives a `GeneratorOutput`.
        condition: The kind of its condition, of `data.conditions.CONDITIONS`.
    """

    build: Callable[[ExpressionTraining], nn.Module]
    condition: str = "class"


BACKBONES: Registry[Backbone] = Registry("method", "facerelief.methods", Backbone)
_UNITS = 17  # action units of `data.conditions.units`
EDGE_CHANNELS = 3  # of `data.conditions.landmarks`


@BACKBONES.add("stargan")
@Backbone
def _stargan(config: ExpressionTraining) -> nn.Module:
    return StarGAN(config.channels, len(config.expressions), config.width, config.blocks, config.smooth)


@BACKBONES.add("relief")
@Backbone
def _relief(config: ExpressionTraining) -> nn.Module:
    return ReliefGenerator(config.channels, len(config.expressions), config.width, config.blocks)


def _ganimation(config: ExpressionTraining) -> nn.Module:
    return GANimation(config.channels, _UNITS, config.width, config.blocks, config.smooth)


BACKBONES.add("ganimation")(Backbone(_ganimation, "units"))


@BACKBONES.add("cyclegan")
@Backbone
def _cyclegan(config: ExpressionTraining) -> nn.Module:
    return CycleGAN(config.channels, len(config.expressions), config.width, config.blocks, config.smooth)


@BACKBONES.add("icgan")
@Backbone
def _icgan(config: ExpressionTraining) -> nn.Module:
    return IcGAN(config.size, config.channels, len(config.expressions), config.width)


@BACKBONES.add("attgan")
@Backbone
def _attgan(config: ExpressionTraining) -> nn.Module:
    sizes = config.channels, len(config.expressions), config.width, halvings(config.size)
    return AttGAN(*sizes, smooth=config.smooth)


@BACKBONES.add("stgan")
@Backbone
def _stgan(config: ExpressionTraining) -> nn.Module:
    sizes = config.channels, len(config.expressions), config.width, halvings(config.size)
    return SourceAwareSTGAN(*sizes, smooth=config.smooth)


@BACKBONES.add("diat")
@Backbone
def _diat(config: ExpressionTraining) -> nn.Module:
    return DIAT(config.channels, len(config.expressions), config.width, config.blocks, config.smooth)


def _elegant(config: ExpressionTraining) -> nn.Module:
    return ELEGANT(config.channels, config.width, halvings(config.size), config.smooth)


def _gannotation(config: ExpressionTraining) -> nn.Module:
    return GANnotation(config.channels, EDGE_CHANNELS, config.width, config.blocks, config.smooth)


BACKBONES.add("elegant")(Backbone(_elegant, "exemplar"))
BACKBONES.add("gannotation")(Backbone(_gannotation, "landmarks"))


def build_backbone(config: ExpressionTraining) -> nn.Module:
    """A fresh G_rgb of a run's method and size. Raises `FacereliefError` for an unknown method."""
    return BACKBONES[config.method].build(config)
