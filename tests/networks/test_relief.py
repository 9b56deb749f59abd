"""The relief backbone: what its maps mean, on pictures that can be moved by hand."""

import math

import pytest
import torch
from rounding import assert_same_but_for_rounding
from torch import Tensor

from facerelief.networks.relief import REACH, ConditionalNorm, ReliefGenerator, roughness, warped


def generator(channels: int = 1) -> ReliefGenerator:
    torch.manual_seed(0)
    return ReliefGenerator(channels=channels, conditions=3, width=8, blocks=1)


def shift(x: float, y: float, size: int) -> Tensor:
    """A flow that fetches every pixel from `x` to the right and `y` down, in pixels."""
    return torch.tensor((x, y)).div(size)[None, :, None, None].expand(1, 2, size, size)


def test_a_condition_is_scale_and_shift_of_each_channel() -> None:
    """By hand: values 1 and 3 are normed to -1 and 1, then times 1 + scale plus shift, then ReLU."""
    norm = ConditionalNorm(channels=1, conditions=2)
    with torch.no_grad():
        norm.affine.weight.copy_(torch.tensor([[0.0, 1.0], [0.0, 0.5]]))
    x = torch.tensor([1.0, 3.0]).reshape(1, 1, 1, 2).expand(2, 1, 1, 2)
    out = norm(x, torch.eye(2)).flatten(1)
    torch.testing.assert_close(out, torch.tensor([[0.0, 1.0], [0.0, 2.5]]), atol=1e-4, rtol=0)


def test_each_image_is_drawn_by_itself() -> None:
    network, image, condition = generator(), torch.rand(3, 1, 16, 16), torch.eye(3)
    together = network.maps(image, condition)
    alone = network.maps(image[1:2], condition[1:2])
    for some, one in zip(together, alone, strict=True):
        assert_same_but_for_rounding(some[1:2], one)


def test_a_flow_fetches_pixels() -> None:
    image = torch.rand(1, 2, 8, 8)
    torch.testing.assert_close(warped(image, torch.zeros(1, 2, 8, 8)), image)
    right = warped(image, shift(2, 0, 8))
    torch.testing.assert_close(right[..., :6], image[..., 2:])
    torch.testing.assert_close(right[..., 6:], image[..., -1:].expand(-1, -1, -1, 2))  # the border is repeated
    torch.testing.assert_close(warped(image, shift(0, -3, 8))[..., 3:, :], image[..., :5, :])
    torch.testing.assert_close(warped(image, shift(0.5, 0, 8))[..., :7], (image[..., :7] + image[..., 1:]) / 2)


def test_the_flow_of_a_wide_picture_is_in_its_own_sides() -> None:
    image = torch.rand(1, 1, 4, 8)
    flow = torch.tensor((2 / 8, 1 / 4))[None, :, None, None].expand(1, 2, 4, 8)
    torch.testing.assert_close(warped(image, flow)[..., :3, :6], image[..., 1:, 2:])


def test_the_edit_is_composed_of_its_maps() -> None:
    image, condition = torch.rand(2, 3, 16, 16) * 2 - 1, torch.eye(3)[:2]
    network = generator(channels=3)
    edited, maps = network(image, condition).image, network.maps(image, condition)
    assert [tuple(part.shape) for part in maps] == [(2, 2, 16, 16), (2, 1, 16, 16), (2, 3, 16, 16)]
    expected = (1 - maps.mask) * warped(image, maps.flow) + maps.mask * maps.colour
    torch.testing.assert_close(edited, expected)
    assert maps.flow.abs().max() <= REACH
    assert maps.colour.abs().max() <= 1
    assert 0 <= maps.mask.min() <= maps.mask.max() <= 1


def test_before_training_the_photo_is_all_but_copied() -> None:
    image = torch.nn.functional.interpolate(torch.rand(2, 1, 4, 4) * 2 - 1, 32, mode="bicubic").clamp(-1, 1)
    network = generator()
    edited, maps = network(image, torch.eye(3)[:2]).image, network.maps(image, torch.eye(3)[:2])
    assert (edited - image).abs().mean() < 0.05
    assert maps.mask.mean().item() == pytest.approx(0.03, rel=0.1)


def test_every_map_learns() -> None:
    network, image = generator(), torch.rand(2, 1, 16, 16)
    edited = network(image, torch.eye(3)[:2]).image
    edited.square().sum().backward()
    gradient = network.head.weight.grad
    assert gradient is not None
    assert (gradient.flatten(1).abs().amax(dim=1) > 0).all()  # flow right, flow down, mask, colour


def test_the_condition_matters() -> None:
    network, image = generator(), torch.rand(1, 1, 16, 16)
    one, other = (network.maps(image, torch.eye(3)[k : k + 1]) for k in (0, 1))
    assert all(not torch.equal(a, b) for a, b in zip(one, other, strict=True))


def test_the_finest_pattern_cannot_be_drawn() -> None:
    """Of a head that gives a grid of every other pixel, nothing is left but at the border."""
    network, grid = generator(), torch.tensor([[1.0, -1.0], [-1.0, 1.0]]).repeat(8, 8).expand(1, 4, 16, 16)
    network.head = _Always(5 * grid)  # type: ignore[assignment]
    flow, mask, colour = (part[..., 2:-2, 2:-2] for part in network.maps(grid[:, :1], torch.zeros(1, 3)))
    assert max(flow.abs().max(), colour.abs().max(), (mask - 0.5).abs().max()) < 1e-6


class _Always(torch.nn.Module):
    def __init__(self, value: Tensor) -> None:
        super().__init__()
        self.value = value

    def forward(self, _: Tensor) -> Tensor:
        return self.value


def test_roughness_by_hand() -> None:
    """A flow that is three pixels at one side and falls by one a pixel stretches by 1 along x, nowhere along y."""
    ramp = torch.tensor([3.0, 2, 1, 0]).expand(4, 4) / 4
    flow = torch.stack([ramp, torch.zeros(4, 4)])[None]
    assert roughness(flow).item() == pytest.approx(0.5)  # the mean of x's 1 and y's 0
    assert roughness(flow.transpose(2, 3)).item() == pytest.approx(0.5)
    assert roughness(shift(3, -2, 8)).item() == 0
    assert math.isclose(roughness(2 * flow).item(), 2.0, rel_tol=1e-6)
