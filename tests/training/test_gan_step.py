import math

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from facerelief.config import DepthTraining, ExpressionTraining
from facerelief.data.batches import Rows
from facerelief.networks.stargan import DiscriminatorOutput
from facerelief.training.presets import make_config
from facerelief.training.steps.ema import EMA
from facerelief.training.steps.gan_step import (
    TargetClasses,
    augment,
    discriminator_terms,
    discriminator_weights,
    random_erase,
    set_requires_grad,
)
from facerelief.training.steps.step_random import StepRandom

CPU = torch.device("cpu")
SIZE = 16


@pytest.fixture(autouse=True)
def one_thread() -> None:
    torch.set_num_threads(1)
    torch.manual_seed(0)


def noise(seed: int = 0, step: int = 0, rows: Rows | None = None) -> StepRandom:
    return StepRandom(seed, step, CPU, rows)


def one_weight(value: float) -> nn.Linear:
    module = nn.Linear(1, 1, bias=False)
    nn.init.constant_(module.weight, value)
    return module


# --- set_requires_grad ---


def test_a_frozen_critic_passes_gradients_on_but_gathers_none() -> None:
    critic, x = nn.Sequential(nn.Linear(2, 2), nn.Linear(2, 1)), torch.ones(1, 2, requires_grad=True)
    set_requires_grad(critic, False)
    critic(x).sum().backward()
    assert all(p.grad is None for p in critic.parameters())
    assert x.grad is not None
    set_requires_grad(critic, True)
    critic(x).sum().backward()
    assert all(p.grad is not None for p in critic.parameters())


# --- EMA ---


def test_an_average_by_hand() -> None:
    mean = EMA(one_weight(0.0), decay=0.9)
    mean.update(one_weight(1.0), step=0)  # decay 1/10: the start is soon forgotten
    assert mean.module.weight.item() == pytest.approx(0.9)
    mean.update(one_weight(2.0), step=10)  # decay 11/20
    assert mean.module.weight.item() == pytest.approx(0.9 * 11 / 20 + 2 * 9 / 20)
    before = mean.module.weight.item()
    mean.update(one_weight(-1.0), step=1000)  # decay 0.9
    assert mean.module.weight.item() == pytest.approx(0.9 * before - 0.1)


def test_decay_0_copies() -> None:
    mean = EMA(one_weight(0.0), decay=0.0)
    mean.update(one_weight(0.1), step=5000)
    assert mean.module.weight.item() == one_weight(0.1).weight.item()


def test_an_average_is_a_frozen_copy_whose_state_is_saved_with_it() -> None:
    module = one_weight(1.0)
    mean = EMA(module, 0.5)
    module.weight.data.fill_(9.0)
    assert mean.module.weight.item() == 1.0
    assert not mean.module.training
    assert not any(p.requires_grad for p in mean.parameters())
    assert list(mean.state_dict()) == ["module.weight"]
    mean.update(module, 0)
    assert mean.module.weight.grad_fn is None
    assert module.weight.requires_grad


# --- StepRandom ---


def test_noise_is_the_same_whenever_a_step_is_taken() -> None:
    labels = torch.arange(20)
    first, again = noise(3, 7), noise(3, 7)
    torch.rand(5)  # the global generator has no part in it
    assert torch.equal(first.uniform(4, 3), again.uniform(4, 3))
    assert torch.equal(first.permuted(labels), again.permuted(labels))
    state = torch.get_rng_state()
    first.uniform(9)
    first.permuted(labels)
    assert torch.equal(torch.get_rng_state(), state)


def test_noise_differs_between_seeds_steps_and_calls() -> None:
    one = noise(0, 0)
    drawn = [one.uniform(8), one.uniform(8)]
    drawn += [noise(*key).uniform(8) for key in ((1, 0), (0, 1), (0, 299_999))]
    assert len({tuple(values.tolist()) for values in drawn}) == len(drawn)


def test_the_parts_of_a_batch_get_the_numbers_of_the_batch() -> None:
    labels, among = torch.tensor([0, 0, 1, 2, 2, 2, 1]), torch.tensor([True, True, True])

    def draws(source: StepRandom, own: Tensor) -> list[Tensor]:
        count = len(own)
        return [
            source.permuted(labels),
            source.uniform(count, 2),
            source.uniform(8, count, photos=1).T,
            source.among(source.rows).normal(count, 3),
            source.integers(50, count),
            source.others(own, among),
        ]

    whole = draws(noise(3, 4), labels)
    rows = [Rows.part(len(labels), number, 3) for number in range(3)]
    parts = [draws(noise(3, 4, one), labels[one.start : one.stop]) for one in rows]
    for expected, *found in zip(whole, *parts, strict=True):
        assert torch.equal(torch.cat(found), expected)


def test_numbers_of_a_part_are_asked_for_by_photo() -> None:
    source = noise(rows=Rows(0, 2, 6))
    with pytest.raises(ValueError, match="3 numbers for 2 photos"):
        source.uniform(3)
    with pytest.raises(ValueError, match="permute batch"):
        source.permuted(torch.tensor([0, 1]))


def test_uniform_numbers_are_uniform() -> None:
    values = noise().uniform(10_000)
    assert values.min() >= 0
    assert values.max() < 1
    assert values.mean().item() == pytest.approx(0.5, abs=0.02)
    assert values.std().item() == pytest.approx(1 / math.sqrt(12), abs=0.02)


def test_target_labels_are_the_batchs_own() -> None:
    labels = torch.tensor([0, 0, 1, 2, 2, 2])
    seen = [noise(step=step).permuted(labels) for step in range(50)]
    assert all(torch.equal(y_t.sort().values, labels) for y_t in seen)
    first = torch.stack(seen)[:, 0]
    assert set(first.tolist()) == {0, 1, 2}


# --- augment ---


def shifted(image: np.ndarray, dx: int, dy: int) -> np.ndarray:
    """(C, H, W), its content moved; borders repeated."""
    rows = np.clip(np.arange(SIZE) + dy, 0, SIZE - 1)
    columns = np.clip(np.arange(SIZE) + dx, 0, SIZE - 1)
    return image[:, rows][:, :, columns]


def find_shift(before: Tensor, after: Tensor) -> tuple[int, int, float, float]:
    """The whole shift, gain and offset that make one image of another: after = gain * shifted(before) + offset."""
    steps = range(-SIZE // 8, SIZE // 8 + 1)
    for dx, dy in ((dx, dy) for dx in steps for dy in steps):
        moved = shifted(before.numpy(), dx, dy).ravel()
        gain, offset = np.polyfit(moved, after.numpy().ravel(), 1)
        if np.abs(gain * moved + offset - after.numpy().ravel()).max() < 1e-4:
            return dx, dy, gain, gain * moved.mean() + offset - moved.mean()
    pytest.fail("no shift by whole pixels explains the picture")


def test_disabled_is_the_identity() -> None:
    x = torch.rand(2, 3, SIZE, SIZE)
    assert augment(x, noise(), False) is x


def test_maps_are_shifted_by_whole_pixels_and_nothing_else() -> None:
    x = torch.rand(64, 1, SIZE, SIZE) * 2 - 1
    moved = augment(x, noise(), True, light=False)
    shifts = []
    for before, after in zip(x, moved, strict=True):
        dx, dy, gain, offset = find_shift(before, after)
        assert torch.equal(after, torch.from_numpy(shifted(before.numpy(), dx, dy)))
        assert (gain, offset) == (pytest.approx(1), pytest.approx(0, abs=1e-6))
        shifts.append((dx, dy))
    assert {dx for dx, _ in shifts} == {dy for _, dy in shifts} == {-1, 0, 1}
    assert len(set(shifts)) > 6  # each image its own


def test_photos_change_their_light_too() -> None:
    x = torch.rand(64, 3, SIZE, SIZE) * 2 - 1
    found = [find_shift(*pair) for pair in zip(x, augment(x, noise(), True), strict=True)]
    gains, offsets = np.array([f[2] for f in found]), np.array([f[3] for f in found])
    assert 0.8 <= gains.min() < 0.86
    assert 1.14 < gains.max() <= 1.2 + 1e-6
    assert -0.1 - 1e-6 <= offsets.min() < -0.06
    assert 0.06 < offsets.max() <= 0.1 + 1e-6
    assert abs(np.corrcoef(gains, offsets)[0, 1]) < 0.4


def test_augmentation_repeats_with_its_noise_and_differs_between_real_and_fake() -> None:
    x, one = torch.rand(4, 3, SIZE, SIZE), noise()
    real, fake = augment(x, one, True), augment(x, one, True)
    assert torch.equal(real, augment(x, noise(), True))
    assert not torch.equal(real, fake)


@pytest.mark.parametrize("light", [False, True])
def test_gradients_pass_through_augmentation(light: bool) -> None:
    x = (torch.rand(2, 1, SIZE, SIZE, dtype=torch.float32) * 2 - 1).requires_grad_()
    target = torch.rand(2, 1, SIZE, SIZE)
    loss = (augment(x, noise(), True, light=light) * target).sum()
    (gradient,) = torch.autograd.grad(loss, x)
    direction = torch.randn_like(x)
    with torch.no_grad():
        ahead, behind = ((augment(x + h * direction, noise(), True, light=light) * target).sum() for h in (0.5, -0.5))
    assert (ahead - behind).item() == pytest.approx((gradient * direction).sum().item(), rel=1e-3)  # it is linear in x


def test_an_erased_square_is_grey_and_inside() -> None:
    x = torch.rand(32, 3, 24, 24) + 1
    holes = (random_erase(x, noise()) != x).any(dim=1)
    assert torch.equal(random_erase(x, noise())[~holes[:, None].expand_as(x)], x[~holes[:, None].expand_as(x)])
    assert not random_erase(x, noise())[holes[:, None].expand_as(x)].any()
    rows, columns = holes.any(dim=2).sum(dim=1), holes.any(dim=1).sum(dim=1)
    assert (rows == 8).all()
    assert (columns == 8).all()
    assert (holes.sum(dim=(1, 2)) == 64).all()
    assert len({tuple(hole.nonzero()[0].tolist()) for hole in holes}) > 20


# --- the discriminators' terms ---


class Critic(nn.Module):
    """D_adv(x) = w . x and two class logits (0, x_0), for x (N, 2, 1, 1); |w| = 5.

    matching: of being a real one of class 0 it gives D_adv(x) - 1, of class 1 D_adv(x) + 2.
    """

    def __init__(self, matching: bool = False) -> None:
        super().__init__()
        self.w = nn.Parameter(torch.tensor([3.0, 4.0]))
        self.matching = matching

    def forward(self, x: Tensor) -> DiscriminatorOutput:
        flat = x.flatten(1)
        real = (flat @ self.w)[:, None, None, None]
        matches = real + torch.tensor([-1.0, 2.0])[:, None, None] if self.matching else None
        return DiscriminatorOutput(real, torch.stack([0 * flat[:, 0], flat[:, 0]], dim=1), matches)


REAL = torch.tensor([(0.0, 1.0), (0.0, 0.5)])[..., None, None]
FAKE = torch.tensor([(9.0, 0.0), (9.0, -1.0)])[..., None, None]


def terms(objective: str, step: int = 0, beta: float = 0.0) -> dict[str, float]:
    config = make_config(DepthTraining, "cpu", {"objective": objective, "r1_every": 4})
    found = discriminator_terms(Critic(), REAL, FAKE, torch.tensor([0, 1]), config, noise(step=step), beta)
    return {name: term.item() for name, term in found.items()}


def test_terms_by_hand() -> None:
    """D_adv of the real is 4 and 2, of the fake 27 and 23; the class of the real is a guess: cross-entropy log 2."""
    assert terms("wgan-gp") == {
        "adv": pytest.approx(25 - 3),
        "cls": pytest.approx(math.log(2)),
        "gp": pytest.approx((5 - 1) ** 2),
    }
    assert terms("hinge") == {"adv": pytest.approx(1 + 25), "cls": pytest.approx(math.log(2))}
    softplus = (math.log1p(math.exp(-4)) + math.log1p(math.exp(-2))) / 2
    assert terms("vanilla")["adv"] == pytest.approx(softplus + 25)
    assert set(terms("vanilla")) == {"adv", "cls"}
    assert terms("r1")["r1"] == pytest.approx(25 / 2)
    assert terms("hinge", beta=0.25)["cls"] == pytest.approx(0.75 * math.log(2))  # Eq. 11: entropy is log 2 too


def test_the_shares_of_votes_reach_the_class_term_alone() -> None:
    """The class logits of both real pictures are (0, 0) but for the second's, by hand; D_adv sees no label."""
    config = make_config(DepthTraining, "cpu", {"objective": "hinge"})
    shares = torch.tensor([[0.5, 0.5], [0.25, 0.75]])
    found = discriminator_terms(Critic(), REAL, FAKE, shares, config, noise(step=1), 0.0)
    assert found["cls"].item() == pytest.approx(math.log(2))
    assert found["adv"].item() == pytest.approx(1 + 25)
    matching = make_config(ExpressionTraining, "cpu", {"objective": "r1"})
    targets = TargetClasses(torch.tensor([0, 1]), torch.tensor([True, True]))
    one, other = (
        discriminator_terms(Critic(matching=True), REAL, FAKE, y, matching, noise(step=0), 0.0, targets)
        for y in (torch.tensor([0, 1]), torch.tensor([[0.9, 0.1], [0.4, 0.6]]))
    )
    assert one["match"].item() == other["match"].item()


def softplus(x: float) -> float:
    return math.log1p(math.exp(x))


def test_a_real_picture_matches_its_own_expression_and_an_edit_its_target() -> None:
    """Of real pictures D_adv is 4 and 2, of edits 27 and 23; with two classes the mismatched one is the other."""
    config = make_config(ExpressionTraining, "cpu", {"objective": "r1"})
    y_s, step, both = torch.tensor([0, 1]), 1, torch.tensor([True, True])

    def match(y_t: list[int], known_classes: Tensor = both) -> float:
        targets = TargetClasses(torch.tensor(y_t), known_classes)
        critic = Critic(matching=True)
        return discriminator_terms(critic, REAL, FAKE, y_s, config, noise(step=step), 0.0, targets)["match"].item()

    own, other = softplus(-3) + softplus(-4), softplus(6) + softplus(1)
    assert match([1, 1]) == pytest.approx(own / 2 + (29 + 25) / 4 + other / 4)
    assert match([0, 1]) == pytest.approx(own / 2 + (26 + 25) / 4 + other / 4)
    untold = softplus(-3) + softplus(0), softplus(0) + softplus(1)  # nobody learns of class 1
    assert match([1, 0], torch.tensor([True, False])) == pytest.approx(
        untold[0] / 2 + (softplus(0) + 22) / 4 + untold[1] / 4
    )
    plain = discriminator_terms(Critic(), REAL, FAKE, y_s, config, noise(step=step), 0.0, TargetClasses(y_s, both))
    assert "match" not in plain


def test_r1_is_of_what_the_critic_believes_of_both_heads() -> None:
    """Both have the same gradient w, so their mean has it too."""
    config, y_s = make_config(ExpressionTraining, "cpu", {"objective": "r1"}), torch.tensor([0, 1])
    targets = TargetClasses(y_s, torch.tensor([True, True]))
    found = discriminator_terms(Critic(matching=True), REAL, FAKE, y_s, config, noise(step=0), 0.0, targets)
    assert found["r1"].item() == pytest.approx(25 / 2)


def test_other_labels_are_others_and_uniform() -> None:
    labels, among = torch.arange(3).repeat(2000), torch.tensor([True, True, True, False, True])
    others = noise().others(labels, among)
    assert (others != labels).all() and among[others].all()
    for label in range(3):
        counts = torch.bincount(others[labels == label], minlength=5).double()
        expected = torch.full((5,), 2000 / 3).double()
        expected[label] = expected[3] = 0
        assert ((counts - expected).abs() < 100).all()


def test_r1_comes_lazily_and_weighs_as_much_as_if_it_came_always() -> None:
    assert [step for step in range(9) if "r1" in terms("r1", step)] == [0, 4, 8]
    config = make_config(DepthTraining, "cpu", {"r1_weight": "2.5", "r1_every": "4", "gp_weight": "7"})
    assert discriminator_weights(config) == {"adv": 0.1, "cls": 0.1, "gp": 7.0, "r1": 10.0}
