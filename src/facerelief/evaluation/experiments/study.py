"""A study from nothing to its tables: the dataset, the grid of runs, what was measured, tables and figures.

facerelief study table1 --scale smoke -o runs/study
"""

import platform
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from facerelief.config import ClassifierTraining, DepthTraining, ExpressionTraining, IdentityTraining
from facerelief.data.conditions import build_condition
from facerelief.data.dataset import Dataset
from facerelief.data.manifest import METADATA, SETTINGS
from facerelief.data.sham import make_sham
from facerelief.data.synthesize import Plan, synthesize
from facerelief.errors import FacereliefError
from facerelief.evaluation.experiments.configurations import Configurations
from facerelief.evaluation.experiments.equal_time import equal_steps, read_paces, with_steps
from facerelief.evaluation.experiments.grid import BASELINES, Grid, Job, Worker, device_name
from facerelief.evaluation.experiments.studies import Cell, Scale, Study, find_scale, find_study
from facerelief.expressions import EXPRESSIONS
from facerelief.files.json import append_lines
from facerelief.processes.cores import available_cores
from facerelief.processes.graph import run_graph, threads_of
from facerelief.progress import NotedProgress, Progress, no_progress
from facerelief.training.presets import make_config
from facerelief.training.run.precision import resolve_precision
from facerelief.training.splits import SplitArrays, load_splits

METRIC_SEED = 1000  # of the metric networks, far from the seeds of the cells
_CELLS_OWN = ("guide", "conf_penalty", "size", "colour", "expressions", "seed")  # what stage 1 takes from stage 2
_STUDYS_OWN = ("guide", "expressions", "seed")
DATASET_SEEDS = (14, 15)  # of the datasets that are made; by 14 even 24 persons fall into all three splits


@dataclass(frozen=True)
class StudyRequest:
    """What a user asks for.

    Attributes:
        study: Name of the study.
        scale: Name of the scale.
        folder: Where the study is kept; finished runs found there are used.
        dataset: Folder of the dataset; by default a synthetic one is made.
        seeds: Number of seeds; by default the scale's.
        processes: Jobs at once.
        expressions: The classes of all runs.
        changes: Settings of every run of stage 2.
        stage1: Settings of every run of stage 1, except the metric network's.
        vgg: torchvision's VGG19 file, for Eq. 10.
        only: Slugs of the cells to run, by default all.

    Raises:
        FacereliefError: `changes` or `stage1` name a setting in which the cells differ.
    """

    study: str
    scale: str
    folder: Path
    dataset: Path | None = None
    seeds: int | None = None
    processes: int = 1
    expressions: tuple[str, ...] = EXPRESSIONS
    changes: Mapping[str, Any] = field(default_factory=dict)
    stage1: Mapping[str, Any] = field(default_factory=dict)
    vgg: Path | None = None
    only: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        name = next((name for name in self.stage1 if name in _CELLS_OWN), None)
        if name:
            raise FacereliefError(f"stage 1's {name} is that of the cells that share it; leave it out of --stage1")
        own = {*_STUDYS_OWN, *(name for cell in self.selected_study.cells for name in cell.editor)}
        name = next((name for name in self.changes if name in own), None)
        if name:
            raise FacereliefError(f"{name} tells the cells or seeds of {self.study} apart; leave it out of --set")

    @property
    def selected_study(self) -> Study:
        """The study with the cells that are asked for."""
        return find_study(self.study, self.only)

    @property
    def seed_numbers(self) -> range:
        """The seeds: 0 and up."""
        return range(self.seeds or find_scale(self.scale).seeds)


@dataclass(frozen=True)
class StudyProgress:
    """Callbacks while a study runs.

    Attributes:
        dataset: Pictures made or read, and in all.
        jobs: Jobs done, in all, and the name of the last; with one process also the step within a job.
        finished: Name of a finished job and its seconds.
    """

    dataset: Progress = no_progress
    jobs: NotedProgress = no_progress
    finished: Callable[[str, float], None] = lambda name, seconds: None


def run_study(request: StudyRequest, progress: StudyProgress | None = None) -> tuple[Grid, dict[str, str]]:
    """Run all jobs of a study that are not done yet.

    Returns:
        The grid, and the reasons of the jobs that failed by name.

    Raises:
        FacereliefError: The request does not fit the dataset, or the folder holds another study.
    """
    progress = progress or StudyProgress()
    study, scale = request.selected_study, find_scale(request.scale)
    dataset = Dataset(request.dataset or _own_dataset(request, study, scale, progress))
    root = request.folder / "second" if study.on_second_dataset else request.folder
    grid = lay_out(request, study, scale, dataset, root)
    for maps, copy in grid.shams.items():
        if not (copy.path / METADATA).is_file():
            make_sham(dataset, copy.path, maps, progress=progress.dataset)
    todo = grid.todo()
    if todo:  # decoded and measured once for all, and refused before anything is trained
        _measure(grid, load_splits(dataset, grid.setup_config, progress.dataset), progress.dataset)
    total, done = len(grid.jobs), len(grid.jobs) - len(todo)
    progress.jobs(done, total, "")

    def finished(name: str, seconds: float) -> None:
        nonlocal done
        done += 1
        _note(grid, name, seconds, request.processes)
        progress.finished(name, seconds)
        progress.jobs(done, total, name)

    def within(name: str, step: int, steps: int) -> None:
        progress.jobs(done, total, f"{name} {step}/{steps}")

    arguments = (grid, within) if request.processes == 1 else (grid,)
    return grid, run_graph(todo, Worker, arguments, request.processes, finished)


def _measure(grid: Grid, splits: SplitArrays, progress: Progress) -> None:
    """What conditions need of each photo; the files are kept beside the dataset."""
    by_method = {job.config.method: job.config for job in grid.jobs if isinstance(job.config, ExpressionTraining)}
    for config in by_method.values():
        for arrays in (splits.train, splits.val, splits.test):
            build_condition(config).measure(grid.dataset.path, arrays, progress)


def lay_out(request: StudyRequest, study: Study, scale: Scale, dataset: Dataset, root: Path) -> Grid:
    """The jobs of a study: the metric networks; then seed by seed stage 1, stage 2 and evaluation of every cell."""
    colour = request.changes.get("colour", dataset.natural_colour())
    shared = {"colour": colour, "expressions": request.expressions, **scale.all}
    shared |= {name: request.changes[name] for name in ("size",) if name in request.changes}
    shared["precision"] = _precision(scale, request, root)
    identity = _has_identity_pairs(dataset, request.expressions)
    metric_runs = ["judge", "measure", *(["identity"] if identity else [])]
    make = Configurations(scale, shared, request.changes, request.stage1)
    configs = {
        "judge": make(ClassifierTraining, scale.judge, METRIC_SEED),
        "measure": make(DepthTraining, scale.depth | {"guide": "both"}, METRIC_SEED),
        "identity": make(IdentityTraining, scale.identity, METRIC_SEED),
    }
    jobs = {name: Job(name, configs[name]) for name in metric_runs}
    jobs[f"scores/{BASELINES}"] = Job(f"scores/{BASELINES}", None, tuple(metric_runs))
    steps = _equal_steps(request, make, dataset, root) if study.equal_time else {}
    for seed in request.seed_numbers:
        for cell in study.cells:
            chosen = steps.get(cell.slug)
            config = make.editor(cell, seed) if chosen is None else with_steps(cell, make, seed, chosen)
            _add_cell(jobs, cell, config, make, metric_runs)
    setup_config = make(ExpressionTraining, scale.editor, 0)
    shams = {cell.sham: Dataset(root / f"dataset-{cell.sham}") for cell in study.cells if cell.sham}
    return Grid(root, dataset, tuple(jobs.values()), setup_config, identity, request.vgg, shams)


def _equal_steps(request: StudyRequest, make: Configurations, dataset: Dataset, root: Path) -> dict[str, int]:
    """Steps of each cell of a study of equal time."""
    cells = find_study(request.study).cells
    path, threads = root / f"{request.study}-pace.json", threads_of(request.processes)
    return equal_steps(cells, make, read_paces(path, cells, make, threads, dataset, request.vgg))


def _add_cell(
    jobs: dict[str, Job], cell: Cell, config: ExpressionTraining, make: Configurations, metric_runs: list[str]
) -> None:
    """The run of a cell with one seed, the stage 1 that it needs, and its evaluation."""
    depth: str | None = None
    needs: tuple[str, ...] = ()
    seed = config.seed
    if config.guide != "none":
        if config.warm_up >= config.steps:  # its row would show no guidance
            raise FacereliefError(
                f"{cell.slug} is guided after step {config.warm_up} (warm_up), and has {config.steps} steps; "
                "give more --set steps, or a smaller --set warm_up"
            )
        depth = f"depth/{cell.sham or config.guide}-{config.conf_penalty:g}-s{seed}"
        stage1 = make.stage1_settings(config.guide) | {"conf_penalty": config.conf_penalty}
        jobs[depth] = Job(depth, make(DepthTraining, stage1, seed), sham=cell.sham)
        needs = (depth,)
    name = f"{cell.slug}-s{seed}"
    jobs[f"cells/{name}"] = Job(f"cells/{name}", config, needs, depth, cell.sham)
    jobs[f"scores/{name}"] = Job(f"scores/{name}", None, (f"cells/{name}", *metric_runs))


def _own_dataset(request: StudyRequest, study: Study, scale: Scale, progress: StudyProgress) -> Path:
    """The synthetic dataset of a study; the second one is of other persons."""
    path = request.folder / ("dataset2" if study.on_second_dataset else "dataset")
    plan = Plan(
        scale.pictures, scale.picture_size, scale.scenes_per_person, seed=DATASET_SEEDS[study.on_second_dataset]
    )
    if not (path / SETTINGS).is_file() or not (path / METADATA).is_file():
        synthesize(path, plan, progress=progress.dataset)
    return path


def _precision(scale: Scale, request: StudyRequest, root: Path) -> str:
    """One precision for all of a study: the one asked for, else that of its first run, the classifier."""
    changes = {name: value for name, value in {**scale.all, **request.changes}.items() if name == "precision"}
    config, _ = resolve_precision(make_config(ClassifierTraining, scale.preset, changes), root / "judge")
    return config.precision


def _has_identity_pairs(dataset: Dataset, expressions: tuple[str, ...]) -> bool:
    """Whether train, test, and val with test have pairs of photos of one person and of two."""
    for splits in (("train",), ("val", "test"), ("test",)):
        photos = Counter(s.identity for split in splits for s in dataset.select(split, expressions))
        if len(photos) < 2 or max(photos.values()) < 2:
            return False
    return True


def _note(grid: Grid, name: str, seconds: float, processes: int) -> None:
    """A line of jobs.jsonl."""
    machine = {"device": device_name(), "cores": available_cores(), "machine": platform.machine()}
    line = {"job": name, "seconds": round(seconds, 2), "processes": processes, **machine}
    grid.folder.mkdir(parents=True, exist_ok=True)
    append_lines(grid.folder / "jobs.jsonl", line)
