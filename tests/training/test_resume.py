"""A training that is killed with SIGKILL and typed again ends as one that was not, bit for bit."""

import signal
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from facerelief.checkpoint import load_checkpoint
from facerelief.config import DepthTraining, ExpressionTraining
from facerelief.data import Dataset
from facerelief.training.launch import run_depth, run_expression

Small = Callable[..., Any]
Metrics = Callable[[Path], list[dict[str, float]]]
PACE = {"steps": 40, "save_every": 5, "log_every": 2, "sample_every": 20, "r1_every": 4}
LOGGED = sorted({*range(2, 41, 2), *range(5, 41, 5)})
# The command line, killed when half of the state of step 10 is written.
KILLED_WHILE_SAVING = """
import os, signal
from facerelief.cli import main
from facerelief import checkpoint

def save_half(tensors, path, metadata):
    whole(tensors, path, metadata=metadata)
    if metadata["format"] == "facerelief-state" and '"step": 10' in metadata["facts"]:
        os.truncate(path, path.stat().st_size // 2)
        os.kill(os.getpid(), signal.SIGKILL)

whole, checkpoint.save_file = checkpoint.save_file, save_half
main()
"""


@pytest.fixture(scope="module")
def unbroken_depth(faces: Path, small: Small, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A finished stage 1 that was never interrupted."""
    folder = tmp_path_factory.mktemp("stage1") / "depth"
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("ACCELERATE_USE_CPU", "true")
        torch.set_num_threads(1)
        run_depth(Dataset(faces), small(DepthTraining, **PACE), folder)
    return folder


def kill_midway(process: subprocess.Popen[str], run: Path) -> None:
    """SIGKILL once a state was saved and more was logged since."""
    deadline = time.monotonic() + 300
    while time.monotonic() < deadline:
        lines = (run / "metrics.jsonl").read_text().count("\n") if (run / "state.safetensors").is_file() else 0
        if lines >= 5 or process.poll() is not None:
            break
        time.sleep(0.002)
    process.kill()
    out, err = process.communicate()
    assert process.returncode == -signal.SIGKILL, out + err
    assert not (run / "weights.safetensors").exists()


def assert_same_run(one: Path, other: Path, kind: str, metrics: Metrics) -> None:
    """Tensors bit for bit, the log line for line, the grids pixel for pixel."""
    for name, what in (("weights.safetensors", kind), ("state.safetensors", "state")):
        first, second = (load_checkpoint(run / name, what).tensors for run in (one, other))
        assert list(first) == list(second)
        assert [name for name, value in first.items() if not np.array_equal(value, second[name])] == []
    assert metrics(one) == metrics(other)
    assert [line["step"] for line in metrics(one)] == LOGGED
    grids = [{path.name: path.read_bytes() for path in (run / "samples").iterdir()} for run in (one, other)]
    assert sorted(grids[0]) == ["step-0000020.png", "step-0000040.png"]
    assert grids[0] == grids[1]
    assert not [*one.glob(".partial-*"), *other.glob(".partial-*")]


def contents(run: Path) -> dict[Path, bytes]:
    return {path.relative_to(run): path.read_bytes() for path in run.rglob("*") if path.is_file()}


def test_stage_1(faces: Path, unbroken_depth: Path, tmp_path: Path, command_line: Any, metrics: Metrics) -> None:
    """Killed twice, once while the state is written; when it is finished it stays as it is."""
    run = tmp_path / "run"
    process = command_line.train("depth", faces, run, launcher=("-c", KILLED_WHILE_SAVING), **PACE)
    out, err = process.communicate(timeout=300)
    assert process.returncode == -signal.SIGKILL, out + err
    assert len(list(run.glob(".partial-*"))) == 1
    assert load_checkpoint(run / "state.safetensors", "state").facts == {"step": 5}
    assert metrics(run)[-1]["step"] == 10  # logged, but not in the state

    kill_midway(command_line.train("depth", faces, run, **PACE), run)
    command_line.end(command_line.train("depth", faces, run, **PACE))
    assert_same_run(run, unbroken_depth, "depth", metrics)

    finished = contents(run)
    again, other = (
        command_line.train("depth", faces, run, **PACE),
        command_line.train("depth", faces, run, lr=1, **PACE),
    )
    command_line.end(again)
    out, err = command_line.end(other, code=2)
    assert err == f"facerelief: {run} holds a run with another config.lr; choose another folder or delete it\n"
    assert contents(run) == finished


@pytest.mark.parametrize(
    ("guide", "settings"),
    [
        ("none", {"objective": "wgan-gp", "d_steps": 2}),
        ("depth", {"warm_up": 8, "depth_weight": 0.3, "augment": True}),
    ],
)
def test_stage_2(
    faces: Path,
    unbroken_depth: Path,
    tmp_path: Path,
    command_line: Any,
    small: Small,
    metrics: Metrics,
    guide: str,
    settings: dict[str, Any],
) -> None:
    run, unbroken = tmp_path / "run", tmp_path / "unbroken"
    depth = unbroken_depth if guide == "depth" else None
    words = ["--guide", guide, *(["--depth", depth] if depth else [])]
    settings = {"warm_up": 0} | PACE | settings
    kill_midway(command_line.train("expression", faces, run, *words, **settings), run)
    resumed = command_line.train("expression", faces, run, *words, **settings)
    run_expression(Dataset(faces), small(ExpressionTraining, guide=guide, **settings), unbroken, depth=depth)
    command_line.end(resumed)
    assert_same_run(run, unbroken, "editor", metrics)
