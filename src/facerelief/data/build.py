"""A folder of labelled photos to a dataset, on all cores, continued where it was when it is started again.

Every finished photo is a line of `build.jsonl`; when all are done the lines become metadata.csv and rejects.csv.
"""

import contextlib
import dataclasses
import json
import multiprocessing.connection
import os
import signal
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from facerelief.data.extract import FOLDERS, Extractor, Recipe, Task
from facerelief.data.labelled import Labelled, split_by_identity
from facerelief.data.manifest import (
    METADATA,
    REJECTS,
    SETTINGS,
    Reject,
    Sample,
    read_settings,
    write_rows,
    write_settings,
)
from facerelief.errors import DatasetError, FacereliefError

JOURNAL = "build.jsonl"


@dataclass(frozen=True)
class Built:
    """The outcome of a build, in the order of the photos."""

    samples: list[Sample]
    rejects: list[Reject]


def build_dataset(
    labelled: Sequence[Labelled],
    photos: Path,
    dataset: Path,
    recipe: Recipe | None = None,
    *,
    overlays: dict[Path, Path] | None = None,
    workers: int | None = None,
    seed: int = 0,
    progress: Callable[[int, int], None] = lambda done, total: None,
) -> Built:
    """Make the dataset. Photos done by an earlier, interrupted call with the same recipe are not done again.

    photos: the folder that sources are named relative to. overlays: photo to published depth map.
    progress: called with the number done and the total. Raises `DatasetError` where `dataset` holds something else,
    and `FacereliefError` where it cannot be written or the recipe cannot be followed.
    """
    recipe = recipe or Recipe()
    settings = {"size": recipe.size, "seed": seed, "depth_maps": bool(overlays), "recipe": dataclasses.asdict(recipe)}
    tasks = _tasks(labelled, photos, overlays or {}, seed)
    extractor = Extractor(recipe, dataset)  # before anything is written: it may find something missing
    _open_dataset(dataset, settings)
    journal = dataset / JOURNAL
    done = _read_journal(journal)
    todo = [task for task in tasks if task.source not in done]
    before = len(tasks) - len(todo)
    progress(before, len(tasks))
    for finished, row in enumerate(_extract(todo, extractor, workers or os.cpu_count() or 1), before + 1):
        done[row.source] = row
        _append(journal, row)
        progress(finished, len(tasks))
    rows = [_labelled_anew(done[task.source], task) for task in tasks]
    built = Built([r for r in rows if isinstance(r, Sample)], [r for r in rows if isinstance(r, Reject)])
    write_rows(dataset / METADATA, Sample, built.samples)
    write_rows(dataset / REJECTS, Reject, built.rejects)
    return built


def _append(journal: Path, row: Sample | Reject) -> None:
    line = json.dumps(dataclasses.asdict(row) | {"kind": type(row).__name__}) + "\n"
    try:
        with journal.open("a", encoding="utf-8") as log:
            log.write(line)
    except OSError as reason:
        raise FacereliefError(
            f"cannot write {journal}: {reason.strerror or reason}; make room and run the same command again"
        ) from reason


def _labelled_anew(row: Sample | Reject, task: Task) -> Sample | Reject:
    """A row with the labels of this call, which may have been corrected since the photo was done."""
    row = dataclasses.replace(row, expression=task.labelled.expression, identity=task.labelled.identity)
    return dataclasses.replace(row, split=task.split) if isinstance(row, Sample) else row


def _tasks(labelled: Sequence[Labelled], photos: Path, overlays: dict[Path, Path], seed: int) -> list[Task]:
    splits = _splits(labelled, seed)
    tasks = []
    for one in labelled:
        inside = one.photo.is_relative_to(photos)
        source = _text(one.photo.relative_to(photos).as_posix() if inside else one.photo.as_posix())
        named = dataclasses.replace(one, identity=_text(one.identity))
        tasks.append(Task(named, source, splits[one.identity], overlays.get(one.photo)))
    return tasks


def _text(name: str) -> str:
    """A file name that can be written to a table, whatever its bytes: those that are no UTF-8 are escaped."""
    return name.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")


def _splits(labelled: Sequence[Labelled], seed: int) -> dict[str, str]:
    """Identity to split: the publisher's where there is one, else drawn.

    A dataset published as train and val only (AffectNet) is tested on its val; a tenth of its train becomes val.
    """
    published = {one.identity: one.split for one in labelled if one.split}
    if published and "test" not in published.values():
        drawn = split_by_identity([i for i, split in published.items() if split == "train"], seed, (0.9, 0.1, 0.0))
        published = {i: "test" if split == "val" else drawn[i] for i, split in published.items()}
    return split_by_identity([one.identity for one in labelled], seed) | published


def _open_dataset(dataset: Path, settings: dict[str, Any]) -> None:
    """A new folder, or an earlier build with the same settings."""
    if dataset.exists() and not dataset.is_dir():
        raise DatasetError(f"{dataset} is a file; name a folder for the dataset")
    if (dataset / SETTINGS).is_file():
        before = read_settings(dataset)
        changed = [name for name, value in settings.items() if before.get(name, False) != value]
        if changed:
            raise DatasetError(f"{dataset} was built with another {changed[0]}; choose another folder or delete it")
    elif dataset.is_dir() and any(dataset.iterdir()):
        raise DatasetError(f"{dataset} holds other files; choose an empty folder for the dataset")
    else:
        write_settings(dataset, settings)
    try:
        for name in FOLDERS:
            (dataset / name).mkdir(exist_ok=True)
    except OSError as reason:
        raise FacereliefError(f"cannot write to {dataset}: {reason.strerror}; choose another folder") from reason


def _read_journal(journal: Path) -> dict[str, Sample | Reject]:
    """Rows of finished photos. A last line cut off by a kill is dropped: its photo is done again."""
    done: dict[str, Sample | Reject] = {}
    if not journal.is_file():
        return done
    lines = journal.read_text(encoding="utf-8").split("\n")
    complete, torn = lines[:-1], lines[-1]
    for line in complete:
        try:
            values = json.loads(line)
            kind = {"Sample": Sample, "Reject": Reject}[values.pop("kind")]
            row = kind(**values)
        except (ValueError, KeyError, TypeError) as reason:
            raise DatasetError(f"{journal} is damaged ({reason}); delete the dataset and build it again") from reason
        done[row.source] = row
    if torn:
        os.truncate(journal, sum(len(line.encode()) + 1 for line in complete))
    return done


def _extract(tasks: Sequence[Task], extractor: Extractor, workers: int) -> Iterator[Sample | Reject]:
    if workers == 1 or len(tasks) < 16:
        yield from map(extractor, tasks)
        return
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")  # one thread a worker: the workers use the cores
    start = (extractor.recipe, extractor.dataset)
    with ProcessPoolExecutor(workers, multiprocessing.get_context("spawn"), _start_worker, start) as pool:
        try:
            with _without_interrupts():
                rows = pool.map(
                    _work, tasks, chunksize=min(8, max(1, len(tasks) // (8 * workers)))
                )  # starts the processes
            yield from rows
        except BrokenProcessPool as reason:
            raise FacereliefError(
                "a worker process ended, perhaps for want of memory; run the same command again, with fewer --workers"
            ) from reason
        except BaseException:
            pool.shutdown(cancel_futures=True)
            raise


@contextlib.contextmanager
def _without_interrupts() -> Iterator[None]:
    """Processes that are started here never get Ctrl-C: it is for the parent, which ends them."""
    if not hasattr(signal, "pthread_sigmask"):  # on Windows
        yield
        return
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


_extractor: Extractor | None = None


def _start_worker(recipe: Recipe, dataset: Path) -> None:
    global _extractor
    threading.Thread(target=_end_with_parent, daemon=True).start()
    _extractor = Extractor(recipe, dataset)


def _end_with_parent() -> None:
    """A worker whose parent was killed would wait for work for ever."""
    parent = multiprocessing.parent_process()
    if parent is not None:
        multiprocessing.connection.wait([parent.sentinel])
        os._exit(1)


def _work(task: Task) -> Sample | Reject:
    if _extractor is None:
        raise FacereliefError("the worker was not started")
    return _extractor(task)
