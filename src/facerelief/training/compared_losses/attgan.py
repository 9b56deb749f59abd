"""AttGAN and STGAN: the attribute classification and reconstruction losses. Eqs. of WGAN-GP: `losses`."""

import torch.nn.functional as F
from torch import Tensor

CODE_STRENGTH = 0.5  # attributes are given as -0.5 and 0.5


def attribute_code(y: Tensor) -> Tensor:
    """Attributes y (N, K) in {0, 1} as a generator takes them: -0.5 and 0.5."""
    return (2 * y - 1) * CODE_STRENGTH


def attribute_difference(y_t: Tensor, y_s: Tensor) -> Tensor:
    """STGAN's att_diff: -1, 0 and 1 where an attribute goes, stays and comes; both (N, K) in {0, 1}."""
    return attribute_code(y_t) - attribute_code(y_s)


def attribute_classification(logits: Tensor, y: Tensor) -> Tensor:
    """L_cls: binary cross-entropy of attributes (N, K): of real photos for C, of the target in edits for G."""
    return F.binary_cross_entropy_with_logits(logits, y)


def attribute_reconstruction(image: Tensor, decoded: Tensor) -> Tensor:
    """L_rec: |x - G(x, its own attributes)|, mean absolute error of (N, C, H, W). There is no cycle."""
    return (image - decoded).abs().mean()
