"""STGAN (Liu et al., CVPR 2019): AttGAN's losses, for what changes only: att_diff, the target's attributes minus a.

The authors know a test photo's attributes. Nobody tells those of a user's photo: a small classifier beside G, which
this run trains, estimates them at test.
"""

from collections.abc import Mapping
from typing import ClassVar

from torch import Tensor, nn

from facerelief.data.batches import Batch
from facerelief.networks.generator_output import GeneratorOutput
from facerelief.training import losses as eq
from facerelief.training.methods.attgan import AttGANMethod
from facerelief.training.methods.method import TRAINING_METHODS, TrainingStep


@TRAINING_METHODS.add("stgan")
class STGANMethod(AttGANMethod):
    """AttGAN with selective transfer units, asked by differences."""

    title: ClassVar[str] = "STGAN (Liu et al., CVPR 2019)"
    slopes: ClassVar[tuple[float, float]] = (0.2, 0.2)

    def edit(self, nets: Mapping[str, nn.Module], batch: Batch, c_s: Tensor, c_t: Tensor) -> GeneratorOutput:
        """I_t = G(I_s, c_t - c_s): in training a photo's label is known."""
        output: GeneratorOutput = nets["generator"](batch.image, c_t, own=c_s)
        return output

    def generator_terms(self, step: TrainingStep) -> eq.Terms:
        """AttGAN's, and the cross-entropy of the classifier that estimates a photo's own expression."""
        logits = step.nets["generator"](step.batch.image, None)
        return super().generator_terms(step) | {"rgb/own": eq.classification(logits, step.batch.label)}

    def weights(self) -> dict[str, float]:
        """AttGAN's; the classifier has parameters of its own."""
        return super().weights() | {"rgb/own": 1.0}
