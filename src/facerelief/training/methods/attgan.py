"""AttGAN (He et al., TIP 2019): attributes are asked of a classifier, and nothing else of the code.

Symbols are the paper's: x photo with attributes a, b the target's, z = G_enc(x), x' = G_dec(z, b). The photo is held by
its reconstruction G_dec(z, a), without a cycle.
"""

from collections.abc import Iterator
from typing import Any, ClassVar

from torch import nn

from facerelief.networks.compared.attgan import AttributeDiscriminator
from facerelief.training import losses as eq
from facerelief.training.compared_losses import attgan as own
from facerelief.training.methods.method import TRAINING_METHODS, TrainingMethod, TrainingStep, Update
from facerelief.training.steps.gan_step import augment, discriminator_weights, penalty_terms

_HIDDEN = 16  # units of the critic's linear layers, in widths
SCHEDULE = {  # 200 epochs of 182,000 photos, of which a sixth go to G; the rate falls to a tenth in the middle
    **{"size": 128, "batch": 32, "d_steps": 5, "steps": 949_000, "lr_factor": 0.1, "lr_every": 474_500},
    **{"lr": 2e-4, "d_lr": 2e-4, "decay_from": 1.0, "ema": 0.0, "rec_weight": 100.0},
}


@TRAINING_METHODS.add("attgan")
class AttGANMethod(TrainingMethod):
    """One encoder and decoder for all expressions."""

    title: ClassVar[str] = "AttGAN (He et al., TIP 2019)"
    options: ClassVar[dict[str, float]] = {"attribute_weight": 10.0}
    # Instance norm makes the critic steep: with a larger weight of R1 it learns nothing, and its classifier is fooled.
    presets: ClassVar[dict[str, dict[str, Any]]] = {
        "paper": SCHEDULE,
        # Beside the log loss, which is small, both weights are a fifth: else expressions are casts of colour.
        "gpu": {"rec_weight": 20.0, "attribute_weight": 2.0, "r1_weight": 0.05, "warm_up": 0},
        "cpu": {"rec_weight": 20.0, "attribute_weight": 2.0, "r1_weight": 0.005, "width": 24, "warm_up": 0},
    }
    slopes: ClassVar[tuple[float, float]] = (0.01, 0.0)  # of the critic's convolutions and of its linear layers

    def build_others(self) -> dict[str, nn.Module]:
        """D and C, with a trunk in common."""
        config = self.config
        sizes = config.size, config.channels, len(config.expressions), config.d_width, _HIDDEN * config.d_width
        return {"critic": AttributeDiscriminator(*sizes, *self.slopes)}

    def critic_updates(self, step: TrainingStep) -> Iterator[Update]:
        """L_adv, and L_cls of real photos."""
        config, noise, critic = self.config, step.noise, step.nets["critic"]
        real, fake = (augment(x, noise, config.augment) for x in (step.batch.image, step.edited.i_t.detach()))
        of_real, of_fake = critic(real), critic(fake)
        terms = {
            "adv": eq.adversarial_discriminator(of_real.real, of_fake.real, config.objective),
            "cls": own.attribute_classification(of_real.attributes, step.edited.c_s),
        }
        terms |= penalty_terms(lambda x: critic(x).real, real, fake, config, noise)
        yield Update("D_rgb", terms, ("critic",))

    def generator_terms(self, step: TrainingStep) -> eq.Terms:
        """L_adv, L_cls of the edit, and L_rec."""
        config, edited = self.config, step.edited
        fake = step.nets["critic"](augment(edited.i_t, step.noise, config.augment))
        same = self.edit(step.nets, step.batch, edited.c_s, edited.c_s).image
        return {
            "rgb/adv": eq.adversarial_generator(fake.real, config.objective),
            "rgb/cls": own.attribute_classification(fake.attributes, edited.c_t),
            "rgb/rec": own.attribute_reconstruction(step.batch.image, same),
        }

    def weights(self) -> dict[str, float]:
        """lambda_1 = 100 of L_rec, lambda_2 = 10 of L_cls for G, lambda_3 = 1 for C."""
        return discriminator_weights(self.config) | {
            "cls": 1.0,
            "rgb/adv": self.config.adv_weight,
            "rgb/cls": self.option("attribute_weight"),
            "rgb/rec": self.config.rec_weight,
        }
