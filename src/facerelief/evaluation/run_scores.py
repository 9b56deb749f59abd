"""Single measures of runs, as `report rate` and `report identity` print them: views of `scoring.score_edits`."""

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from facerelief.array_types import Float32
from facerelief.config import Training
from facerelief.data.arrays import Arrays
from facerelief.data.dataset import Dataset
from facerelief.editing.loading import load_network_editor
from facerelief.editing.methods.morphable import MorphableEditor
from facerelief.errors import FacereliefError
from facerelief.evaluation.evaluate import EditorWeights, network_as_system, network_notes, read_editor_weights
from facerelief.evaluation.leakage import check_unseen
from facerelief.evaluation.metric_files import check_agrees
from facerelief.evaluation.metric_networks import MetricNetworks
from facerelief.evaluation.metrics.identity import References, real_distances
from facerelief.evaluation.scoring import score_edits
from facerelief.evaluation.summary import edit_accuracy
from facerelief.evaluation.systems import System, editor_system, photo_rows, unedited
from facerelief.geometry.morphable.model import load_face
from facerelief.progress import NamedProgress, no_progress
from facerelief.training.classifier import Accuracy, accuracy_on, load_classifier
from facerelief.training.identity import load_identity
from facerelief.training.splits import load_split

MORPHABLE = "morphable"  # the morphable editor, among the systems


@dataclass(frozen=True)
class MeasurementRequest:
    """What is measured, and how.

    Attributes:
        runs: Runs of stage 2, or their weights.
        morphable: Whether the morphable editor is measured too.
        as_edited: Measure a run's edits as `facerelief edit` makes them, in the dataset's crops; else the pictures that
            its network gives.
        photos: A fixed random subset of so many test photos; by default all.
    """

    runs: Sequence[Path] = ()
    morphable: bool = False
    as_edited: bool = False
    photos: int | None = None


@dataclass(frozen=True)
class Rates:
    """Expression generation rates: what a classifier predicts of edits, of real photos, and of unedited sources.

    Attributes:
        edits: By system, the target (row) against the prediction (column).
        real: The classifier's own accuracy on real test photos.
        unedited: The sources in place of their edits: where an editor that does nothing would end.
        notes: What to know of the runs, a sentence each.
    """

    edits: dict[str, Accuracy]
    real: Accuracy
    unedited: Accuracy
    notes: tuple[str, ...] = ()


def rate_runs(
    dataset: Dataset, judge: Path, measured: MeasurementRequest, progress: NamedProgress = no_progress
) -> Rates:
    """Expression generation rates on a dataset's test photos.

    Args:
        dataset: The dataset that the runs were trained on.
        judge: A run of `train judge`, which no measured run learnt from.
        measured: What is measured.
        progress: Called with the system's name, the photos done and in all.

    Raises:
        FacereliefError: A run does not fit the classifier or learnt from it, or the classifier knows a test person.
    """
    classifier, settings = load_classifier(judge)
    networks = _read_networks(measured, f"the classifier {judge}", settings)
    notes = [note for network in networks for note in network_notes(network, dataset, judge)]
    test = load_split(dataset, "test", settings)
    check_unseen(judge, test, "judge")
    rows, metrics = photo_rows(test, measured.photos), MetricNetworks(classifier, pixels=False)
    sources = edit_accuracy(score_edits(unedited(test), metrics, test, rows), test.expressions)
    edits = {}
    for one in _systems(networks, measured, dataset, test):
        scores = score_edits(one, metrics, test, rows, partial(progress, one.name))
        edits[one.name] = edit_accuracy(scores, test.expressions)
    return Rates(edits, accuracy_on(classifier, test), sources, tuple(notes))


@dataclass(frozen=True)
class Distances:
    """Identity distances (the paper's Fig. 4).

    Attributes:
        edits: By system, of edits from their photos, (N,).
        real: Of real photos, of one person and of two.
        notes: What to know of the runs, a sentence each.
    """

    edits: dict[str, Float32]
    real: References
    notes: tuple[str, ...] = ()


def identity_of_runs(
    dataset: Dataset, encoder: Path, measured: MeasurementRequest, progress: NamedProgress = no_progress
) -> Distances:
    """Identity distances of edits from their photos, beside those of real photos.

    Args:
        dataset: Its test photos are edited.
        encoder: A run of `train identity`, which no measured run learnt from.
        measured: What is measured.
        progress: As in `rate_runs`.

    Raises:
        FacereliefError: A run does not fit the encoder or learnt from it, or the encoder knows a test person.
        DatasetError: Nobody has two test photos.
    """
    network, settings = load_identity(encoder)
    expressions = _common_expressions(measured.runs) or settings.expressions
    settings = dataclasses.replace(settings, expressions=expressions)
    networks = _read_networks(measured, f"the encoder {encoder}", settings)
    notes = [note for one in networks for note in network_notes(one, dataset, None, encoder)]
    test = load_split(dataset, "test", settings)
    check_unseen(encoder, test)
    references = real_distances(network, test)
    rows, metrics = photo_rows(test, measured.photos), MetricNetworks(identity=network, pixels=False)
    found = {}
    for one in _systems(networks, measured, dataset, test):
        found[one.name] = score_edits(one, metrics, test, rows, partial(progress, one.name)).values["identity"]
    return Distances(found, references, tuple(notes))


def _common_expressions(runs: Sequence[Path]) -> tuple[str, ...]:
    """Those of all runs; () without runs. Raises `FacereliefError` if they differ."""
    found = [read_editor_weights(run).config.expressions for run in runs]
    for run, expressions in zip(runs, found, strict=True):
        if expressions != found[0]:
            raise FacereliefError(f"{run} and {runs[0]} differ in expressions; report them one at a time")
    return found[0] if found else ()


def _read_networks(measured: MeasurementRequest, metric: str, settings: Training) -> list[EditorWeights]:
    """The runs' networks. Raises `FacereliefError` for one that a metric network of these settings cannot measure."""
    networks = [read_editor_weights(run) for run in measured.runs]
    for network in networks:
        unknown = [name for name in settings.expressions if name not in network.config.expressions]
        if unknown:
            raise FacereliefError(
                f"{network.path} does not support {', '.join(unknown)}, which {metric} needs; use another run"
            )
        if not measured.as_edited:
            same = ("size", "colour", "expressions")
            check_agrees(network.name, network.config, metric, settings, same, "or --as-edited")
    return networks


def _systems(
    networks: Sequence[EditorWeights], measured: MeasurementRequest, dataset: Dataset, test: Arrays
) -> list[System]:
    """The systems to measure."""
    found = [
        editor_system(one.name, load_network_editor(one.path), dataset, test)
        if measured.as_edited
        else network_as_system(one, dataset, test)
        for one in networks
    ]
    if measured.morphable:
        found.append(editor_system(MORPHABLE, MorphableEditor(load_face()), dataset, test))
    return found
