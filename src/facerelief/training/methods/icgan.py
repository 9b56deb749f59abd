"""IcGAN (Perarnau et al., 2016): a conditional GAN that paints from noise, and an encoder that inverts it.

Symbols are the paper's: z code, y attributes, G the decoder, E_z the encoder; an edit is G(E_z(I), y_t). The authors
train G first and E_z on its finished images; here both learn in every step, E_z on what G paints just then. E_y is left
out: it tells a photo's attributes so that one of them can be changed, and an expression replaces them all.
"""

from collections.abc import Iterator
from typing import Any, ClassVar

from torch import nn

from facerelief.networks.compared.icgan import CODE, MatchingDiscriminator
from facerelief.networks.conversion import one_hot
from facerelief.training import losses as eq
from facerelief.training.compared_losses import icgan as own
from facerelief.training.methods.method import TRAINING_METHODS, TrainingMethod, TrainingStep, Update
from facerelief.training.steps.gan_step import discriminator_weights


@TRAINING_METHODS.add("icgan")
class IcGANMethod(TrainingMethod):
    """What an edit keeps of the photo is what a code of 100 numbers holds."""

    title: ClassVar[str] = "IcGAN (Perarnau et al., 2016)"
    options: ClassVar[dict[str, float]] = {"code_weight": 1.0}
    presets: ClassVar[dict[str, dict[str, Any]]] = {
        "paper": {
            **{"size": 64, "batch": 64, "d_steps": 1, "steps": 71_000, "decay_from": 1.0},  # 25 epochs of 182,638
            **{"lr": 2e-4, "d_lr": 2e-4, "ema": 0.0},
        },
        "gpu": {"size": 64, "batch": 64, "warm_up": 0, "smooth": False},
        "cpu": {"width": 32, "d_width": 32, "lr": 4e-4, "batch": 32, "warm_up": 0, "smooth": False},
    }

    def build_others(self) -> dict[str, nn.Module]:
        """D, which judges images together with attributes."""
        config = self.config
        return {"critic": MatchingDiscriminator(config.size, config.channels, len(config.expressions), config.d_width)}

    def critic_updates(self, step: TrainingStep) -> Iterator[Update]:
        """Real photos with their attributes against new images, and against real photos with others."""
        edited, critic, noise = step.edited, step.nets["critic"], step.noise
        c_s, c_t = (2 * c - 1 for c in (edited.c_s, edited.c_t))
        image = step.batch.image
        fake = step.nets["generator"](None, edited.c_t, z=noise.normal(len(image), CODE)).image.detach()
        wrong = 2 * one_hot(noise.others(step.batch.label, step.known_classes), c_s.shape[1]) - 1
        terms = {"adv": own.matching_bce_discriminator(critic(image, c_s), critic(fake, c_t), critic(image, wrong))}
        yield Update("D_rgb", terms, ("critic",))

    def generator_terms(self, step: TrainingStep) -> eq.Terms:
        """G's loss on new images, and E_z's on the codes that they were painted from."""
        generator, c_t = step.nets["generator"], step.edited.c_t
        z = step.noise.normal(len(c_t), CODE)
        image = generator(None, c_t, z=z).image
        return {
            "rgb/adv": own.matching_bce_generator(step.nets["critic"](image, 2 * c_t - 1)),
            "rgb/code": own.encoder_error(z, generator(image.detach(), None)),
        }

    def weights(self) -> dict[str, float]:
        """All are 1 in the paper."""
        return discriminator_weights(self.config) | {
            "rgb/adv": self.config.adv_weight,
            "rgb/code": self.option("code_weight"),
        }
