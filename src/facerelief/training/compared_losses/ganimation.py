"""GANimation: L_A (attention) and L_y (action units). L_I is `losses.adversarial_*`, L_idt `losses.reconstruction`.

The authors' code differs from their paper: |A| is the mean, not the L2 norm, and the total variation is of absolute,
not of squared differences. Their code is followed, without its dependence on the batch.
"""

from torch import Tensor

ATTENTION_WEIGHT = 0.1
VARIATION_WEIGHT = 1e-5 * 25  # theirs is of the sum over a batch of 25
UNITS_WEIGHT = 4000 / 25  # theirs is divided by the batch


def attention_size(attention: Tensor) -> Tensor:
    """|A|: mean attention. A = 1 keeps the photo, so without this term the generator copies."""
    return attention.mean()


def attention_variation(attention: Tensor) -> Tensor:
    """Total variation of A (N, 1, H, W): absolute differences between neighbours, summed over each map."""
    along_y, along_x = attention.diff(dim=2).abs(), attention.diff(dim=3).abs()
    return (along_y.sum(dim=(1, 2, 3)) + along_x.sum(dim=(1, 2, 3))).mean()


def unit_error(estimated: Tensor, units: Tensor) -> Tensor:
    """L_y: mean squared error of action units, both (N, K): of real photos for D, of the target in edits for G."""
    return (estimated - units).square().mean()
