"""Frechet and kernel distance between two sets of features: FID and KID, whatever network the features come from.

Moments are kept in double precision and merge exactly: in batches, in several processes, or at once, they are the same.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from facerelief.errors import FacereliefError


class TooFew(FacereliefError):
    """Fewer images than a distance needs."""


@dataclass(frozen=True)
class Moments:
    """count, mean (D,) and scatter (D, D), the sum of outer products of deviations, of features; all float64."""

    count: int
    mean: Tensor
    scatter: Tensor

    @property
    def covariance(self) -> Tensor:
        """Unbiased, (D, D)."""
        return self.scatter / (self.count - 1)

    def merged(self, other: "Moments") -> "Moments":
        """The moments of both sets together (Chan, Golub and LeVeque, 1979)."""
        count = self.count + other.count
        step = other.mean - self.mean
        scatter = self.scatter + other.scatter + torch.outer(step, step) * (self.count * other.count / count)
        return Moments(count, self.mean + step * (other.count / count), scatter)


def moments(features: Tensor) -> Moments:
    """The moments of features (N, D), N at least 1."""
    x = features.double()
    mean = x.mean(dim=0)
    deviations = x - mean
    return Moments(len(x), mean, deviations.T @ deviations)


def merged(parts: Iterable[Moments]) -> Moments:
    """The moments of all parts together; at least one."""
    first, *others = parts
    for part in others:
        first = first.merged(part)
    return first


def reweighted(parts: Sequence[Moments], weights: Sequence[float]) -> Moments:
    """The moments of a set in which each part has another share.

    Args:
        parts: Moments of, e.g., the photos of each expression.
        weights: Share of each part; they sum to 1.
    """
    mean = torch.stack([w * part.mean for part, w in zip(parts, weights, strict=True)]).sum(dim=0)
    covariance = torch.stack(
        [
            w * (part.scatter / part.count + torch.outer(part.mean - mean, part.mean - mean))
            for part, w in zip(parts, weights, strict=True)
        ]
    ).sum(dim=0)
    count = sum(part.count for part in parts)
    return Moments(count, mean, covariance * count)


def frechet_matched(real: Tensor, label: Tensor, made: Tensor, target: Tensor) -> float:
    """`frechet_distance` to real photos in which each class has the share that it has among the edits' targets.

    Plain, the distance also measures the class mix: photos that are mostly neutral are far from edits to everything
    else, and from real photos of everything else.

    Args:
        real: Features of real photos, (M, D).
        label: Their classes, (M,).
        made: Features of edits, (N, D).
        target: The classes that they are to show, (N,); photos of each are needed.

    Raises:
        TooFew: There is no photo of a target class, or as `frechet_distance` does.
    """
    counts = torch.bincount(target)
    classes = torch.nonzero(counts)[:, 0]
    absent = [int(k) for k in classes if not (label == k).any()]
    if absent:
        raise TooFew("no real photo shows one of the targets; measure a dataset that has some")
    parts = [moments(real[label == k]) for k in classes]
    return frechet_distance(reweighted(parts, (counts[classes] / len(target)).tolist()), moments(made))


def kernel_within_classes(real: Tensor, label: Tensor, made: Tensor, target: Tensor) -> float:
    """The mean over classes of `kernel_distance` between real photos of a class and edits to it; the mix has no part.

    Arguments as of `frechet_matched`. Classes with fewer than two photos or edits are left out.

    Raises:
        TooFew: No class is left.
    """
    pairs = [(real[label == k], made[target == k]) for k in torch.nonzero(torch.bincount(target))[:, 0]]
    values = [kernel_distance(*pair) for pair in pairs if min(map(len, pair)) > 1]
    if not values:
        raise TooFew("no class has two real photos and two edits; measure more photos")
    return sum(values) / len(values)


def frechet_distance(a: Moments, b: Moments) -> float:
    """|mu_a - mu_b|^2 + tr(S_a + S_b - 2 (S_a S_b)^(1/2)), FID's formula (Heusel et al., NeurIPS 2017).

    Raises `TooFew` where a set is not larger than the features are long: its covariance would be singular, and the
    distance would say more about the number of images than about them.
    """
    for one in (a, b):
        if one.count <= len(one.mean):
            raise TooFew(
                f"{one.count:,} images are too few for features of length {len(one.mean):,}; "
                "measure more photos, or use the kernel distance (KID), which needs no covariance"
            )
    values, vectors = torch.linalg.eigh(a.covariance)
    root = vectors * values.clamp_min(0).sqrt() @ vectors.T
    overlap = torch.linalg.eigvalsh(root @ b.covariance @ root).clamp_min(0).sqrt().sum()
    spread = a.covariance.trace() + b.covariance.trace() - 2 * overlap
    return float((a.mean - b.mean).square().sum() + spread)


def kernel_distance(a: Tensor, b: Tensor) -> float:
    """KID (Binkowski et al., ICLR 2018) of features (N, D) and (M, D): the squared maximum mean discrepancy under the
    kernel (x.y / D + 1)^3, by the U-statistic, over all features at once instead of random subsets. It may be below 0.

    It is unbiased for images that are independent. Edits of one photo and photos of one person are not, which raises
    the value; real photos of the people who are edited lower it.

    Raises `TooFew` where a set has fewer than two.
    """
    if min(len(a), len(b)) < 2:
        raise TooFew("the kernel distance needs two images or more in each set; measure more photos")
    within = [(_kernel_sum(x, x) - _own_kernels(x)) / (len(x) * (len(x) - 1)) for x in (a, b)]
    return sum(within) - 2 * _kernel_sum(a, b) / (len(a) * len(b))


def _kernel_sum(a: Tensor, b: Tensor, rows: int = 1024) -> float:
    b = b.double().T / b.shape[1]
    parts = torch.split(a, rows)
    return sum(float((part.double() @ b + 1).pow(3).sum()) for part in parts)


def _own_kernels(x: Tensor) -> float:
    return float((x.double().square().sum(dim=1) / x.shape[1] + 1).pow(3).sum())
