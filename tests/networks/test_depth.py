import pytest
import torch

from facerelief.networks.depth import GEOMETRY_CHANNELS, DepthTranslator, _read, _spread


@pytest.fixture(autouse=True)
def one_thread() -> None:
    torch.set_num_threads(1)
    torch.manual_seed(0)


def test_the_parameter_count_is_stargans_with_two_domains() -> None:
    with torch.device("meta"):
        assert sum(p.numel() for p in DepthTranslator().parameters()) == 8_421_120


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("guide", GEOMETRY_CHANNELS)
def test_both_directions_in_every_mode(channels: int, guide: str) -> None:
    translator = DepthTranslator(channels, guide, width=4, blocks=1)
    image = (torch.rand(2, channels, 32, 32) * 2 - 1).requires_grad_()
    geometry = translator(image)
    assert geometry.shape == (2, {"depth": 1, "normal": 3, "both": 4}[guide], 32, 32)
    assert geometry.abs().max() <= 1
    back = translator(geometry, to="image")
    assert back.shape == image.shape
    back.sum().backward()
    assert image.grad is not None
    assert image.grad.abs().max() > 0


@torch.no_grad()
def test_the_domain_is_seen_and_one_set_of_weights_serves_both() -> None:
    translator = DepthTranslator(1, "depth", width=8, blocks=1)
    x = torch.rand(1, 1, 32, 32) * 2 - 1
    assert (translator(x) - translator(x, to="image")).abs().mean() > 1e-3
    assert torch.equal(translator(x), translator(x, to="geometry"))


@pytest.mark.parametrize(("few", "many"), [(1, 1), (1, 3), (1, 4), (3, 3), (3, 4), (4, 4)])
def test_what_is_spread_is_read_back(few: int, many: int) -> None:
    x = torch.randn(2, few, 5, 6)
    spread = _spread(x, many)
    assert spread.shape == (2, many, 5, 6)
    torch.testing.assert_close(_read(spread, few), x)


def test_spread_repeats_one_channel_and_appends_the_mean_of_three() -> None:
    assert _spread(torch.full((1, 1, 1, 1), 0.5), 4).flatten().tolist() == [0.5] * 4
    assert _spread(torch.tensor([0.0, 1.0, 0.5]).reshape(1, 3, 1, 1), 4).flatten().tolist() == [0.0, 1.0, 0.5, 0.5]


def test_read_takes_the_mean_or_the_first_three() -> None:
    x = torch.tensor([0.0, 1.0, 0.5, -1.5]).reshape(1, 4, 1, 1)
    assert _read(x, 1).item() == 0.0
    assert _read(x, 3).flatten().tolist() == [0.0, 1.0, 0.5]
