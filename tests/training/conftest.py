"""Tiny runs: their settings, their data, and the real command line in processes of its own."""

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from shells import CLASSES, SPLITS, read_split, write_dataset

from facerelief.config import Config
from facerelief.data.arrays import Arrays
from facerelief.training.presets import make_config

SMALL: dict[str, Any] = {
    "size": 32,
    "width": 8,
    "blocks": 1,
    "d_width": 8,
    "d_max_channels": 32,
    "batch": 6,
    "precision": "no",
    "steps": 8,
    "adv_weight": 1.0,
    "cls_weight": 1.0,
    "rec_weight": 10.0,
    "pix_weight": 10.0,
    "log_every": 1,
    "sample_every": 1000,
    "save_every": 1000,
    "expressions": CLASSES,
}


@pytest.fixture(autouse=True)
def _one_thread_on_the_cpu(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ACCELERATE_USE_CPU", "true")
    torch.set_num_threads(1)
    torch.manual_seed(0)


@pytest.fixture(scope="session")
def faces(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The dataset of 12 people with 3 expressions at 32 pixels; not to be changed."""
    return write_dataset(tmp_path_factory.mktemp("data") / "faces")


@pytest.fixture(scope="session")
def splits(faces: Path) -> dict[str, Arrays]:
    """Its arrays by split, in colour."""
    return {split: read_split(faces, split) for split in SPLITS}


@pytest.fixture(scope="session")
def small() -> Callable[..., Any]:
    """A configuration of a tiny run: `small(DepthTraining, guide="both")`."""

    def make(kind: type[Config], **changes: Any) -> Config:
        fields = kind.__dataclass_fields__
        values = SMALL | ({"warm_up": 0} if "warm_up" in fields else {})
        return make_config(kind, "cpu", values | changes)

    return make


class CommandLine:
    """`python -m facerelief` in a process of its own, with the settings of a tiny run."""

    environment = {  # noqa: RUF012  (never changed)
        **{k: v for k, v in os.environ.items() if k not in ("LOCAL_RANK", "RANK", "WORLD_SIZE")},
        "ACCELERATE_USE_CPU": "true",
        "OMP_NUM_THREADS": "1",
        "PYTHONWARNINGS": "error",
    }

    def start(self, *words: object, launcher: tuple[str, ...] = ("-m", "facerelief")) -> subprocess.Popen[str]:
        """Start a command and return its process."""
        command = [sys.executable, *launcher, *map(str, words)]
        return subprocess.Popen(command, stdout=-1, stderr=-1, text=True, env=self.environment)

    @staticmethod
    def words(kind: str, dataset: Path, run: Path, *words: object, **settings: Any) -> list[str]:
        """What follows `facerelief train` for a tiny run."""
        values = {k: ",".join(v) if k == "expressions" else v for k, v in (SMALL | settings).items()}
        sets = [word for name, value in values.items() for word in ("--set", f"{name}={value}")]
        return [str(word) for word in (kind, dataset, "-o", run, *words, *sets)]

    def train(self, kind: str, dataset: Path, run: Path, *words: object, **settings: Any) -> subprocess.Popen[str]:
        """Start a tiny `facerelief train`."""
        launcher = settings.pop("launcher", ("-m", "facerelief"))
        return self.start("train", *self.words(kind, dataset, run, *words, **settings), launcher=launcher)

    @staticmethod
    def end(process: subprocess.Popen[str], code: int = 0) -> tuple[str, str]:
        """Wait for a process; what it wrote to standard output and standard error."""
        out, err = process.communicate(timeout=300)
        assert process.returncode == code, out + err
        return out, err


@pytest.fixture(scope="session")
def command_line() -> CommandLine:
    """Runs the real command line."""
    return CommandLine()


@pytest.fixture(scope="session")
def metrics() -> Callable[[Path], list[dict[str, float]]]:
    """The lines of a run's metrics.jsonl."""
    return lambda run: [json.loads(line) for line in (run / "metrics.jsonl").read_text().splitlines()]
