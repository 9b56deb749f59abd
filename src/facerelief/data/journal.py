"""What a dataset under construction has finished, a line of `build.jsonl` a sample, so that the build can go on."""

import dataclasses
import json
import os
import zlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from facerelief.data.extract import FOLDERS
from facerelief.data.manifest import SETTINGS, Reject, Sample, read_settings, write_settings
from facerelief.errors import DatasetError, FacereliefError

JOURNAL = "build.jsonl"
_END = 4096  # bytes


def open_dataset(dataset: Path, settings: dict[str, Any]) -> None:
    """A new folder, or an earlier build with the same settings."""
    if dataset.exists() and not dataset.is_dir():
        raise DatasetError(f"{dataset} is a file; name a folder for the dataset")
    if (dataset / SETTINGS).is_file():
        before = read_settings(dataset)
        changed = [name for name, value in settings.items() if before.get(name, False) != value]
        if changed:
            raise DatasetError(f"{dataset} was built with another {changed[0]}; choose another folder or delete it")
    elif dataset.is_dir() and any(not path.name.startswith(".partial-") for path in dataset.iterdir()):
        raise DatasetError(f"{dataset} holds other files; choose an empty folder for the dataset")
    else:
        write_settings(dataset, settings)
    try:
        for name in FOLDERS:
            (dataset / name).mkdir(exist_ok=True)
    except OSError as reason:
        raise FacereliefError(f"cannot write to {dataset}: {reason.strerror}; choose another folder") from reason


def stamp_of(*files: Path | None) -> str:
    """What tells whether files are still the same, without reading them: their sizes and checksums of their ends."""
    return " ".join(_end_of(file) for file in files if file is not None)


def _end_of(file: Path) -> str:
    try:
        with file.open("rb") as stream:
            size = stream.seek(0, os.SEEK_END)
            stream.seek(max(0, size - _END))
            return f"{size}-{zlib.crc32(stream.read()):08x}"
    except OSError:
        return "unreadable"


def read_journal(journal: Path, stamps: Mapping[str, str] | None = None) -> dict[str, Sample | Reject]:
    """Rows of finished photos; where `stamps` by source are given, of those only that are still the same.

    A last line cut off by a kill is dropped: its photo is done again.
    """
    done: dict[str, Sample | Reject] = {}
    if not journal.is_file():
        return done
    lines = journal.read_text(encoding="utf-8").split("\n")
    complete, torn = lines[:-1], lines[-1]
    for line in complete:
        try:
            values = json.loads(line)
            kind = {"Sample": Sample, "Reject": Reject}[values.pop("kind")]
            stamp = values.pop("stamp", None)
            row = kind(**values)
        except (ValueError, KeyError, TypeError, AttributeError) as reason:
            raise DatasetError(f"{journal} is damaged ({reason}); delete the dataset and build it again") from reason
        done.pop(row.source, None)  # the last line of a source counts
        if stamp is None or stamp == (stamps or {}).get(row.source, stamp):
            done[row.source] = row
    if torn:
        os.truncate(journal, sum(len(line.encode()) + 1 for line in complete))
    return done


def append(journal: Path, row: Sample | Reject, stamp: str | None = None) -> None:
    """Note a finished photo, with its `stamp_of`. Raises `FacereliefError` where the disk is full."""
    kind = {"kind": type(row).__name__} | ({"stamp": stamp} if stamp is not None else {})
    line = json.dumps(dataclasses.asdict(row) | kind) + "\n"
    try:
        with journal.open("a", encoding="utf-8") as log:
            log.write(line)
    except OSError as reason:
        raise FacereliefError(
            f"cannot write {journal}: {reason.strerror or reason}; make room and run the same command again"
        ) from reason
