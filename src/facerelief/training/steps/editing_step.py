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
    """The networks of stage 2.

    Attributes:
        generator: G_rgb.
        discriminator: D_rgb.
        depth: The depth network, where the run is guided.
    """

    generator: nn.Module
    discriminator: nn.Module
    depth: DepthNets | None

    def with_modules(self, modules: Mapping[str, nn.Module]) -> "Nets":
        """The same with the modules that a session prepared, by their names in the state's file."""
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
    """A batch's edits.

    Attributes:
        y_t: Target labels, (N,).
        output: I_t = G_rgb(I_s, y_t), with flow and mask where the backbone has them.
        d_t: G_depth(I_t), (N, K, S, S), where the run is guided.
        taught: Pseudo-targets of the photos that have one.
    """

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
    """Penalties on the stretch of a backbone's flow ("rgb/flow") and on its mask ("rgb/mask"), where it has them."""
    terms = {}
    if output.flow is not None:
        terms["rgb/flow"] = roughness(output.flow)
    if output.mask is not None:
        terms["rgb/mask"] = output.mask.mean()
    return terms
