"""DIAT-A: the attribute loss is `losses.adversarial_*` as "r1" (log loss); identity and perceptual losses are here."""

from collections.abc import Sequence

import torch
from torch import Tensor


def adaptive_identity(of_photo: Sequence[Tensor], of_edit: Sequence[Tensor]) -> Tensor:
    """Squared error between the attribute discriminator's maps of photo and edit, summed over its layers."""
    pairs = zip(of_photo, of_edit, strict=True)
    return torch.stack([(a.detach() - b).square().mean() for a, b in pairs]).sum()


def denoising_error(noise: Tensor, estimated: Tensor) -> Tensor:
    """What the denoiser f learns: |f(x + n) - n|^2 for noise n (N, C, H, W) that was added to a photo."""
    return (noise - estimated).square().mean()


def perceptual_regularisation(estimated: Tensor) -> Tensor:
    """|f(T(x))|^2: the noise that the denoiser finds in edits, (N, C, H, W)."""
    return estimated.square().mean()
