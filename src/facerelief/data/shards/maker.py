"""One shard from its photos, by a process of this machine or of a cluster; done again it is the same, bit for bit."""

import contextlib
import dataclasses
import hashlib
import os
import shutil
import tempfile
import threading
import weakref
from collections.abc import Generator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from types import TracebackType

import numpy as np

from facerelief.data.build import MOST_SECONDS, given_up
from facerelief.data.extract import FOLDERS, ExtractionTask, Extractor, Recipe
from facerelief.data.manifest import Reject, Sample
from facerelief.data.review.inputs import read_input, read_thumbnail
from facerelief.data.shards.archive import ShardWriter, files_of
from facerelief.data.shards.plan import Shard, ShardFacts, ShardPhoto, ShardRow, write_part
from facerelief.files import sha256
from facerelief.files.store import Store, open_store
from facerelief.processes.pool import WorkerProcess

_AHEAD, _THREADS = 32, 8  # photos that are fetched before they are due


class ShardMaker:
    """Makes shards. A child process does the photos, so that one at which it dies or hangs is a reject and no more.

    Args:
        recipe: How samples are made.
        photos: The store of photos, by path or URL.
        out: The store of shards.
    """

    def __init__(self, recipe: Recipe, photos: str, out: str) -> None:
        self._photos, self._out = open_store(photos), open_store(out)
        self._here = Path(tempfile.mkdtemp(prefix="facerelief-shards-"))
        for name in FOLDERS:
            (self._here / name).mkdir()
        self._process = WorkerProcess(Extractor, (recipe, self._here))
        weakref.finalize(self, _end, self._process, self._here)

    def __call__(self, shard: Shard) -> ShardFacts:
        """Write a shard and its part."""
        file, seen = self._here / "shard.tar", []
        with ShardWriter(file) as archive, contextlib.closing(self._rows(shard.photos)) as rows:
            for row in rows:
                if isinstance(row, Reject):
                    seen.append(ShardRow(row))
                    continue
                archive.add(row, self._here)
                thumbnail = read_thumbnail(self._here, row).astype(np.uint8)
                seen.append(ShardRow(row, read_input(self._here, row), thumbnail))
                for path in files_of(row).values():
                    os.unlink(self._here / path)
        count = sum(isinstance(one.row, Sample) for one in seen)
        facts = ShardFacts(shard.name, count, file.stat().st_size if count else 0, sha256(file) if count else "")
        if count:
            self._out.write(shard.archive, file)
        self._out.write(shard.part, write_part(shard.digest, facts, seen))  # last: now the shard is finished
        return facts

    def _rows(self, photos: Sequence[ShardPhoto]) -> Generator[Sample | Reject, None, None]:
        with _Fetched(self._photos, photos, self._here / "absent") as tasks:
            for index, row in enumerate(self._process.map(tasks, lost=_lost, seconds=MOST_SECONDS)):
                yield row
                tasks.release(index)


def _end(process: WorkerProcess, folder: Path) -> None:
    process.end()
    shutil.rmtree(folder, ignore_errors=True)


def _lost(task: ExtractionTask, why: str) -> Reject:
    return given_up(task, why)


class _Fetched(Sequence[ExtractionTask]):
    """The tasks of photos, which are fetched ahead; each is on this machine when it is taken, until it is released."""

    def __init__(self, store: Store, photos: Sequence[ShardPhoto], absent: Path) -> None:
        self._store, self._photos, self._absent = store, photos, absent
        self._held: dict[int, contextlib.ExitStack] = {}
        self._slots, self._over = threading.Semaphore(_AHEAD), False
        self._pool = ThreadPoolExecutor(_THREADS, "fetch")
        self._tasks: list[Future[ExtractionTask]] = []

    def __enter__(self) -> "_Fetched":
        self._tasks = [self._pool.submit(self._fetch, index) for index in range(len(self._photos))]
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._over = True
        self._slots.release(len(self._photos) or 1)
        self._pool.shutdown(cancel_futures=True)
        for held in self._held.values():
            held.close()

    def __len__(self) -> int:
        return len(self._photos)

    def __getitem__(self, index: int) -> ExtractionTask:  # type: ignore[override]
        return self._tasks[index].result()

    def release(self, index: int) -> None:
        """Remove a photo's copy, for the next one."""
        self._held.pop(index).close()
        self._slots.release()

    def _fetch(self, index: int) -> ExtractionTask:
        self._slots.acquire()
        photo, held = self._photos[index], contextlib.ExitStack()
        self._held[index] = held
        if self._over:
            return photo.task
        try:
            path = held.enter_context(self._store.local(photo.name))
        except FileNotFoundError:  # it is rejected, as one that is gone from a disk
            path = self._absent / photo.name
        return dataclasses.replace(photo.task, labelled=dataclasses.replace(photo.task.labelled, photo=path))


def look_at(photos: str, out: str, photo: str, settings: str) -> list[str]:
    """What every machine must see alike: a photo and the settings of the shards, by their checksums."""
    found = []
    for place, name in ((photos, photo), (out, settings)):
        with contextlib.suppress(FileNotFoundError):
            found.append(hashlib.sha256(open_store(place).read(name)).hexdigest())
    return found
