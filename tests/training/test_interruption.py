"""A training that is interrupted between two saves goes on from the step it was at, bit for bit."""

import signal
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
import torch

from facerelief.checkpoint import load_checkpoint
from facerelief.config import DepthTraining
from facerelief.errors import FacereliefError, Interrupted
from facerelief.training.launch import run_depth
from facerelief.training.run.session import Session

# Nothing is saved before the end, and lines of the log are means over steps on both sides of an interruption.
RARE = {"steps": 30, "save_every": 1000, "log_every": 7, "sample_every": 1000, "r1_every": 4}


# The command line, which gets a signal in the middle of a step.
INTERRUPTED = """
import os
from facerelief.cli import main
from facerelief.training.run.session import Session

def descend(self, player, terms, weights, step, *names):
    if step == {step} and not sent:
        sent.append(os.kill(os.getpid(), {number}))
    whole(self, player, terms, weights, step, *names)

sent, whole, Session.descend = [], Session.descend, descend
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
        program = INTERRUPTED.format(step=step, number=int(number))
        _, said = command_line.end(command_line.train("depth", faces, run, launcher=("-c", program), **RARE), code=130)
        done = load_checkpoint(run / "state.safetensors", "state").facts["step"]
        assert done == step + 1  # the step was finished
        assert said.endswith(
            f"facerelief: interrupted; {done} of 30 steps are saved in {run}, the same command goes on there\n"
        )
    command_line.end(command_line.train("depth", faces, run, **RARE))
    run_depth(faces, small(DepthTraining, **RARE), unbroken)
    for name, kind in (("weights.safetensors", "depth"), ("state.safetensors", "state")):
        first, second = (load_checkpoint(one / name, kind) for one in (run, unbroken))
        assert first.facts == second.facts
        assert list(first.tensors) == list(second.tensors)
        assert [key for key, value in first.tensors.items() if not torch.equal(value, second.tensors[key])] == []
    assert [line["step"] for line in metrics(run)] == [7, 14, 21, 28, 30]
    assert metrics(run) == metrics(unbroken)


def session_of(small: Callable[..., Any], folder: Path) -> tuple[Session, torch.nn.Module]:
    session = Session("depth", small(DepthTraining, steps=9, log_every=9), folder, {})
    torch.manual_seed(3)
    (net,) = session.adopt({"mover": torch.nn.Linear(2, 1)}, fixed={})
    return session, net


def train(
    session: Session, net: torch.nn.Module, interruptions: Mapping[int, int] | None = None, scale: float = 1.0
) -> list[int]:
    """Take the steps; signals come in the middle of them, so many at a step."""
    steps = []
    for step in session.steps(lambda path: None):
        steps.append(step)
        for _ in range((interruptions or {}).get(step, 0)):
            signal.raise_signal(signal.SIGINT)
        session.descend("G", {"adv": net(torch.ones(2)).sum() * scale}, {"adv": 2.0}, step, "mover")
    return steps


@pytest.fixture(autouse=True)
def _signals_of_a_fresh_process() -> Iterator[None]:
    """Whatever tests before this one have left."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


def test_a_signal_waits_for_the_end_of_a_step_and_a_second_one_does_not(
    small: Callable[..., Any], tmp_path: Path, metrics: Callable[[Path], list[dict[str, float]]]
) -> None:
    session, net = session_of(small, tmp_path)
    with pytest.raises(Interrupted, match=r"^4 of 9 steps are saved in "):
        train(session, net, interruptions={3: 1})
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler

    session, net = session_of(small, tmp_path)
    with pytest.raises(KeyboardInterrupt) as end:
        train(session, net, interruptions={5: 2})
    assert not isinstance(end.value, Interrupted)
    assert load_checkpoint(tmp_path / "state.safetensors", "state").facts["step"] == 4
    session.run.close()

    session, net = session_of(small, tmp_path)
    assert train(session, net) == [4, 5, 6, 7, 8]
    (line,) = metrics(tmp_path)
    assert line["step"] == 9
    assert line["weighted/G/adv"] == pytest.approx(2 * line["G/adv"])


def test_a_state_that_is_not_finite_is_not_saved(small: Callable[..., Any], tmp_path: Path) -> None:
    session, net = session_of(small, tmp_path)
    with pytest.raises(FacereliefError, match="G/adv is not finite at step 0"):
        train(session, net, interruptions={0: 1}, scale=float("nan"))
    assert not (tmp_path / "state.safetensors").exists()
