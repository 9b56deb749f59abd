"""The life of a run around its steps, driven by a problem of one number."""

import math
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from facerelief.checkpoint import load_checkpoint
from facerelief.config import DepthTraining
from facerelief.errors import FacereliefError, MissingExtra, install_command
from facerelief.training.run.folder import read_metrics
from facerelief.training.run.log import Log
from facerelief.training.run.session import Learner, Session, decay

Small = Callable[..., Any]


class Number(nn.Module):
    """One weight."""

    def __init__(self, value: float = 1.0) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.tensor(value))

    def forward(self, x: Tensor) -> Tensor:
        return self.weight * x


def _learners(session: Session, mover: nn.Module, critic: nn.Module) -> dict[str, Learner]:
    return {"mover": Learner(mover, session.config.lr), "critic": Learner(critic, session.config.d_lr)}


class Killed(Exception):
    """Stands for a kill between two steps."""


def play(
    config: DepthTraining, folder: Path, kill: int | None = None, draw: Callable[[Path], None] = lambda path: None
) -> tuple[float, float]:
    """Two players, a value each, pulled towards numbers that depend on the step; their final values."""
    session = Session("depth", config, folder, {})
    mover, critic = Number(), Number(2.0)
    seen = list(session.prepare(_learners(session, mover=mover, critic=critic), fixed={}).values())
    for step in session.steps(draw):
        if step == kill:
            raise Killed
        x = session.noise(step).uniform(1) + torch.rand(1)  # seeded noise, and noise as dropout draws it
        session.optimizer_step("D", {"adv": (seen[1](x) - step).square().sum()}, {"adv": 2.0}, step, "critic")
        terms = {"adv": (seen[0](x) + step).square().sum(), "rec": seen[0](x).abs().sum()}
        session.optimizer_step("G", terms, {"adv": 1.0, "rec": 10.0}, step, "mover")
    session.close()
    return mover.weight.item(), critic.weight.item()


def test_the_rates_fall_linearly_to_zero(small: Small) -> None:
    config = small(DepthTraining, steps=100, decay_from=0.6)
    assert [decay(step, config) for step in (0, 59, 60)] == [1.0, 1.0, 1.0]
    assert decay(80, config) == pytest.approx(0.5)
    assert decay(99, config) == pytest.approx(1 / 40)
    constant = small(DepthTraining, steps=100, decay_from=1.0)
    assert {decay(step, constant) for step in range(100)} == {1.0}
    at_once = small(DepthTraining, steps=4, decay_from=0.0)
    assert [decay(step, at_once) for step in range(4)] == [1.0, 0.75, 0.5, 0.25]


def test_terms_are_logged_raw_and_weighted_as_means() -> None:
    log = Log()
    log.add("G", {"adv": torch.tensor(1.0), "rec": torch.tensor(3.0)}, {"adv": 1.0, "rec": 10.0}, 0)
    log.add("G", {"adv": torch.tensor(2.0)}, {"adv": 1.0, "rec": 10.0}, 1)
    log.add("D", {"adv": torch.tensor(-4.0)}, {"adv": 0.5}, 1)
    assert log.flush() == {
        "G/adv": 1.5,
        "weighted/G/adv": 1.5,
        "G/rec": 3.0,
        "weighted/G/rec": 30.0,
        "D/adv": -4.0,
        "weighted/D/adv": -2.0,
    }
    assert log.flush() == {}


def test_adams_first_step_is_the_rate_of_the_player(small: Small, tmp_path: Path) -> None:
    """Whatever the gradient's size: m / sqrt(v) is its sign."""
    mover, critic = play(small(DepthTraining, steps=1, lr=0.01, d_lr=0.05, decay_from=1.0), tmp_path)
    assert mover == pytest.approx(1 - 0.01, abs=1e-6)
    assert critic == pytest.approx(2 - 0.05, abs=1e-6)


@pytest.mark.parametrize(("decay_from", "steps"), [(1.0, 4.0), (0.5, 3.5), (0.0, 2.5)])
def test_the_last_steps_are_the_smaller_ones(small: Small, tmp_path: Path, decay_from: float, steps: float) -> None:
    """Under a constant gradient every step of Adam is as long as the rate: 1, 1, 1 and 1/2; or 1, 3/4, 1/2 and 1/4."""
    session = Session("depth", small(DepthTraining, steps=4, lr=0.01, decay_from=decay_from), tmp_path, {})
    number = Number()
    net = session.prepare({"mover": Learner(number, session.config.lr)}, fixed={})["mover"]
    for step in session.steps(lambda path: None):
        session.optimizer_step("G", {"adv": net(torch.ones(1)).sum()}, {"adv": 3.0}, step, "mover")
    assert number.weight.item() == pytest.approx(1 - 0.01 * steps, abs=1e-6)


def test_logs_samples_and_states_come_when_they_are_due_and_at_the_end(small: Small, tmp_path: Path) -> None:
    config = small(DepthTraining, steps=10, log_every=4, sample_every=3, save_every=6)
    seen: list[tuple[int, int]] = []
    drawn: list[str] = []
    session = Session("depth", config, tmp_path, {}, lambda done, total, values: seen.append((done, total)))
    net = session.prepare({"mover": Learner(Number(), session.config.lr)}, fixed={})["mover"]
    states = []
    for step in session.steps(lambda path: drawn.append(path.name)):
        states.append((tmp_path / "state.safetensors").is_file())
        session.optimizer_step("G", {"adv": net(torch.ones(1)).sum()}, {"adv": 1.0}, step, "mover")
    session.close()
    assert [line["step"] for line in read_metrics(tmp_path)] == [4, 6, 8, 10]  # 6: a state is saved
    assert seen == [(done, 10) for done in range(1, 11)]  # a bar moves with every step
    assert drawn == ["step-0000003.png", "step-0000006.png", "step-0000009.png", "step-0000010.png"]
    assert states == [False] * 6 + [True] * 4


@pytest.mark.parametrize("kill", [3, 5, 8, 11])
def test_a_run_that_was_interrupted_anywhere_ends_as_if_it_had_not_been(
    small: Small, tmp_path: Path, kill: int
) -> None:
    """Also where states are saved between log lines, which then come earlier, in both runs."""
    config = small(DepthTraining, steps=12, log_every=3, save_every=5, lr=0.1, betas=(0.9, 0.99))
    unbroken = play(config, tmp_path / "unbroken")
    with pytest.raises(Killed):
        play(config, tmp_path / "broken", kill)
    torch.rand(7)  # the state of the generators when it goes on has no part in it
    assert play(config, tmp_path / "broken") == unbroken
    assert read_metrics(tmp_path / "broken") == read_metrics(tmp_path / "unbroken")


@pytest.mark.parametrize("value", [math.nan, math.inf])
def test_the_first_term_that_is_not_finite_is_named_and_nothing_of_it_is_kept(
    small: Small, tmp_path: Path, value: float
) -> None:
    """Values are looked at when they are logged, steps later; by then every term is spoilt."""
    config = small(DepthTraining, steps=12, log_every=4, save_every=6)
    session = Session("depth", config, tmp_path, {})
    net = session.prepare({"mover": Learner(Number(), session.config.lr)}, fixed={})["mover"]

    def train() -> None:
        for step in session.steps(lambda path: None):
            spoilt = torch.tensor([value if step == 7 else 1.0])
            terms = {"adv": net(torch.ones(1)).sum(), "rec": net(spoilt).sum()}
            session.optimizer_step("G", terms, {"adv": 1.0, "rec": 1.0}, step, "mover")

    with pytest.raises(FacereliefError) as caught:
        train()
    code = "import sys; from pathlib import Path; from facerelief.files import lock_folder as lock\n"
    other = [sys.executable, "-c", f"{code}with lock(Path(sys.argv[1])): print('free')", str(tmp_path)]
    assert subprocess.run(other, capture_output=True, text=True, check=False).stdout == "free\n"
    assert str(caught.value) == "G/rec is not finite at step 7; start again with a lower --set lr"
    assert [line["step"] for line in read_metrics(tmp_path)] == [4, 6]
    saved = load_checkpoint(tmp_path / "state.safetensors", "state")
    assert saved.facts["step"] == 6
    assert np.isfinite(saved.tensors["mover.weight"])


def test_only_the_named_players_move(small: Small, tmp_path: Path) -> None:
    session = Session("depth", small(DepthTraining), tmp_path, {})
    mover, critic = Number(), Number()
    nets = list(session.prepare(_learners(session, mover=mover, critic=critic), fixed={}).values())
    loss = nets[1](nets[0](torch.ones(1))).sum()
    session.optimizer_step("G", {"adv": loss}, {"adv": 1.0}, 0, "mover")
    assert mover.weight.item() != 1.0
    assert critic.weight.item() == 1.0


def test_what_is_fixed_is_saved_with_the_learners(small: Small, tmp_path: Path) -> None:
    config = small(DepthTraining, steps=1)
    for value, expected in ((5.0, 5.0), (7.0, 5.0)):  # the second session finds the first one's state
        session = Session("depth", config, tmp_path, {})
        average = Number(value)
        session.prepare({"mover": Learner(Number(), 1e-4)}, fixed={"average": average})
        list(session.steps(lambda path: None))
        assert average.weight.item() == expected


def test_runs_of_one_program_may_differ_in_precision(small: Small, tmp_path: Path) -> None:
    found = []
    for number, precision in enumerate(("no", "bf16", "no")):
        session = Session("depth", small(DepthTraining, precision=precision), tmp_path / str(number), {})
        layer = nn.Linear(3, 3)
        net = session.prepare({"mover": Learner(nn.Sequential(layer), session.config.lr)}, fixed={})["mover"]
        inner: list[torch.dtype] = []
        layer.register_forward_hook(lambda module, x, y, inner=inner: inner.append(y.dtype))
        assert net(torch.ones(1, 3)).dtype == torch.float32
        found.append(inner[0])
        session.close()
    assert found == [torch.float32, torch.bfloat16, torch.float32]


def test_the_first_weights_come_from_the_seed(small: Small, tmp_path: Path) -> None:
    def weight(seed: int, name: str) -> float:
        Session("depth", small(DepthTraining, seed=seed), tmp_path / name, {})
        return nn.Linear(1, 1).weight.item()

    assert weight(3, "a") == weight(3, "b") != weight(4, "c")


def test_without_accelerate_the_extra_is_named(small: Small, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "accelerate", None)
    with pytest.raises(MissingExtra, match=re.escape(install_command("train"))):
        Session("depth", small(DepthTraining), tmp_path / "run", {})
    assert not (tmp_path / "run").exists()
