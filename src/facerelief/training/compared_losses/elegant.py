"""ELEGANT: two photos A and B exchange attributes, which gives C and D; discriminators see two scales."""

import torch.nn.functional as F
from torch import Tensor

SMALL_WEIGHT = 0.5  # of D2, which sees half the size


def scale_discriminator(real: Tensor, fake: Tensor) -> Tensor:
    """L_D of one scale: -log D(A) - log D(B) - log(1 - D(C)) - log(1 - D(D)).

    Args:
        real: Logits (2 N,) of A and B under their own labels.
        fake: Logits (2 N,) of C and D under the exchanged ones.
    """
    return 2 * (F.softplus(-real).mean() + F.softplus(fake).mean())


def scale_generator(fake: Tensor) -> Tensor:
    """L_G of one scale: -log D(C) - log D(D); logits (2 N,) of both."""
    return 2 * F.softplus(-fake).mean()


def two_photo_reconstruction(image: Tensor, decoded: Tensor) -> Tensor:
    """|A - A'|^2 + |B - B'|^2 of both photos (2 N, C, H, W), decoded with their own codes."""
    return 2 * (image - decoded).square().mean()
