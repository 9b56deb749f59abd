"""Networks as PyTorch modules, without any training."""

from facerelief.networks.backbones import BACKBONES, Backbone, build_backbone
from facerelief.networks.classifier import Classifier
from facerelief.networks.depth import DepthTranslator
from facerelief.networks.generator_output import GeneratorOutput
from facerelief.networks.identity import Encoder
from facerelief.networks.relief import ReliefGenerator
from facerelief.networks.stargan import Discriminator, DiscriminatorOutput, StarGAN
from facerelief.processes.threads import limit_torch

limit_torch()

__all__ = [
    "BACKBONES",
    "Backbone",
    "Classifier",
    "DepthTranslator",
    "Discriminator",
    "DiscriminatorOutput",
    "Encoder",
    "GeneratorOutput",
    "ReliefGenerator",
    "StarGAN",
    "build_backbone",
]
