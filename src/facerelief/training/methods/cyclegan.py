"""CycleGAN (Zhu et al., ICCV 2017): a translator and a discriminator for each expression, held by the way back.

Symbols are the paper's: G to the target, F back. With two expressions (`--expressions neutral,happiness`) this is the
paper's pair of domains; with K there are K translators, each from photos of any other expression, and the way back
goes through that of the photo's own.
"""

from collections.abc import Iterator
from typing import Any, ClassVar

from torch import Tensor, nn

from facerelief.config import ExpressionTraining
from facerelief.data.batches import Batch
from facerelief.errors import FacereliefError
from facerelief.networks.compared.cyclegan import PatchDiscriminator, PerExpression
from facerelief.training import losses as eq
from facerelief.training.compared_losses import cyclegan as own
from facerelief.training.methods.method import TRAINING_METHODS, TrainingMethod, TrainingStep, Update
from facerelief.training.steps.gan_step import augment, discriminator_weights
from facerelief.training.steps.step_random import StepRandom

_WHOLE = 128  # px, from which on patches are the paper's 70 px; they are 34 px below


@TRAINING_METHODS.add("cyclegan")
class CycleGANMethod(TrainingMethod):
    """No condition: each expression has its own translator."""

    title: ClassVar[str] = "CycleGAN (Zhu et al., ICCV 2017)"
    options: ClassVar[dict[str, float]] = {"identity_weight": 5.0, "pool": 50}
    presets: ClassVar[dict[str, dict[str, Any]]] = {
        "paper": {  # 200 epochs of 1,000 steps; a step has a photo of each of two domains
            **{"blocks": 9, "batch": 2, "balanced": True, "d_steps": 1, "steps": 200_000, "decay_from": 0.5},
            **{"lr": 2e-4, "d_lr": 2e-4, "ema": 0.0},
        },
        "gpu": {"warm_up": 0},
        "cpu": {"width": 16, "blocks": 3, "d_width": 16, "warm_up": 0},
    }

    def __init__(self, config: ExpressionTraining) -> None:
        super().__init__(config)
        if self.option("pool") < 1 or self.option("pool") % 1:
            raise FacereliefError(f"pool is a whole number of edits, 1 or more, not {self.option('pool'):g}")

    def build_others(self) -> dict[str, nn.Module]:
        """D of each expression, and their pools of past edits."""
        config = self.config
        halvings = 3 if config.size >= _WHOLE else 2
        critic = PerExpression(
            len(config.expressions), lambda: PatchDiscriminator(config.channels, config.d_width, halvings)
        )
        pool = own.ImagePool(len(config.expressions), int(self.option("pool")), config.channels, config.size)
        return {"critic": critic, "pool": pool}

    def choose(self, batch: Batch, noise: StepRandom, known_classes: Tensor) -> Tensor:
        """Another expression for each photo."""
        return noise.others(batch.label, known_classes)

    def critic_updates(self, step: TrainingStep) -> Iterator[Update]:
        """Eq. 1 with least squares: photos of each expression against past and present edits to it."""
        augmented, noise, edited, critic = self.config.augment, step.noise, step.edited, step.nets["critic"]
        fake = step.nets["pool"](edited.i_t, edited.y_t, noise)
        real, fake = (augment(x, noise, augmented) for x in (step.batch.image, fake))
        terms = {"adv": own.least_squares_discriminator(critic(real, edited.c_s), critic(fake, edited.c_t))}
        yield Update("D_rgb", terms, ("critic",))

    def generator_terms(self, step: TrainingStep) -> eq.Terms:
        """Eqs. 1 and 2, and the identity loss of photos that need no change."""
        generator, edited, image = step.nets["generator"], step.edited, step.batch.image
        fake = step.nets["critic"](augment(edited.i_t, step.noise, self.config.augment), edited.c_t)
        return {
            "rgb/adv": own.least_squares_generator(fake),  # Eq. 1
            "rgb/rec": own.cycle_consistency(image, generator(edited.i_t, edited.c_s).image),  # Eq. 2
            "rgb/identity": own.identity_mapping(image, generator(image, edited.c_s).image),
        }

    def weights(self) -> dict[str, float]:
        """Eq. 3."""
        return discriminator_weights(self.config) | {
            "rgb/adv": self.config.adv_weight,
            "rgb/rec": self.config.rec_weight,
            "rgb/identity": self.option("identity_weight"),
        }
