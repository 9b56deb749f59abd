"""AttGAN and STGAN: the attribute classification and reconstruction losses. Eqs. of WGAN-GP: `losses`."""

import torch.nn.functional as F
from torch import Tensor


def attribute_classification(logits: Tensor, y: Tensor) -> Tensor:
    """L_cls: binary cross-entropy of attributes (N, K): of real photos for C, of the target in edits for G."""
    return F.binary_cross_entropy_with_logits(logits, y)


def attribute_reconstruction(image: Tensor, decoded: Tensor) -> Tensor:
    """L_rec: |x - G(x, its own attributes)|, mean absolute error of (N, C, H, W). There is no cycle."""
    return (image - decoded).abs().mean()
