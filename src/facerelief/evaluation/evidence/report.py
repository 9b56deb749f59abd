"""Runs measured one after the other, a file each, which says what it was measured with."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from facerelief.checkpoint import weights_in
from facerelief.config import ClassifierTraining, ExpressionTraining
from facerelief.data.arrays import load_arrays
from facerelief.data.dataset import Dataset
from facerelief.errors import FacereliefError
from facerelief.evaluation.evaluate import EditorWeights, network_notes, read_editor_weights
from facerelief.evaluation.evidence.instruments import (
    BUILT_IN_JUDGES,
    EvidenceInstruments,
    assemble,
    edit_of_run,
    instrument_digests,
)
from facerelief.evaluation.evidence.measure import TruePairs, true_pairs
from facerelief.evaluation.leakage import check_unseen
from facerelief.evaluation.metric_files import check_agrees
from facerelief.files import sha256, write_json
from facerelief.files.json import read_object
from facerelief.progress import Progress, no_progress
from facerelief.training.classifier import load_classifier
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

    def basis(self) -> dict[str, Any]:
        """All that measures depend on beside the run: checksums, and how many photos. A file records it."""
        return {
            "data": self.data.digest,
            "pairs": self.pairs.digest,
            "instruments": instrument_digests(self.model),
            "judges": {judge.name: sha256(weights_in(judge)) for judge in self.judges},
            "photos_of_each_expression": self.a_class,
        }


def measure_runs(
    runs: Sequence[Path], request: EvidenceRequest, folder: Path, progress: Progress = no_progress
) -> None:
    """Measure runs, and the baselines, that `folder` has no measures of by these instruments and photos yet.

    Raises:
        FacereliefError: A run learnt from a judge, or runs differ in size, colour or expressions; or a judge does not
            fit them, or knows a test person.
    """
    editors = [read_editor_weights(run) for run in runs]
    config = editors[0].config
    for editor in editors:
        _check_editor(editor, editors[0], request)
    _check_judges(request, config)
    basis = request.basis()
    made_of = {run.name: {**basis, "weights": sha256(weights_in(run))} for run in runs}
    todo = [run for run in runs if not _is_done(folder / f"{run.name}.json", made_of[run.name])]
    alone = folder / f"{_BASELINES}.json"
    folder.mkdir(parents=True, exist_ok=True)
    if not todo and _is_done(alone, basis):
        return
    tools = _assembled(request, config)
    if not _is_done(alone, basis):
        write_json(alone, {"made_of": basis, "measured": tools.baselines()})
    for done, run in enumerate(todo, 1):
        write_json(folder / f"{run.name}.json", {"made_of": made_of[run.name], "measured": tools(edit_of_run(run))})
        progress(done, len(todo))


def _is_done(path: Path, made_of: dict[str, Any]) -> bool:
    return path.is_file() and read_object(path, _REMEDY).get("made_of") == made_of


def _check_editor(editor: EditorWeights, first: EditorWeights, request: EvidenceRequest) -> None:
    for judge in request.judges:
        network_notes(editor, request.data, judge)
    seen = [(one.size, one.colour, one.expressions) for one in (editor.config, first.config)]
    if seen[0] != seen[1]:
        raise FacereliefError(
            f"{editor.name} has another size, colour or expressions than {first.name}; measure them separately"
        )


def _check_judges(request: EvidenceRequest, config: ExpressionTraining) -> None:
    names = [*BUILT_IN_JUDGES, *(judge.name for judge in request.judges)]
    if len(set(names)) < len(names):
        raise FacereliefError(f"two judges of {', '.join(names)} have the same name; rename a run's folder")
    if not request.judges:
        return
    test = load_split(request.data, "test", config)
    for judge in request.judges:
        settings: ClassifierTraining = load_classifier(judge)[1]
        check_agrees("the runs", config, f"the classifier {judge}", settings, ("size", "colour"))
        unknown = [name for name in config.expressions if name not in settings.expressions]
        if unknown:
            raise FacereliefError(f"the classifier {judge} does not know {', '.join(unknown)}; give one that does")
        check_unseen(judge, test, "judge")


def _assembled(request: EvidenceRequest, config: ExpressionTraining) -> EvidenceInstruments:
    train, test = (load_split(request.data, split, config) for split in ("train", "test"))
    return assemble(request.model, request.judges, train, test, pairs_of(request.pairs, config), request.a_class)


def pairs_of(dataset: Dataset, config: ExpressionTraining) -> TruePairs:
    """The people of a dataset with true targets, at a run's size and colour; samples left out by a review count too."""
    names = ("neutral", "happiness")
    samples = [sample for sample in dataset.samples if sample.expression in names]
    return true_pairs(load_arrays(dataset, samples, config.size, config.colour, names, complete=False), names)


def read_scores(folder: Path, runs: Sequence[Path]) -> tuple[dict[str, dict[str, Any]], dict[str, Any]]:
    """By cell and seed what was measured of runs, and the baselines. Raises `FacereliefError` for a damaged file."""
    scores: dict[str, dict[str, Any]] = {}
    for run in runs:
        named = _SEED.fullmatch(run.name)
        cell, seed = (named[1], named[2]) if named else (run.name, "0")
        scores.setdefault(cell, {})[seed] = _measured(folder / f"{run.name}.json")
    return scores, _measured(folder / f"{_BASELINES}.json")


def _measured(path: Path) -> dict[str, Any]:
    found = read_object(path, _REMEDY).get("measured")
    if not isinstance(found, dict):
        raise FacereliefError(f"{path} holds no measures; {_REMEDY}")
    return found
