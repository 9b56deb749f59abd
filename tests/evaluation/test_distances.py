"""Frechet and kernel distance against torchmetrics, scipy and closed forms, however they are accumulated."""

import warnings
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context

import numpy as np
import pytest
import torch
from scipy import linalg
from torch import Tensor, nn

from facerelief.evaluation.metrics.distances import (
    TooFew,
    frechet_distance,
    frechet_matched,
    kernel_distance,
    kernel_within_classes,
    merged,
    moments,
    reweighted,
)


def features(seed: int, count: int, length: int = 12) -> Tensor:
    """Correlated features away from zero."""
    random = torch.Generator().manual_seed(seed)
    mixed = torch.randn(count, length, generator=random) @ torch.randn(length, length, generator=random)
    return mixed + 3 * torch.randn(length, generator=random)


class Given(nn.Module):
    """What torchmetrics asks its features of: they are given already."""

    num_features = 12

    def forward(self, x: Tensor) -> Tensor:
        return x


def test_frechet_is_torchmetrics_and_scipys() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from torchmetrics.image.fid import FrechetInceptionDistance

        a, b = features(0, 200), features(1, 150)
        other = FrechetInceptionDistance(feature=Given())
        other.update(a, real=True)
        other.update(b, real=False)
        expected = float(other.compute())
    ours = frechet_distance(moments(a), moments(b))
    assert ours == pytest.approx(expected, rel=1e-5)
    x, y = a.double().numpy(), b.double().numpy()
    covariances = np.cov(x, rowvar=False), np.cov(y, rowvar=False)
    root = linalg.sqrtm(covariances[0] @ covariances[1]).real
    closed = np.square(x.mean(0) - y.mean(0)).sum() + np.trace(covariances[0] + covariances[1] - 2 * root)
    assert ours == pytest.approx(closed, rel=1e-9)


def test_frechet_by_hand() -> None:
    """The same spread elsewhere: the squared way; twice the spread in place: the sum of variances."""
    a = features(0, 400)
    shifted = frechet_distance(moments(a), moments(a + 2.0))
    assert shifted == pytest.approx(12 * 4.0, rel=1e-6)
    spread = frechet_distance(moments(a), moments((a - a.mean(0)) * 2 + a.mean(0)))
    assert spread == pytest.approx(float(moments(a).covariance.trace()), rel=1e-6)
    assert frechet_distance(moments(a), moments(a)) == pytest.approx(0, abs=1e-6)


@pytest.mark.parametrize("sizes", [[500], [1] * 500, [7, 493], [250, 1, 249]])
def test_batches_do_not_matter(sizes: list[int]) -> None:
    a = features(2, 500) + 1e3  # far from zero, where sums of squares lose digits
    whole, parts = moments(a), merged(map(moments, torch.split(a, sizes)))
    assert parts.count == 500
    torch.testing.assert_close(parts.mean, whole.mean, rtol=1e-14, atol=0)
    torch.testing.assert_close(parts.scatter, whole.scatter, rtol=0, atol=1e-11 * float(whole.scatter.abs().max()))
    expected = np.cov(a.double().numpy(), rowvar=False)
    np.testing.assert_allclose(parts.covariance.numpy(), expected, atol=1e-8)


def test_several_processes_do_not_matter() -> None:
    a, b = features(3, 301), features(4, 200)
    with ProcessPoolExecutor(1, get_context("spawn")) as pool:
        there = list(pool.map(moments, torch.split(a[:201], 101)))
    ours, whole = (frechet_distance(one, moments(b)) for one in (merged([*there, moments(a[201:])]), moments(a)))
    assert ours == pytest.approx(whole, rel=1e-12)


def test_kernel_distance_is_torchmetrics() -> None:
    """Whose subsets are here the whole of both sets."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from torchmetrics.image.kid import KernelInceptionDistance

        a, b = features(5, 90), features(6, 90)
        other = KernelInceptionDistance(feature=Given(), subsets=1, subset_size=90)
        other.update(a, real=True)
        other.update(b, real=False)
        expected = float(other.compute()[0])
    assert kernel_distance(a, b) == pytest.approx(expected, rel=1e-4)


def test_kernel_distance_by_loops() -> None:
    a, b = features(7, 9, 3), features(8, 6, 3)

    def kernel(x: Tensor, y: Tensor) -> float:
        return float((torch.dot(x.double(), y.double()) / 3 + 1) ** 3)

    def mean(x: Tensor, y: Tensor, same: bool) -> float:
        return float(np.mean([kernel(p, q) for i, p in enumerate(x) for j, q in enumerate(y) if not (same and i == j)]))

    assert kernel_distance(a, b) == pytest.approx(mean(a, a, True) + mean(b, b, True) - 2 * mean(a, b, False), rel=1e-9)


def test_kernel_distance_is_unbiased_for_few_independent_images() -> None:
    """Of two draws of one distribution it is zero on average, and at times below; Frechet distance is not."""
    found = [
        kernel_distance(features(0, 400)[k : k + 20], features(0, 400)[k + 20 : k + 40]) for k in range(0, 360, 40)
    ]
    assert min(found) < 0
    assert abs(np.mean(found)) < np.std(found)


def test_too_few_images_are_refused_with_the_reason() -> None:
    few, many = moments(features(0, 12)), moments(features(0, 13))
    for pair in ((few, many), (many, few)):
        with pytest.raises(TooFew) as caught:
            frechet_distance(*pair)
        assert str(caught.value) == (
            "12 images are too few for features of length 12; measure more photos, or use the kernel distance (KID), "
            "which needs no covariance"
        )
    assert np.isfinite(frechet_distance(many, many))
    with pytest.raises(TooFew, match="two images or more"):
        kernel_distance(features(0, 1), features(0, 5))


def _two_classes(shares: tuple[int, int], other: bool) -> tuple[torch.Tensor, torch.Tensor]:
    """Points of two far classes, so many of each; `other`: those that the first set does not have."""
    random = np.random.default_rng(0)
    some = random.normal(size=(2, 400, 2)) * 0.1 + np.array([-1, 1])[:, None, None]
    parts = [some[k][200:][:n] if other else some[k][:200][:n] for k, n in enumerate(shares)]
    return torch.from_numpy(np.concatenate(parts)), torch.from_numpy(np.repeat([0, 1], shares))


def test_the_class_mix_moves_plain_distances_and_not_matched_ones() -> None:
    """Real photos of 180 and 20, and 20 and 180 others of the same two classes as the edits that are always right."""
    real, label = _two_classes((180, 20), other=False)
    made, target = _two_classes((20, 180), other=True)
    assert frechet_distance(moments(real), moments(made)) > 2
    assert frechet_matched(real, label, made, target) == pytest.approx(0, abs=0.01)
    assert kernel_distance(real, made) > 1
    assert kernel_within_classes(real, label, made, target) == pytest.approx(0, abs=0.05)
    wrong = 1 - target  # each class in the other's place
    assert frechet_matched(real, label, made, wrong) > 2
    assert kernel_within_classes(real, label, made, wrong) > 5
    with pytest.raises(TooFew, match="no real photo shows one of the targets"):
        frechet_matched(real[:180], label[:180], made, target)


def test_reweighting_by_the_shares_that_there_are_changes_nothing() -> None:
    points, label = _two_classes((50, 150), other=False)
    parts = [moments(points[label == k]) for k in (0, 1)]
    whole, found = moments(points), reweighted(parts, [0.25, 0.75])
    assert found.count == whole.count
    assert torch.allclose(found.mean, whole.mean)
    assert torch.allclose(found.covariance, whole.covariance)
