"""A study's grid: which runs it takes, how each is made, and what is already there.

STUDY/dataset            made where none is given
STUDY/dataset-SHAM       its copies with maps that carry no geometry, where cells learn from them
STUDY/judge, identity, measure   the metric networks: shared by all cells and seeds
STUDY/depth/NAME         stage 1, shared by the cells that have its guide, penalty and seed
STUDY/cells/NAME         stage 2, a cell and a seed each
STUDY/scores/NAME.json   a cell's scores, with the checksums of its weights and the metric networks'; .npz: distances
STUDY/jobs.jsonl         what each finished job took
"""

import dataclasses
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch

from facerelief.checkpoint import WEIGHTS
from facerelief.config import (
    ClassifierTraining,
    DepthTraining,
    ExpressionTraining,
    IdentityTraining,
    Training,
    from_json,
)
from facerelief.data.dataset import Dataset
from facerelief.errors import FacereliefError
from facerelief.evaluation.evaluate import build_systems, read_editor_weights, references, score
from facerelief.evaluation.metric_files import MetricFiles, check_agrees
from facerelief.evaluation.setup import EvaluationSetup, set_up
from facerelief.evaluation.summary import summarise
from facerelief.evaluation.systems import baselines
from facerelief.files import atomic, sha256, write_json
from facerelief.files.arrays import read_npz
from facerelief.files.json import read_object
from facerelief.progress import NamedProgress, no_progress
from facerelief.training import launch
from facerelief.training.run.folder import CONFIG, STATE, read_run_settings

BASELINES = "bases"  # name of the scores of the baselines, which are no cell
Seconds = float

_REMEDY = "delete it and type the command again"


@dataclass(frozen=True)
class Job:
    """One training, or the evaluation of one.

    Attributes:
        name: Its path in the study's folder, e.g. "cells/stargan-s0".
        config: Configuration of the training; None for an evaluation.
        needs: Names of the jobs that must be done before.
        depth: Name of the run of stage 1 that guides it.
        sham: As of `Cell`.
    """

    name: str
    config: Training | None
    needs: tuple[str, ...] = ()
    depth: str | None = None
    sham: str = ""


@dataclass(frozen=True)
class Grid:
    """A study laid out on disk.

    Attributes:
        folder: Where it is.
        dataset: What all runs are evaluated on, and trained on but for those that learn from sham maps.
        jobs: In the order in which they should start.
        setup_config: Size, colour and expressions that the evaluation is set up for.
        identity: Whether the dataset has the pairs of photos that an identity encoder needs.
        vgg: torchvision's VGG19 file, for Eq. 10.
        shams: Its copies by what their maps are.
    """

    folder: Path
    dataset: Dataset
    jobs: tuple[Job, ...]
    setup_config: ExpressionTraining
    identity: bool
    vgg: Path | None = None
    shams: Mapping[str, Dataset] = field(default_factory=dict)

    def trained_on(self, job: Job) -> Dataset:
        """What a training learns from."""
        return self.shams[job.sham] if job.sham else self.dataset

    def job(self, name: str) -> Job:
        """The job of a name."""
        return next(job for job in self.jobs if job.name == name)

    def done(self, job: Job) -> bool:
        """Whether what a job makes is there. Raises `FacereliefError` where its folder holds another run."""
        if job.config is None:
            return self._scored(job)
        run = self.folder / job.name
        if not (run / CONFIG).is_file():
            return False
        found = read_run_settings(run)
        had = dataclasses.asdict(from_json(type(job.config), found["config"]))  # a setting newer than the run: default
        changed = next((name for name, value in dataclasses.asdict(job.config).items() if had[name] != value), None)
        if found.get("metadata_sha256") != self.trained_on(job).digest:
            changed = "state of the dataset"
        if changed:
            raise FacereliefError(f"{run} is of another study, with another {changed}; choose another folder with -o")
        return (run / WEIGHTS).is_file()

    def todo(self) -> dict[str, tuple[str, ...]]:
        """Jobs that are not done, with those before them that are not done either; what needs one is done again."""
        open_jobs: dict[str, tuple[str, ...]] = {}
        for job in self.jobs:
            before = tuple(name for name in job.needs if name in open_jobs)
            if before or not self.done(job):
                open_jobs[job.name] = before
        return open_jobs

    def metric_files(self) -> MetricFiles:
        """Where the metric networks are."""
        encoder = self.folder / "identity" if self.identity else None
        return MetricFiles(self.folder / "judge", encoder, self.folder / "measure")

    def inputs(self, job: Job) -> dict[str, str]:
        """Checksums of the weights that an evaluation uses."""
        runs = [name for name in job.needs if (self.folder / name / WEIGHTS).is_file()]
        return {name: sha256(self.folder / name / WEIGHTS) for name in runs}

    def _scored(self, job: Job) -> bool:
        path = self.folder / f"{job.name}.json"
        if not path.is_file():
            return False
        try:
            return bool(read_object(path, _REMEDY)["inputs"] == self.inputs(job))
        except (FacereliefError, KeyError):
            return False


class Worker:
    """Does the jobs of a grid, one after the other; one a process. progress: done, total and name within a job."""

    def __init__(self, grid: Grid, progress: NamedProgress = no_progress) -> None:
        self._grid, self._progress = grid, progress
        self._setup: EvaluationSetup | None = None

    def __call__(self, name: str) -> Seconds:
        """Do a job; returns how long it took."""
        job, start = self._grid.job(name), time.perf_counter()
        if job.config is None:
            self._score(job)
        else:
            self._train(job, job.config)
        return time.perf_counter() - start

    def _train(self, job: Job, config: Training) -> None:
        run, dataset = self._grid.folder / job.name, self._grid.trained_on(job)

        def progress(done: int, total: int, values: dict[str, float]) -> None:
            self._progress(job.name, done, total)

        if isinstance(config, DepthTraining):
            launch.run_depth(dataset, config, run, vgg=self._grid.vgg, progress=progress)
        elif isinstance(config, ClassifierTraining):
            launch.run_classifier(dataset, config, run, progress=progress)
        elif isinstance(config, IdentityTraining):
            launch.run_identity(dataset, config, run, progress=progress)
        elif isinstance(config, ExpressionTraining):
            depth = self._grid.folder / job.depth if job.depth else None
            launch.run_expression(dataset, config, run, depth=depth, vgg=self._grid.vgg, progress=progress)
        (run / STATE).unlink(missing_ok=True)  # ten times the weights' size, and not needed any more

    def _score(self, job: Job) -> None:
        grid = self._grid
        if self._setup is None:
            self._setup = set_up(grid.dataset, grid.setup_config, grid.metric_files())
        setup = self._setup
        rows, cell = np.arange(len(setup.test.label)), job.name.removeprefix("scores/")
        if cell == BASELINES:
            self._score_baselines(setup, rows)
            return
        network = read_editor_weights(grid.folder / "cells" / cell)
        same = ("size", "colour", "expressions")
        check_agrees(network.name, network.config, "the study", grid.setup_config, same)
        (system,) = build_systems([network], {}, grid.dataset, setup)
        scores = score(system, setup, rows, lambda name, done, total: self._progress(job.name, done, total))
        summary = summarise(scores, setup.test, setup.real, setup.features, setup.real_label)
        distances = {"identity": scores.values["identity"]} if "identity" in scores.values else {}
        self._write(job.name, {"summary": summary}, distances)

    def _score_baselines(self, setup: EvaluationSetup, rows: np.ndarray) -> None:
        """Scores of the baselines, and the facts of the evaluation setup."""
        scored = {one.name: score(one, setup, rows) for one in baselines(setup.test)}
        real = (setup.real, setup.features, setup.real_label)
        summaries = {name: summarise(scores, setup.test, *real) for name, scores in scored.items()}
        self._write(f"scores/{BASELINES}", {"bench": setup.facts, "summaries": summaries}, references(setup))

    def _write(self, name: str, facts: dict[str, Any], distances: dict[str, Any]) -> None:
        grid = self._grid
        with atomic(grid.folder / f"{name}.npz") as part:
            np.savez(part, **distances)
        facts = {"inputs": grid.inputs(grid.job(name)), "device": device_name(), **facts}
        write_json(grid.folder / f"{name}.json", facts)


def device_name() -> str:
    """The GPU's name, or "cpu"."""
    return torch.cuda.get_device_name() if torch.cuda.is_available() else "cpu"


def read_score(grid: Grid, name: str) -> dict[str, Any]:
    """The scores of a cell. Raises `FacereliefError` for a damaged file."""
    return read_object(grid.folder / "scores" / f"{name}.json", _REMEDY)


def read_distances(grid: Grid, name: str) -> dict[str, np.ndarray]:
    """Identity distances of a cell's edits ("identity"); for `BASELINES` those of real photos.

    Args:
        grid: The study.
        name: A cell with its seed, e.g. "stargan-s0", or `BASELINES`.

    Returns:
        Arrays (N,) by name; empty where nothing was measured.

    Raises:
        FacereliefError: The file is damaged.
    """
    path = grid.folder / "scores" / f"{name}.npz"
    if not path.is_file():
        return {}
    try:
        return read_npz(path)
    except (OSError, ValueError) as reason:
        raise FacereliefError(f"{path} cannot be read ({reason}); {_REMEDY}") from reason
