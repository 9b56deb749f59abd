"""ELEGANT (Xiao et al., ECCV 2018): photos A and B exchange expressions, which gives C and D.

A is the photo, B the exemplar. The code has a block for each expression. Expressions exclude one another, so those of
both photos are exchanged. At test a photo's own is unknown and all blocks are exchanged: so they are in every second
edit of training. The paper steps through the attributes in turn; here a batch holds edits between all of them.
"""

from collections.abc import Iterator, Mapping
from functools import partial
from typing import Any, ClassVar

import torch
from torch import Tensor, nn

from facerelief.config import ExpressionTraining
from facerelief.data.batches import Batch
from facerelief.errors import FacereliefError
from facerelief.networks.compared.elegant import LabelledDiscriminator
from facerelief.networks.generator_output import GeneratorOutput
from facerelief.training import losses as eq
from facerelief.training.compared_losses import elegant as own
from facerelief.training.methods.method import TRAINING_METHODS, TrainingMethod, TrainingStep, Update
from facerelief.training.steps.gan_step import augment, discriminator_weights, penalty_terms

_SHARE = 1 / 4  # of D's loss: it sums over four photos


@TRAINING_METHODS.add("elegant")
class ELEGANTMethod(TrainingMethod):
    """Edits by example."""

    title: ClassVar[str] = "ELEGANT (Xiao et al., ECCV 2018)"
    critics: ClassVar[tuple[str, ...]] = ("critic", "small_critic")
    presets: ClassVar[dict[str, dict[str, Any]]] = {
        "paper": {  # 200,000 steps, in each of which the authors go through all attributes: eight here
            **{"batch": 16, "d_steps": 1, "steps": 8 * 200_000, "lr_factor": 0.97, "lr_every": 8 * 3_000},
            **{"decay_from": 1.0, "balanced": True},
            **{"lr": 2e-4, "d_lr": 2e-4, "weight_decay": 1e-5, "ema": 0.0, "rec_weight": 5.0, "objective": "vanilla"},
        },
        # With a tenth of R1 noise deceives the critics, and codes of all photos become alike; with four times it they
        # end as constants.
        "gpu": {"rec_weight": 5.0, "warm_up": 500},
        "cpu": {"rec_weight": 5.0, "width": 16, "d_width": 16, "lr": 5e-4, "warm_up": 100},
    }

    def __init__(self, config: ExpressionTraining) -> None:
        super().__init__(config)
        if config.objective not in ("vanilla", "r1"):
            raise FacereliefError("elegant has the log loss; choose --set objective=vanilla or r1")

    def build_others(self) -> dict[str, nn.Module]:
        """D1, and D2 at half the size."""
        config = self.config
        more = config.channels, len(config.expressions), config.d_width
        return {
            "critic": LabelledDiscriminator(config.size, *more),
            "small_critic": LabelledDiscriminator(config.size // 2, *more),
        }

    def edit(self, nets: Mapping[str, nn.Module], batch: Batch, c_s: Tensor, c_t: Tensor) -> GeneratorOutput:
        """C: A with B's blocks."""
        chosen = self._labels(c_s).add(self._labels(c_t)) > 0
        chosen[1::2] = True
        output: GeneratorOutput = nets["generator"](batch.image, c_t, chosen=chosen)
        return output

    def critic_updates(self, step: TrainingStep) -> Iterator[Update]:
        """L_D of both scales, A and B against C and D."""
        with torch.no_grad():
            swapped = self._other_edit(step)
        photos, edits = torch.cat(self._photos(step)), torch.cat([step.edited.i_t.detach(), swapped])
        real, fake = (augment(x, step.noise, self.config.augment) for x in (photos, edits))
        y, y_swapped = self._both_labels(step)
        for name, number in zip(self.critics, (1, 2), strict=True):
            critic = step.nets[name]
            terms = {f"adv{number}": own.scale_discriminator(critic(real, y), critic(fake, y_swapped))}
            penalty = penalty_terms(partial(_judged, critic, y), real, fake, self.config, step.noise)
            yield Update("D_rgb", terms | {f"{key}_{number}": value for key, value in penalty.items()}, (name,))

    def generator_terms(self, step: TrainingStep) -> eq.Terms:
        """L_G: both scales on C and D, and both photos from their own codes."""
        generator, (a, b) = step.nets["generator"], self._photos(step)
        edits, (_, y) = torch.cat([step.edited.i_t, self._other_edit(step)]), self._both_labels(step)
        fake, photos = augment(edits, step.noise, self.config.augment), torch.cat([a, b])
        return {
            "rgb/adv1": own.scale_generator(step.nets["critic"](fake, y)),
            "rgb/adv2": own.scale_generator(step.nets["small_critic"](fake, y)),
            "rgb/rec": own.two_photo_reconstruction(photos, generator(photos, photos).image),
        }

    def weights(self) -> dict[str, float]:
        """5 of the reconstruction, 1 and 0.5 of the scales, and a quarter of these for D, R1 included."""
        weight = self.config.adv_weight
        r1 = discriminator_weights(self.config)["r1"]
        return discriminator_weights(self.config) | {
            "r1_1": _SHARE * r1,
            "r1_2": _SHARE * own.SMALL_WEIGHT * r1,
            "adv1": _SHARE * weight,
            "adv2": _SHARE * own.SMALL_WEIGHT * weight,
            "rgb/adv1": weight,
            "rgb/adv2": own.SMALL_WEIGHT * weight,
            "rgb/rec": self.config.rec_weight,
        }

    def _labels(self, condition: Tensor) -> Tensor:
        """One-hot (N, K), of an exemplar's planes."""
        return condition[:, self.config.channels :, 0, 0]

    def _photos(self, step: TrainingStep) -> tuple[Tensor, Tensor]:
        return step.batch.image, step.edited.c_t[:, : self.config.channels]

    def _both_labels(self, step: TrainingStep) -> tuple[Tensor, Tensor]:
        """Of A and B, and of C and D."""
        y_s, y_t = self._labels(step.edited.c_s), self._labels(step.edited.c_t)
        return torch.cat([y_s, y_t]), torch.cat([y_t, y_s])

    def _other_edit(self, step: TrainingStep) -> Tensor:
        """D: B with A's blocks."""
        y_s, y_t = self._labels(step.edited.c_s), self._labels(step.edited.c_t)
        output: GeneratorOutput = step.nets["generator"](self._photos(step)[1], step.edited.c_s, chosen=y_s + y_t > 0)
        return output.image


def _judged(critic: nn.Module, y: Tensor, x: Tensor) -> Tensor:
    """Logits (N, 1) of photos under labels y."""
    logits: Tensor = critic(x, y)
    return logits[:, None]
