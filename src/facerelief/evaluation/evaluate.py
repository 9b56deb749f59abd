"""Editors measured in every way at once, and the report of it.

facerelief evaluate RUN --data DATASET
"""

import functools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch

from facerelief import __version__
from facerelief.checkpoint import load_checkpoint, weights_in
from facerelief.config import ExpressionTraining, Training
from facerelief.data.arrays import Arrays
from facerelief.data.batches import balanced_rows, make_batch
from facerelief.data.dataset import Dataset
from facerelief.editing.editor import Editor
from facerelief.editing.loading import load_network_editor
from facerelief.editing.methods.morphable import MorphableEditor
from facerelief.errors import DatasetError, FacereliefError
from facerelief.evaluation.leakage import learnt_from
from facerelief.evaluation.metric_files import MetricFiles
from facerelief.evaluation.metrics.identity import real_distances
from facerelief.evaluation.scoring import EditScores, score_edits
from facerelief.evaluation.setup import EvaluationSetup, set_up
from facerelief.evaluation.spread import ScoringJob, scores_on_cluster
from facerelief.evaluation.summary import summarise
from facerelief.evaluation.systems import System, baselines, editor_system, network_system, partner_rows, photo_rows
from facerelief.files import sha256
from facerelief.geometry.morphable.model import load_face
from facerelief.networks.conversion import to_pixels
from facerelief.processes.cluster import LOCAL, Spread
from facerelief.progress import NamedProgress, no_progress

FORMAT = 1  # of report.json


@dataclass(frozen=True)
class EditorWeights:
    """An editor's weights: a run of stage 2 or its file."""

    name: str
    path: Path
    config: ExpressionTraining
    facts: dict[str, Any]


@dataclass(frozen=True)
class Samples:
    """Photos and their edits to look at, uint8.

    Attributes:
        expressions: The K expressions.
        source: The photos, (N, H, W, 3).
        edits: By system, (N, K, H, W, 3).
        depth: By system, what a depth network sees in its edits; empty without one.
        truth: The true targets, (N, K, H, W, 3), where there are pairs.
    """

    expressions: tuple[str, ...]
    source: np.ndarray
    edits: dict[str, np.ndarray]
    depth: dict[str, np.ndarray]
    truth: np.ndarray | None

    def first(self, count: int) -> "Samples":
        """Of the first photos only."""
        edits, depth = ({name: made[:count] for name, made in by.items()} for by in (self.edits, self.depth))
        truth = None if self.truth is None else self.truth[:count]
        return Samples(self.expressions, self.source[:count], edits, depth, truth)


@dataclass(frozen=True)
class Evaluation:
    """The result of an evaluation.

    Attributes:
        facts: What report.json holds.
        distances: Identity distances of edits from their photos, (E,) by editor; empty without an encoder.
        references: Identity distances of pairs of real photos, by name; empty without an encoder.
        samples: Some photos and their edits.
    """

    facts: dict[str, Any]
    distances: dict[str, np.ndarray]
    references: dict[str, np.ndarray]
    samples: Samples


def read_editor_weights(path: Path, name: str | None = None) -> EditorWeights:
    """Read an editor's weights.

    Args:
        path: A run of stage 2 or its .safetensors file.
        name: What reports call it; by default the file's or the folder's name.

    Raises:
        CheckpointError: The weights are absent, damaged, or not an editor's.
    """
    file = weights_in(path)
    saved = load_checkpoint(file, "editor")
    return EditorWeights(name or path.name, file, saved.config(ExpressionTraining), saved.facts)


def network_notes(
    network: EditorWeights,
    dataset: Dataset,
    judge: Path | None,
    encoder: Path | None = None,
    depth: Path | None = None,
) -> list[str]:
    """Cautions about an editor's scores by a classifier, an encoder and a depth network, one sentence each.

    Raises:
        FacereliefError: The editor learnt from a metric network, or the depth network began as one that guided it.
    """
    for kind, path in (("judge", judge), ("identity", encoder), ("depth", depth)):
        if path is not None and learnt_from(network.facts, network.path, kind, path):
            options = "--guide both --seed 1" if kind == "depth" else "--seed 1"
            raise FacereliefError(
                f"{network.name} learnt from {path}, which cannot measure it then; "
                f"give another: facerelief train {kind} {options}"
            )
    trained_on = network.facts.get("metadata_sha256")
    if trained_on == dataset.digest:
        return []
    return [
        f"{network.name} was trained on another dataset, or another state of this one: it may have seen test people."
    ]


def evaluate_all(
    networks: Sequence[EditorWeights],
    editors: Mapping[str, Editor],
    dataset: Dataset,
    config: Training,
    files: MetricFiles,
    photos: int | None = None,
    progress: NamedProgress = no_progress,
    spread: Spread | None = None,
) -> Evaluation:
    """Measure networks and other editors on a dataset's test photos.

    Args:
        networks: Measured by their own pictures.
        editors: By name; measured as a user gets their edits.
        dataset: Its test photos are edited.
        config: Size, colour and expressions of all of them.
        files: Where the metric networks are.
        photos: A fixed random subset of so many test photos; by default all.
        progress: Called with the system's name, the photos done and in all.
        spread: Where edits are scored; on a cluster, of the editors only "morphable", the package's.

    Returns:
        The scores, for `report.write_report`.

    Raises:
        FacereliefError: A metric network does not fit, was trained on a test person, or trained an editor.
    """
    metric = files.judge, files.encoder, files.depth
    notes = [note for network in networks for note in network_notes(network, dataset, *metric)]
    setup = set_up(dataset, config, files)
    setup.facts["notes"] += notes
    setup.facts["weights_sha256"] = {network.name: sha256(network.path) for network in networks}
    rows = photo_rows(setup.test, photos)
    systems = build_systems(networks, editors, dataset, setup)
    scores: dict[str, EditScores] = {}
    if spread is not None and spread.cluster != LOCAL:
        job = ScoringJob(dataset.path, config, files, functools.partial(_open, tuple(networks), tuple(editors)))
        names = [system.name for system in (*baselines(setup.test), *systems)]
        scores = scores_on_cluster(job, names, rows, spread, progress)
    return evaluate(systems, setup, rows, progress, scores=scores)


def _open(
    networks: Sequence[EditorWeights], editors: Sequence[str], dataset: Dataset, setup: EvaluationSetup
) -> list[System]:
    """The systems of `evaluate_all`, in another process."""
    if {*editors} - {"morphable"}:
        raise FacereliefError(
            "on a cluster, networks and the package's morphable editor are measured; leave --cluster out"
        )
    opened = {name: MorphableEditor(load_face()) for name in editors}
    return [*baselines(setup.test), *build_systems(networks, opened, dataset, setup)]


def build_systems(
    networks: Sequence[EditorWeights], editors: Mapping[str, Editor], dataset: Dataset, setup: EvaluationSetup
) -> list[System]:
    """The systems to measure: networks, put on the setup's device, and editors as users have them."""
    found = [network_as_system(network, dataset, setup.test, setup.networks.device) for network in networks]
    found += [editor_system(name, editor, dataset, setup.test) for name, editor in editors.items()]
    return found


def network_as_system(
    network: EditorWeights, dataset: Dataset, test: Arrays, device: torch.device | str = "cpu"
) -> System:
    """A network whose own pictures are measured, of the test photos' size, colour and expressions."""
    editor = load_network_editor(network.path)
    generator = editor.generator.eval().requires_grad_(False).to(device)
    measured = editor.condition.measure(dataset.path, test)
    return network_system(network.name, generator, editor.condition.to(device), measured)


def evaluate(
    measured: Sequence[System],
    setup: EvaluationSetup,
    rows: np.ndarray,
    progress: NamedProgress = no_progress,
    shown: int = 6,
    scores: Mapping[str, EditScores] | None = None,
) -> Evaluation:
    """Measure the `baselines`, then other systems.

    Args:
        measured: The other systems.
        setup: The test photos and the metric networks.
        rows: Which test photos are edited, (P,).
        progress: Called with the system's name, the photos done and in all.
        shown: Photos among the samples, at most.
        scores: By name of the system, where it was scored elsewhere.
    """
    summaries: dict[str, Any] = {}
    distances: dict[str, np.ndarray] = {}
    for system in (*baselines(setup.test), *measured):
        found = (scores or {}).get(system.name) or score(system, setup, rows, progress)
        summaries[system.name] = summarise(found, setup.test, setup.real, setup.features, setup.real_label)
        if system in measured and "identity" in found.values:
            distances[system.name] = found.values["identity"]
    facts = setup.facts | {
        "format": FORMAT,
        "facerelief": __version__,
        "device": _device_name(setup.networks.device),
        "measured_photos": len(rows),
        "bases": [system.name for system in baselines(setup.test)],
        "editors": summaries,
    }
    chosen = _spread(setup.test, rows, shown)
    return Evaluation(facts, distances, references(setup), draw_samples(measured, setup, chosen))


def score(
    system: System, setup: EvaluationSetup, rows: np.ndarray, progress: NamedProgress = no_progress
) -> EditScores:
    """Every edit of one system, measured."""
    return score_edits(system, setup.networks, setup.test, rows, lambda done, total: progress(system.name, done, total))


def references(setup: EvaluationSetup) -> dict[str, np.ndarray]:
    """Identity distances of real photos of one person and of two; empty without an encoder, or where nobody has two."""
    if setup.networks.identity is None:
        return {}
    try:
        found = real_distances(setup.networks.identity, setup.test)
    except DatasetError:  # every test person has one photo
        return {}
    return {"real photos, one person": found.same, "real photos, two persons": found.different}


@torch.inference_mode()
def draw_samples(measured: Sequence[System], setup: EvaluationSetup, rows: np.ndarray) -> Samples:
    """Edits of some photos by every system, to look at."""
    test, depth = setup.test, setup.networks.depth
    classes = range(len(test.expressions))
    edits, maps = {}, {}
    for system in measured:
        made = [system.edits(rows, label).to(setup.networks.device) for label in classes]
        edits[system.name] = np.stack([to_pixels(image) for image in made], axis=1)
        if depth is not None:
            maps[system.name] = np.stack([to_pixels(_shown(depth(image))) for image in made], axis=1)
    partners = partner_rows(test)
    truth = None
    if partners is not None and (partners[rows] >= 0).all():
        truth = np.stack([to_pixels(make_batch(test, partners[rows, label], "depth").image) for label in classes], 1)
    return Samples(test.expressions, to_pixels(make_batch(test, rows, "depth").image), edits, maps, truth)


def _shown(maps: torch.Tensor) -> torch.Tensor:
    """Depth alone where there are normals too."""
    return maps[:, :1] if maps.shape[1] == 4 else maps


def _spread(test: Arrays, rows: np.ndarray, most: int) -> np.ndarray:
    """Up to `most` of the rows, of every expression in turn."""
    spread = balanced_rows(test, max(most * 8, 64))
    found = spread[np.isin(spread, rows)][:most]
    return found if len(found) else rows[:most]


def _device_name(device: torch.device) -> str:
    return torch.cuda.get_device_name(device) if device.type == "cuda" else "cpu"
