"""DIAT-A: the attribute loss is `losses.adversarial_*`; identity and perceptual losses are here.

The log loss is "vanilla" in preset paper, and "r1" in the others: the same for D, with R1, and non-saturating for G.
"""

from torch import Tensor


def adaptive_identity(of_photo: Tensor, of_edit: Tensor) -> Tensor:
    """Mean squared error between what the attribute's discriminator computes of photo and edit, phi (N, M)."""
    return (of_photo.detach() - of_edit).square().mean()


def denoising_error(noise: Tensor, estimated: Tensor) -> Tensor:
    """What the denoiser f learns: |f(x + n) - n|^2 for noise n (N, C, H, W) that was added to a photo."""
    return (noise - estimated).square().mean()


def perceptual_regularisation(estimated: Tensor) -> Tensor:
    """|f(T(x))|^2: the noise that the denoiser finds in edits, (N, C, H, W)."""
    return estimated.square().mean()
