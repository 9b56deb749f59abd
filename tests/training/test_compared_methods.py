"""What each compared method asks its networks, seen by networks that note their arguments."""

import dataclasses
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from facerelief.config import ExpressionTraining
from facerelief.data.batches import Batch
from facerelief.errors import FacereliefError
from facerelief.networks.compared.attgan import AttributeLogits
from facerelief.networks.conversion import one_hot
from facerelief.networks.generator_output import GeneratorOutput
from facerelief.networks.stargan import DiscriminatorOutput
from facerelief.training.methods import TRAINING_METHODS, TrainingMethod, TrainingStep
from facerelief.training.presets import make_config
from facerelief.training.steps.edited_batch import EditedBatch
from facerelief.training.steps.step_random import StepRandom

COUNT, SIZE, CLASSES = 4, 32, 3
Y_S, Y_T = torch.tensor([0, 1, 2, 0]), torch.tensor([1, 2, 0, 2])


class Noted(nn.Module):
    """A network that notes what it is called with."""

    def __init__(self, answer: Callable[..., Any]) -> None:
        super().__init__()
        self.answer = answer
        self.calls: list[tuple[tuple[Any, ...], dict[str, Any]]] = []

    def forward(self, *arguments: Any, **named: Any) -> Any:
        self.calls.append((arguments, named))
        return self.answer(*arguments, **named)


def method_of(name: str, **changes: Any) -> TrainingMethod:
    given = {"method": name, "size": SIZE, "colour": "rgb", "expressions": "neutral,happiness,anger", "augment": False}
    return TRAINING_METHODS[name](make_config(ExpressionTraining, "cpu", {"guide": "none", **given, **changes}))


def step_of(nets: dict[str, nn.Module], c_s: Tensor, c_t: Tensor) -> TrainingStep:
    torch.manual_seed(0)
    image = torch.rand(COUNT, 3, SIZE, SIZE)
    batch = Batch(image, image[:, :1], Y_S, np.arange(COUNT), np.zeros(COUNT, dtype=bool))
    edited = EditedBatch(Y_T, GeneratorOutput(image.flip(3)), c_s, c_t)
    return TrainingStep(nets, batch, edited, StepRandom(0, 1, torch.device("cpu")), torch.ones(CLASSES) > 0)


def labels() -> tuple[Tensor, Tensor]:
    return one_hot(Y_S, CLASSES), one_hot(Y_T, CLASSES)


def same(image: Tensor, *_: Any, **__: Any) -> GeneratorOutput:
    return GeneratorOutput(image)


@pytest.mark.parametrize("name", ["cyclegan", "diat"])
def test_translators_are_asked_for_another_expression(name: str) -> None:
    method = method_of(name)
    step = step_of({}, *labels())
    chosen = [method.choose(step.batch, StepRandom(0, k, torch.device("cpu")), step.known_classes) for k in range(50)]
    assert not any((y == Y_S).any() for y in chosen)
    assert {int(y) for one in chosen for y in one} == {0, 1, 2}
    known = torch.tensor([True, True, False])  # an expression without photos is nobody's target
    chosen = [method.choose(step.batch, StepRandom(0, k, torch.device("cpu")), known) for k in range(50)]
    assert {int(y) for one in chosen for y in one} == {0, 1}


def test_the_way_back_of_cyclegan_is_that_of_the_photos_own_expression() -> None:
    nets = {"generator": Noted(same), "critic": Noted(lambda image, y: image[:, :1])}
    step = step_of(nets, *labels())
    terms = method_of("cyclegan").generator_terms(step)
    (back, _), (identity, _) = nets["generator"].calls
    assert back[0] is step.edited.i_t and back[1].equal(labels()[0])
    assert identity[0] is step.batch.image and identity[1].equal(labels()[0])
    assert nets["critic"].calls[0][0][1].equal(labels()[1])
    assert terms["rgb/identity"].item() == 0
    assert terms["rgb/rec"] == (step.batch.image - step.batch.image.flip(3)).abs().mean()


def test_stgan_is_told_the_photos_own_attributes() -> None:
    """The edit is asked for by both; the reconstruction, the second call, by the photo's own twice."""
    nets = {
        "generator": Noted(lambda image, y, own=None: torch.zeros(COUNT, CLASSES) if y is None else same(image)),
        "critic": Noted(lambda image: AttributeLogits(image.mean((1, 2, 3))[:, None], torch.zeros(COUNT, CLASSES))),
    }
    c_s, c_t = labels()
    step, method = step_of(nets, c_s, c_t), method_of("stgan")
    method.edit(nets, step.batch, c_s, c_t)
    terms = method.generator_terms(step)
    edit, _, again = nets["generator"].calls
    assert edit[0][1].equal(c_t) and edit[1]["own"].equal(c_s)
    assert again[0][1].equal(c_s) and again[1]["own"].equal(c_s)
    assert terms["rgb/own"].item() == pytest.approx(np.log(CLASSES))  # of a classifier that knows nothing
    assert set(terms) <= set(method.weights())


def test_icgan_shows_its_critic_right_new_and_wrong_attributes() -> None:
    image = torch.zeros(COUNT, 3, SIZE, SIZE)
    nets = {
        "generator": Noted(lambda image_or_none, y, z=None: same(image)),
        "critic": Noted(lambda image, y: y.sum(dim=1)),
    }
    step = step_of(nets, *labels())
    list(method_of("icgan").critic_updates(step))
    right, new, wrong = (call[0] for call in nets["critic"].calls)
    assert right[0] is step.batch.image and right[1].equal(2 * labels()[0] - 1)
    assert new[0].equal(image) and new[1].equal(2 * labels()[1] - 1)
    assert wrong[0] is step.batch.image
    assert not (wrong[1].argmax(dim=1) == Y_S).any()
    z = nets["generator"].calls[0][1]["z"]
    assert z.shape == (COUNT, 100) and abs(z.std().item() - 1) < 0.15  # normal, not uniform


def test_elegant_exchanges_the_blocks_of_both_expressions_or_all() -> None:
    planes = [one_hot(y, CLASSES)[:, :, None, None].expand(-1, -1, SIZE, SIZE) for y in (Y_S, Y_T)]
    photos = torch.rand(2, COUNT, 3, SIZE, SIZE)
    c_s, c_t = (torch.cat(pair, dim=1) for pair in zip(photos, planes, strict=True))
    nets = {
        "generator": Noted(same),
        "critic": Noted(lambda image, y: y.sum(dim=1)),
        "small_critic": Noted(lambda image, y: y.sum(dim=1)),
    }
    step, method = step_of(nets, c_s, c_t), method_of("elegant")
    method.edit(nets, step.batch, c_s, c_t)
    assert nets["generator"].calls[0][1]["chosen"].tolist() == [
        [True, True, False],
        [True, True, True],
        [True, False, True],
        [True, True, True],
    ]
    list(method.critic_updates(step))
    (real, y), (fake, y_swapped) = (call[0] for call in nets["critic"].calls)
    assert real.equal(torch.cat([step.batch.image, photos[1]])) and y.argmax(dim=1).equal(torch.cat([Y_S, Y_T]))
    assert fake.equal(torch.cat([step.edited.i_t, photos[1]])) and y_swapped.argmax(dim=1).equal(torch.cat([Y_T, Y_S]))


def test_the_critic_of_gannotation_sees_each_picture_with_its_drawing() -> None:
    drawings = torch.rand(2, COUNT, 3, SIZE, SIZE)
    nets = {"critic": Noted(lambda x: x.mean(dim=(1, 2, 3)))}
    step = step_of(nets, *drawings)
    list(method_of("gannotation").critic_updates(step))
    real, fake = (call[0][0] for call in nets["critic"].calls[:2])
    assert real.equal(torch.cat([step.batch.image, drawings[0]], dim=1))
    assert fake.equal(torch.cat([step.edited.i_t, drawings[1]], dim=1))


@pytest.mark.parametrize(("name", "objective"), [("diat", "wgan-gp"), ("elegant", "hinge"), ("elegant", "wgan-gp")])
def test_objectives_that_a_method_cannot_take(name: str, objective: str) -> None:
    with pytest.raises(FacereliefError, match=r"choose --set objective=vanilla"):
        method_of(name, objective=objective)


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("cyclegan", {"batch": 2, "balanced": True, "steps": 200_000}),  # a photo of each of two domains
        ("diat", {"balanced": True}),
        ("elegant", {"balanced": True, "steps": 1_600_000, "lr_every": 24_000}),  # eight attributes in turn
        ("gannotation", {"d_steps": 4, "steps": 640_000, "lr_every": 8_000}),  # 80 epochs of 8,000 D and 2,000 G steps
    ],
)
def test_schedules_of_the_authors(name: str, expected: dict[str, Any]) -> None:
    config = make_config(ExpressionTraining, "paper", {"method": name})
    assert {setting: getattr(config, setting) for setting in expected} == expected


def test_ganimations_targets_leave_the_range_and_its_critic_starts_as_the_authors() -> None:
    method = method_of("ganimation", d_init="torch")
    units = method.target(torch.tensor([[0.0, 1.0, 0.5]] * 200), StepRandom(0, 0, torch.device("cpu")))
    low, high = units.amin(dim=0), units.amax(dim=0)
    np.testing.assert_allclose(torch.stack([low, high]), [[-0.1, 0.9, 0.4], [0.1, 1.1, 0.6]], atol=0.01)
    for init, like in (("torch", True), ("he", False)):
        weight = method_of("ganimation", d_init=init).build_others()["critic"].state_dict()
        first = next(value for name, value in weight.items() if name.endswith("weight"))
        assert (abs(first.std().item() - 0.02) < 0.002) == like


def test_ganimation_weighs_the_attention_of_both_passes_as_its_authors() -> None:
    """4000 / 25 for units, 0.1 for the size and 1e-5 for the variation, which they sum over 25 photos.

    A is 0.7 in the edit, and 0.1 on the way back but for a column of 0.2, which has an edge on either side.
    """
    method = TRAINING_METHODS["ganimation"](make_config(ExpressionTraining, "paper", {"method": "ganimation"}))
    weights = {name: method.weights()[f"rgb/{name}"] for name in ("units", "attention", "variation")}
    assert weights == pytest.approx({"units": 160, "attention": 0.1, "variation": 0.00025})
    back = torch.full((COUNT, 1, SIZE, SIZE), 0.9)
    back[..., 5] = 0.8
    nets = {
        "generator": Noted(lambda image, y: GeneratorOutput(image, mask=back)),
        "critic": Noted(lambda image: DiscriminatorOutput(image[:, :1], torch.zeros(COUNT, 17), None)),
    }
    step = step_of(nets, torch.zeros(COUNT, 17), torch.zeros(COUNT, 17))
    output = step.edited.output._replace(mask=torch.full((COUNT, 1, SIZE, SIZE), 0.3))
    step = dataclasses.replace(step, edited=dataclasses.replace(step.edited, output=output))
    terms = method_of("ganimation").generator_terms(step)
    assert terms["rgb/attention"].item() == pytest.approx(0.7 + 0.1 + 0.1 / SIZE)
    assert terms["rgb/variation"].item() == pytest.approx(2 * SIZE * 0.1, rel=1e-4)
