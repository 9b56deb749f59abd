"""How long a step of a training run takes, by short runs: cells of equal time get steps by it."""

import shutil
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import torch

from facerelief.config import DepthTraining, ExpressionTraining
from facerelief.data.dataset import Dataset
from facerelief.evaluation.experiments.grid import device_name
from facerelief.training import launch


@dataclass(frozen=True)
class ShortRun:
    """A run that is timed: two laps of `log_every` steps, of which the first warms up.

    Attributes:
        config: Its settings.
        depth: Name of the run of stage 1 that guides it, if one does; it is run before.
    """

    config: DepthTraining | ExpressionTraining
    depth: str | None = None


def measure_paces(
    runs: Mapping[str, ShortRun], rounds: int, threads: int, dataset: Dataset, folder: Path, vgg: Path | None = None
) -> dict[str, float]:
    """Seconds of a discriminator step of each run, with the generator steps among them.

    Round after round, for a machine that is slow is so for every run; the fastest counts.

    Args:
        runs: By name.
        rounds: How often each is run.
        threads: In which each computes.
        dataset: What they learn from.
        folder: Where they are kept meanwhile; what an interrupted measurement left there is removed.
        vgg: torchvision's VGG19 file, for Eq. 10.
    """
    shutil.rmtree(folder, ignore_errors=True)
    before = torch.get_num_threads()
    torch.set_num_threads(threads)
    try:
        times = [
            {name: _seconds_a_step(run, dataset, folder / str(number), name, vgg) for name, run in runs.items()}
            for number in range(rounds)
        ]
    finally:
        torch.set_num_threads(before)
        shutil.rmtree(folder, ignore_errors=True)  # weights that nobody needs
    return {name: min(one[name] for one in times) for name in runs}


def _seconds_a_step(run: ShortRun, dataset: Dataset, folder: Path, name: str, vgg: Path | None) -> float:
    """In its second lap. On a CPU it is processor time, which other work beside it hardly changes."""
    config, lap = run.config, run.config.log_every
    clock = time.process_time if device_name() == "cpu" else time.perf_counter
    times = list[float]()

    def note(done: int, total: int, values: dict[str, float]) -> None:
        times.append(clock())

    if isinstance(config, DepthTraining):
        launch.run_depth(dataset, config, folder / name, vgg=vgg, progress=note)
    else:
        depth = folder / run.depth if run.depth else None
        launch.run_expression(dataset, config, folder / name, depth=depth, vgg=vgg, progress=note)
    return (times[-1] - times[lap - 1]) / lap
