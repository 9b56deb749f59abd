"""Labelled photos by path or URL. Of what is on the net, sources read a copy: tables whole, of photos the names."""

import contextlib
import tempfile
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from facerelief.data.journal import stamp_of
from facerelief.data.manifest import PathGuard
from facerelief.data.sources.labelled import Labelled, is_photo
from facerelief.data.sources.layouts import Reading, read_labelled
from facerelief.errors import DatasetError, FacereliefError
from facerelief.files.csv import MAX_CSV_BYTES
from facerelief.files.store import is_remote, open_store, path_of

_TABLES = (".csv", ".txt", ".npy")  # what sources read beside photos
_THREADS = 16


@dataclass(frozen=True)
class Photos:
    """Labelled photos and where they are.

    Attributes:
        reading: What the source gave; its paths are below `root`.
        root: The folder of photos, or of the copy of its tree.
        place: The folder of photos, a path or URL.
        stamps: By name below the folder, what changes with a photo.
    """

    reading: Reading
    root: Path
    place: str
    stamps: Mapping[str, str]

    def name_of(self, one: Labelled) -> str:
        """A photo's name below the folder."""
        return one.photo.relative_to(self.root).as_posix()


@contextlib.contextmanager
def labelled_photos(place: str, source: str = "auto", per_class: int | None = None, **options: Any) -> Iterator[Photos]:
    """Labelled photos by path or URL; in the block, the paths of the reading exist.

    Args:
        place: A folder of photos, or a CSV that lists them.
        source: As in `read_labelled`, and so are the others.
        per_class: Photos of an expression, at most.
        **options: Those of the source.

    Raises:
        FacereliefError: As `read_labelled`, or the store cannot be read.
    """
    if not is_remote(place):
        path = path_of(place).absolute()
        root = path if path.is_dir() else path.parent
        reading = read_labelled(path, source, per_class, **options)
        stamps = {one.photo.relative_to(root).as_posix(): stamp_of(one.photo) for one in reading.photos}
        yield Photos(reading, root, str(root), stamps)
        return
    table = place.lower().endswith(".csv")
    folder = place.rpartition("/")[0] if table else place.rstrip("/")
    with tempfile.TemporaryDirectory(prefix="facerelief-photos-") as copy:
        root = Path(copy)
        stamps = _copy_tree(folder, root)
        path = root / place.rpartition("/")[2] if table else root
        try:
            reading = read_labelled(path, source, per_class, **options)
        except FacereliefError as problem:
            raise DatasetError(str(problem).replace(copy, folder)) from problem
        notes = [note.replace(copy, folder) for note in reading.notes]
        yield Photos(Reading(reading.photos, reading.source, notes), root, folder, stamps)


def _copy_tree(url: str, root: Path) -> dict[str, str]:
    """Copy the tables of a store, and make an empty file of the name of each photo; returns the stamps."""
    store, fence = open_store(url), PathGuard(root)
    stamps = {name: stamp for name, stamp in store.listing().items() if fence.holds(name) and ".." not in name}
    if not stamps:
        raise DatasetError(f"{url} holds no files; check the address")
    tables = [name for name in stamps if name.lower().endswith(_TABLES)]
    photos = [name for name in stamps if is_photo(Path(name).name)]
    try:
        for folder in {(root / name).parent for name in (*tables, *photos)}:
            folder.mkdir(parents=True, exist_ok=True)
        for name in photos:
            (root / name).touch()
        with ThreadPoolExecutor(_THREADS) as pool:
            for name, content in zip(tables, pool.map(lambda one: store.read(one, MAX_CSV_BYTES), tables), strict=True):
                (root / name).write_bytes(content)
    except OSError as reason:
        raise FacereliefError(
            f"{url}: its names do not fit on this disk ({reason.strerror}: {reason.filename})"
        ) from reason
    return stamps
