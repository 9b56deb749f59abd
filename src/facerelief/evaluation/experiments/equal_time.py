"""Cells of equal time: how many steps each gets, and what else its settings count in steps."""

import dataclasses
import math
from collections.abc import Mapping, Sequence
from pathlib import Path

from facerelief.config import Config, DepthTraining, ExpressionTraining
from facerelief.data.dataset import Dataset
from facerelief.errors import FacereliefError
from facerelief.evaluation.experiments.configurations import Configurations
from facerelief.evaluation.experiments.pace import ShortRun, measure_paces
from facerelief.evaluation.experiments.studies import Cell
from facerelief.files import write_json
from facerelief.files.json import read_object

_MEASURE_AGAIN = "delete it, and it is measured again"


def read_paces(
    path: Path, cells: Sequence[Cell], make: Configurations, threads: int, dataset: Dataset, vgg: Path | None
) -> dict[str, float]:
    """Seconds of a step of each cell, and of stage 1 of each guide ("stage1-GUIDE"); measured once.

    Args:
        path: The file of them; runs that are timed are kept beside it meanwhile.
        cells: All of the study, for some may follow later.
        make: The study's configurations.
        threads: In which a run computes.
        dataset: What they learn from.
        vgg: torchvision's VGG19 file, for Eq. 10.

    Raises:
        FacereliefError: The file lacks one.
    """
    runs = _short_runs(cells, make)
    if not path.is_file():
        rounds = make.scale.pace[0]
        write_json(path, measure_paces(runs, rounds, threads, dataset, path.parent / "pace", vgg))
    pace = read_object(path, _MEASURE_AGAIN)
    if not all(isinstance(pace.get(name), int | float) and pace[name] > 0 for name in runs):
        raise FacereliefError(f"{path} does not hold the pace of every cell; {_MEASURE_AGAIN}")
    return {name: float(pace[name]) for name in runs}


def equal_steps(cells: Sequence[Cell], make: Configurations, pace: Mapping[str, float]) -> dict[str, int]:
    """Steps of each cell, so that with its stage 1, where it is guided, it takes as long as the first with its own.

    Raises:
        FacereliefError: Stage 1 leaves a cell no time.
    """
    configs = {cell.slug: make.editor(cell, 0) for cell in cells}
    stage1 = {name: _stage1_seconds(config.guide, make, pace) for name, config in configs.items()}
    first = cells[0].slug
    time = configs[first].steps * pace[first] + stage1[first]
    short = next((name for name, seconds in stage1.items() if seconds >= time), None)
    if short:
        raise FacereliefError(
            f"{short} has {time:.3g} s, as long as {first}, and its stage 1 takes {stage1[short]:.3g} s of them; "
            "give more --set steps, or fewer --stage1 steps"
        )
    return {name: max(1, round((time - seconds) / pace[name])) for name, seconds in stage1.items()}


def with_steps(cell: Cell, make: Configurations, seed: int, steps: int) -> ExpressionTraining:
    """A cell's stage 2 in so many steps. Its warm-up and its learning rate's factor come at the same share of them.

    What the user sets is meant for the steps that the user sets, the rest for those of scale and preset.
    """
    asked, planned = make.editor(cell, seed), make.editor(cell, seed, without=("steps",))

    def share(name: str, base: ExpressionTraining) -> int:
        return round(getattr(base, name) * steps / base.steps)

    found = {name: share(name, asked if name in make.changes else planned) for name in ("warm_up", "lr_every")}
    lr_every = max(1, found["lr_every"]) if asked.lr_factor < 1 else asked.lr_every
    return dataclasses.replace(asked, steps=steps, warm_up=found["warm_up"], lr_every=lr_every)


def _stage1_seconds(guide: str, make: Configurations, pace: Mapping[str, float]) -> float:
    if guide == "none":
        return 0.0
    return make(DepthTraining, make.stage1_settings(guide), 0).steps * pace[_stage1_name(guide)]


def _stage1_name(guide: str) -> str:
    return f"stage1-{guide}"


def _short_runs(cells: Sequence[Cell], make: Configurations) -> dict[str, ShortRun]:
    """Those of stage 1 come before those that they guide."""
    configs = {cell.slug: make.editor(cell, 0) for cell in cells}
    guides = dict.fromkeys(config.guide for config in configs.values() if config.guide != "none")
    stage1 = {_stage1_name(guide): make(DepthTraining, make.stage1_settings(guide), 0) for guide in guides}
    runs = {name: ShortRun(_shortened(config, make.scale.pace[1])) for name, config in stage1.items()}
    for name, config in configs.items():
        depth = _stage1_name(config.guide) if config.guide != "none" else None
        runs[name] = ShortRun(dataclasses.replace(_shortened(config, make.scale.pace[1]), warm_up=0), depth)
    return runs


def _shortened(config: Config, least: int) -> Config:
    """Two laps of `least` steps or more, each with as many steps of generators, and of R1, as every other."""
    period = math.lcm(config.d_steps, config.r1_every if config.objective == "r1" else 1)
    lap = math.ceil(least / period) * period
    return dataclasses.replace(config, steps=2 * lap, log_every=lap, save_every=2 * lap)
