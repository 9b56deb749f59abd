"""Files of one dataset in another without copying them."""

import os
import shutil
from pathlib import Path

from facerelief.data.manifest import Sample
from facerelief.errors import FacereliefError
from facerelief.files import atomic, open_file


def link(source: Path, target: Path) -> None:
    """The same file under another name; a copy where the file system has no links. What is there stays.

    Raises `OSError` where the file is missing or the folder cannot be written, `FacereliefError` where there is no room
    for a copy.
    """
    if target.exists():
        return
    target.parent.mkdir(parents=True, exist_ok=True)
    try:
        os.link(source, target)
    except OSError:
        with open_file(source) as stream, atomic(target) as part, part.open("wb") as copy:
            shutil.copyfileobj(stream, copy)


def link_sample(dataset: Path, out: Path, sample: Sample) -> None:
    """All files of a sample. Raises `FacereliefError` where one is missing or `out` cannot be written."""
    names = sample.file_name, sample.depth_file_name, sample.normal_file_name, sample.mask_file_name, sample.mesh
    try:
        for name in names:
            link(dataset / name, out / name)
    except OSError as reason:
        raise FacereliefError(
            f"{reason.filename}: {reason.strerror or reason}; free space, or build the dataset again"
        ) from reason
