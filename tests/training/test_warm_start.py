"""Stage 2 with a warm start, and with another backbone than the paper's."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from facerelief.config import ExpressionTraining, make_config
from facerelief.data.arrays import Arrays
from facerelief.data.batches import make_batch
from facerelief.data.pairs import Pairs
from facerelief.errors import FacereliefError
from facerelief.networks.backbones import Drawn
from facerelief.training.expression import Edited, build_nets, lessons, train_expression

Small = Callable[..., Any]
Splits = dict[str, Arrays]
Metrics = Callable[[Path], list[dict[str, float]]]
BASIS = {"metadata_sha256": "ab"}
RGB = {"rgb/adv", "rgb/cls", "rgb/rec"}


def pairs_of(train: Arrays) -> Pairs:
    """Pseudo-targets of the first half of the photos: each photo, darker by its target's number times 20 levels and
    moved by as many pixels.
    """
    half, size = len(train.label) // 2, train.size
    place = np.where(np.arange(len(train.label)) < half, np.arange(len(train.label)), -1)
    darker = [train.image[:half].astype(int) - 20 * k for k in range(3)]
    flow = np.broadcast_to(np.arange(3)[None, :, None, None, None] / size, (half, 3, 2, size, size))
    return Pairs(place, np.stack(darker, axis=1).clip(0, 255).astype(np.uint8), flow.astype(np.float16))


def test_lessons_by_hand(splits: Splits) -> None:
    """The mean distance to the targets of those that have one, and what holds flow and mask back."""
    train = splits["train"]
    pairs, rows = pairs_of(train), np.array([len(train.label) - 1, 0, 1])
    batch = make_batch(train, rows, "depth")
    y_t, size = torch.tensor([0, 1, 2]), train.size
    flow, mask = torch.full((3, 2, size, size), 4 / size), torch.full((3, 1, size, size), 0.25)
    levels = (train.image[rows[1:]].astype(int) - np.array([20, 40])[:, None, None, None]).clip(0, 255)
    expected = np.abs(levels / 127.5 - 1 - (batch.image[1:] + 0.5).numpy()).mean()
    terms = lessons(batch, Edited(y_t, Drawn(batch.image + 0.5, flow, mask), None), pairs)
    assert {name: term.item() for name, term in terms.items()} == pytest.approx(
        {
            "rgb/flow": 0,  # it is the same everywhere
            "rgb/mask": 0.25,
            "rgb/pair": expected,
            "rgb/way": (3**2 + 2**2) / 2,  # 4 pixels instead of 1 and of 2
        },
        rel=1e-3,
    )
    assert set(lessons(batch, Edited(y_t, Drawn(batch.image), None), pairs)) == {"rgb/pair"}
    assert set(lessons(batch, Edited(y_t, Drawn(batch.image, flow, mask), None), None)) == {"rgb/flow", "rgb/mask"}
    unpaired = Edited(y_t[:1], Drawn(batch.image[:1], flow[:1], mask[:1]), None)
    terms = lessons(make_batch(train, rows[:1], "depth"), unpaired, pairs)
    assert terms["rgb/pair"].item() == terms["rgb/way"].item() == 0


@pytest.mark.parametrize("backbone", ["stargan", "relief"])
def test_a_warm_start_teaches_the_targets_first(
    small: Small, splits: Splits, tmp_path: Path, metrics: Metrics, backbone: str
) -> None:
    config = small(
        ExpressionTraining, guide="none", backbone=backbone, warm_start="morphable", warm_up=30, steps=32, lr=2e-3
    )
    train_expression(config, splits["train"], splits["val"], tmp_path / "run", BASIS, pairs=pairs_of(splits["train"]))
    lines = metrics(tmp_path / "run")
    before, after = lines[:30], lines[30:]
    moving = {"G/rgb/flow", "G/rgb/mask", "G/rgb/way"} if backbone == "relief" else set()
    for some, terms in ((before, set()), (after, {f"G/{name}" for name in RGB})):
        for line in some:
            assert {name for name in line if name.startswith("G/")} == {"G/rgb/pair"} | moving | terms
    learnt = [line["G/rgb/pair"] for line in before]
    assert np.mean(learnt[-5:]) < 0.8 * np.mean(learnt[:5])


def test_a_relief_run_holds_its_cycle_loosely_unless_told() -> None:
    loose = make_config(ExpressionTraining, "cpu", {"backbone": "relief"})
    assert (loose.rec_weight, loose.warm_start, loose.warm_up) == (1.0, "morphable", 1000)
    assert make_config(ExpressionTraining, "cpu", {"backbone": "relief", "rec_weight": "4"}).rec_weight == 4
    assert make_config(ExpressionTraining, "cpu", {"backbone": "stargan"}).rec_weight == 10
    with pytest.raises(FacereliefError, match=r"^no warm_start 'cold'; choose from none, morphable$"):
        make_config(ExpressionTraining, "cpu", {"warm_start": "cold"})


def test_an_unknown_backbone(small: Small) -> None:
    with pytest.raises(FacereliefError, match=r"^no backbone 'unet'; choose from relief, stargan$"):
        build_nets(small(ExpressionTraining, guide="none", backbone="unet"), None)
