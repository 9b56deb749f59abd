"""A folder of labelled photos to a dataset, on all cores; an interrupted build resumes.

Every finished photo is a line of `build.jsonl`; when all are done the lines become metadata.csv and rejects.csv.
"""

import dataclasses
import functools
import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from facerelief.data.arrays import arrays_folder
from facerelief.data.extract import GIVEN_UP, ExtractionTask, Extractor, Recipe, votes_text
from facerelief.data.journal import JOURNAL, append, open_dataset, read_journal, stamp_of
from facerelief.data.manifest import METADATA, REJECTS, SETTINGS, Reject, Sample, harmless, write_rows
from facerelief.data.sources.labelled import Labelled, splits_by_person
from facerelief.errors import DatasetError
from facerelief.faces.landmarks.networks import CHECKSUMS, FACE_MESH
from facerelief.files import lock_folder, sha256
from facerelief.geometry.morphable.model import face_file
from facerelief.processes.cluster import LOCAL, Spread, View, check_cluster, map_over
from facerelief.progress import Progress, no_progress

MOST_SECONDS = 300.0  # of one photo, which takes one or two; a process that needs more hangs
_SHARE = "name photos and dataset in a folder that all machines share, or by URL with --shards"


@dataclass(frozen=True)
class Built:
    """The outcome of a build.

    Attributes:
        samples: In the order of the photos.
        rejects: Photos that gave no sample, in their order.
        notes: What to know of the splits, a line each.
    """

    samples: list[Sample]
    rejects: list[Reject]
    notes: list[str] = dataclasses.field(default_factory=list)


def build_dataset(
    labelled: Sequence[Labelled],
    photos: Path,
    dataset: Path,
    recipe: Recipe | None = None,
    *,
    overlays: dict[Path, Path] | None = None,
    workers: int | None = None,
    seed: int = 0,
    cluster: str = LOCAL,
    progress: Progress = no_progress,
) -> Built:
    """Make a dataset from labelled photos.

    After an interruption the same call resumes: photos that were done with the same recipe are not done again, unless
    they, their depth maps or their mesh files have changed since.

    Args:
        labelled: The photos.
        photos: The folder that `Sample.source` is relative to.
        dataset: The folder to write.
        recipe: How samples are made.
        overlays: Published depth maps, by photo.
        workers: Processes; by default one per core.
        seed: Of the split by identity, where the publisher gives none.
        cluster: As in `Spread`; its machines must have the photos and the dataset at the same paths.
        progress: Called with the number of photos done and the total.

    Raises:
        DatasetError: `dataset` holds something else.
        FacereliefError: It cannot be written, or the recipe cannot be followed.
    """
    recipe = recipe or Recipe()
    check_cluster(cluster)
    if cluster != LOCAL:  # whose processes start elsewhere
        dataset, photos = dataset.absolute(), photos.absolute()
        labelled = [dataclasses.replace(one, photo=one.photo.absolute()) for one in labelled]
    splits, notes = splits_by_person(labelled, seed)
    tasks = photo_tasks(labelled, photos, overlays or {}, splits)
    extractor = Extractor(recipe, dataset)  # before anything is written: it may find something missing
    _check_meshes(tasks, extractor)
    open_dataset(dataset, build_settings(recipe, seed, bool(overlays)))
    with lock_folder(dataset):
        built = _built(tasks, extractor, recipe, dataset, Spread(cluster, workers), progress)
    return dataclasses.replace(built, notes=notes)


def build_settings(recipe: Recipe, seed: int, overlays: bool = False) -> dict[str, Any]:
    """What dataset.json records of a build."""
    same = {"size": recipe.size, "seed": seed, "depth_maps": overlays, "recipe": dataclasses.asdict(recipe)}
    return same | _models_of(recipe)


def _models_of(recipe: Recipe) -> dict[str, str]:
    """Checksums of what finds and reconstructs faces: another version of it must not go on with a dataset."""
    models = {}
    if recipe.task_file:
        models["task_file_sha256"] = sha256(Path(recipe.task_file))
    elif recipe.finder == "onnx":
        models["landmark_network_sha256"] = CHECKSUMS[FACE_MESH]
    if recipe.reconstructor == "morphable":
        models["morphable_face_sha256"] = sha256(face_file(recipe.reconstructor_options.get("face")))
    return models


def _built(
    tasks: Sequence[ExtractionTask],
    extractor: Extractor,
    recipe: Recipe,
    dataset: Path,
    spread: Spread,
    progress: Progress,
) -> Built:
    """Do what is not done yet, and write the tables."""
    journal = dataset / JOURNAL
    stamps = {task.source: stamp_of(*_files_of(task, extractor)) for task in tasks}
    done = read_journal(journal, stamps)
    todo = [task for task in tasks if task.source not in done or _was_given_up(done[task.source])]
    before = len(tasks) - len(todo)
    progress(before, len(tasks))
    if todo:  # decoded copies of maps that are made anew; photos alone tell them from others
        shutil.rmtree(arrays_folder(dataset), ignore_errors=True)
    view = View(functools.partial(_shared, dataset, todo[:1]), _SHARE)
    work = map_over(
        spread, Extractor, (recipe, dataset), todo, here=extractor, lost=given_up, seconds=MOST_SECONDS, view=view
    )
    for finished, row in enumerate(work, before + 1):
        done[row.source] = row
        append(journal, row, stamps[row.source])
        progress(finished, len(tasks))
    rows = [_labelled_anew(done[task.source], task) for task in tasks]
    built = Built([r for r in rows if isinstance(r, Sample)], [r for r in rows if isinstance(r, Reject)])
    write_rows(dataset / METADATA, Sample, built.samples)
    write_rows(dataset / REJECTS, Reject, built.rejects)
    return built


def _check_meshes(tasks: Sequence[ExtractionTask], extractor: Extractor) -> None:
    """Raise `DatasetError` where two photos would get one mesh file, since they have the same name."""
    photo_of: dict[Path, Path] = {}
    for photo in (task.labelled.photo for task in tasks):
        mesh = extractor.mesh_file(photo)
        if mesh is None:
            continue
        other = photo_of.setdefault(mesh, photo)
        if other != photo:
            raise DatasetError(
                f"{mesh} would be the mesh of both {other} and {photo}; put each into a folder named as its photo's"
            )


def _files_of(task: ExtractionTask, extractor: Extractor) -> list[Path | None]:
    """The files that a sample is made of."""
    return [task.labelled.photo, task.overlay, extractor.mesh_file(task.labelled.photo)]


def _shared(dataset: Path, tasks: Sequence[ExtractionTask]) -> list[str]:
    return [stamp_of(dataset / SETTINGS), *(stamp_of(task.labelled.photo) for task in tasks)]


def _was_given_up(row: Sample | Reject) -> bool:
    """Whether a photo failed for a reason that may have passed, such as too little memory: it is tried again."""
    return isinstance(row, Reject) and row.reason == GIVEN_UP


def given_up(task: ExtractionTask, why: str) -> Reject:
    """The row of a photo whose process died."""
    return Reject(task.source, task.labelled.expression, task.labelled.identity, GIVEN_UP, why)


def _labelled_anew(row: Sample | Reject, task: ExtractionTask) -> Sample | Reject:
    """A row with the labels of this call, which may have been corrected since the photo was done."""
    label = task.labelled
    row = dataclasses.replace(row, expression=label.expression, identity=label.identity)
    if isinstance(row, Reject):
        return row
    return dataclasses.replace(row, split=task.split, votes=votes_text(label.votes))


def photo_tasks(
    labelled: Sequence[Labelled], photos: Path, overlays: dict[Path, Path], splits: dict[str, str]
) -> list[ExtractionTask]:
    """The tasks of a build, in the order of the photos; arguments as in `build_dataset`, and the split by identity."""
    tasks = []
    for one in labelled:
        inside = one.photo.is_relative_to(photos)
        source = _text(one.photo.relative_to(photos).as_posix() if inside else one.photo.as_posix())
        named = dataclasses.replace(one, identity=_text(one.identity))
        tasks.append(ExtractionTask(named, source, splits[one.identity], overlays.get(one.photo)))
    return tasks


def _text(name: str) -> str:
    """A name that can stand in a table, whatever its bytes: those that are no UTF-8 are escaped, and see `harmless`."""
    text = name.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")
    return harmless(text.replace("\n", r"\n"))
