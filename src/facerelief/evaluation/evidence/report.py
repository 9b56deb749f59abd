"""Runs measured one after the other, a file each, and read again."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from facerelief.config import ExpressionTraining
from facerelief.data.arrays import load_arrays
from facerelief.data.dataset import Dataset
from facerelief.errors import FacereliefError
from facerelief.evaluation.evaluate import network_notes, read_editor_weights
from facerelief.evaluation.evidence.instruments import EvidenceInstruments, assemble, edit_of_run
from facerelief.evaluation.evidence.measure import TruePairs, true_pairs
from facerelief.files import write_json
from facerelief.files.json import read_object
from facerelief.progress import Progress, no_progress
from facerelief.training.splits import load_split

_BASELINES = "baselines"
_SEED = re.compile(r"(.+)-s(\d+)")
_REMEDY = "delete it, and it is measured again"


@dataclass(frozen=True)
class EvidenceRequest:
    """What runs are measured on and with.

    Attributes:
        data: Its test photos are edited; the judge by landmarks learns from its training photos.
        pairs: People with a neutral and a happy photo.
        model: `model` of the npm package @vladmandic/face-api.
        judges: Runs of `train judge`.
        a_class: So many test photos of each expression are edited.
    """

    data: Dataset
    pairs: Dataset
    model: Path
    judges: tuple[Path, ...] = ()
    a_class: int = 60


def measure_runs(
    runs: Sequence[Path], request: EvidenceRequest, folder: Path, progress: Progress = no_progress
) -> None:
    """Measure runs that have no file in `folder` yet, and the baselines.

    Raises:
        FacereliefError: A run learnt from a judge, or runs differ in size, colour or expressions.
    """
    editors = [read_editor_weights(run) for run in runs]
    config = editors[0].config
    for editor in editors:
        for judge in request.judges:
            network_notes(editor, request.data, judge)
        seen = [(one.size, one.colour, one.expressions) for one in (editor.config, config)]
        if seen[0] != seen[1]:
            raise FacereliefError(
                f"{editor.name} has another size, colour or expressions than {editors[0].name}; measure them separately"
            )
    todo = [run for run in runs if not (folder / f"{run.name}.json").is_file()]
    folder.mkdir(parents=True, exist_ok=True)
    if not todo and (folder / f"{_BASELINES}.json").is_file():
        return
    tools = _assembled(request, config)
    if not (folder / f"{_BASELINES}.json").is_file():
        write_json(folder / f"{_BASELINES}.json", tools.baselines())
    for done, run in enumerate(todo, 1):
        write_json(folder / f"{run.name}.json", tools(edit_of_run(run)))
        progress(done, len(todo))


def _assembled(request: EvidenceRequest, config: ExpressionTraining) -> EvidenceInstruments:
    train, test = (load_split(request.data, split, config) for split in ("train", "test"))
    return assemble(request.model, request.judges, train, test, pairs_of(request.pairs, config), request.a_class)


def pairs_of(dataset: Dataset, config: ExpressionTraining) -> TruePairs:
    """The people of a dataset with true targets, at a run's size and colour; samples left out by a review count too."""
    names = ("neutral", "happiness")
    samples = [sample for sample in dataset.samples if sample.expression in names]
    return true_pairs(load_arrays(dataset, samples, config.size, config.colour, names, complete=False), names)


def read_scores(folder: Path) -> tuple[dict[str, dict[str, Any]], dict[str, Any]]:
    """By cell and seed what was measured, and the baselines. Raises `FacereliefError` for a damaged file."""
    scores: dict[str, dict[str, Any]] = {}
    for path in sorted(folder.glob("*.json")):
        named = _SEED.fullmatch(path.stem)
        if path.stem != _BASELINES:
            cell, seed = (named[1], named[2]) if named else (path.stem, "0")
            scores.setdefault(cell, {})[seed] = read_object(path, _REMEDY)
    return scores, read_object(folder / f"{_BASELINES}.json", _REMEDY)
