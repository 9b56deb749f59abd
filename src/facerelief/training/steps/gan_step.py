"""Pieces of a training step that both stages share: augmentation of what discriminators see, and their terms."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from facerelief.config import Training
from facerelief.networks.stargan import Discriminator, DiscriminatorOutput
from facerelief.training import losses as eq
from facerelief.training.steps.step_random import StepRandom


def build_discriminator(config: Training, channels: int, *, matching: bool = False) -> Discriminator:
    """A fresh D_rgb or D_depth for maps of `channels`. matching: as `Discriminator` takes it."""
    sizes = config.size, channels, len(config.expressions), config.d_width, config.d_max_channels
    discriminator = Discriminator(*sizes, local=config.d_local, matching=matching)
    return discriminator.start_afresh() if config.d_init == "he" else discriminator


def set_requires_grad(module: nn.Module, yes: bool) -> None:
    """Switch gradients of a module's parameters on or off; off for discriminators in the generators' step."""
    for parameter in module.parameters():
        parameter.requires_grad_(yes)


def augment(images: Tensor, noise: StepRandom, enabled: bool, *, light: bool = True) -> Tensor:
    """Differentiable augmentation of the discriminators' input, real and fake alike.

    It is mild because it slows the class head: with twice the shift and contrast, that needed three times as many
    steps.

    Args:
        images: Photos or maps, (N, C, S, S) in [-1, 1].
        noise: The step's random numbers.
        enabled: False returns the images unchanged.
        light: Change brightness and contrast a little, for photos; else only shift by up to a sixteenth of the side.
    """
    if not enabled:
        return images
    count, size = len(images), images.shape[-1]
    shift = (noise.uniform(count, 2) - 0.5) / 8
    relight = noise.uniform(2, count, 1, 1, 1, photos=1) - 0.5 if light else None
    if not count:
        return images
    theta = torch.zeros(count, 2, 3, device=images.device)
    theta[:, 0, 0] = theta[:, 1, 1] = 1
    theta[:, :, 2] = (shift * size).round() * 2 / size
    grid = nn.functional.affine_grid(theta, list(images.shape), align_corners=False)
    moved = nn.functional.grid_sample(images, grid, mode="nearest", padding_mode="border", align_corners=False)
    if relight is None:
        return moved
    gain, offset = relight.unbind()
    mean = moved.mean(dim=(1, 2, 3), keepdim=True)
    return (moved - mean) * (1 + gain * 0.4) + mean + offset * 0.2


@dataclass(frozen=True)
class TargetClasses:
    """What fakes are to show.

    Attributes:
        y_t: Target labels, (N,).
        known_classes: The expressions that the discriminators see in real photos, bool (K,).
    """

    y_t: Tensor
    known_classes: Tensor


def discriminator_terms(
    discriminator: nn.Module,
    real: Tensor,
    fake: Tensor,
    y_s: Tensor,
    config: Training,
    noise: StepRandom,
    beta: float,
    targets: TargetClasses | None = None,
) -> eq.Terms:
    """The terms of D_rgb or D_depth.

    Args:
        discriminator: Gives a `DiscriminatorOutput`.
        real: Real photos or maps, (N, C, S, S).
        fake: Edits or estimated maps of the same shape, without gradient.
        y_s: Labels of `real`, (N,), or the shares of their classes, (N, K).
        config: The objective and how often R1 is computed.
        noise: The step's random numbers.
        beta: Of Eq. 11; 0 gives Eqs. 2 and 6.
        targets: What the fakes are to show; needed for the matching head only.

    Returns:
        Unweighted scalars: "adv" (Eqs. 1 and 5), "cls" (Eqs. 2, 6 and 11, on `real`), "match" with a matching head,
        and the regulariser "gp" or "r1" at the steps that have one.
    """
    of_real, of_fake = discriminator(real), discriminator(fake)
    label = y_s if y_s.ndim == 1 else y_s.argmax(dim=1)
    terms = {
        "adv": eq.adversarial_discriminator(of_real.real, of_fake.real, config.objective),
        "cls": eq.confident_classification(of_real.classes, y_s, beta),
    }
    if targets is not None and of_real.matches is not None:
        known_classes, mismatched = targets.known_classes, noise.others(label, targets.known_classes)
        matches = (
            eq.of_class(of_real.matches, label, known_classes),
            eq.of_class(of_fake.matches, targets.y_t, known_classes),
            eq.of_class(of_real.matches, mismatched, known_classes),
        )
        terms["match"] = eq.matching_discriminator(*matches, config.objective)
    of_r1 = lambda x: _real_logits(discriminator(x), label)  # noqa: E731
    return terms | penalty_terms(discriminator, real, fake, config, noise, of_r1)


def penalty_terms(
    discriminator: Callable[[Tensor], Any],
    real: Tensor,
    fake: Tensor,
    config: Training,
    noise: StepRandom,
    of_r1: Callable[[Tensor], Tensor] | None = None,
) -> eq.Terms:
    """The regulariser of an objective: "gp" of wgan-gp, or "r1" at the steps that have it.

    discriminator: gives a `DiscriminatorOutput`, or patch logits alone. of_r1: gives the logits whose gradient "r1"
    bounds; by default the patch logits.
    """

    def logits(x: Tensor) -> Tensor:
        found = discriminator(x)
        real: Tensor = found.real if isinstance(found, DiscriminatorOutput) else found
        return real

    if config.objective == "wgan-gp":
        return {"gp": eq.gradient_penalty(logits, real, fake, noise.uniform(len(real), 1, 1, 1))}
    if config.objective == "r1" and noise.step % config.r1_every == 0:
        return {"r1": eq.r1_penalty(of_r1 or logits, real)}
    return {}


def _real_logits(output: DiscriminatorOutput, y: Tensor) -> Tensor:
    """Mean patch logits of images with labels y (N,): (N, 1), or (N, 2) with a matching head."""
    logits = [output.real]
    if output.matches is not None:
        logits.append(eq.of_class(output.matches, y))
    return torch.stack([one.flatten(1).mean(dim=1) for one in logits], dim=1)


def discriminator_weights(config: Training) -> dict[str, float]:
    """Weights of the terms of all discriminators; R1 is lazy, so it weighs `r1_every` times as much when it comes."""
    return {
        "adv": config.adv_weight,
        "cls": config.cls_weight,
        "gp": config.gp_weight,
        "r1": config.r1_weight * config.r1_every,
    }


def random_erase(images: Tensor, noise: StepRandom) -> Tensor:
    """A square of a third of the side set to grey in each image, so that a classifier looks at the whole face."""
    count, size = len(images), images.shape[-1]
    corner = (noise.uniform(count, 2) * (size * 2 // 3)).long()
    place = torch.arange(size, device=images.device)
    inside = (place >= corner[..., None]) & (place < corner[..., None] + size // 3)
    hole = inside[:, 0, :, None] & inside[:, 1, None, :]
    return images.masked_fill(hole[:, None], 0.0)
