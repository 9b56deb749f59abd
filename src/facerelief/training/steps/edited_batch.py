"""A batch's edits in a training step."""

from dataclasses import dataclass

from torch import Tensor

from facerelief.networks.generator_output import GeneratorOutput
from facerelief.training.steps.pseudo_targets import TargetBatch


@dataclass(frozen=True)
class EditedBatch:
    """A batch's edits.

    Attributes:
        y_t: Target labels, (N,).
        output: I_t = G_rgb(I_s, c_t), with flow and mask where the method has them.
        c_s: Conditions of what the photos themselves show.
        c_t: Conditions of the targets.
        d_t: G_depth(I_t), (N, K, S, S), where the run is guided.
        taught: Pseudo-targets of the photos that have one.
    """

    y_t: Tensor
    output: GeneratorOutput
    c_s: Tensor
    c_t: Tensor
    d_t: Tensor | None = None
    taught: TargetBatch | None = None

    @property
    def i_t(self) -> Tensor:
        """I_t (N, C, S, S)."""
        return self.output.image
