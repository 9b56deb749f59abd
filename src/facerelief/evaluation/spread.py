"""Scoring on a cluster: each process loads systems and metric networks once, and scores some photos of a system."""

import functools
import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch

from facerelief.config import Training
from facerelief.data.dataset import Dataset
from facerelief.evaluation.metric_files import MetricFiles
from facerelief.evaluation.scoring import BATCH, EditScores, join_scores, score_edits
from facerelief.evaluation.setup import EvaluationSetup, set_up
from facerelief.evaluation.systems import System
from facerelief.processes.cluster import Spread, View, map_over
from facerelief.progress import NamedProgress, no_progress

_BATCHES = 4  # of an item: its photos are scored in one go
_SHARE = "run it in a folder that all machines share, with the dataset and all weights in it"

# From dataset and setup, the systems under test, baselines included.
OpenSystems = Callable[[Dataset, EvaluationSetup], list[System]]


@dataclass(frozen=True)
class ScoringJob:
    """What a process needs to score; picklable.

    Attributes:
        dataset: Its test photos are edited.
        config: Size, colour and expressions.
        files: Where the metric networks are.
        systems: Opens the systems under test.
    """

    dataset: Path
    config: Training
    files: MetricFiles
    systems: OpenSystems


def scores_on_cluster(
    job: ScoringJob, names: Sequence[str], rows: np.ndarray, spread: Spread, progress: NamedProgress = no_progress
) -> dict[str, EditScores]:
    """`score_edits` of every system, by name.

    The machines must have dataset and weights at the same paths, below this process's folder. Photos are scored in the
    batches in which one process would score them.

    Args:
        job: What every process opens.
        names: Of the systems.
        rows: Which test photos are edited, (P,).
        spread: Where.
        progress: Called with the system's name, the photos done and in all.
    """
    size = BATCH * _BATCHES
    items = [(name, rows[start : start + size]) for name in names for start in range(0, len(rows), size)]
    view = View(functools.partial(_look, Path.cwd(), job.dataset), _SHARE)
    parts: dict[str, list[EditScores]] = {name: [] for name in names}
    done = dict.fromkeys(names, 0)
    for (name, some), part in zip(items, map_over(spread, _Process, (Path.cwd(), job), items, view=view), strict=True):
        parts[name].append(part)
        done[name] += len(some)
        progress(name, done[name], len(rows))
    return {name: join_scores(found) for name, found in parts.items()}


def _look(folder: Path, dataset: Path) -> str:
    return Dataset(folder / dataset).digest


class _Process:
    def __init__(self, folder: Path, job: ScoringJob) -> None:
        os.chdir(folder)
        torch.set_num_threads(1)  # a process a core
        dataset = Dataset(job.dataset)
        self._setup = set_up(dataset, job.config, job.files)
        self._systems = {system.name: system for system in job.systems(dataset, self._setup)}

    def __call__(self, item: tuple[str, np.ndarray]) -> EditScores:
        name, rows = item
        return score_edits(self._systems[name], self._setup.networks, self._setup.test, rows)
