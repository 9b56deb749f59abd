"""`build.jsonl`: the finished samples of a dataset under construction, a line each, from which a build resumes."""

import dataclasses
import os
import zlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from facerelief.data.extract import FOLDERS
from facerelief.data.manifest import (
    SETTINGS,
    PathGuard,
    Reject,
    Sample,
    inside,
    read_dataset_settings,
    write_settings,
)
from facerelief.errors import DatasetError, FacereliefError
from facerelief.files import is_partial, open_file
from facerelief.files.json import append_lines, read_lines, to_dataclass

JOURNAL = "build.jsonl"
_KINDS: dict[str, type[Sample | Reject]] = {"Sample": Sample, "Reject": Reject}
_END = 4096  # bytes
_DIGEST = "_sha256"  # the end of a setting's name that is a file's checksum
# Settings that earlier versions did not record: where they lack, nothing is known.
_LATELY = ("landmark_network_sha256", "task_file_sha256", "morphable_face_sha256", "editor_sha256")


def open_dataset(dataset: Path, settings: dict[str, Any]) -> None:
    """Open a new folder, or an earlier build with the same settings, for writing.

    Args:
        dataset: The folder.
        settings: What dataset.json records.

    Raises:
        DatasetError: It holds something else, or was built with other settings.
        FacereliefError: It cannot be written.
    """
    if dataset.exists() and not dataset.is_dir():
        raise DatasetError(f"{dataset} is a file; name a folder for the dataset")
    if (dataset / SETTINGS).is_file():
        before = read_dataset_settings(dataset)
        check_settings(str(dataset), before, settings)
    elif dataset.is_dir() and any(not is_partial(path.name) for path in dataset.iterdir()):
        raise DatasetError(f"{dataset} holds other files; choose an empty folder for the dataset")
    else:
        write_settings(dataset, settings)
    try:
        for name in FOLDERS:
            inside(dataset, name).mkdir(exist_ok=True)
        inside(dataset, JOURNAL)
    except OSError as reason:
        raise FacereliefError(f"cannot write to {dataset}: {reason.strerror}; choose another folder") from reason


def check_settings(dataset: str, before: Mapping[str, Any], settings: Mapping[str, Any]) -> None:
    """Check that a dataset was begun with the same settings, as far as its version recorded them.

    Raises:
        DatasetError: It was not.
    """
    told = {name: value for name, value in settings.items() if name in before or name not in _LATELY}
    changed = next((name for name, value in told.items() if before.get(name, False) != value), None)
    if changed:
        what = changed.removesuffix(_DIGEST).replace("_", " ")
        raise DatasetError(f"{dataset} was built with another {what}; choose another folder or delete it")


def stamp_of(*files: Path | None) -> str:
    """A stamp that changes with the files, without reading all of them: their sizes and checksums of their ends."""
    return " ".join(_end_of(file) for file in files if file is not None)


def _end_of(file: Path) -> str:
    try:
        with open_file(file) as stream:
            size = stream.seek(0, os.SEEK_END)
            stream.seek(max(0, size - _END))
            return f"{size}-{zlib.crc32(stream.read()):08x}"
    except OSError:
        return "unreadable"


def read_journal(journal: Path, stamps: Mapping[str, str] | None = None) -> dict[str, Sample | Reject]:
    """Rows of finished photos by source; lines that cannot be read, such as a torn last one, are skipped.

    Args:
        journal: The file; it may be absent.
        stamps: `stamp_of` by source; photos with another stamp have changed and are left out.
    """
    done: dict[str, Sample | Reject] = {}
    fence = PathGuard(journal.parent)
    for values in read_lines(journal):
        stamp = values.pop("stamp", None)
        try:
            row = to_dataclass(_KINDS[values.pop("kind")], values)
        except (ValueError, KeyError, TypeError):
            continue
        if isinstance(row, Sample) and fence.outside(row) is not None:
            continue
        done.pop(row.source, None)  # the last line of a source counts
        if stamp is None or stamp == (stamps or {}).get(row.source, stamp):
            done[row.source] = row
    return done


def append(journal: Path, row: Sample | Reject, stamp: str | None = None) -> None:
    """Note a finished photo, with its `stamp_of`. Raises `FacereliefError` where the disk is full."""
    kind = {"kind": type(row).__name__} | ({"stamp": stamp} if stamp is not None else {})
    append_lines(journal, dataclasses.asdict(row) | kind)
