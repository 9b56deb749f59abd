"""A dataset in which rare expressions have as many training photos as common ones: the others are edits.

An edit is of a training photo, has its person and its split, and says in its row what it was made from and by what.
Photos of other splits are never edited, so that nothing is measured on edits.
"""

import dataclasses
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from facerelief.colour import chroma
from facerelief.data.crops import read_alignment, read_crop
from facerelief.data.dataset import Dataset
from facerelief.data.extract import fingerprint, sharpness, write_files
from facerelief.data.journal import JOURNAL, append, open_dataset, read_journal
from facerelief.data.linking import link_sample
from facerelief.data.manifest import METADATA, REJECTS, Reject, Sample, write_rows
from facerelief.data.sources.labelled import fixed_draw
from facerelief.editing.editor import Editor
from facerelief.errors import DatasetError, NoFaceFound
from facerelief.faces.alignment import Crop
from facerelief.faces.detector import Face
from facerelief.files import lock_folder
from facerelief.geometry.depth_maps import render_geometry
from facerelief.geometry.reconstructors import AlignedFace, load_reconstructor
from facerelief.progress import Progress, no_progress

MADE_FROM = "edited from"  # what the reasons of an edit begin with


@dataclass(frozen=True)
class PlannedEdit:
    """A training photo and what it becomes."""

    sample: Sample
    target: str

    @property
    def source(self) -> str:
        """As `Sample.source`: the photo's, and what it becomes."""
        return f"{self.sample.source}#{self.target}"


@dataclass(frozen=True)
class Augmented:
    """The outcome.

    Attributes:
        samples: Real ones, then edits.
        edits: Number of edits by expression.
        lost: Edits in which no face was found again.
    """

    samples: list[Sample]
    edits: dict[str, int]
    lost: int


def plan_edits(
    samples: Sequence[Sample], expressions: Sequence[str], per_class: int | None = None, seed: int = 0
) -> list[PlannedEdit]:
    """Which training photos are edited to what, so that every expression has as many.

    Args:
        samples: Of a dataset; only kept training photos are edited and counted.
        expressions: Those that get edits.
        per_class: So many photos of each, real and edited; by default as many as the most frequent has.
        seed: Of the draw, in which every photo of another expression has the same chance.

    Raises:
        DatasetError: There are too few photos of other expressions to edit.
    """
    train = [sample for sample in samples if sample.split == "train" and sample.keep]
    counts = Counter(sample.expression for sample in train)
    goal = per_class if per_class is not None else max(counts.values(), default=0)
    planned = []
    for target in expressions:
        others = sorted(
            (sample for sample in train if sample.expression != target),
            key=lambda sample: fixed_draw(f"{seed}:{target}:{sample.source}"),
        )
        missing = max(0, goal - counts[target])
        if missing > len(others):
            raise DatasetError(
                f"{missing} photos of {target} are missing, and {len(others)} of other expressions can be edited; "
                "give a smaller --per-class"
            )
        planned += [PlannedEdit(sample, target) for sample in others[:missing]]
    return planned


def augment_dataset(
    dataset: Dataset,
    out: Path,
    editor: Editor,
    planned: Sequence[PlannedEdit],
    weights_sha256: str,
    progress: Progress = no_progress,
) -> Augmented:
    """Write a dataset with all samples of another and the planned edits; the same call again resumes.

    Args:
        dataset: The dataset whose photos are edited.
        out: The folder to write.
        editor: What edits, at strength 1.
        planned: As `plan_edits` gives them.
        weights_sha256: Of the editor's weights; a folder that others have begun is refused.
        progress: Called with the number of edits done and the total.

    Raises:
        DatasetError: `out` holds something else, or a file of the dataset is damaged.
        FacereliefError: `out` cannot be written, or the editor does not make one of the expressions.
    """
    targets = {name: editor.target(name) for name in sorted({one.target for one in planned})}
    settings = {
        "size": dataset.settings.get("size", 256),
        "augmented": editor.method,
        "of": dataset.digest,
        "editor_sha256": weights_sha256,
    }
    open_dataset(out, settings)
    with lock_folder(out):
        for sample in dataset.samples:
            link_sample(dataset.path, out, sample)
        done = read_journal(out / JOURNAL)
        for number, one in enumerate(planned, 1):
            if one.source not in done:
                done[one.source] = _edited(dataset.path, out, editor, one, targets[one.target])
                append(out / JOURNAL, done[one.source])
            progress(number, len(planned))
        rows = [done[one.source] for one in planned]
        edits = [row for row in rows if isinstance(row, Sample)]
        samples = [*dataset.samples, *edits]
        write_rows(out / METADATA, Sample, samples)
        write_rows(out / REJECTS, Reject, [row for row in rows if isinstance(row, Reject)])
    return Augmented(samples, dict(Counter(one.expression for one in edits)), len(rows) - len(edits))


def _edited(dataset: Path, out: Path, editor: Editor, one: PlannedEdit, target: str) -> Sample | Reject:
    """One edit with the geometry that it shows, found in it again, or why there is none."""
    rgb, landmarks = read_crop(dataset, one.sample)
    made = editor.apply(rgb, Face(landmarks.astype(np.float32)), target, 1.0).photo
    found = editor.finder.follow(made, Face(landmarks.astype(np.float32)))
    if found is None:
        why = str(NoFaceFound(f"{one.sample.file_name}: no face found in the edit"))
        return Reject(one.source, one.target, one.sample.identity, "no usable face", why)
    points, size = found.landmarks.astype(np.float64), len(made)
    _, matrix, photo_size = read_alignment(dataset / one.sample.mesh)
    whole = Crop(np.eye(2, 3), size)
    mesh = load_reconstructor("mediapipe")(AlignedFace(points, whole, Path(one.sample.source), (size, size)))
    arrays = {"vertices": mesh.vertices, "landmarks": points}
    stem = f"{Path(one.sample.file_name).stem}-to-{one.target}"
    files = write_files(out, stem, made, render_geometry(mesh, points, size), arrays, matrix, photo_size)
    note = f"{MADE_FROM} {one.sample.expression} by {editor.method}"
    return dataclasses.replace(
        one.sample,
        **files,
        expression=one.target,
        source=one.source,
        sharpness=round(sharpness(made), 4),
        fingerprint=fingerprint(made),
        chroma=round(chroma(made), 2),
        reasons=note,
        votes="",
    )
