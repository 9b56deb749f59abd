"""What the compared networks promise beyond their sizes: which pixels they keep, and where conditions act."""

from collections.abc import Callable

import pytest
import torch
from rounding import assert_same_but_for_rounding
from torch import Tensor, nn

from facerelief.networks.compared.attgan import AttGAN, AttributeDiscriminator
from facerelief.networks.compared.cyclegan import CycleGAN, PatchDiscriminator, ResidualTranslator
from facerelief.networks.compared.diat import DIAT, Denoiser, ReferenceDiscriminator
from facerelief.networks.compared.elegant import ELEGANT, LabelledDiscriminator, exchange
from facerelief.networks.compared.ganimation import GANimation
from facerelief.networks.compared.gannotation import GANnotation, PatchCritic
from facerelief.networks.compared.icgan import CodeEncoder, ConditionalDecoder, IcGAN, MatchingDiscriminator
from facerelief.networks.compared.initial_weights import STD, normal_start
from facerelief.networks.compared.stgan import SelectiveTransferUnit, SourceAwareSTGAN
from facerelief.networks.stargan import binomial_filter

SIZES = (32, 48, 64, 96, 128)


@pytest.fixture(autouse=True)
def one_thread() -> None:
    torch.set_num_threads(1)
    torch.manual_seed(0)


def image(size: int = 32, channels: int = 3, count: int = 2) -> Tensor:
    return torch.rand(count, channels, size, size) * 2 - 1


def test_normal_start_by_its_statistics() -> None:
    part = normal_start(nn.Sequential(nn.Conv2d(64, 64, 3), nn.BatchNorm2d(4096)))
    assert part[0].weight.std().item() == pytest.approx(STD, rel=0.02)
    assert part[1].weight.mean().item() == pytest.approx(1, abs=0.002)
    assert not part[0].bias.any() and not part[1].bias.any()


@torch.no_grad()
@pytest.mark.parametrize("channels", [1, 3])
def test_attention_of_one_keeps_the_photo_and_of_zero_paints_it(channels: int) -> None:
    network, photo, units = GANimation(channels, 5, width=4, blocks=1), image(channels=channels), torch.rand(2, 5)
    colour, attention = network.maps(photo, units)
    edit = network(photo, units)
    assert torch.allclose(edit.image, attention * photo + (1 - attention) * colour)
    assert torch.allclose(edit.mask, 1 - attention)
    for level, expected in ((1e6, photo), (-1e6, colour)):
        network.attention = _Constant(level)
        assert torch.equal(network(photo, units).image, expected)


class _Constant(nn.Module):
    def __init__(self, level: float) -> None:
        super().__init__()
        self.level = level

    def forward(self, x: Tensor) -> Tensor:
        return torch.full_like(x[:, :1], self.level)


@torch.no_grad()
def test_a_patch_of_the_drawing_changes_the_photo_near_it_most() -> None:
    network, photo = GANnotation(width=8, blocks=1), image(64)
    drawing = torch.zeros(2, 3, 64, 64)
    moved = drawing.clone()
    moved[:, :, 8:12, 8:12] = 1
    change = (network(photo, moved).image - network(photo, drawing).image).abs()
    assert change[..., :24, :24].mean() > change[..., 40:, 40:].mean()


@torch.no_grad()
@pytest.mark.parametrize("size", SIZES)
def test_every_network_takes_the_sizes_of_a_run(size: int) -> None:
    photo, y = image(size), torch.eye(8)[:2]
    assert GANnotation(width=4, blocks=1)(photo, photo).image.shape == photo.shape
    assert PatchCritic(size, width=4).forward(photo).shape[:2] == (2, 1)
    assert ResidualTranslator(width=4, blocks=1)(photo).shape == photo.shape
    assert PatchDiscriminator(width=4)(photo).shape[:2] == (2, 1)
    assert AttributeDiscriminator(size, width=4, hidden=8)(photo).attributes.shape == (2, 8)
    for network in (AttGAN(width=4, layers=4), SourceAwareSTGAN(width=4, layers=4), IcGAN(size, width=4)):
        assert network(photo, y).image.shape == photo.shape
    assert ELEGANT(width=4, layers=4)(photo, photo).image.shape == photo.shape
    for side in (size, size // 2):
        assert LabelledDiscriminator(side, width=4)(photo, y).shape == (2,)
    assert ConditionalDecoder(size, width=4)(torch.zeros(2, 100), y).shape == photo.shape
    assert MatchingDiscriminator(size, width=4)(photo, y).shape == (2,)
    assert CodeEncoder(8, 16, size, width=4)(photo).shape == (2, 8)
    assert DIAT(expressions=8, width=4)(photo, y).image.shape == photo.shape
    assert ReferenceDiscriminator(size, width=4)(photo).shape[0] == 2
    assert Denoiser(width=4)(photo).shape == photo.shape


@torch.no_grad()
@pytest.mark.parametrize(
    "build",
    [
        lambda smooth: GANnotation(width=4, blocks=1, smooth=smooth),
        lambda smooth: GANimation(units=3, width=4, blocks=1, smooth=smooth),
        lambda smooth: CycleGAN(expressions=3, width=4, blocks=1, smooth=smooth).eval(),
        lambda smooth: DIAT(expressions=3, width=4, blocks=1, smooth=smooth).eval(),
        lambda smooth: AttGAN(attributes=3, width=4, layers=3, smooth=smooth),
        lambda smooth: SourceAwareSTGAN(attributes=3, width=4, layers=3, smooth=smooth),
        lambda smooth: ELEGANT(width=4, layers=3, smooth=smooth),
    ],
)
def test_smooth_filters_the_change(build: Callable[[bool], nn.Module]) -> None:
    plain, smooth = build(False), build(True)
    smooth.load_state_dict(plain.state_dict())
    photo, condition = image(), torch.eye(3)[:2]
    if isinstance(plain, GANnotation | ELEGANT):
        condition = image()
    change, filtered = (network(photo, condition).image - photo for network in (plain, smooth))
    grid = torch.tensor([[1.0, -1.0], [-1.0, 1.0]]).repeat(16, 16)
    assert torch.allclose(filtered, ((photo + binomial_filter(change)).clamp(-1, 1) - photo), atol=1e-5)
    assert (filtered * grid).mean().abs() <= (change * grid).mean().abs() + 1e-4


def test_discriminators_see_70_px() -> None:
    """The gradient of one score reaches exactly 70 x 70 pixels."""
    photo = image(128, count=1).requires_grad_()
    critic = PatchDiscriminator(width=4)
    for module in critic.modules():  # norms would look at the whole map
        if isinstance(module, nn.InstanceNorm2d):
            module.forward = lambda x: x  # type: ignore[method-assign]
    scores = critic(photo)
    scores[0, 0, scores.shape[2] // 2, scores.shape[3] // 2].backward()
    seen = photo.grad.abs().sum(dim=(0, 1)) > 0
    assert seen.any(dim=0).sum() == 70 and seen.any(dim=1).sum() == 70


@torch.no_grad()
def test_exchange_by_hand() -> None:
    z, other = torch.zeros(2, 8, 1, 1), torch.ones(2, 8, 1, 1)
    chosen = torch.tensor([[True, False, False], [False, True, True]])
    got = exchange(z, other, chosen).flatten(1)
    assert got[0].tolist() == [1, 1, 1, 0, 0, 0, 0, 0]  # blocks of 8 / 3: up to 2.67 and 5.33, rounded
    assert got[1].tolist() == [0, 0, 0, 1, 1, 1, 1, 1]


@torch.no_grad()
def test_elegant_keeps_the_photo_where_the_residual_is_zero() -> None:
    network, photo = ELEGANT(width=4, layers=3), image()
    for p in network.decoder.layers[-1].parameters():
        p.zero_()
    assert torch.equal(network(photo, image()).image, photo)


@torch.no_grad()
def test_elegant_by_its_own_code_does_not_see_the_exemplar() -> None:
    network, photo = ELEGANT(width=4, layers=3), image()
    none = torch.zeros(2, 8, dtype=torch.bool)
    itself = network(photo, photo).image
    assert torch.equal(network(photo, image(), none).image, itself)
    assert torch.allclose(network(photo, image(), ~none).image, network(photo, image()).image) is False


@torch.no_grad()
def test_stgan_that_is_told_what_it_would_estimate_does_the_same() -> None:
    network, photo, y = SourceAwareSTGAN(attributes=3, width=4, layers=3).eval(), image(), torch.eye(3)[:2]
    estimated = network.source(photo).softmax(dim=1)
    assert torch.equal(network(photo, y).image, network(photo, y, own=estimated).image)
    assert torch.equal(network(photo, y, own=y).image, network.network(photo, torch.zeros(2, 3)))


@torch.no_grad()
def test_a_translator_of_its_own_for_each_expression() -> None:
    network, photo, y = CycleGAN(expressions=3, width=4, blocks=1), image(count=4), torch.eye(3)[[2, 0, 2, 1]]
    for edited in (network.train()(photo, y).image, network.eval()(photo, y).image):
        for row, label in enumerate((2, 0, 2, 1)):
            alone = network.translators.networks[label](photo[row : row + 1])
            assert_same_but_for_rounding(edited[row : row + 1], alone)


@torch.no_grad()
def test_an_edit_runs_only_the_translator_that_is_asked_for() -> None:
    network, ran = CycleGAN(expressions=3, width=4, blocks=1).eval(), []
    for label, one in enumerate(network.translators.networks):
        one.register_forward_hook(lambda *_, label=label: ran.append(label))
    network(image(), torch.eye(3)[[1, 1]])
    assert ran == [1]


def test_a_translator_that_nobody_asks_for_stays_where_it_is() -> None:
    """Also after a step that asked for it, of which Adam remembers the gradient."""
    network = CycleGAN(expressions=3, width=4, blocks=1)
    adam = torch.optim.Adam(network.parameters())
    for asked in ([0, 1], [0, 2]):
        before = [[p.clone() for p in one.parameters()] for one in network.translators.networks]
        adam.zero_grad()
        network(image(), torch.eye(3)[asked]).image.square().sum().backward()
        adam.step()
        after = [list(one.parameters()) for one in network.translators.networks]
        moved = [any(not p.equal(q) for p, q in zip(*pair, strict=True)) for pair in zip(before, after, strict=True)]
        assert moved == [number in asked for number in range(3)]


@torch.no_grad()
def test_a_closed_update_gate_passes_the_coarse_state() -> None:
    unit = SelectiveTransferUnit(5, 4)
    encoded, state = torch.randn(2, 4, 8, 8), torch.randn(2, 5, 4, 4)
    unit.update.weight.zero_()
    unit.update.bias.fill_(-1e3)
    assert torch.allclose(unit(encoded, state)[0], unit.upsample(state))
    unit.update.bias.fill_(1e3)
    unit.reset.weight.zero_()
    unit.reset.bias.fill_(-1e3)  # nothing of the state is kept: what passes is the encoder's map alone
    output, kept = unit(encoded, state)
    assert not kept.any()
    assert torch.allclose(output, unit.info(torch.cat([encoded, torch.zeros_like(encoded)], dim=1)).tanh())


@torch.no_grad()
def test_the_two_discriminators_of_elegant_see_the_same_picture_at_two_sizes() -> None:
    critic, photo, y = LabelledDiscriminator(16, width=4), image(32), torch.eye(8)[:2]
    assert torch.allclose(critic(photo, y), critic(nn.functional.avg_pool2d(photo, 2), y))
