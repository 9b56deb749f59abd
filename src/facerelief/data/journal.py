"""What a dataset under construction has finished, a line of `build.jsonl` a sample, so that the build can go on."""

import dataclasses
import json
import os
from pathlib import Path
from typing import Any

from facerelief.data.extract import FOLDERS
from facerelief.data.manifest import SETTINGS, Reject, Sample, read_settings, write_settings
from facerelief.errors import DatasetError, FacereliefError

JOURNAL = "build.jsonl"


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


def read_journal(journal: Path) -> dict[str, Sample | Reject]:
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
        except (ValueError, KeyError, TypeError, AttributeError) as reason:
            raise DatasetError(f"{journal} is damaged ({reason}); delete the dataset and build it again") from reason
        done[row.source] = row
    if torn:
        os.truncate(journal, sum(len(line.encode()) + 1 for line in complete))
    return done


def append(journal: Path, row: Sample | Reject) -> None:
    """Note a finished photo. Raises `FacereliefError` where the disk is full."""
    line = json.dumps(dataclasses.asdict(row) | {"kind": type(row).__name__}) + "\n"
    try:
        with journal.open("a", encoding="utf-8") as log:
            log.write(line)
    except OSError as reason:
        raise FacereliefError(
            f"cannot write {journal}: {reason.strerror or reason}; make room and run the same command again"
        ) from reason
