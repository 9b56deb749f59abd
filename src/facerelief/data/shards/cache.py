"""A dataset for training, from a folder or from shards, which are unpacked once on each machine."""

import hashlib
import os
from pathlib import Path

from facerelief.data.dataset import Dataset
from facerelief.data.manifest import METADATA
from facerelief.data.shards.convert import unpack
from facerelief.data.shards.plan import SHARD_LIST
from facerelief.errors import DatasetError
from facerelief.files import lock_folder
from facerelief.files.csv import MAX_CSV_BYTES
from facerelief.files.json import MAX_JSON_BYTES
from facerelief.files.store import Store, is_remote, open_store, path_of
from facerelief.progress import Progress, no_progress

_DONE = ".complete"


def open_copy(place: str | Path, progress: Progress = no_progress) -> Dataset:
    """A dataset by folder, or by the path or URL of its shards.

    Shards are copied to a folder of the user's cache, one shard at a time, each compared with its checksum; an
    interrupted copy goes on, other processes of the machine wait for it, and what is there is not copied again. A
    changed review or build of the shards is another folder. A training from it is that from the dataset's own folder.

    Args:
        place: The folder, path or URL.
        progress: Called with the number of samples copied and the total.

    Raises:
        DatasetError: The shards are not finished, incomplete or damaged.
        FacereliefError: The store cannot be read, or the cache not written.
    """
    if not is_remote(place):
        there = path_of(place)
        if (there / "rgb").is_dir() or not any(there.glob("*.tar")):  # also what became a folder of shards
            return Dataset(there)
    store = open_store(place)
    key = hashlib.sha256(b"".join(_read(store, name) for name in (SHARD_LIST, METADATA))).hexdigest()[:16]
    within = cache_folder() / key
    folder = within / str(place).rstrip("/").rpartition("/")[2]
    with lock_folder(within, wait=True):
        if not (within / _DONE).is_file():
            unpack(str(place), folder, progress)
            (within / _DONE).touch()
    return Dataset(folder)


def cache_folder() -> Path:
    """Where datasets from shards are kept; `FACERELIEF_DATASETS` names another place, such as a machine's own disk."""
    given = os.environ.get("FACERELIEF_DATASETS")
    root = Path(os.environ.get("XDG_CACHE_HOME", Path.home() / ".cache"))
    return Path(given) if given else root / "facerelief" / "datasets"


def _read(store: Store, name: str) -> bytes:
    try:
        return store.read(name, max(MAX_JSON_BYTES, MAX_CSV_BYTES))
    except FileNotFoundError:
        raise DatasetError(
            f"{store} holds no {name}: no shards, or not finished; run the command that makes them again"
        ) from None
