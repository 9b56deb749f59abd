"""A training that is interrupted between two saves goes on from the step it was at, bit for bit."""

import signal
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from facerelief.checkpoint import load_checkpoint
from facerelief.config import DepthTraining
from facerelief.data import Dataset
from facerelief.errors import FacereliefError, Interrupted
from facerelief.training.launch import run_depth
from facerelief.training.run.session import Learner, Session

# Nothing is saved before the end, and lines of the log are means over steps on both sides of an interruption.
RARE = {"steps": 30, "save_every": 1000, "log_every": 7, "sample_every": 1000, "r1_every": 4}


# The command line, which gets signals in the middle of a step. In a process of its own: what would interrupt the tests'
# own process can end all of them.
INTERRUPTED = """
import signal
from facerelief.cli import main
from facerelief.training.run.session import Learner, Session

def optimizer_step(self, player, terms, weights, step, *names):
    if step == {step} and not sent:
        for _ in range({times}):
            sent.append({number})
            signal.raise_signal({number})
    whole(self, player, terms, weights, step, *names)

sent, whole, Session.optimizer_step = [], Session.optimizer_step, optimizer_step
main()
"""


def test_interrupted_between_two_saves(
    faces: Path,
    tmp_path: Path,
    command_line: Any,
    small: Callable[..., Any],
    metrics: Callable[[Path], list[dict[str, float]]],
) -> None:
    run, unbroken = tmp_path / "run", tmp_path / "unbroken"
    for number, step in ((signal.SIGINT, 9), (signal.SIGTERM, 17)):
        program = INTERRUPTED.format(step=step, number=int(number), times=1)
        _, said = command_line.end(command_line.train("depth", faces, run, launcher=("-c", program), **RARE), code=130)
        done = load_checkpoint(run / "state.safetensors", "state").facts["step"]
        assert done == step + 1  # the step was finished
        assert said.endswith(
            f"facerelief: interrupted; {done} of 30 steps are saved in {run}; run the same command again to resume\n"
        )
    command_line.end(command_line.train("depth", faces, run, **RARE))
    run_depth(Dataset(faces), small(DepthTraining, **RARE), unbroken)
    for name, kind in (("weights.safetensors", "depth"), ("state.safetensors", "state")):
        first, second = (load_checkpoint(one / name, kind) for one in (run, unbroken))
        assert first.facts == second.facts
        assert list(first.tensors) == list(second.tensors)
        assert [key for key, value in first.tensors.items() if not np.array_equal(value, second.tensors[key])] == []
    assert [line["step"] for line in metrics(run)] == [7, 14, 21, 28, 30]
    assert metrics(run) == metrics(unbroken)


def test_a_second_signal_does_not_wait_for_the_end_of_a_step(faces: Path, tmp_path: Path, command_line: Any) -> None:
    run, settings = tmp_path / "run", RARE | {"steps": 9, "save_every": 4}
    program = INTERRUPTED.format(step=5, number=int(signal.SIGINT), times=2)
    _, said = command_line.end(command_line.train("depth", faces, run, launcher=("-c", program), **settings), code=130)
    assert load_checkpoint(run / "state.safetensors", "state").facts["step"] == 4
    assert "5 of 9" not in said and "6 of 9" not in said


def session_of(small: Callable[..., Any], folder: Path) -> tuple[Session, torch.nn.Module]:
    session = Session("depth", small(DepthTraining, steps=9, log_every=9), folder, {})
    torch.manual_seed(3)
    net = session.prepare({"mover": Learner(torch.nn.Linear(2, 1), 1e-4)}, fixed={})["mover"]
    return session, net


def train(session: Session, net: torch.nn.Module, stop: int | None = None, scale: float = 1.0) -> None:
    """Take the steps; a noted interruption comes in the middle of one."""
    for step in session.steps(lambda path: None):
        if step == stop:
            signal.getsignal(signal.SIGINT)(signal.SIGINT, None)  # type: ignore[operator, misc, arg-type]
        session.optimizer_step("G", {"adv": net(torch.ones(2)).sum() * scale}, {"adv": 2.0}, step, "mover")


@pytest.fixture(autouse=True)
def _signals_of_a_fresh_process() -> Iterator[None]:
    """Whatever tests before this one have left."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


def test_handlers_are_put_back_and_means_are_over_both_sides(
    small: Callable[..., Any], tmp_path: Path, metrics: Callable[[Path], list[dict[str, float]]]
) -> None:
    session, net = session_of(small, tmp_path / "run")
    with pytest.raises(Interrupted, match=r"^4 of 9 steps are saved in "):
        train(session, net, stop=3)
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler

    session, net = session_of(small, tmp_path / "run")
    train(session, net)
    (line,) = metrics(tmp_path / "run")
    assert line["step"] == 9
    assert line["weighted/G/adv"] == pytest.approx(2 * line["G/adv"])
    session, net = session_of(small, tmp_path / "unbroken")
    train(session, net)
    assert metrics(tmp_path / "unbroken") == [line]


def test_a_state_that_is_not_finite_is_not_saved(small: Callable[..., Any], tmp_path: Path) -> None:
    session, net = session_of(small, tmp_path)
    with pytest.raises(FacereliefError, match="G/adv is not finite at step 0"):
        train(session, net, stop=0, scale=float("nan"))
    assert not (tmp_path / "state.safetensors").exists()
