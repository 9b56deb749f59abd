"""DIAT-A (Li, Zuo and Zhang, 2016): a translator and a discriminator for each expression.

There is no public code, and the weights of the terms are ours. An edit stays the same person because the expression's
own discriminator computes the same of it as of the photo (the "adaptive" identity loss), and it stays clean because a
denoiser finds no noise in it. The second stage of the paper, a network that sharpens edits, is left out.
"""

from collections.abc import Iterator
from typing import Any, ClassVar

from torch import Tensor, nn

from facerelief.config import ExpressionTraining
from facerelief.data.batches import Batch
from facerelief.errors import FacereliefError
from facerelief.networks.compared.cyclegan import PerExpression
from facerelief.networks.compared.diat import BLOCKS, Denoiser, ReferenceDiscriminator
from facerelief.networks.stargan import he_start
from facerelief.training import losses as eq
from facerelief.training.compared_losses import diat as own
from facerelief.training.methods.method import TRAINING_METHODS, TrainingMethod, TrainingStep, Update
from facerelief.training.steps.gan_step import augment, discriminator_weights, penalty_terms
from facerelief.training.steps.step_random import StepRandom

_DENOISER = 0.5  # width, of the generator's


@TRAINING_METHODS.add("diat")
class DIATMethod(TrainingMethod):
    """No condition and no way back: each expression has its own translator."""

    title: ClassVar[str] = "DIAT-A (Li, Zuo and Zhang, 2016)"
    options: ClassVar[dict[str, float]] = {"identity_weight": 10.0, "noise_weight": 1.0, "noise": 0.1}
    presets: ClassVar[dict[str, dict[str, Any]]] = {
        "paper": {
            **{"size": 128, "blocks": BLOCKS, "batch": 16, "d_steps": 1, "steps": 200_000, "objective": "vanilla"},
            **{"balanced": True, "lr": 2e-4, "d_lr": 2e-4, "ema": 0.0},
        },
        "gpu": {"blocks": BLOCKS, "warm_up": 0},
        "cpu": {"width": 16, "blocks": 3, "d_width": 16, "warm_up": 0},
    }

    def __init__(self, config: ExpressionTraining) -> None:
        super().__init__(config)
        if config.objective == "wgan-gp":
            raise FacereliefError("diat has no gradient penalty; choose --set objective=vanilla, hinge or r1")

    def build_others(self) -> dict[str, nn.Module]:
        """D of each expression, and the denoiser f."""
        config = self.config
        critic = PerExpression(
            len(config.expressions), lambda: ReferenceDiscriminator(config.size, config.channels, config.d_width)
        )
        critic = he_start(critic) if config.d_init == "he" else critic
        return {"critic": critic, "denoiser": Denoiser(config.channels, max(1, int(_DENOISER * config.width)))}

    def choose(self, batch: Batch, noise: StepRandom, known_classes: Tensor) -> Tensor:
        """Another expression for each photo."""
        return noise.others(batch.label, known_classes)

    def critic_updates(self, step: TrainingStep) -> Iterator[Update]:
        """The attribute loss: photos with the expression against edits to it."""
        config, noise, edited, critic = self.config, step.noise, step.edited, step.nets["critic"]
        real, fake = (augment(x, noise, config.augment) for x in (step.batch.image, edited.i_t.detach()))
        of_real, of_fake = critic(real, edited.c_s)[:, :1], critic(fake, edited.c_t)[:, :1]
        terms = {"adv": eq.adversarial_discriminator(of_real, of_fake, config.objective)}
        terms |= penalty_terms(lambda x: critic(x, edited.c_s)[:, :1], real, fake, config, noise)
        yield Update("D_rgb", terms, ("critic",))

    def generator_terms(self, step: TrainingStep) -> eq.Terms:
        """The attribute loss, the adaptive identity loss and the perceptual regularisation."""
        edited, critic = step.edited, step.nets["critic"]
        judged = critic(augment(edited.i_t, step.noise, self.config.augment), edited.c_t)[:, :1]
        phi_s, phi_t = (critic(x, edited.c_t)[:, 1:] for x in (step.batch.image, edited.i_t))
        return {
            "rgb/adv": eq.adversarial_generator(judged, self.config.objective),
            "rgb/identity": own.adaptive_identity(phi_s, phi_t),
            "rgb/noise": own.perceptual_regularisation(step.nets["denoiser"](edited.i_t)),
        }

    def other_updates(self, step: TrainingStep) -> Iterator[Update]:
        """f learns to find noise in photos."""
        image = step.batch.image
        noise = self.option("noise") * step.noise.normal(*image.shape)
        error = own.denoising_error(noise, step.nets["denoiser"](image + noise))
        yield Update("F", {"denoise": error}, ("denoiser",))

    def weights(self) -> dict[str, float]:
        """Those of the options."""
        return discriminator_weights(self.config) | {
            "denoise": 1.0,
            "rgb/adv": self.config.adv_weight,
            "rgb/identity": self.option("identity_weight"),
            "rgb/noise": self.option("noise_weight"),
        }
