"""Losses of the compared systems against numbers worked out by hand, scikit-image, or torch's own losses."""

import math

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from facerelief.networks.compared.ganimation import GANimation
from facerelief.networks.stargan import Discriminator
from facerelief.training import losses as eq
from facerelief.training.compared_losses import attgan, cyclegan, diat, elegant, ganimation, gannotation, icgan
from facerelief.training.steps.step_random import StepRandom


@pytest.fixture(autouse=True)
def one_thread() -> None:
    torch.set_num_threads(1)
    torch.manual_seed(0)


def logits(*values: float) -> Tensor:
    return torch.tensor(values)


def bce(score: float, real: bool) -> float:
    p = 1 / (1 + math.exp(-score))
    return -math.log(p if real else 1 - p)


# --- GANimation ---

RAMP = torch.tensor([[[[0.0, 0.5], [1.0, 0.25]]], [[[1.0, 1.0], [1.0, 1.0]]]])


def test_attention_by_hand() -> None:
    assert ganimation.attention_size(RAMP).item() == pytest.approx((1.75 + 4) / 8)
    down, right = 1.0 + 0.25, 0.5 + 0.75
    assert ganimation.attention_variation(RAMP).item() == pytest.approx((down + right + 0) / 2)


def test_the_units_weight_is_that_of_a_batch_of_25_whatever_the_batch() -> None:
    estimated, units = torch.rand(50, 17), torch.rand(50, 17)
    authors = 4000 * nn.functional.mse_loss(estimated[:25], units[:25]) / 25
    assert ganimation.UNITS_WEIGHT * ganimation.unit_error(estimated[:25], units[:25]) == pytest.approx(authors.item())
    repeated = ganimation.unit_error(estimated.repeat(3, 1), units.repeat(3, 1))
    assert repeated == pytest.approx(ganimation.unit_error(estimated, units).item(), rel=1e-5)


@pytest.mark.parametrize(("start", "mean"), [(-0.02, 0.21), (0.0, 0.49), (0.02, 0.78)])
def test_attention_neither_saturates_nor_collapses_in_a_short_run(start: float, mean: float) -> None:
    """Grey squares whose one unit is their brightness, 120 steps, from much attention, from little and from half:
    what begins near an end comes back from it.

    The generator must also have learned something: edits follow the unit.
    """
    random = torch.Generator().manual_seed(0)
    generator, critic = GANimation(1, 1, width=4, blocks=1), Discriminator(32, 1, 1, width=4)
    with torch.no_grad():
        generator.attention.weight += start
        begun = 1 - generator(torch.zeros(4, 1, 32, 32), torch.rand(4, 1, generator=random)).mask
    assert begun.mean().item() == pytest.approx(mean, abs=0.03)
    optimizers = [torch.optim.Adam(net.parameters(), lr=1e-3, betas=(0.5, 0.999)) for net in (generator, critic)]
    for step in range(120):
        units, targets = torch.rand(2, 4, 1, generator=random)
        photo = -torch.ones(4, 1, 32, 32)
        photo[..., 8:24, 8:24] = 2 * units[..., None, None] - 1
        edit = generator(photo, targets)
        of_real, of_fake = critic(photo), critic(edit.image.detach())
        terms = eq.adversarial_discriminator(of_real.real, of_fake.real, "wgan-gp")
        alpha = torch.rand(4, 1, 1, 1, generator=random)
        terms += 10 * eq.gradient_penalty(lambda x: critic(x).real, photo, edit.image.detach(), alpha)
        terms += ganimation.UNITS_WEIGHT * ganimation.unit_error(of_real.classes, units)
        descend(optimizers[1], terms)
        if step % 2:
            continue
        back, judged = generator(edit.image, units), critic(edit.image)
        loss = eq.adversarial_generator(judged.real, "wgan-gp") + 10 * eq.reconstruction(photo, back.image)
        loss += ganimation.UNITS_WEIGHT * ganimation.unit_error(judged.classes, targets)
        for output in (edit, back):
            attention = 1 - output.mask
            loss += ganimation.ATTENTION_WEIGHT * ganimation.attention_size(attention)
            loss += ganimation.VARIATION_WEIGHT * ganimation.attention_variation(attention)
        descend(optimizers[0], loss)
    with torch.no_grad():
        dark, light = (generator(photo, torch.full((4, 1), level)) for level in (0.0, 1.0))
    for output in (dark, light):
        assert min(0.4, mean + 0.01) < (1 - output.mask).mean() < max(0.6, mean - 0.05)
        assert (1 - output.mask).std() > 0.005
    assert (light.image - dark.image)[..., 8:24, 8:24].mean() > 0.1


def descend(optimizer: torch.optim.Optimizer, loss: Tensor) -> None:
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()


# --- GANnotation ---


def test_gannotation_by_hand() -> None:
    a, b = torch.zeros(2, 3, 4, 4), torch.full((2, 3, 4, 4), 0.5)
    assert gannotation.self_consistency(a, b).item() == pytest.approx(0.5)
    assert gannotation.triple_consistency(a, b - 1).item() == pytest.approx(0.5)
    steps = torch.arange(4.0).expand(2, 3, 4, 4)  # differences of 1 along x, of 0 along y
    assert gannotation.squared_variation(steps).item() == pytest.approx(2)
    assert gannotation.squared_variation(3 * steps.mT).item() == pytest.approx(18)


def test_hinge_by_hand() -> None:
    got = eq.adversarial_discriminator(logits(0.5, 2.0), logits(-0.5, 1.0), "hinge")
    assert got.item() == pytest.approx((0.5 + 0) / 2 + (0.5 + 2) / 2)


# --- CycleGAN ---


def test_least_squares_by_hand() -> None:
    got = cyclegan.least_squares_discriminator(logits(1.0, 0.0), logits(0.5, -0.5))
    assert got.item() == pytest.approx((0.5 + 0.25) / 2)
    assert cyclegan.least_squares_generator(logits(1.0, 0.5)).item() == pytest.approx(0.125)


def test_cycle_and_identity_are_mean_absolute_errors() -> None:
    a, b = torch.rand(2, 3, 8, 8), torch.rand(2, 3, 8, 8)
    expected = np.abs(a.numpy() - b.numpy()).mean()
    assert cyclegan.cycle_consistency(a, b).item() == pytest.approx(expected, rel=1e-5)
    assert cyclegan.identity_mapping(a, b).item() == pytest.approx(expected, rel=1e-5)


def pooled(pool: cyclegan.ImagePool, steps: range) -> list[int]:
    """Numbered edits, four a step, those of even numbers to one expression and those of odd ones to another; and which
    of them the discriminators see.
    """
    seen = []
    for step in steps:
        images = torch.arange(4 * step, 4 * step + 4).float()[:, None, None, None].expand(-1, 1, 2, 2)
        labels = torch.tensor([0, 1, 0, 1])
        shown = pool(images, labels, StepRandom(0, step, torch.device("cpu")))[:, 0, 0, 0].long()
        assert (shown % 2).equal(labels)
        seen += shown.tolist()
    return seen


def test_the_pool_shows_half_past_edits_and_each_at_most_once_more() -> None:
    """Each discriminator has a pool of 50 edits."""
    seen = pooled(cyclegan.ImagePool(2, 50, 1, 2), range(200))
    assert seen[:100] == list(range(100))  # they fill
    past = [shown < k for k, shown in enumerate(seen)]
    assert 0.4 < np.mean(past[100:]) < 0.6
    assert max(seen.count(k) for k in seen) <= 2  # when it was made, and when it left the pool


def test_a_pool_is_resumed_with_its_state() -> None:
    whole = pooled(cyclegan.ImagePool(2, 8, 1, 2), range(20))
    first = cyclegan.ImagePool(2, 8, 1, 2)
    start = pooled(first, range(10))
    second = cyclegan.ImagePool(2, 8, 1, 2)
    second.load_state_dict(first.state_dict())
    assert start + pooled(second, range(10, 20)) == whole


# --- IcGAN ---


def test_wrong_attributes_and_edits_weigh_a_half_each() -> None:
    got = icgan.matching_bce_discriminator(logits(0.5), logits(-1.0), logits(2.0))
    assert got.item() == pytest.approx(bce(0.5, True) + bce(-1, False) / 2 + bce(2, False) / 2, rel=1e-5)
    assert icgan.matching_bce_generator(logits(-1.0)).item() == pytest.approx(bce(-1, True), rel=1e-5)


def test_a_discriminator_that_knows_nothing_has_twice_log_2() -> None:
    zeros = torch.zeros(5)
    assert icgan.matching_bce_discriminator(zeros, zeros, zeros).item() == pytest.approx(2 * math.log(2))


def test_encoders_have_squared_errors() -> None:
    got = icgan.encoder_error(torch.tensor([[0.0, 1.0]]), torch.tensor([[2.0, 1.0]]))
    assert got.item() == pytest.approx(2)


# --- AttGAN and STGAN ---


def test_attribute_classification_by_hand() -> None:
    got = attgan.attribute_classification(torch.tensor([[2.0, -1.0]]), torch.tensor([[1.0, 1.0]]))
    assert got.item() == pytest.approx((bce(2, True) + bce(-1, True)) / 2, rel=1e-5)


def test_reconstruction_of_attgan() -> None:
    assert attgan.attribute_reconstruction(torch.zeros(1, 1, 2, 2), -torch.ones(1, 1, 2, 2)).item() == 1


# --- ELEGANT ---


def test_elegant_by_hand() -> None:
    real, fake = logits(1.0, -0.5), logits(0.25, -2.0)  # of A and B, of C and D
    expected = bce(1, True) + bce(-0.5, True) + bce(0.25, False) + bce(-2, False)
    assert elegant.scale_discriminator(real, fake).item() == pytest.approx(expected, rel=1e-5)
    assert elegant.scale_generator(fake).item() == pytest.approx(bce(0.25, True) + bce(-2, True), rel=1e-5)


def test_both_photos_are_reconstructed() -> None:
    a, b, a_decoded, b_decoded = torch.rand(4, 2, 3, 4, 4)
    expected = nn.functional.mse_loss(a_decoded, a) + nn.functional.mse_loss(b_decoded, b)
    got = elegant.two_photo_reconstruction(torch.cat([a, b]), torch.cat([a_decoded, b_decoded]))
    assert got.item() == pytest.approx(expected.item(), rel=1e-5)


# --- DIAT ---


def test_identity_is_compared_on_what_the_attributes_discriminator_computes() -> None:
    photo, edit = torch.tensor([[0.0, 2.0], [1.0, 1.0]], requires_grad=True), torch.tensor([[1.0, 0.0], [1.0, 4.0]])
    loss = diat.adaptive_identity(photo, edit.requires_grad_())
    assert loss.item() == pytest.approx((1 + 4 + 0 + 9) / 4)
    loss.backward()
    assert photo.grad is None and edit.grad is not None


def test_noise_that_a_denoiser_finds() -> None:
    assert diat.denoising_error(torch.ones(1, 1, 2, 2), torch.zeros(1, 1, 2, 2)).item() == 1
    assert diat.perceptual_regularisation(torch.full((1, 1, 2, 2), 0.5)).item() == 0.25
