"""Losses of G_rgb beyond the paper's: distances to pseudo-targets, and the identity distance."""

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from facerelief.config import ExpressionTraining
from facerelief.data.batches import Batch
from facerelief.networks.relief import warped
from facerelief.training import losses as eq
from facerelief.training.steps.edited_batch import EditedBatch
from facerelief.training.steps.pseudo_targets import PseudoTargets, TargetBatch
from facerelief.training.steps.step_random import StepRandom

_NEAR = 5  # pixels
_SHADE = 0.1  # of the range 2 of an image


@dataclass(frozen=True)
class Distillation:
    """Losses of G_rgb beside those of the discriminators; either part may be absent.

    Attributes:
        targets: Pseudo-targets of the training photos.
        encoder: An identity encoder; it must not score the editor afterwards.
    """

    targets: PseudoTargets | None = None
    encoder: nn.Module | None = None

    @staticmethod
    def choose(batch: Batch, noise: StepRandom, classes: int) -> Tensor:
        """Target labels y_t (N,) where there are pseudo-targets: any expression."""
        return noise.integers(classes, len(batch.label))

    def terms(self, batch: Batch, edited: "EditedBatch") -> eq.Terms:
        """Mean distances from the edits to their pseudo-targets, in image and flow, and to the person's photo.

        Returns:
            "rgb/pair" (image), "rgb/way" (flow, squared pixels), "rgb/paint" (`overpaint`) and "rgb/id" (identity
            distance), as far as there are pseudo-targets, a flow and an encoder.
        """
        terms, taught, flow = {}, edited.taught, edited.output.flow
        if taught is not None:
            pair = (taught.image - edited.i_t[taught.rows]).abs().sum() / max(1, taught.image.numel())
            terms["rgb/pair"] = taught.scale * pair
            if flow is not None:
                stray = (taught.flow - flow[taught.rows]) * flow.shape[-1]  # pixels
                terms["rgb/way"] = taught.scale * stray.square().sum() / max(1, stray.numel())
                photos, edits = batch.image[taught.rows], edited.i_t[taught.rows]
                terms["rgb/paint"] = taught.scale * overpaint(photos, edits, flow[taught.rows], taught)
        if self.encoder is not None:
            encoder = self.encoder.to(batch.image.device)  # of several processes each has a device of its own
            with torch.no_grad():
                person = encoder(batch.image)
            terms["rgb/id"] = 1 - (person * encoder(edited.i_t)).sum(dim=1).mean()
        return terms


def distillation_weights(config: ExpressionTraining) -> dict[str, float]:
    """Of `Distillation.terms`."""
    return {
        "rgb/pair": config.image_distill_weight,
        "rgb/way": config.flow_distill_weight,
        "rgb/paint": config.paint_weight,
        "rgb/id": config.id_weight,
    }


def overpaint(image: Tensor, edited: Tensor, flow: Tensor, taught: TargetBatch) -> Tensor:
    """How much edits change beyond what their flow moves, where their pseudo-targets do not.

    A mouth that opens must be painted, and shading may be: what pseudo-targets paint within `_NEAR`, and `_SHADE`, is
    free.

    Args:
        image: Photos, (P, C, S, S) in [-1, 1].
        edited: Their edits, of the same shape.
        flow: Of the edits, (P, 2, S, S), in sides.
        taught: Their pseudo-targets.
    """
    with torch.no_grad():
        painted = (taught.image - warped(image, taught.flow)).abs().amax(dim=1, keepdim=True)
        free = nn.functional.max_pool2d(painted, _NEAR, stride=1, padding=_NEAR // 2) + _SHADE
    painted = (edited - warped(image, flow)).abs()
    return (painted - free).relu().sum() / max(1, painted.numel())
