"""GANimation (Pumarola et al., ECCV 2018): an edit is a colour and an attention, conditions are action units.

Symbols are the paper's: I image, y units, A attention, C colour, I_t = A * I + (1 - A) * C (its Eq. 1). Terms are its
Eqs. 2 to 5 as the authors' code weighs them, summed in Eq. 6. The photo keeps what A holds; `GeneratorOutput.mask` is
1 - A. An expression's units are those of a random real photo that shows it; the paper measures them by OpenFace.
"""

from collections.abc import Iterator
from typing import Any, ClassVar

import torch
from torch import Tensor, nn

from facerelief.data.conditions.units import UNITS
from facerelief.networks.compared.initial_weights import normal_start
from facerelief.networks.generator_output import GeneratorOutput
from facerelief.networks.stargan import Discriminator
from facerelief.training import losses as eq
from facerelief.training.compared_losses import ganimation as own
from facerelief.training.methods.method import TRAINING_METHODS, TrainingMethod, TrainingStep, Update
from facerelief.training.steps.gan_step import augment, discriminator_weights, penalty_terms
from facerelief.training.steps.step_random import StepRandom

_JITTER = 0.1  # of the target's units, to each side


@TRAINING_METHODS.add("ganimation")
class GANimationMethod(TrainingMethod):
    """One generator for all action units, held by attention and by the cycle back to the photo's own units."""

    title: ClassVar[str] = "GANimation (Pumarola et al., ECCV 2018)"
    options: ClassVar[dict[str, float]] = {
        "unit_weight": own.UNITS_WEIGHT,
        "attention_weight": own.ATTENTION_WEIGHT,
        "variation_weight": own.VARIATION_WEIGHT,
    }
    presets: ClassVar[dict[str, dict[str, Any]]] = {
        "paper": {"size": 128, "batch": 25, "steps": 240_000, "decay_from": 2 / 3, "ema": 0.0},  # 30 epochs of 200,000
        # Beside the log loss, which is small, 160 makes mouths of false colours and grids.
        "gpu": {"warm_up": 0, "unit_weight": 40.0},
        "cpu": {"warm_up": 0, "unit_weight": 40.0},
    }

    def build_others(self) -> dict[str, nn.Module]:
        """D: StarGAN's discriminator, whose second head estimates units instead of classes."""
        config = self.config
        critic = Discriminator(config.size, config.channels, len(UNITS), config.d_width, config.d_max_channels)
        return {"critic": critic.start_afresh() if config.d_init == "he" else normal_start(critic)}

    def target(self, c_t: Tensor, noise: StepRandom) -> Tensor:
        """Units of a real photo, plus uniform noise, as in the authors' code: also below 0 and above 1."""
        return c_t + (2 * noise.uniform(*c_t.shape) - 1) * _JITTER

    def critic_updates(self, step: TrainingStep) -> Iterator[Update]:
        """Eqs. 2 and 4 on real photos, then the gradient penalty of Eq. 2 in a step of its own."""
        config, noise, critic = self.config, step.noise, step.nets["critic"]
        real, fake = (augment(x, noise, config.augment) for x in (step.batch.image, step.edited.i_t.detach()))
        of_real, of_fake = critic(real), critic(fake)
        terms = {
            "adv": eq.adversarial_discriminator(of_real.real, of_fake.real, config.objective),  # Eq. 2
            "units": own.unit_error(of_real.classes, step.edited.c_s),  # Eq. 4
        }
        yield Update("D_rgb", terms, ("critic",))
        if penalty := penalty_terms(critic, real, fake, config, noise):
            yield Update("D_rgb", penalty, ("critic",))

    def generator_terms(self, step: TrainingStep) -> eq.Terms:
        """Eqs. 2 to 5 on the edit; attention on both passes."""
        config, edited = self.config, step.edited
        fake = step.nets["critic"](augment(edited.i_t, step.noise, config.augment))
        cycled: GeneratorOutput = step.nets["generator"](edited.i_t, edited.c_s)
        attentions = torch.cat([_attention(edited.output), _attention(cycled)])
        return {
            "rgb/adv": eq.adversarial_generator(fake.real, config.objective),  # Eq. 2
            "rgb/units": own.unit_error(fake.classes, edited.c_t),  # Eq. 4
            "rgb/rec": eq.reconstruction(step.batch.image, cycled.image),  # Eq. 5
            "rgb/attention": 2 * own.attention_size(attentions),  # Eq. 3; twice the mean is the sum of both passes
            "rgb/variation": 2 * own.attention_variation(attentions),
        }

    def weights(self) -> dict[str, float]:
        """Eq. 6."""
        config = self.config
        return discriminator_weights(config) | {
            "units": self.option("unit_weight"),
            "rgb/adv": config.adv_weight,
            "rgb/units": self.option("unit_weight"),
            "rgb/rec": config.rec_weight,
            "rgb/attention": self.option("attention_weight"),
            "rgb/variation": self.option("variation_weight"),
        }


def _attention(output: GeneratorOutput) -> Tensor:
    """A (N, 1, H, W)."""
    assert output.mask is not None
    return 1 - output.mask
