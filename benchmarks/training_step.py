"""Times a guided training step of stage 2 beside the official StarGAN's, in turns in one process.

python benchmarks/training_step.py
python benchmarks/training_step.py --set width=64 --set d_width=64 --set d_max_channels=2048   # networks of its size
ONEDNN_MAX_CPU_ISA=AVX2 ATEN_CPU_CAPABILITY=avx2 python benchmarks/training_step.py --set precision=no

Both are timed for each generator step, at 64 px and the same batch: the official one needs five discriminator steps for
it. Ours is `train_expression` as a user runs it, with batches and log, on photos of noise.
"""

import argparse
import tempfile
import time
from pathlib import Path

import numpy as np
import torch
from official_stargan import OfficialTraining

from facerelief.config import DepthTraining, ExpressionTraining
from facerelief.data.arrays import Arrays
from facerelief.data.manifest import Sample
from facerelief.expressions import EXPRESSIONS
from facerelief.progress import StepProgress, no_progress
from facerelief.training.depth import build_depth_nets
from facerelief.training.expression import train_expression
from facerelief.training.guidance import Guidance
from facerelief.training.presets import make_config

SIZE, BATCH = 64, 16  # of preset `cpu`
PHOTOS = 64
WARM = 1  # steps before the clock starts


class Turns:
    """Called after each step of ours: notes its time, lets the official loop take a step, and notes that one's."""

    def __init__(self, official: OfficialTraining, image: torch.Tensor, label: torch.Tensor) -> None:
        self.official, self.image, self.label = official, image, label
        self.times: dict[str, list[tuple[float, float]]] = {"ours": [], "official": []}
        self._start = now()

    def __call__(self, done: int, total: int, values: object) -> None:
        """As `StepProgress`."""
        self.times["ours"].append(since(self._start))
        start = now()
        self.official.update(self.image, self.label)
        self.times["official"].append(since(start))
        self._start = now()


def now() -> tuple[float, float]:
    """Clocks: of the wall and of the processor."""
    return time.perf_counter(), time.process_time()


def since(start: tuple[float, float]) -> tuple[float, float]:
    """Seconds since, by both clocks."""
    return tuple(b - a for a, b in zip(start, now(), strict=True))  # type: ignore[return-value]


def noise_arrays(size: int, channels: int) -> Arrays:
    """Photos and maps of noise: what they show does not change the time that they take."""
    random = np.random.default_rng(0)
    image = random.integers(0, 256, (PHOTOS, channels, size, size), dtype=np.uint8)
    depth = random.integers(0, 65536, (PHOTOS, size, size), dtype=np.uint16)
    normal = random.integers(-127, 128, (PHOTOS, 3, size, size), dtype=np.int8)
    label = np.arange(PHOTOS) % len(EXPRESSIONS)
    names = {one: "" for one in Sample.__dataclass_fields__}
    samples = tuple(Sample(**{**names, "identity": str(k)}) for k in range(PHOTOS))  # type: ignore[arg-type]
    return Arrays(image, depth, normal, label, EXPRESSIONS, samples)


def run_ours(changes: dict[str, str], steps: int, turns: StepProgress = no_progress) -> None:
    """Train for some generator steps with preset `cpu`, on noise.

    Args:
        changes: Settings, as of facerelief's `--set`.
        steps: How many.
        turns: Called after each.
    """
    config = make_config(ExpressionTraining, "cpu", {**changes, "steps": str(steps), "warm_up": "0"})
    arrays, guidance = noise_arrays(config.size, config.channels), None
    if config.guide != "none":
        same = {name: getattr(config, name) for name in ("size", "width", "d_width", "d_max_channels", "guide")}
        guidance = Guidance(build_depth_nets(make_config(DepthTraining, "cpu", same)))
    with tempfile.TemporaryDirectory() as folder:
        train_expression(config, arrays, arrays, Path(folder) / "run", {}, guidance, turns)


def main() -> None:
    """Print milliseconds for a generator step, of both, and their ratio."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--set", action="append", default=[], metavar="NAME=VALUE", help="a setting, as of facerelief")
    parser.add_argument("--steps", type=int, default=18, help="generator steps of each")
    options = parser.parse_args()
    image = torch.rand(BATCH, 3, SIZE, SIZE) * 2 - 1
    turns = Turns(OfficialTraining(SIZE), image, torch.arange(BATCH) % len(EXPRESSIONS))
    run_ours(dict(one.split("=", 1) for one in options.set), options.steps, turns)
    of = {name: np.array(times[WARM:-1]) * 1000 for name, times in turns.times.items()}  # the last step also saves
    for name, times in of.items():
        (wall, cpu), (middle, _) = times.min(axis=0), np.median(times, axis=0)
        print(f"{name:9} {wall:7.0f} ms a generator step (median {middle:.0f}), {cpu:.0f} ms of processor time")
    least = of["official"].min(axis=0) / of["ours"].min(axis=0)
    print(f"ratio     {least[0]:7.1f} (wall), {least[1]:.1f} (processor time)")


if __name__ == "__main__":
    main()
