"""Editors measured in every way at once, and the report of it.

facerelief evaluate RUN --data DATASET
"""

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
from facerelief.data.batches import make_batch, spread_rows
from facerelief.data.manifest import METADATA
from facerelief.editing.editor import Editor
from facerelief.editing.loading import load_network_editor
from facerelief.errors import DatasetError, FacereliefError
from facerelief.evaluation.instruments import Bench, Tools, set_up
from facerelief.evaluation.metrics.identity import photo_rows, real_distances
from facerelief.evaluation.rate import editor_edits
from facerelief.evaluation.scoring import Scores, Subject, bases, measure, network_subject, partner_rows
from facerelief.evaluation.summary import summarise
from facerelief.files import sha256
from facerelief.progress import NamedProgress, no_progress
from facerelief.training.run.sample_grids import to_pixels

FORMAT = 1  # of report.json


@dataclass(frozen=True)
class Network:
    """An editor's weights: a run of stage 2 or its file."""

    name: str
    path: Path
    config: ExpressionTraining
    facts: dict[str, Any]


@dataclass(frozen=True)
class Samples:
    """Photos and their edits to look at, uint8: source (N, H, W, 3); by editor the edits (N, K, H, W, 3) and, where
    there is a depth network, what it sees in them; the true targets, where there are pairs.
    """

    source: np.ndarray
    edits: dict[str, np.ndarray]
    depth: dict[str, np.ndarray]
    truth: np.ndarray | None


@dataclass(frozen=True)
class Evaluation:
    """facts: what report.json holds. distances: identity distances by name, of editors and of real photos."""

    facts: dict[str, Any]
    distances: dict[str, np.ndarray]
    references: dict[str, np.ndarray]
    samples: Samples


def read_network(path: Path, name: str | None = None) -> Network:
    """The editor of a run. Raises `CheckpointError` where it is none."""
    file = weights_in(path)
    saved = load_checkpoint(file, "editor")
    return Network(name or path.name, file, saved.config(ExpressionTraining), saved.facts)


def network_notes(network: Network, dataset: Path, judge: Path | None, encoder: Path | None = None) -> list[str]:
    """What to know of an editor before believing its scores.

    Raises `FacereliefError` where it learnt from what is to measure it.
    """
    for kind, path in (("judge", judge), ("identity", encoder)):
        taught = network.facts.get(f"{kind}_weights_sha256")
        if path is not None and taught and taught == sha256(weights_in(path)):
            raise FacereliefError(
                f"{network.name} learnt from {path}, which cannot measure it then; "
                f"give another: facerelief train {kind} --seed 1"
            )
    trained_on = network.facts.get("metadata_sha256")
    if trained_on == sha256(dataset / METADATA):
        return []
    return [
        f"{network.name} was trained on another dataset, or another state of this one: it may have seen test people."
    ]


def evaluate_all(
    networks: Sequence[Network],
    editors: Mapping[str, Editor],
    dataset: Path,
    config: Training,
    tools: Tools,
    photos: int | None = None,
    progress: NamedProgress = no_progress,
) -> Evaluation:
    """Measure networks and other editors, all of `config`'s size, colour and expressions, on a dataset's test photos.

    photos: a fixed draw of so many, by default all. Raises `FacereliefError` for tools that do not fit them.
    """
    notes = [note for network in networks for note in network_notes(network, dataset, tools.judge, tools.encoder)]
    bench = set_up(dataset, config, tools)
    bench.facts["notes"] += notes
    bench.facts["weights_sha256"] = {network.name: sha256(network.path) for network in networks}
    rows = photo_rows(bench.test, photos)
    return evaluate(subjects(networks, editors, dataset, bench), bench, rows, progress)


def subjects(networks: Sequence[Network], editors: Mapping[str, Editor], dataset: Path, bench: Bench) -> list[Subject]:
    """Editors to measure: networks, which are put on the bench's device, and others."""
    found = []
    for network in networks:
        generator = load_network_editor(network.path).generator.eval().requires_grad_(False)
        found.append(network_subject(network.name, generator.to(bench.instruments.device), bench.test))
    found += [Subject(name, editor_edits(editor, dataset, bench.test)) for name, editor in editors.items()]
    return found


def evaluate(
    measured: Sequence[Subject],
    bench: Bench,
    rows: np.ndarray,
    progress: NamedProgress = no_progress,
    shown: int = 6,
) -> Evaluation:
    """Measure the subjects, and the `bases` before them, on the photos `rows` of the bench's test split."""
    summaries: dict[str, Any] = {}
    distances: dict[str, np.ndarray] = {}
    for subject in (*bases(bench.test), *measured):
        scores = score(subject, bench, rows, progress)
        summaries[subject.name] = summarise(scores, bench.test, bench.real, bench.instruments.features)
        if subject in measured and "identity" in scores.values:
            distances[subject.name] = scores.values["identity"]
    facts = bench.facts | {
        "format": FORMAT,
        "facerelief": __version__,
        "device": _device_name(bench.instruments.device),
        "measured_photos": len(rows),
        "bases": [subject.name for subject in bases(bench.test)],
        "editors": summaries,
    }
    chosen = _spread(bench.test, rows, shown)
    return Evaluation(facts, distances, references(bench), draw_samples(measured, bench, chosen))


def score(subject: Subject, bench: Bench, rows: np.ndarray, progress: NamedProgress = no_progress) -> Scores:
    """Every edit of one subject, measured."""
    return measure(
        subject,
        bench.instruments,
        bench.test,
        rows,
        bench.class_maps,
        lambda done, total: progress(subject.name, done, total),
    )


def references(bench: Bench) -> dict[str, np.ndarray]:
    """Identity distances of real photos of one person and of two; empty without an encoder, or where nobody has two."""
    if bench.instruments.encoder is None:
        return {}
    try:
        found = real_distances(bench.instruments.encoder, bench.test)
    except DatasetError:  # every test person has one photo
        return {}
    return {"real photos, one person": found.same, "real photos, two persons": found.different}


@torch.inference_mode()
def draw_samples(measured: Sequence[Subject], bench: Bench, rows: np.ndarray) -> Samples:
    """Edits of some photos by every subject, to look at."""
    test, depth = bench.test, bench.instruments.depth
    classes = range(len(test.expressions))
    edits, maps = {}, {}
    for subject in measured:
        made = [subject.edits(rows, label).to(bench.instruments.device) for label in classes]
        edits[subject.name] = np.stack([to_pixels(image) for image in made], axis=1)
        if depth is not None:
            maps[subject.name] = np.stack([to_pixels(_shown(depth(image))) for image in made], axis=1)
    partners = partner_rows(test)
    truth = None
    if partners is not None and (partners[rows] >= 0).all():
        truth = np.stack([to_pixels(make_batch(test, partners[rows, label], "depth").image) for label in classes], 1)
    return Samples(to_pixels(make_batch(test, rows, "depth").image), edits, maps, truth)


def _shown(maps: torch.Tensor) -> torch.Tensor:
    """Depth alone where there are normals too."""
    return maps[:, :1] if maps.shape[1] == 4 else maps


def _spread(test: Arrays, rows: np.ndarray, most: int) -> np.ndarray:
    """Up to `most` of the rows, of every expression in turn."""
    spread = spread_rows(test, max(most * 8, 64))
    found = spread[np.isin(spread, rows)][:most]
    return found if len(found) else rows[:most]


def _device_name(device: torch.device) -> str:
    return torch.cuda.get_device_name(device) if device.type == "cuda" else "cpu"
