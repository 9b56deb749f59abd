"""A batch's edits in a training step: the networks, the edits, and regularisers of their flow and mask."""

from collections.abc import Mapping
from dataclasses import dataclass

from torch import Tensor, nn

from facerelief.config import ExpressionTraining
from facerelief.data.batches import Batch
from facerelief.errors import FacereliefError
from facerelief.networks.backbones import GeneratorOutput, build_backbone
from facerelief.networks.conversion import one_hot
from facerelief.networks.relief import roughness
from facerelief.training import losses as eq
from facerelief.training.depth import DepthNets
from facerelief.training.steps.gan_step import build_discriminator
from facerelief.training.steps.pseudo_targets import PseudoTargets, TargetBatch


@dataclass(frozen=True)
class Nets:
    """G_rgb and D_rgb, and the depth network where the run is guided."""

    generator: nn.Module
    discriminator: nn.Module
    depth: DepthNets | None

    def with_modules(self, modules: Mapping[str, nn.Module]) -> "Nets":
        """With those of the modules that a session prepared, by their names in the state's file."""
        depth = self.depth and DepthNets(modules.get("translator", self.depth.translator), modules["depth_critic"])
        return Nets(modules["generator"], modules["critic"], depth)


def build_nets(config: ExpressionTraining, depth: DepthNets | None) -> Nets:
    """Fresh RGB networks of the run's size beside a pre-trained depth network."""
    if (depth is None) != (config.guide == "none"):
        raise FacereliefError(
            f"guide {config.guide} and the depth network do not fit: give --depth RUN, or --guide none"
        )
    return Nets(
        build_backbone(config), build_discriminator(config, config.channels, matching=config.match_weight > 0), depth
    )


@dataclass(frozen=True)
class EditedBatch:
    """A batch's edits: I_t = G_rgb(I_s, y_t) and, where the run is guided, d_t = G_depth(I_t); its pseudo-targets."""

    y_t: Tensor
    output: GeneratorOutput
    d_t: Tensor | None
    taught: TargetBatch | None = None

    @property
    def i_t(self) -> Tensor:
        """I_t (N, C, S, S)."""
        return self.output.image


def edit_batch(
    nets: Nets, batch: Batch, y_t: Tensor, classes: int, targets: PseudoTargets | None = None
) -> EditedBatch:
    """The batch's edits to y_t (N,)."""
    output = nets.generator(batch.image, one_hot(y_t, classes))
    d_t = nets.depth.translator(output.image) if nets.depth else None
    return EditedBatch(y_t, output, d_t, targets.of_batch(batch, y_t) if targets else None)


def flow_and_mask_regularisers(output: GeneratorOutput) -> eq.Terms:
    """What holds a backbone's flow and mask back."""
    terms = {}
    if output.flow is not None:
        terms["rgb/flow"] = roughness(output.flow)
    if output.mask is not None:
        terms["rgb/mask"] = output.mask.mean()
    return terms
