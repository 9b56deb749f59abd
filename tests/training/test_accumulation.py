"""A batch that is computed in parts teaches what it teaches at once: with plain gradient descent the weights agree.

Adam's first steps turn on the sign of tiny gradients, so here all networks learn by gradient descent.
"""

from collections.abc import Callable
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import pytest
import torch
from torch import nn

from facerelief.checkpoint import load_checkpoint
from facerelief.config import DepthTraining, ExpressionTraining, IdentityTraining
from facerelief.conformance import tiny_dataset
from facerelief.data import Dataset
from facerelief.data.arrays import Arrays
from facerelief.data.batches import Rows
from facerelief.errors import FacereliefError
from facerelief.expressions import EXPRESSIONS
from facerelief.networks.classifier import Classifier
from facerelief.training import identity
from facerelief.training.depth import build_depth_nets
from facerelief.training.expression import train_expression
from facerelief.training.guidance import Guidance
from facerelief.training.launch import run_depth, run_expression
from facerelief.training.methods import TRAINING_METHODS
from facerelief.training.run.folder import read_metrics
from facerelief.training.run.running_statistics import RunningStatistics
from facerelief.training.run.session import Learner, Session
from facerelief.training.steps.distillation import Distillation
from facerelief.training.steps.pseudo_targets import PseudoTargets

Small = Callable[..., Any]
Splits = dict[str, Arrays]
# They normalise by the statistics of what is computed at once; whole batches differ from their parts.
WITH_BATCH_NORM = {"attgan", "stgan", "icgan"}
SHARED = {"steps": 2, "batch": 6, "lr": 0.02, "d_lr": 0.02, "decay_from": 1.0, "augment": True, "ema": 0.5}


class Descent(torch.optim.SGD):
    """Gradient descent with Adam's arguments, which tells how far the weights have moved."""

    made: ClassVar[list["Descent"]] = []

    def __init__(self, parameters: Any, lr: float, betas: Any, weight_decay: float, fused: bool) -> None:
        self.learnt = list(parameters)
        self.start = [parameter.detach().clone() for parameter in self.learnt]
        super().__init__(self.learnt, lr)
        self.made.append(self)

    def moves(self) -> list[torch.Tensor]:
        return [now.detach() - before for now, before in zip(self.learnt, self.start, strict=True)]


@pytest.fixture(autouse=True)
def descent(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.optim, "Adam", Descent)
    monkeypatch.setattr(Descent, "made", [])


def assert_moved_alike(runs: int) -> None:
    """All weights have moved as in the first run, but for 3% of each tensor's move.

    A loss with absolute values or rectifiers has kinks, and rounding decides on which side of one a pixel lies: 0.3%
    of a move has been seen. A part with a wrong share of the batch is off by a tenth at least.
    """
    moves = [move for one in Descent.made for move in one.moves()]
    each = len(moves) // runs
    first, *others = (moves[i * each : (i + 1) * each] for i in range(runs))
    assert first and len(moves) == runs * each
    for other in others:
        for found, expected in zip(other, first, strict=True):
            unseen = 1e-7 * expected.numel() ** 0.5  # a bias in front of a norm moves by rounding alone
            assert torch.dist(found, expected) <= 0.03 * expected.norm() + unseen


def assert_alike(runs: list[Path]) -> None:
    """Moves of the weights; averages and pools of the states; and the terms of the logs."""
    assert_moved_alike(len(runs))
    first, *others = (load_checkpoint(run / "state.safetensors", "state").tensors for run in runs)
    lines = [read_metrics(run) for run in runs]
    for run, other in enumerate(others, 1):
        assert other.keys() == first.keys()
        for name, value in first.items():
            np.testing.assert_allclose(other[name], value, rtol=0, atol=1e-4, err_msg=name)
        assert [line.keys() for line in lines[run]] == [line.keys() for line in lines[0]]
        for line, expected in zip(lines[run], lines[0], strict=True):
            for name, value in expected.items():
                assert line[name] == pytest.approx(value, rel=1e-3, abs=1e-4), name


@pytest.mark.parametrize("objective", ["wgan-gp", "r1"])
@pytest.mark.parametrize("d_steps", [1, 2])
def test_the_depth_network(faces: Path, small: Small, tmp_path: Path, objective: str, d_steps: int) -> None:
    runs = []
    for accumulate in (1, 2, 4):
        config = small(
            DepthTraining,
            **{**SHARED, "batch": 9, "accumulate": accumulate, "objective": objective, "d_steps": d_steps},
            **{"r1_every": 2, "guide": "both", "gp_weight": 1.0},
        )
        runs.append(run_depth(Dataset(faces), config, tmp_path / str(accumulate)).parent)
    assert_alike(runs)


@pytest.mark.parametrize("method", sorted(set(TRAINING_METHODS) - WITH_BATCH_NORM))
def test_every_method(small: Small, tmp_path: Path, method: str) -> None:
    pytest.importorskip("scipy", reason="synthetic faces need it")
    objective = "r1" if method in ("diat", "elegant") else "wgan-gp"
    changes = {"method": method, "guide": "none", "objective": objective, "r1_every": 2, "gp_weight": 1.0}
    changes |= {"expressions": EXPRESSIONS, "warm_start": "none", "match_weight": 0.0, "d_steps": 2, "steps": 4}
    runs = []
    for accumulate in (1, 3):
        config = small(ExpressionTraining, **{**SHARED, **changes, "accumulate": accumulate})
        runs.append(run_expression(tiny_dataset()[0], config, tmp_path / str(accumulate)).parent)
    assert_alike(runs)


def test_guided_with_means_over_some_photos(small: Small, splits: Splits, tmp_path: Path) -> None:
    """Half of the photos have a pseudo-target, an expression is in no batch, and parts have other numbers of both."""
    train, runs = splits["train"], []
    rare = np.flatnonzero(train.label == 2)[1:]
    few = train.label.copy()
    few[rare] = 0
    train = Arrays(train.image, train.depth, train.normal, few, train.expressions, train.samples)
    place = np.where(np.arange(len(few)) % 3 > 0, np.arange(len(few)), -1)
    pictures = np.stack([np.roll(train.image, 2 * k, axis=3) for k in range(3)], axis=1)
    flow = np.broadcast_to(np.arange(3)[None, :, None, None, None] / 90, (len(few), 3, 2, 32, 32)).astype(np.float16)
    for accumulate in (1, 2, 5):
        config = small(
            ExpressionTraining,
            **{**SHARED, "batch": 11, "steps": 4, "accumulate": accumulate, "method": "relief", "guide": "depth"},
            **{"match_weight": 1.0, "objective": "r1", "r1_every": 1, "paint_weight": 5.0, "d_steps": 2},
            min_photos=2,
        )
        torch.manual_seed(5)
        depth = build_depth_nets(small(DepthTraining))
        targets = Distillation(PseudoTargets(place, pictures, flow))
        path = train_expression(
            config, train, splits["val"], tmp_path / str(accumulate), {}, Guidance(depth), distillation=targets
        )
        runs.append(path.parent)
    assert_alike(runs)
    assert "D_rgb/pair" in read_metrics(runs[0])[-1] and "G/rgb/way" in read_metrics(runs[0])[-1]


class Mean(nn.Module):
    """An encoder without batch norm: unit vectors of a linear layer."""

    def __init__(self) -> None:
        super().__init__()
        self.layer = nn.Linear(3 * 16, 4)

    def forward(self, image: torch.Tensor) -> torch.Tensor:
        pooled = nn.functional.adaptive_avg_pool2d(image, 4).flatten(1)
        return nn.functional.normalize(self.layer(pooled), dim=1)


def test_people_are_compared_across_parts(
    small: Small, splits: Splits, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The identity encoder's loss compares each photo with all of the batch, also with those of other parts."""
    monkeypatch.setattr(identity, "build_encoder", lambda config: Mean())
    monkeypatch.setattr(identity, "embed_all", lambda encoder, arrays: np.ones((len(arrays.label), 1)))
    runs = []
    for accumulate in (1, 2, 3):
        config = small(IdentityTraining, **{**SHARED, "batch": 14, "accumulate": accumulate, "lr": 0.5})
        held_out = [splits["val"], splits["test"]]
        path, _ = identity.train_identity(config, splits["train"], held_out, tmp_path / str(accumulate), {})
        runs.append(path.parent)
    assert_alike(runs)


def test_running_statistics_are_the_mean_over_parts() -> None:
    """By hand: two parts with means 1 and 4, of which the second is twice as large; momentum 0.1, from 0."""
    net = nn.Sequential(nn.BatchNorm1d(1))
    tally = RunningStatistics([net])
    for share, value in ((1 / 3, 1.0), (2 / 3, 4.0)):
        net(torch.tensor([[value - 1], [value + 1]]))
        tally.end_part(share)
        assert net[0].running_mean.item() == 0
    tally.end()
    assert net[0].running_mean.item() == pytest.approx(0.1 * (1 / 3 * 1 + 2 / 3 * 4))
    assert net[0].running_var.item() == pytest.approx(0.9 + 0.1 * 2)
    assert net[0].num_batches_tracked.item() == 1


def test_a_part_is_dropped_out_of_as_any_process_would(small: Small, tmp_path: Path) -> None:
    session = Session("depth", small(DepthTraining, accumulate=2, steps=1, batch=6), tmp_path, {})
    session.prepare({"judge": Learner(Classifier(width=4), 1e-3)}, fixed={})
    assert session.parts(6) == [Rows(0, 2, 6), Rows(2, 6, 6)]
    for _ in session.steps(lambda path: None):
        drawn = list(session.by_part(torch.rand(3) for _ in range(2)))
        torch.manual_seed(0 * 64 + 1)  # of process 1, were there two
        assert not drawn[0].equal(drawn[1]) and drawn[1].equal(torch.rand(3))


def test_more_parts_than_photos(faces: Path, small: Small, tmp_path: Path) -> None:
    config = small(DepthTraining, batch=4, accumulate=5)
    with pytest.raises(FacereliefError) as caught:
        run_depth(Dataset(faces), config, tmp_path / "run")
    assert str(caught.value) == (
        "a batch of 4 photos cannot be divided into 5 parts (processes times accumulate); "
        "give a larger --set batch, or fewer of them"
    )
    with pytest.raises(FacereliefError, match="accumulate must be at least 1, not 0"):
        small(DepthTraining, accumulate=0)
