"""The judge's network: shapes, what its features are, and how training and judging differ."""

import pytest
import torch
from rounding import assert_same_but_for_rounding
from torch import nn

from facerelief.networks.classifier import Classifier


@pytest.fixture(autouse=True)
def one_thread() -> None:
    torch.set_num_threads(1)
    torch.manual_seed(0)


@pytest.mark.parametrize("size", [32, 48, 64])
@pytest.mark.parametrize(("channels", "classes"), [(3, 8), (1, 3)])
def test_shapes(size: int, channels: int, classes: int) -> None:
    judge = Classifier(channels, classes, width=4)
    image = torch.rand(2, channels, size, size) * 2 - 1
    assert judge(image).shape == (2, classes)
    assert [tuple(maps.shape) for maps in judge.features(image)] == [
        (2, width, size // shrink, size // shrink) for width, shrink in ((4, 1), (8, 2), (16, 4), (32, 8))
    ]


@torch.no_grad()
def test_the_logits_are_a_linear_map_of_the_last_features_mean() -> None:
    judge = Classifier(width=4).eval()
    image = torch.rand(3, 3, 32, 32) * 2 - 1
    last = judge.features(image)[-1]
    weight, bias = judge.head[1].weight, judge.head[1].bias
    expected = torch.stack([weight @ maps.flatten(1).mean(dim=1) + bias for maps in last])
    torch.testing.assert_close(judge(image), expected)
    assert last.min() >= 0


@torch.no_grad()
def test_when_it_judges_an_image_does_not_depend_on_its_neighbours() -> None:
    judge = Classifier(width=4).eval()
    image = torch.rand(3, 3, 32, 32) * 2 - 1
    assert_same_but_for_rounding(judge(image)[1:2], judge(image[1:2]))
    assert torch.equal(judge(image), judge(image))


@torch.no_grad()
def test_when_it_learns_units_are_dropped_and_statistics_gathered() -> None:
    judge = Classifier(width=4, dropout=0.5).train()
    image = torch.rand(8, 3, 32, 32) + 1
    before = judge.stem[1].running_mean.clone()
    assert not torch.equal(judge(image), judge(image))
    assert not torch.equal(judge.stem[1].running_mean, before)
    assert judge.stem[1].num_batches_tracked == 2


def test_gradients_reach_every_weight() -> None:
    judge = Classifier(width=4)
    nn.functional.cross_entropy(judge(torch.rand(4, 3, 32, 32)), torch.tensor([0, 1, 2, 3])).backward()
    assert all(p.grad is not None and p.grad.abs().max() > 0 for p in judge.parameters() if p.ndim > 1)


def test_its_size() -> None:
    """By hand at width 32: 64 px pictures are judged by 1.2 million weights."""
    convolutions = 3 * 32 * 9
    for inputs, outputs in ((32, 32), (32, 64), (64, 128), (128, 256)):
        convolutions += inputs * outputs * 9 + outputs * outputs * 9 + inputs * outputs
    norms = 2 * (32 + 3 * (32 + 64 + 128 + 256))
    assert sum(p.numel() for p in Classifier().parameters()) == convolutions + norms + 256 * 8 + 8
