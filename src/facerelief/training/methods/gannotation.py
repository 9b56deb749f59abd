"""GANnotation (Sanchez and Valstar, FG 2020), without video pairs: a photo is asked by a drawing of its landmarks.

Symbols are the paper's: s_t the target's landmarks; L_self is the way back, L_triple a detour through s_t. The paper
also has L_rec and L_pp, distances to another frame of the same person. Without those nothing would tie an edit to its
drawing, so D sees the drawing too, as the authors' discriminator can. With `--warm-start morphable` the morphable
face's edits are the pairs, with `paired` the true pictures of synthetic data. L_rec is then the weight
`image_distill_weight`.
"""

from collections.abc import Iterator
from typing import Any, ClassVar

import torch
from torch import nn

from facerelief.networks.backbones import EDGE_CHANNELS
from facerelief.networks.compared.gannotation import PatchCritic
from facerelief.networks.stargan import he_start
from facerelief.training import losses as eq
from facerelief.training.compared_losses import gannotation as own
from facerelief.training.methods.method import TRAINING_METHODS, TrainingMethod, TrainingStep, Update
from facerelief.training.steps.gan_step import augment, discriminator_weights, penalty_terms


@TRAINING_METHODS.add("gannotation")
class GANnotationMethod(TrainingMethod):
    """One generator for all drawings."""

    title: ClassVar[str] = "GANnotation (Sanchez and Valstar, FG 2020), unpaired"
    options: ClassVar[dict[str, float]] = {
        "adversarial_weight": 1.0,
        "self_weight": 10.0,
        "triple_weight": 10.0,
        "variation_weight": 1e-7,
    }
    presets: ClassVar[dict[str, dict[str, Any]]] = {
        "paper": {  # 80 epochs of 8,000 steps of D and 2,000 of G, in which the rate falls to a tenth each time
            **{"size": 128, "batch": 64, "d_steps": 4, "steps": 640_000, "lr_factor": 0.1, "lr_every": 8_000},
            **{"betas": (0.5, 0.9), "weight_decay": 5e-4, "decay_from": 1.0, "ema": 0.0},
            **{"warm_start": "morphable", "image_distill_weight": 1.0, "adversarial_weight": 0.01},
            **{"self_weight": 1.0, "triple_weight": 1.0, "variation_weight": 1e-8 / 64},
        },
        "gpu": {"warm_up": 0},
        "cpu": {"warm_up": 0},
    }

    def build_others(self) -> dict[str, nn.Module]:
        """D, which sees a photo and the drawing of its landmarks."""
        config = self.config
        critic = PatchCritic(config.size, config.channels + EDGE_CHANNELS, config.d_width, config.d_max_channels)
        return {"critic": he_start(critic) if config.d_init == "he" else critic}

    def critic_updates(self, step: TrainingStep) -> Iterator[Update]:
        """L_adv: photos with their drawings against edits with theirs."""
        config, noise, edited, critic = self.config, step.noise, step.edited, step.nets["critic"]
        pairs = (step.batch.image, edited.c_s), (edited.i_t.detach(), edited.c_t)
        real, fake = (augment(torch.cat(pair, dim=1), noise, config.augment, light=False) for pair in pairs)
        terms = {"adv": eq.adversarial_discriminator(critic(real), critic(fake), config.objective)}
        terms |= penalty_terms(critic, real, fake, config, noise)
        yield Update("D_rgb", terms, ("critic",))

    def generator_terms(self, step: TrainingStep) -> eq.Terms:
        """L_adv, L_self, L_triple and L_tv; the third drawing is that of another photo of the batch."""
        config, generator, image, edited = self.config, step.nets["generator"], step.batch.image, step.edited
        fake = augment(torch.cat([edited.i_t, edited.c_t], dim=1), step.noise, config.augment, light=False)
        third = edited.c_t[_neighbours(len(edited.c_t))]
        return {
            "rgb/adv": eq.adversarial_generator(step.nets["critic"](fake), config.objective),
            "rgb/self": own.self_consistency(image, generator(edited.i_t, edited.c_s).image),
            "rgb/triple": own.triple_consistency(generator(image, third).image, generator(edited.i_t, third).image),
            "rgb/tv": own.squared_variation(edited.i_t),
        }

    def weights(self) -> dict[str, float]:
        """Of the options; D's own loss has weight 1, as in the authors' code."""
        return discriminator_weights(self.config) | {
            "rgb/adv": self.option("adversarial_weight"),
            "rgb/self": self.option("self_weight"),
            "rgb/triple": self.option("triple_weight"),
            "rgb/tv": self.option("variation_weight"),
        }


def _neighbours(photos: int) -> list[int]:
    """For each photo another one, in pairs, which stay together where a batch is divided; an odd last one has none."""
    return [min(k ^ 1, photos - 1) for k in range(photos)]
