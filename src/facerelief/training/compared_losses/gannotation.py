"""GANnotation: L_self, L_triple and L_tv. L_adv is `losses.adversarial_*` with "wgan-gp" or "hinge"."""

from torch import Tensor


def self_consistency(image: Tensor, cycled: Tensor) -> Tensor:
    """L_self: |G(G(I, s_b), s_a) - I|, mean absolute error of (N, C, H, W)."""
    return (cycled - image).abs().mean()


def triple_consistency(direct: Tensor, by_way: Tensor) -> Tensor:
    """L_triple: |G(I, s_c) - G(G(I, s_b), s_c)|, so that edits of edits do not degrade; both (N, C, H, W)."""
    return (direct - by_way).abs().mean()


def squared_variation(image: Tensor) -> Tensor:
    """L_tv: twice the mean squared difference between neighbours, along both axes, of (N, C, H, W)."""
    return 2 * (image.diff(dim=2).square().mean() + image.diff(dim=3).square().mean())
