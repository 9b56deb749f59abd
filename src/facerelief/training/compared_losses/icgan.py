"""IcGAN: the conditional GAN with wrong attributes, and the encoders' errors L_ez and L_ey."""

import torch.nn.functional as F
from torch import Tensor


def matching_bce_discriminator(real: Tensor, fake: Tensor, wrong: Tensor) -> Tensor:
    """-log D(x, y) - (log(1 - D(G(z, y'), y')) + log(1 - D(x, y_wrong))) / 2; logits (N,) each.

    Both kinds of fakes weigh a half, so that they count as much together as the real photos.
    """
    return F.softplus(-real).mean() + (F.softplus(fake).mean() + F.softplus(wrong).mean()) / 2


def matching_bce_generator(fake: Tensor) -> Tensor:
    """-log D(G(z, y'), y'); logits (N,)."""
    return F.softplus(-fake).mean()


def encoder_error(truth: Tensor, estimated: Tensor) -> Tensor:
    """L_ez = |z - E_z(G(z, y'))|^2 or L_ey = |y - E_y(x)|^2, the mean over (N, K)."""
    return (estimated - truth).square().mean()
