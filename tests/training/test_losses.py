"""Eqs. 1-11 against numbers worked out by hand, and the gradients that guide G_rgb."""

import math
from collections.abc import Callable

import pytest
import torch
from torch import Tensor

from facerelief.networks.depth import DepthTranslator
from facerelief.networks.stargan import Discriminator, Generator
from facerelief.training import losses as eq


@pytest.fixture(autouse=True)
def one_thread() -> None:
    torch.set_num_threads(1)


def patches(*values: float) -> Tensor:
    return torch.tensor(values).reshape(1, 1, 1, -1)


def sigmoid(x: float) -> float:
    return 1 / (1 + math.exp(-x))


# --- Eqs. 1 and 5 ---


@pytest.mark.parametrize(
    ("objective", "expected"),
    [
        ("wgan-gp", (-0.5 + 0.25) / 2 - (0.75 + 1.5) / 2),
        ("hinge", (0.25 + 0) / 2 + (0.5 + 1.25) / 2),
    ],
)
def test_eq_1_for_the_discriminator_by_hand(objective: str, expected: float) -> None:
    got = eq.adversarial_discriminator(patches(0.75, 1.5), patches(-0.5, 0.25), objective)
    assert got.item() == pytest.approx(expected)


@pytest.mark.parametrize("objective", ["vanilla", "r1"])
def test_eq_1_for_the_discriminator_is_the_printed_form_negated(objective: str) -> None:
    printed = (math.log(sigmoid(2.0)) + math.log(sigmoid(-0.5))) / 2
    printed += (math.log(1 - sigmoid(-1.0)) + math.log(1 - sigmoid(3.0))) / 2
    got = eq.adversarial_discriminator(patches(2.0, -0.5), patches(-1.0, 3.0), objective)
    assert got.item() == pytest.approx(-printed, rel=1e-5)


@pytest.mark.parametrize(
    ("objective", "expected"),
    [
        ("wgan-gp", -1.0),
        ("hinge", -1.0),
        ("vanilla", (math.log(1 - sigmoid(-1.0)) + math.log(1 - sigmoid(3.0))) / 2),  # as printed
        ("r1", -(math.log(sigmoid(-1.0)) + math.log(sigmoid(3.0))) / 2),  # non-saturating
    ],
)
def test_eq_1_for_the_generator_by_hand(objective: str, expected: float) -> None:
    assert eq.adversarial_generator(patches(-1.0, 3.0), objective).item() == pytest.approx(expected, rel=1e-5)


@pytest.mark.parametrize("objective", ["wgan-gp", "vanilla", "hinge", "r1"])
def test_every_objective_sets_the_two_players_against_each_other(objective: str) -> None:
    """A better fake lowers G's loss and raises D's, or leaves it where the hinge is flat; far logits stay finite."""
    for level in (-200.0, -0.5, 0.5):
        fake = patches(level).requires_grad_()
        (of_g,) = torch.autograd.grad(eq.adversarial_generator(fake, objective), fake)
        (of_d,) = torch.autograd.grad(eq.adversarial_discriminator(patches(200.0), fake, objective), fake)
        assert of_g.item() <= 0 <= of_d.item()
        assert math.isfinite(eq.adversarial_discriminator(patches(-200.0), fake, objective).item())
    assert of_g.item() < 0 < of_d.item()


# --- Eqs. 2, 3, 4, 6, 7, 8, 9 ---


@pytest.mark.parametrize(("label", "expected"), [(0, math.log(4)), (1, math.log(4 / 3))])
def test_eqs_2_and_6_are_cross_entropy(label: int, expected: float) -> None:
    logits = torch.tensor([[0.0, math.log(3)]])  # probabilities 1/4 and 3/4
    assert eq.classification(logits, torch.tensor([label])).item() == pytest.approx(expected)


def test_eqs_2_and_6_on_the_shares_of_votes_by_hand() -> None:
    """Three of four people chose the class of probability 1/2, one that of 1/4: 3/4 log 2 + 1/4 log 4 = 5/4 log 2."""
    logits = torch.tensor([[math.log(2), 0.0, 0.0]])
    assert eq.classification(logits, torch.tensor([[0.75, 0.25, 0.0]])).item() == pytest.approx(1.25 * math.log(2))
    certain = torch.tensor([[1.0, 0.0, 0.0]])
    assert eq.classification(logits, certain).item() == pytest.approx(
        eq.classification(logits, torch.tensor([0])).item()
    )
    beta = 0.1  # Eq. 11: the entropy of (1/2, 1/4, 1/4) is 3/2 log 2
    found = eq.confident_classification(logits, torch.tensor([[0.75, 0.25, 0.0]]), beta).item()
    assert found == pytest.approx((1.25 - beta * 1.5) * math.log(2))


def test_eqs_3_and_9_are_mean_absolute_errors() -> None:
    a, b = torch.tensor([[[[1.0, -1.0, 0.25]]]]), torch.tensor([[[[0.5, 0.0, 0.25]]]])
    assert eq.reconstruction(a, b).item() == pytest.approx(0.5)
    assert eq.pixel(a, b).item() == pytest.approx(0.5)


def test_eqs_4_and_8_weigh_named_terms_once() -> None:
    terms = {"adv": torch.tensor(2.0), "rec": torch.tensor(0.5)}
    assert eq.weighted_sum(terms, {"adv": 3.0, "rec": 10.0, "unused": 7.0}).item() == 11.0
    with pytest.raises(KeyError, match="rec"):
        eq.weighted_sum(terms, {"adv": 1.0})


# --- Eq. 10 ---


def test_eq_10_is_the_mean_over_layers_of_mean_absolute_errors() -> None:
    def features(x: Tensor) -> list[Tensor]:
        return [1 * x, 3 * x[..., :1]]

    d_s = torch.tensor([[[[0.0, 1.0]]]], requires_grad=True)
    d_hat = torch.tensor([[[[1.0, 0.5]]]], requires_grad=True)
    loss = eq.perceptual(features, d_s, d_hat)
    assert loss.item() == pytest.approx((0.75 + 3.0) / 2)
    loss.backward()
    assert d_s.grad is None
    torch.testing.assert_close(d_hat.grad, torch.tensor([[[[(0.5 + 3) / 2, -0.25]]]]))


# --- Eq. 11 ---


def test_entropy_of_a_uniform_guess_is_log_8_and_of_a_certain_one_is_0() -> None:
    assert eq.entropy(torch.zeros(3, 8)).item() == pytest.approx(math.log(8))
    assert eq.entropy(torch.tensor([[500.0, 0.0, 0.0]])).item() == 0


def test_entropy_of_a_half_and_two_quarters() -> None:
    logits = torch.tensor([[0.5, 0.25, 0.25]]).log() + 7  # a constant added to logits changes nothing
    assert eq.entropy(logits).item() == pytest.approx(1.5 * math.log(2))


def test_eq_11_by_hand() -> None:
    uniform = eq.confident_classification(torch.zeros(2, 8), torch.tensor([0, 5]), beta=0.1)
    assert uniform.item() == pytest.approx(0.9 * math.log(8))  # cross-entropy = entropy = log 8
    logits = torch.tensor([[0.5, 0.25, 0.25]]).log()
    got = eq.confident_classification(logits, torch.tensor([1]), beta=0.3)
    assert got.item() == pytest.approx(math.log(4) - 0.3 * 1.5 * math.log(2))


def test_eq_11_with_beta_0_is_eq_6() -> None:
    logits, y = torch.tensor([[1.0, -2.0, 0.5], [0.0, 3.0, 1.0]]), torch.tensor([2, 1])
    assert eq.confident_classification(logits, y, beta=0.0).item() == eq.classification(logits, y).item()


def test_eq_11_rewards_entropy() -> None:
    """Past the optimum of cross-entropy plus reward, a surer guess costs more, though it is the right one."""
    y = torch.tensor([0])
    losses = [eq.confident_classification(torch.tensor([[sure, 0.0]]), y, beta=0.5).item() for sure in (1.5, 8.0)]
    assert losses[0] < losses[1]


# --- penalties ---

W = (1.0, 2.0, 2.0)  # |W| = 3


def linear(w: Tensor) -> Callable[[Tensor], Tensor]:
    return lambda x: (w.reshape(1, 3, 1, 1) * x).sum(dim=1, keepdim=True)


def test_penalties_of_a_linear_critic_are_known() -> None:
    w = torch.tensor(W, requires_grad=True)
    real, fake, alpha = torch.randn(4, 3, 1, 1), torch.randn(4, 3, 1, 1), torch.rand(4, 1, 1, 1)
    penalty = eq.gradient_penalty(linear(w), real, fake, alpha)
    assert penalty.item() == pytest.approx((3 - 1) ** 2)
    (gradient,) = torch.autograd.grad(penalty, w)  # of (|w| - 1)^2: 2 (|w| - 1) w / |w|
    torch.testing.assert_close(gradient, torch.tensor(W) * 4 / 3)
    r1 = eq.r1_penalty(linear(w), real)
    assert r1.item() == pytest.approx(9 / 2)
    (gradient,) = torch.autograd.grad(r1, w)
    torch.testing.assert_close(gradient, torch.tensor(W))


def test_penalties_of_a_quadratic_critic_depend_on_where_they_look() -> None:
    """D(x) = |x|^2 / 2 has gradient x."""
    real, fake = torch.tensor([3.0, 4.0]).reshape(1, 2, 1, 1), torch.zeros(1, 2, 1, 1)

    def critic(x: Tensor) -> Tensor:
        return (x**2 / 2).sum(dim=(1, 2, 3))

    for alpha, norm in ((1.0, 5.0), (0.5, 2.5), (0.2, 1.0)):
        got = eq.gradient_penalty(critic, real, fake, torch.full((1, 1, 1, 1), alpha))
        assert got.item() == pytest.approx((norm - 1) ** 2, abs=1e-6)
    assert eq.r1_penalty(critic, real).item() == pytest.approx(12.5)
    two = torch.cat([real, fake])  # each sample has its own norm; the mean is over samples
    assert eq.r1_penalty(critic, two).item() == pytest.approx(6.25)


def test_r1_is_of_the_mean_of_the_patches() -> None:
    """Four patches that see the same weigh as one does."""
    real, w = torch.randn(4, 3, 1, 1), torch.tensor(W)
    four = eq.r1_penalty(lambda x: linear(w)(x).expand(-1, -1, 2, 2), real)
    assert four.item() == pytest.approx(9 / 2)


def test_classes_that_a_discriminator_does_not_know_do_not_count() -> None:
    logits, y = torch.tensor([[0.0, 0.0], [0.0, math.log(3)], [5.0, 0.0]]), torch.tensor([1, 1, 0])
    one = eq.classification(logits, y, torch.tensor([False, True]))
    assert one.item() == pytest.approx((math.log(2) + math.log(4 / 3)) / 2)
    every, none = torch.tensor([True, True]), torch.tensor([False, False])
    assert eq.classification(logits, y, every).item() == pytest.approx(eq.classification(logits, y).item())
    assert eq.classification(logits, y, none).item() == 0


def test_matching_by_hand() -> None:
    """Hinge: a real picture at 0.5 lacks 0.5, an edit at -1 costs nothing, a real one of another class at 2 costs 3."""
    real, fake, other = (torch.full((2, 1, 1, 1), value) for value in (0.5, -1.0, 2.0))
    assert eq.matching_discriminator(real, fake, other, "hinge").item() == pytest.approx(0.5 + (0 + 3) / 2)
    matches, y = torch.arange(12.0).reshape(2, 3, 1, 2), torch.tensor([2, 0])
    assert eq.of_class(matches, y).tolist() == [[[[4, 5]]], [[[6, 7]]]]
    assert eq.of_class(matches, y, torch.tensor([True, True, False])).tolist() == [[[[0, 0]]], [[[6, 7]]]]


# --- what guides G_rgb ---


def test_gradients_of_scalar_networks_by_hand() -> None:
    """G_rgb(x) = a x, G_depth(x) = b x, G'_depth(d) = c d, D_adv(d) = w d, D_cls logits = (0, d), all on one pixel.

    Eq. 5 (wgan-gp): L = -w b a x, dL/da = -w b x. Eq. 6 towards class 1: dL/da = -p_0 b x.
    Eq. 7, target detached: L = t - c b a x for c b < 1, dL/da = -c b x; without detaching it would be (1 - c b) x.
    """
    x, b, c, w = 0.5, 0.8, 0.9, 2.0
    a = torch.tensor(1.5, requires_grad=True)
    i_t = (a * x).reshape(1, 1, 1, 1)
    d_t = b * i_t

    def derivative(loss: Tensor) -> float:
        return torch.autograd.grad(loss, a, retain_graph=True)[0].item()

    assert derivative(eq.adversarial_generator(w * d_t, "wgan-gp")) == pytest.approx(-w * b * x)
    logits = torch.stack([torch.zeros(()), d_t.squeeze()])[None]
    p_0 = 1 - sigmoid(b * 1.5 * x)
    assert derivative(eq.classification(logits, torch.tensor([1]))) == pytest.approx(-p_0 * b * x)
    assert derivative(eq.reconstruction(i_t, c * d_t)) == pytest.approx(-c * b * x)
    assert derivative((i_t - c * d_t).abs().mean()) == pytest.approx((1 - c * b) * x)


class Guided:
    """Small networks of the real kind in float64, and Eqs. 5-7 as functions of G_rgb's weights."""

    def __init__(self) -> None:
        torch.manual_seed(0)
        self.g_rgb = Generator(conditions=2, width=4, blocks=1).double()
        self.g_depth = DepthTranslator(width=4, blocks=1).double()
        self.d_depth = Discriminator(32, channels=1, classes=2, width=4).double()
        self.i_s = torch.rand(2, 3, 32, 32, dtype=torch.float64) * 2 - 1
        self.y_t = torch.tensor([1, 0])
        self.condition = torch.eye(2, dtype=torch.float64)[self.y_t]

    def edited(self) -> Tensor:
        return self.g_rgb(self.i_s, self.condition)

    def eq_5(self) -> Tensor:
        return eq.adversarial_generator(self.d_depth(self.g_depth(self.edited()))[0], "r1")

    def eq_6(self) -> Tensor:
        return eq.classification(self.d_depth(self.g_depth(self.edited()))[1], self.y_t)

    def eq_7(self, target: Tensor | None = None) -> Tensor:
        i_t = self.edited()
        return eq.reconstruction(i_t if target is None else target, self.g_depth(self.g_depth(i_t), to="image"))

    def eq_7_attached(self) -> Tensor:
        i_t = self.edited()
        return (i_t - self.g_depth(self.g_depth(i_t), to="image")).abs().mean()

    def gradient(self, loss: Tensor) -> list[Tensor]:
        return list(torch.autograd.grad(loss, list(self.g_rgb.parameters())))

    @torch.no_grad()
    def slope(self, loss: Callable[[], Tensor], along: list[Tensor], step: float = 1e-8) -> float:
        """Central difference of `loss` when G_rgb's weights move along a unit direction."""
        values = []
        for shift in (step, -2 * step, step):
            for weight, direction in zip(self.g_rgb.parameters(), along, strict=True):
                weight += shift * direction
            values.append(loss().item())
        return (values[0] - values[1]) / (2 * step)


def unit(gradient: list[Tensor]) -> tuple[list[Tensor], float]:
    norm = math.sqrt(sum((g**2).sum().item() for g in gradient))
    return [g / norm for g in gradient], norm


@pytest.mark.parametrize("equation", ["eq_5", "eq_6", "eq_7"])
def test_eqs_5_to_7_reach_every_weight_of_g_rgb(equation: str) -> None:
    nets = Guided()
    assert all(g.abs().max() > 0 for g in nets.gradient(getattr(nets, equation)()))


@pytest.mark.parametrize("equation", ["eq_5", "eq_6"])
def test_gradients_of_eqs_5_and_6_are_the_slopes_of_the_loss(equation: str) -> None:
    nets = Guided()
    direction, norm = unit(nets.gradient(getattr(nets, equation)()))
    assert nets.slope(getattr(nets, equation), direction) == pytest.approx(norm, rel=1e-4)


def test_the_target_of_eq_7_is_held_still() -> None:
    """Its gradient is the slope of the loss for a fixed target, and not the slope of the printed loss."""
    nets = Guided()
    still = nets.edited().detach()
    direction, norm = unit(nets.gradient(nets.eq_7()))
    assert nets.slope(lambda: nets.eq_7(still), direction) == pytest.approx(norm, rel=1e-4)
    printed = nets.gradient(nets.eq_7_attached())
    along = sum((g * d).sum().item() for g, d in zip(printed, direction, strict=True))
    assert nets.slope(nets.eq_7_attached, direction) == pytest.approx(along, rel=1e-4)
    assert abs(along - norm) > 5e-3 * norm  # fifty times the tolerance
