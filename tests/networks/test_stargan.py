"""StarGAN's networks against the published sizes, and what their padding and norm must keep."""

import pytest
import torch
import torch.nn.functional as F
from rounding import assert_same_but_for_rounding
from scipy import ndimage
from torch import Tensor, nn

from facerelief.config import ExpressionTraining
from facerelief.networks.backbones import build_backbone
from facerelief.networks.stargan import Discriminator, Generator, InstanceNorm, PaddedConv2d, binomial_filter
from facerelief.training.presets import make_config


@pytest.fixture(autouse=True)
def one_thread() -> None:
    torch.set_num_threads(1)
    torch.manual_seed(0)


def parameters(module: nn.Module) -> int:
    return sum(p.numel() for p in module.parameters())


def test_parameter_counts_are_stargans() -> None:
    with torch.device("meta"):
        assert parameters(Generator()) == 8_439_936
        assert parameters(Discriminator(128)) == 44_786_624
        assert parameters(Discriminator(128, classes=5)) == 44_762_048


@pytest.mark.parametrize(("size", "patches"), [(32, 2), (48, 3), (64, 2), (96, 3), (128, 2), (192, 3), (256, 4)])
def test_shapes_at_full_width(size: int, patches: int) -> None:
    with torch.device("meta"):
        image, condition = torch.empty(2, 3, size, size), torch.empty(2, 8)
        assert Generator()(image, condition).shape == image.shape
        logits, class_logits, _ = Discriminator(size)(image)
    assert logits.shape == (2, 1, patches, patches)
    assert class_logits.shape == (2, 8)


@pytest.mark.parametrize(("size", "layers", "widest"), [(64, 5, 1024), (128, 6, 2048), (256, 6, 2048)])
def test_the_critic_halves_five_or_six_times(size: int, layers: int, widest: int) -> None:
    with torch.device("meta"):
        critic = Discriminator(size)
    convolutions = [m for m in critic.trunk if isinstance(m, nn.Conv2d)]
    assert [c.out_channels for c in convolutions] == [64 * 2**k for k in range(layers)]
    assert convolutions[-1].out_channels == widest
    assert {(c.kernel_size, c.stride) for c in convolutions} == {((4, 4), (2, 2))}


def test_a_narrow_critic_keeps_to_its_most_channels() -> None:
    critic = Discriminator(64, channels=1, classes=3, width=8, max_channels=16)
    assert max(c.out_channels for c in critic.trunk if isinstance(c, nn.Conv2d)) == 16
    logits, class_logits, _ = critic(torch.zeros(1, 1, 64, 64))
    assert logits.shape == (1, 1, 2, 2)
    assert class_logits.shape == (1, 3)


def test_the_image_stays_in_range_and_other_sizes_pass() -> None:
    out = Generator(channels=1, conditions=3, width=4, blocks=1)(torch.randn(2, 1, 36, 52), torch.eye(3)[:2])
    assert out.shape == (2, 1, 36, 52)
    assert out.abs().max() <= 1


def answers(generator: Generator) -> list[Tensor]:
    """One image under every condition."""
    image = torch.rand(1, 3, 32, 32) * 2 - 1
    conditions = torch.eye(generator.conditions)
    return list(generator(image.expand(len(conditions), -1, -1, -1), conditions))


@torch.no_grad()
def test_the_condition_is_seen_thanks_to_zero_padding() -> None:
    generator = Generator(conditions=3, width=8, blocks=1)
    first, second, third = answers(generator)
    assert (first - second).abs().mean() > 1e-3
    assert (second - third).abs().mean() > 1e-3

    generator.layers[0].padding_mode = "reflect"  # the same weights: a constant plane is then subtracted by the norm
    generator.layers[0]._reversed_padding_repeated_twice = [3, 3, 3, 3]
    first, second, _ = answers(generator)
    assert (first - second).abs().max() < 1e-4


def test_every_convolution_pads_with_zeros_and_only_the_critics_trunk_has_biases() -> None:
    with torch.device("meta"):
        generator, critic = Generator(), Discriminator()
    for module in (*generator.modules(), *critic.modules()):
        if isinstance(module, nn.Conv2d | nn.ConvTranspose2d):
            assert module.padding_mode == "zeros"
    assert not any(m.bias is not None for m in generator.modules() if isinstance(m, nn.Conv2d | nn.ConvTranspose2d))
    assert {name.split(".")[0] for name, _ in critic.named_parameters() if name.endswith("bias")} == {"trunk"}


@torch.no_grad()
def test_training_and_test_mode_agree_and_an_image_does_not_depend_on_its_neighbours() -> None:
    generator, critic = Generator(width=4, blocks=1), Discriminator(32, width=4, matching=True)
    image, condition = torch.rand(3, 3, 32, 32) * 2 - 1, torch.eye(8)[[1, 4, 6]]
    for _ in range(2):  # a second call would see running statistics of the first
        trained = generator.train()(image, condition), *critic.train()(image)
    tested = generator.eval()(image, condition), *critic.eval()(image)
    assert all(torch.equal(a, b) for a, b in zip(trained, tested, strict=True))
    alone = generator(image[1:2], condition[1:2]), *critic(image[1:2])
    for one, some in zip(alone, tested, strict=True):
        assert_same_but_for_rounding(some[1:2], one)
    assert not [name for name, _ in (*generator.named_buffers(), *critic.named_buffers())]


@torch.no_grad()
def test_a_residual_block_adds_to_its_input() -> None:
    generator = Generator(width=4, blocks=1)
    block = next(m for m in generator.modules() if type(m).__name__ == "ResidualBlock")
    for weight in block.parameters():
        weight.zero_()
    x = torch.randn(1, 16, 8, 8)
    assert torch.equal(block(x), x)


def test_the_binomial_filter() -> None:
    """Against scipy; a grid of every other pixel goes, what is level or large stays."""
    change = torch.randn(2, 3, 12, 17)
    once = ndimage.convolve1d(change.double().numpy(), [0.25, 0.5, 0.25], axis=2, mode="nearest")
    both = ndimage.convolve1d(once, [0.25, 0.5, 0.25], axis=3, mode="nearest")
    torch.testing.assert_close(binomial_filter(change).double(), torch.from_numpy(both), atol=1e-6, rtol=1e-5)
    rows, columns = torch.meshgrid(torch.arange(12), torch.arange(16), indexing="ij")
    for grid in (rows % 2, columns % 2, (rows + columns) % 2):
        fine = (grid * 2.0 - 1)[None, None]
        assert binomial_filter(fine)[..., 1:-1, 1:-1].abs().max() < 1e-6
    torch.testing.assert_close(binomial_filter(torch.full((1, 1, 8, 8), 0.3)), torch.full((1, 1, 8, 8), 0.3))


@torch.no_grad()
def test_a_local_head_judges_patches_as_much_as_the_whole() -> None:
    """Its logits stand beside the global ones, which are enlarged; a patch does not know what is far from it."""
    torch.manual_seed(0)
    critic = Discriminator(size=64, channels=1, classes=3, width=4, local=True)
    image = torch.rand(2, 1, 64, 64)
    logits, class_logits, _ = critic(image)
    assert logits.shape == (2, 2, 8, 8) and class_logits.shape == (2, 3)
    assert torch.equal(logits[:, 0], logits[:, 0, ::4, ::4].repeat_interleave(4, 1).repeat_interleave(4, 2))
    image[..., 48:] = 0
    again, *_ = critic(image)
    assert torch.equal(again[:, 1, :, :2], logits[:, 1, :, :2])
    assert not torch.equal(again[:, 1, :, 6:], logits[:, 1, :, 6:])
    plain = Discriminator(size=64, channels=1, classes=3, width=4)
    plain.load_state_dict({k: v for k, v in critic.state_dict().items() if not k.startswith("local")})
    torch.testing.assert_close(plain(image)[0], again[:, :1, ::4, ::4])


@torch.no_grad()
def test_a_matching_head_speaks_of_every_class_and_changes_nothing_else() -> None:
    torch.manual_seed(0)
    critic = Discriminator(size=64, channels=1, classes=3, width=4, matching=True)
    image = torch.rand(2, 1, 64, 64)
    verdict = critic(image)
    assert verdict.matches is not None and verdict.matches.shape == (2, 3, 2, 2)
    plain = Discriminator(size=64, channels=1, classes=3, width=4)
    plain.load_state_dict({k: v for k, v in critic.state_dict().items() if not k.startswith("matches")})
    assert torch.equal(plain(image).real, verdict.real) and torch.equal(plain(image).classes, verdict.classes)
    assert plain(image).matches is None


@torch.no_grad()
def test_a_smooth_generator_paints_the_same_but_for_the_finest_pattern() -> None:
    torch.manual_seed(0)
    plain = Generator(channels=1, conditions=2, width=4, blocks=1)
    smooth = Generator(channels=1, conditions=2, width=4, blocks=1, smooth=True)
    smooth.load_state_dict(plain.state_dict())
    image, condition = torch.rand(3, 1, 16, 16) - 0.5, torch.eye(2)[[0, 1, 1]]
    change = binomial_filter(plain(image, condition) - image)
    torch.testing.assert_close(smooth(image, condition), (image + change).clamp(-1, 1))
    assert not torch.allclose(smooth(image, condition), plain(image, condition), atol=1e-3)


@pytest.mark.parametrize(("preset", "smooth"), [("paper", False), ("gpu", True), ("cpu", True)])
def test_an_editor_is_built_as_its_run_says(preset: str, smooth: bool) -> None:
    config = make_config(ExpressionTraining, preset, {"colour": "luma", "expressions": "neutral,anger"})
    with torch.device("meta"):
        generator = build_backbone(config)
    assert (generator.channels, generator.conditions, generator.smooth) == (1, 2, smooth)


def test_instance_norm_by_the_kernel_of_group_norm() -> None:
    """Against PyTorch's own, forwards and backwards."""
    norm, x = InstanceNorm(3), torch.randn(2, 3, 6, 4, requires_grad=True)
    with torch.no_grad():
        norm.weight.copy_(torch.tensor([0.5, -1.0, 2.0]))
        norm.bias.copy_(torch.tensor([0.0, 1.0, -3.0]))
    plain = F.instance_norm(x, weight=norm.weight, bias=norm.bias, eps=norm.eps)
    assert torch.allclose(norm(x), plain, atol=1e-6)
    slope = torch.randn_like(x)  # the sum of squares of what is normalised would hardly depend on x
    ours, theirs = (torch.autograd.grad((out * slope).sum(), (x, norm.weight, norm.bias)) for out in (norm(x), plain))
    assert ours[0].abs().mean() > 0.1
    assert all(torch.allclose(one, other, rtol=1e-4, atol=1e-4) for one, other in zip(ours, theirs, strict=True))


@pytest.mark.parametrize(("side", "bias"), [(7, False), (7, True), (3, True)])
def test_a_convolution_for_squares_of_pixels(side: int, bias: bool) -> None:
    """Against a plain convolution with the same weights, forwards and backwards."""
    layer, plain = PaddedConv2d(4, 3, side, bias), nn.Conv2d(4, 3, side, padding=side // 2, bias=bias)
    plain.load_state_dict(layer.state_dict())
    x = torch.randn(2, 4, 10, 12, requires_grad=True)
    assert torch.allclose(layer(x), plain(x), atol=1e-6)
    ours, theirs = (torch.autograd.grad(one(x).square().sum(), (x, *one.parameters())) for one in (layer, plain))
    assert all(torch.allclose(one, other, rtol=1e-4, atol=1e-3) for one, other in zip(ours, theirs, strict=True))
