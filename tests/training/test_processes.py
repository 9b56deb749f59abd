"""Two processes of torchrun are one run: they share each batch, keep equal weights, and only one of them writes."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors import safe_open
from safetensors.torch import load_file

from facerelief.checkpoint import load_checkpoint
from facerelief.config import DepthTraining
from facerelief.data import Dataset
from facerelief.training.launch import run_depth

# The command line; each process leaves the weights that it ended with, and what it was, beside the run.
RECORDED = """
import sys
from pathlib import Path
from safetensors.torch import save_file
from facerelief.cli import main
from facerelief.training import depth

class Recorded(depth.Session):
    def close(self):
        tensors = {f"{name}.{key}": value.clone() for name, module in self._modules.items()
                   for key, value in module.state_dict().items()}
        facts = {"world": str(self.world), "main": str(self.run.main)}
        save_file(tensors, Path(__file__).parent / f"rank{self.rank}.safetensors", facts)
        super().close()

depth.Session = Recorded
main()
"""


def test_two_processes(
    faces: Path, tmp_path: Path, small: Callable[..., Any], command_line: Any,
    metrics: Callable[[Path], list[dict[str, float]]],
) -> None:  # fmt: skip
    """They take the steps of one process that computes each batch in two parts, and of one that computes it whole."""
    script, run = tmp_path / "recorded.py", tmp_path / "run"
    script.write_text(RECORDED)
    settings = {"steps": 6, "objective": "wgan-gp", "augment": True, "save_every": 4}
    launcher = ("-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2", str(script))
    process = command_line.train("depth", faces, run, launcher=launcher, **settings)
    config = small(DepthTraining, **settings)
    run_depth(Dataset(faces), config, tmp_path / "single")
    run_depth(Dataset(faces), small(DepthTraining, accumulate=2, **settings), tmp_path / "parts")
    command_line.end(process)

    ranks = [load_file(tmp_path / f"rank{rank}.safetensors") for rank in (0, 1)]
    facts = [header(tmp_path / f"rank{rank}.safetensors") for rank in (0, 1)]
    assert facts == [{"world": "2", "main": str(main)} for main in (True, False)]
    assert [name for name, value in ranks[0].items() if not torch.equal(value, ranks[1][name])] == []
    assert [line["step"] for line in metrics(run)] == [1, 2, 3, 4, 5, 6]  # once each

    two, one, parts = (
        load_checkpoint(folder / "state.safetensors", "state")
        for folder in (run, *(tmp_path / n for n in ("single", "parts")))
    )
    assert two.facts == one.facts == {"step": 6}
    assert set(two.tensors) == set(one.tensors)
    assert [name for name, value in two.tensors.items() if not np.array_equal(value, parts.tensors[name])] == []
    assert all(np.array_equal(value, ranks[0][f"translator.{name}"]) for name, value in two.part("translator").items())
    for part in ("translator", "critic"):
        apart = distance(two.part(part), one.part(part))
        assert apart < 0.05 * 6 * config.lr  # six steps of Adam, whose first ones turn on the sign of tiny gradients


def header(path: Path) -> dict[str, str]:
    with safe_open(path, framework="pt") as stream:
        return dict(stream.metadata())


def distance(one: dict[str, np.ndarray], other: dict[str, np.ndarray]) -> float:
    """Mean absolute difference over all weights."""
    return float(np.concatenate([np.abs(value - other[name]).ravel() for name, value in one.items()]).mean())
