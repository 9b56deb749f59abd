"""StarGAN (Choi et al., CVPR 2018), the RGB network of Bodur, Bhattarai and Kim (WACV 2021): Eqs. 1 to 4.

Conditions are one-hot expressions. D_rgb tells real from edited photos, and their expression.
"""

from collections.abc import Iterator
from typing import ClassVar

from torch import nn

from facerelief.training import losses as eq
from facerelief.training.methods.method import TRAINING_METHODS, TrainingMethod, TrainingStep, Update
from facerelief.training.steps.gan_step import (
    TargetClasses,
    augment,
    build_discriminator,
    discriminator_terms,
    discriminator_weights,
)


@TRAINING_METHODS.add("stargan")
class StarGANMethod(TrainingMethod):
    """One generator for all expressions, held by the cycle back to the photo's own."""

    title: ClassVar[str] = "StarGAN (Choi et al., CVPR 2018)"

    def build_others(self) -> dict[str, nn.Module]:
        """D_rgb."""
        config = self.config
        return {"critic": build_discriminator(config, config.channels, matching=config.match_weight > 0)}

    def critic_updates(self, step: TrainingStep) -> Iterator[Update]:
        """Eqs. 1 and 2, with y_s on real photos."""
        config, noise, edited, critic = self.config, step.noise, step.edited, step.nets["critic"]
        real, fake = (augment(x, noise, config.augment) for x in (step.batch.image, edited.i_t.detach()))
        known_classes = step.known_classes
        targets = TargetClasses(edited.y_t, known_classes)
        terms = discriminator_terms(critic, real, fake, step.batch.classes, config, noise, 0.0, targets)
        taught = edited.taught
        if taught is not None and taught.any:  # of rare expressions there are few photos
            fake = augment(taught.image, noise.among(taught.part), config.augment)
            if len(fake):
                classes = critic(fake).classes
                terms["pair"] = step.taught_scale * eq.classification(classes, taught.label, known_classes)
        yield Update("D_rgb", terms, ("critic",))

    def generator_terms(self, step: TrainingStep) -> eq.Terms:
        """Eqs. 1 to 3, with y_t on the edits."""
        config, batch, y_t, i_t = self.config, step.batch, step.edited.y_t, step.edited.i_t
        fake = step.nets["critic"](augment(i_t, step.noise, config.augment))
        i_cycled = step.nets["generator"](i_t, step.edited.c_s).image
        terms = {
            "rgb/adv": eq.adversarial_generator(fake.real, config.objective),  # Eq. 1
            "rgb/cls": step.known_scale * eq.classification(fake.classes, y_t, step.known_classes),  # Eq. 2
            "rgb/rec": eq.reconstruction(batch.image, i_cycled),  # Eq. 3
        }
        if fake.matches is not None:
            matches = eq.of_class(fake.matches, y_t, step.known_classes)
            terms["rgb/match"] = eq.adversarial_generator(matches, config.objective)  # Eq. 1, of each expression
        return terms

    def weights(self) -> dict[str, float]:
        """Eq. 4."""
        config = self.config
        return discriminator_weights(config) | {
            "match": config.match_weight,
            "pair": config.cls_weight,
            "rgb/adv": config.adv_weight,
            "rgb/cls": config.cls_weight,
            "rgb/match": config.match_weight,
            "rgb/rec": config.rec_weight,
        }
