"""Eqs. 1-11 of Bodur, Bhattarai and Kim (WACV 2021), readable beside the paper.

Symbols are the paper's: I_s source image, I_t edited image, d_s real depth (or normal) map, d_t estimated
map, y_s source label, y_t target label, D_adv patch logits of a discriminator, D_cls its class logits.
Terms are raw; weights meet them once, in `weighted_sum` (Eqs. 4 and 8). Images lie in [-1, 1].
`docs/paper.md` sets each printed equation beside what is implemented here.
"""

from collections.abc import Callable, Mapping

import torch
import torch.nn.functional as F
from torch import Tensor

Terms = dict[str, Tensor]


def adversarial_discriminator(real: Tensor, fake: Tensor, objective: str) -> Tensor:
    """Eqs. 1 and 5, as minimised by D_rgb and D_depth; `real`, `fake`: patch logits (N, 1, h, w).

    printed:     max E[log D_adv(x)] + E[log(1 - D_adv(G(.)))]
    implemented: "vanilla" and "r1": its negative; "wgan-gp": E[fake] - E[real]; "hinge"
    """
    if objective == "wgan-gp":
        return fake.mean() - real.mean()
    if objective == "hinge":
        return F.relu(1 - real).mean() + F.relu(1 + fake).mean()
    return F.softplus(-real).mean() + F.softplus(fake).mean()


def adversarial_generator(fake: Tensor, objective: str) -> Tensor:
    """Eqs. 1 and 5, as minimised by G_rgb and G_depth; `fake`: patch logits (N, 1, h, w).

    printed:     min E[log(1 - D_adv(G(.)))]
    implemented: "vanilla": as printed; "wgan-gp" and "hinge": -E[fake]; "r1": non-saturating -E[log D_adv(G(.))]
    """
    if objective in ("wgan-gp", "hinge"):
        return -fake.mean()
    if objective == "vanilla":
        return -F.softplus(fake).mean()
    return F.softplus(-fake).mean()


def classification(class_logits: Tensor, y: Tensor, known_classes: Tensor | None = None) -> Tensor:
    """Eqs. 2 and 6: cross-entropy, over the samples whose class is known.

    printed:     E[log D_cls(y_t | G(I_s, y_t))]
    implemented: E[-log D_cls(.)]; with y_s on real samples for D, with y_t on edited ones for G

    Args:
        class_logits: (N, C).
        y: Labels (N,); or, without `known_classes`, the shares of the classes (N, C) that a crowd voted for.
        known_classes: bool (C,), the classes that the discriminator sees in real photos; by default all.

    Returns:
        The mean, a scalar; 0 where no sample's class is known.
    """
    if known_classes is None:
        return F.cross_entropy(class_logits, y)
    counts = known_classes[y].to(class_logits.dtype)
    return (F.cross_entropy(class_logits, y, reduction="none") * counts).sum() / counts.sum().clamp_min(1)


def of_class(matches: Tensor, y: Tensor, known_classes: Tensor | None = None) -> Tensor:
    """The patch logits of one class for each image.

    Args:
        matches: Patch logits of being a real image of each class, (N, K, h, w).
        y: The class of each image, (N,).
        known_classes: bool (K,), as of `classification`; logits of other classes become 0 and have no gradient.

    Returns:
        (N, 1, h, w).
    """
    chosen = matches[torch.arange(len(y), device=y.device), y][:, None]
    return chosen if known_classes is None else chosen * known_classes[y][:, None, None, None]


def matching_discriminator(real: Tensor, fake: Tensor, mismatched: Tensor, objective: str) -> Tensor:
    """Eq. 1 for each expression, as minimised by D_rgb, with mismatched real images as fakes (Reed et al., ICML 2016).

    The class loss has no optimum and causes artefacts; the per-class adversarial loss saturates where real images do.

    printed:     nothing; Eq. 2 alone asks for the expression
    implemented: the mean of Eq. 1 with the edits and of Eq. 1 with the mismatched as fakes

    Args:
        real: Patch logits (N, 1, h, w) of real images for their own class, by `of_class`.
        fake: Those of edits for their target class.
        mismatched: Those of real images for a class that they do not show.
        objective: "vanilla", "hinge" or "r1".
    """
    both = (adversarial_discriminator(real, wrong, objective) for wrong in (fake, mismatched))
    return torch.stack(list(both)).mean()


def reconstruction(image: Tensor, cycled: Tensor) -> Tensor:
    """Eqs. 3 and 7: mean absolute error |I - G(G(I))|, both (N, C, H, W).

    printed:     Eq. 7's target is the edited image I_t itself
    implemented: the target is detached; in Eq. 7 the gradient reaches G_rgb through G_depth's input
    """
    return (image.detach() - cycled).abs().mean()


def weighted_sum(terms: Mapping[str, Tensor], weights: Mapping[str, float]) -> Tensor:
    """Eqs. 4 and 8: sum of lambda * L over the named terms. A term without a weight is a `KeyError`."""
    return torch.stack([weights[name] * term for name, term in terms.items()]).sum()


def pixel(d_s: Tensor, d_hat: Tensor) -> Tensor:
    """Eq. 9: mean absolute error between the real map d_s and G_depth(I_s), both (N, C, H, W)."""
    return (d_s - d_hat).abs().mean()


def perceptual(features: Callable[[Tensor], list[Tensor]], d_s: Tensor, d_hat: Tensor) -> Tensor:
    """Eq. 10: mean absolute error between the features V of d_s and of G_depth(I_s), averaged over V's layers."""
    with torch.no_grad():
        targets = features(d_s)
    return torch.stack([(v - v_hat).abs().mean() for v, v_hat in zip(targets, features(d_hat), strict=True)]).mean()


def entropy(class_logits: Tensor) -> Tensor:
    """H of Eq. 11: mean entropy in nats of softmax(class_logits (N, C))."""
    log_p = class_logits.log_softmax(dim=1)
    return -(log_p.exp() * log_p).sum(dim=1).mean()


def confident_classification(class_logits: Tensor, y: Tensor, beta: float) -> Tensor:
    """Eq. 11: Eq. 6 - beta * H(D_cls(.)): entropy is rewarded; D_depth's classification term.

    printed:     E[log D_cls(y_t | G_depth(I_s))] - beta * H
    implemented: E[-log D_cls(y_s | d_s)] - beta * H; stage 1 edits nothing, so the label is y_s
    """
    return classification(class_logits, y) - beta * entropy(class_logits)


def gradient_penalty(discriminator: Callable[[Tensor], Tensor], real: Tensor, fake: Tensor, alpha: Tensor) -> Tensor:
    """WGAN-GP's E[(|grad_x D_adv(x)|_2 - 1)^2] at x = alpha * real + (1 - alpha) * fake.

    Args:
        discriminator: D_adv; its logits are summed over patches.
        real: (N, C, H, W).
        fake: (N, C, H, W).
        alpha: (N, 1, 1, 1) in [0, 1].
    """
    x = (alpha * real + (1 - alpha) * fake).detach().requires_grad_(True)
    norms = _input_gradient(discriminator, x).flatten(1).norm(dim=1)
    return ((norms - 1) ** 2).mean()


def r1_penalty(discriminator: Callable[[Tensor], Tensor], real: Tensor) -> Tensor:
    """R1's E[|grad_x D_adv(x)|_2^2] / 2 on real samples; D_adv is the mean of the patch logits, as in Eqs. 1 and 5."""
    x = real.detach().requires_grad_(True)
    mean = _input_gradient(lambda x: discriminator(x).reshape(len(x), -1).mean(dim=1), x)
    return mean.flatten(1).square().sum(dim=1).mean() / 2


def _input_gradient(discriminator: Callable[[Tensor], Tensor], x: Tensor) -> Tensor:
    (gradient,) = torch.autograd.grad(discriminator(x).sum(), x, create_graph=True)
    return gradient
