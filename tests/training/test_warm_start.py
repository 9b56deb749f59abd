"""Stage 2 with a warm start, and with another backbone than the paper's."""

import dataclasses
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from stage2 import build_nets

from facerelief.config import ExpressionTraining
from facerelief.data.arrays import Arrays
from facerelief.data.batches import Batch, Batches, make_batch
from facerelief.errors import DatasetError, FacereliefError
from facerelief.networks.backbones import GeneratorOutput
from facerelief.networks.relief import warped
from facerelief.training.expression import train_expression
from facerelief.training.losses import Terms
from facerelief.training.methods import TRAINING_METHODS, TrainingStep
from facerelief.training.presets import make_config
from facerelief.training.steps.distillation import Distillation, overpaint
from facerelief.training.steps.edited_batch import EditedBatch
from facerelief.training.steps.pseudo_targets import PseudoTargets, TargetBatch
from facerelief.training.steps.step_random import StepRandom

Small = Callable[..., Any]
Splits = dict[str, Arrays]
Metrics = Callable[[Path], list[dict[str, float]]]
DATA_FACTS = {"metadata_sha256": "ab"}
RGB = {"rgb/adv", "rgb/cls", "rgb/rec"}


def pairs_of(train: Arrays) -> PseudoTargets:
    """Pseudo-targets of the first half of the photos: each photo, darker by its target's number times 20 levels and
    moved by as many pixels.
    """
    half, size = len(train.label) // 2, train.size
    place = np.where(np.arange(len(train.label)) < half, np.arange(len(train.label)), -1)
    darker = [train.image[:half].astype(int) - 20 * k for k in range(3)]
    flow = np.broadcast_to(np.arange(3)[None, :, None, None, None] / size, (half, 3, 2, size, size))
    return PseudoTargets(place, np.stack(darker, axis=1).clip(0, 255).astype(np.uint8), flow.astype(np.float16))


class Halves(torch.nn.Module):
    """An encoder that a reader can compute: the left and the right half's mean level, as a direction."""

    def forward(self, image: torch.Tensor) -> torch.Tensor:
        left, right = image.mean(dim=(1, 2)).chunk(2, dim=1)
        return torch.nn.functional.normalize(torch.cat([left.mean(1, True), right.mean(1, True)], dim=1), dim=1)


def edited(batch: Batch, drawn: GeneratorOutput, y_t: torch.Tensor, pairs: PseudoTargets | None) -> EditedBatch:
    return EditedBatch(y_t, drawn, y_t, y_t, None, pairs.of_batch(batch, y_t) if pairs else None)


def held_back(method: str, batch: Batch, drawn: GeneratorOutput) -> Terms:
    """What a method minimises of an edit from the first step on."""
    config = ExpressionTraining(method=method, guide="none")
    noise = StepRandom(0, 0, torch.device("cpu"))
    step = TrainingStep({}, batch, edited(batch, drawn, batch.label, None), noise, torch.ones(3) > 0)
    return TRAINING_METHODS[method](config).warm_up_terms(step)


def test_what_the_tutor_says_by_hand(splits: Splits) -> None:
    """The mean distance to the targets of those that have one, and what holds flow and mask back."""
    train = splits["train"]
    pairs, rows = pairs_of(train), np.array([len(train.label) - 1, 0, 1])
    batch = make_batch(train, rows, "depth")
    y_t, size = torch.tensor([0, 1, 2]), train.size
    flow, mask = torch.full((3, 2, size, size), 4 / size), torch.full((3, 1, size, size), 0.25)
    levels = (train.image[rows[1:]].astype(int) - np.array([20, 40])[:, None, None, None]).clip(0, 255)
    expected = np.abs(levels / 127.5 - 1 - (batch.image[1:] + 0.5).numpy()).mean()
    distillation, drawn = Distillation(pairs), GeneratorOutput(batch.image + 0.5, flow, mask)
    terms = distillation.terms(batch, edited(batch, drawn, y_t, pairs)) | held_back("relief", batch, drawn)
    assert terms.pop("rgb/paint") > 0  # by hand below
    assert {name: term.item() for name, term in terms.items()} == pytest.approx(
        {
            "rgb/flow": 0,  # it is the same everywhere
            "rgb/mask": 0.25,
            "rgb/pair": expected,
            "rgb/way": (3**2 + 2**2) / 2,  # 4 pixels instead of 1 and of 2
        },
        rel=1e-3,
    )
    assert set(distillation.terms(batch, edited(batch, GeneratorOutput(batch.image), y_t, pairs))) == {"rgb/pair"}
    assert (
        held_back("stargan", batch, GeneratorOutput(batch.image))
        == Distillation().terms(batch, edited(batch, drawn, y_t, None))
        == {}
    )
    alone = make_batch(train, rows[:1], "depth")
    unpaired = edited(alone, GeneratorOutput(batch.image[:1], flow[:1], mask[:1]), y_t[:1], pairs)
    terms = distillation.terms(alone, unpaired)
    assert terms["rgb/pair"].item() == terms["rgb/way"].item() == 0


def test_the_identity_term_is_one_minus_the_cosine(splits: Splits) -> None:
    batch = make_batch(splits["train"], np.array([0]), "depth")
    half = torch.ones_like(batch.image)
    half[..., half.shape[-1] // 2 :] = 0
    batch = dataclasses.replace(batch, image=half.requires_grad_(True))
    image = torch.ones_like(half, requires_grad=True)  # directions (1, 0) and (1, 1)
    term = Distillation(encoder=Halves()).terms(batch, edited(batch, GeneratorOutput(image), batch.label, None))[
        "rgb/id"
    ]
    assert term.item() == pytest.approx(1 - 0.5**0.5)
    term.backward()
    assert image.grad is not None and image.grad.abs().sum() > 0
    assert half.grad is None  # the photo is what the edit is compared with


def test_the_encoder_follows_the_photos_to_their_device(splits: Splits) -> None:
    """Each of several processes has a device of its own; "meta" stands in for it."""
    batch = make_batch(splits["train"], np.array([0]), "depth")
    image = batch.image.to("meta")
    encoder = torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Linear(image[0].numel(), 2))
    edits = edited(batch, GeneratorOutput(image), batch.label, None)
    assert Distillation(encoder=encoder).terms(dataclasses.replace(batch, image=image), edits)["rgb/id"].is_meta


def test_with_pseudo_targets_any_expression_is_a_target(splits: Splits) -> None:
    """Without them the batch's own labels, permuted."""
    batch = make_batch(splits["train"], np.flatnonzero(splits["train"].label == 1)[:4], "depth")
    noise = [StepRandom(0, step, torch.device("cpu")) for step in range(20)]
    method, known = TRAINING_METHODS["stargan"](ExpressionTraining(guide="none")), torch.ones(3) > 0
    assert {int(k) for n in noise for k in method.choose(batch, n, known)} == {1}
    drawn = torch.cat([Distillation.choose(batch, n, 3) for n in noise])
    assert drawn.shape == (80,)
    assert np.bincount(drawn, minlength=3).min() > 10  # 27 on the average


def test_rare_expressions_are_targets_only(small: Small, splits: Splits, tmp_path: Path, metrics: Metrics) -> None:
    """They fill no batch; D_rgb learns them from pseudo-targets, and D_depth, which cannot, does not teach them."""
    train = splits["train"]
    counts = np.bincount(train.label)
    keep = np.sort(np.concatenate([np.flatnonzero(train.label == 0)[:1], np.flatnonzero(train.label > 0)]))
    few = Arrays(
        *(getattr(train, n)[keep] for n in ("image", "depth", "normal", "label")),
        train.expressions,
        tuple(train.samples[row] for row in keep),
    )
    config = small(ExpressionTraining, guide="none", warm_start="morphable", min_photos=2, steps=4)
    batches = Batches(few, config, "depth")
    assert counts.min() > 1 and batches.known_classes.tolist() == [False, True, True]
    assert {int(k) for step in range(20) for k in batches(step).label} == {1, 2}
    train_expression(config, few, splits["val"], tmp_path / "run", DATA_FACTS, distillation=Distillation(pairs_of(few)))
    assert all("D_rgb/pair" in line for line in metrics(tmp_path / "run"))
    with pytest.raises(
        DatasetError, match=r"^fewer than two expressions have 99 training photos; lower --set min_photos$"
    ):
        Batches(few, small(ExpressionTraining, min_photos=99), "depth")


@pytest.mark.parametrize("backbone", ["stargan", "relief"])
def test_a_warm_start_teaches_the_targets_first(
    small: Small, splits: Splits, tmp_path: Path, metrics: Metrics, backbone: str
) -> None:
    config = small(
        ExpressionTraining, guide="none", method=backbone, warm_start="morphable", warm_up=30, steps=32, lr=2e-3
    )
    train_expression(
        config,
        splits["train"],
        splits["val"],
        tmp_path / "run",
        DATA_FACTS,
        distillation=Distillation(pairs_of(splits["train"])),
    )
    lines = metrics(tmp_path / "run")
    before, after = lines[:30], lines[30:]
    moving, asked = set(), {f"G/{name}" for name in RGB}
    if backbone == "relief":
        moving, asked = {f"G/rgb/{name}" for name in ("flow", "mask", "way", "paint")}, asked | {"G/rgb/match"}
    for some, terms in ((before, set()), (after, asked)):
        for line in some:
            assert {name for name in line if name.startswith("G/")} == {"G/rgb/pair"} | moving | terms
    learnt = [line["G/rgb/pair"] for line in before]
    assert np.mean(learnt[-5:]) < 0.8 * np.mean(learnt[:5])


def test_paint_is_free_where_lessons_paint_and_in_shades() -> None:
    """A taught that opens a mouth of 2 x 2 pixels at (20, 20): paint costs from three pixels on, beyond 0.1."""
    image, still = torch.zeros(1, 1, 32, 32), torch.zeros(1, 2, 32, 32)
    mouth = image.clone()
    mouth[..., 20:22, 20:22] = -0.8
    taught = TargetBatch(torch.tensor([0]), torch.tensor([1]), mouth, still)

    def cost(row: int, column: int, paint: float) -> float:
        edited = image.clone()
        edited[..., row, column] = paint
        return overpaint(image, edited, still, taught).item() * 32 * 32

    assert cost(20, 20, -0.8) == cost(18, 23, -0.9) == cost(5, 5, 0.1) == 0
    assert cost(5, 5, -0.4) == pytest.approx(0.3)
    assert cost(17, 20, 0.4) == pytest.approx(0.3)
    assert cost(20, 20, 1.0) == pytest.approx(0.1)


def test_what_the_flow_moves_is_not_paint() -> None:
    torch.manual_seed(0)
    image, flow = torch.rand(1, 1, 32, 32), torch.full((1, 2, 32, 32), 0.1)
    taught = TargetBatch(torch.tensor([0]), torch.tensor([1]), image, torch.zeros_like(flow))
    assert overpaint(image, warped(image, flow), flow, taught) == 0
    assert overpaint(image, warped(image, flow), torch.zeros_like(flow), taught) > 0.05


def test_a_relief_run_holds_its_cycle_loosely_unless_told() -> None:
    loose = make_config(ExpressionTraining, "cpu", {"method": "relief"})
    assert (loose.rec_weight, loose.warm_start, loose.warm_up) == (1.0, "morphable", 1000)
    assert make_config(ExpressionTraining, "cpu", {"method": "relief", "rec_weight": "4"}).rec_weight == 4
    assert make_config(ExpressionTraining, "cpu", {"method": "stargan"}).rec_weight == 10
    with pytest.raises(FacereliefError, match=r"^no warm_start 'cold'; choose from none, morphable, paired$"):
        make_config(ExpressionTraining, "cpu", {"warm_start": "cold"})


def test_an_unknown_backbone(small: Small) -> None:
    with pytest.raises(FacereliefError, match=r"^no method 'unet'; choose from attgan, cyclegan, .*, stargan, stgan$"):
        build_nets(small(ExpressionTraining, guide="none", method="unet"), None)
