"""A dataset's files: `metadata.csv` as Hugging Face's imagefolder reads it, rejects, and settings.

DATASET/metadata.csv     one row a sample, the fields of `Sample`
DATASET/rejects.csv      one row a photo that gave no sample, the fields of `Reject`
DATASET/dataset.json     format, version, crop size, how it was built
DATASET/rgb/ depth/ normal/ mask/   one PNG a sample each; mesh/ one .npz a sample
"""

import csv
import dataclasses
import math
import os
import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar, get_type_hints

from facerelief.errors import DatasetError
from facerelief.files import atomic, write_json
from facerelief.files.csv import csv_lines
from facerelief.files.json import read_object

FORMAT, VERSION = "facerelief-dataset", 1
METADATA, REJECTS, SETTINGS = "metadata.csv", "rejects.csv", "dataset.json"


@dataclass(frozen=True)
class Sample:
    """One face of a dataset, a row of metadata.csv. Paths are relative to the dataset.

    Attributes:
        file_name: The aligned crop, rgb/*.png.
        depth_file_name: 16-bit grey PNG.
        normal_file_name: 8-bit RGB PNG.
        mask_file_name: Grey PNG: 255 measured, 128 interpolated, 0 background.
        mesh: .npz with vertices (V, 3) and landmarks (468, 3) in crop pixels, matrix (2, 3) from photo to crop, and
            photo_size (2,).
        expression: One of `EXPRESSIONS`.
        identity: The person.
        split: "train", "val" or "test"; a person is in one only.
        source: The photo, relative to the folder of photos.
        faces: Number of faces found in the photo; the largest was taken.
        yaw: Degrees, positive if the face looks to the picture's right.
        pitch: Degrees, positive if it looks up.
        roll: Degrees, before alignment.
        face_size: Longer side of the face in the photo, pixels.
        sharpness: High-frequency share of the crop's contrast.
        coverage: Share of the face that lies inside the photo, 0 to 1.
        fingerprint: 64-bit difference hash of the crop, 16 hexadecimal digits.
        chroma: Mean distance from grey, levels; below 3 the photo is grey.
        quality: 0 to 1, set by `dataset review`.
        keep: Whether training uses the sample.
        reasons: Why it is not kept, or notes; separated by "; ".
        votes: How many people chose each of `EXPRESSIONS`, separated by spaces; "" where only one label is known.
    """

    file_name: str
    depth_file_name: str
    normal_file_name: str
    mask_file_name: str
    mesh: str
    expression: str
    identity: str
    split: str
    source: str
    faces: int
    yaw: float
    pitch: float
    roll: float
    face_size: float
    sharpness: float
    coverage: float
    fingerprint: str
    chroma: float = 0.0
    quality: float = 1.0
    keep: bool = True
    reasons: str = ""
    votes: str = ""


@dataclass(frozen=True)
class Reject:
    """A photo that gave no sample, a row of rejects.csv.

    Attributes:
        source: The photo, relative to the folder of photos.
        expression: As its publisher labelled it.
        identity: The person.
        reason: One or two words, such as "unreadable".
        detail: A sentence.
    """

    source: str
    expression: str
    identity: str
    reason: str
    detail: str


_Row = TypeVar("_Row", Sample, Reject)
_FILES = ("file_name", "depth_file_name", "normal_file_name", "mask_file_name", "mesh")
_ADDED = ("votes",)  # columns that datasets of earlier versions lack
_FORMULA = ("=", "+", "-", "@", "\n", "\uff1d", "\uff0b", "\uff0d", "\uff20")  # the last four in full width
_CONTROLS = re.compile("[\x00-\x09\x0b-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]")  # a line break can be quoted
_TRUTH = {"true": True, "1": True, "false": False, "0": False}


def write_rows(path: Path, kind: type[_Row], rows: Iterable[_Row]) -> None:
    """Write rows as CSV, whole or not at all."""
    with atomic(path) as temporary, temporary.open("w", newline="", encoding="utf-8") as stream:
        writer = csv.writer(stream, lineterminator="\n")
        writer.writerow(field.name for field in dataclasses.fields(kind))
        writer.writerows([_cell(value) for value in dataclasses.astuple(row)] for row in rows)


def read_rows(path: Path, kind: type[_Row]) -> list[_Row]:
    """The rows that `write_rows` wrote.

    Args:
        path: The table.
        kind: `Sample` or `Reject`.

    Raises:
        DatasetError: The table is absent, of another version or damaged; the message names the line.
    """
    types = get_type_hints(kind)
    if not path.is_file():
        raise DatasetError(
            f"{path} is missing; build the dataset with: facerelief dataset build PHOTOS -o {path.parent}"
        )
    line = 1
    try:
        with csv_lines(path) as lines:
            reader = csv.DictReader(lines)
            there = set(reader.fieldnames or ())
            missing = [name for name in types if name not in there and name not in _ADDED]
            if missing:
                raise DatasetError(
                    f"{path} has no column {missing[0]!r}; it is from another version: build the dataset again"
                )
            rows = []
            for cells in reader:
                line = reader.line_num
                rows.append(kind(**{name: _parse(cells[name], types[name]) for name in types if name in there}))
            return rows
    except OSError as reason:
        raise DatasetError(f"{path} cannot be read ({reason.strerror}); build the dataset again") from reason
    except (ValueError, TypeError, csv.Error) as reason:
        raise DatasetError(f"{path}, line {line}: {reason}; correct it or build the dataset again") from reason


def read_samples(dataset: Path) -> list[Sample]:
    """All samples of a dataset, kept or not.

    Raises:
        DatasetError: This is no dataset, its table is damaged, or a row names a file outside of the dataset.
    """
    read_dataset_settings(dataset)
    samples, fence = read_rows(dataset / METADATA, Sample), PathGuard(dataset)
    for line, sample in enumerate(samples, 2):
        if (outside := fence.outside(sample)) is not None:
            raise DatasetError(f"{dataset / METADATA}, row {line}: {_leads_out(outside)}")
    return samples


def inside(dataset: Path, name: str) -> Path:
    """The path of a dataset's own file or folder. Raises `DatasetError` where it is a link that leads out of it."""
    if not PathGuard(dataset).holds(name):
        raise DatasetError(f"{dataset}: {_leads_out(name)}")
    return dataset / name


class PathGuard:
    """Checks that files lie in a dataset: a dataset of somebody else must not show or change the user's other files."""

    def __init__(self, dataset: Path) -> None:
        self._root = os.path.realpath(dataset)
        self._folders: dict[str, bool] = {}  # few, and resolving links takes a while

    def outside(self, sample: Sample) -> str | None:
        """The first file of a sample that lies outside, or None where all are in the dataset."""
        return next((name for column in _FILES if not self.holds(name := getattr(sample, column))), None)

    def holds(self, name: str) -> bool:
        """Whether a relative path leads to a place in the dataset, links followed."""
        if os.path.isabs(name) or "\\" in name or "\0" in name or not _can_be_named(name):
            return False
        parent, _, last = name.rpartition("/")
        if parent not in self._folders:
            self._folders[parent] = self._resolved(parent)
        if not self._folders[parent] or last in ("", ".", ".."):
            return False
        return not os.path.islink(os.path.join(self._root, name)) or self._resolved(name)

    def _resolved(self, name: str) -> bool:
        place = os.path.realpath(os.path.join(self._root, name))
        return os.path.commonpath([self._root, place]) == self._root


def _can_be_named(name: str) -> bool:
    """Whether a file can have this name: a lone surrogate is in none."""
    try:
        os.fsencode(name)
    except UnicodeEncodeError:
        return False
    return True


def _leads_out(name: str) -> str:
    return f"{name!a:.80} is not in the dataset, or a link that leads out of it; put the file itself there"


def read_dataset_settings(dataset: Path) -> dict[str, Any]:
    """dataset.json. Raises `DatasetError` where this is no dataset or one of another version."""
    path = dataset / SETTINGS
    if not path.is_file():
        raise DatasetError(
            f"{dataset} is not a dataset (no {SETTINGS}); make one with: facerelief dataset build PHOTOS -o {dataset}"
        )
    settings = read_object(path, "build the dataset again", DatasetError)
    if not isinstance(settings.get("size", 0), int):
        raise DatasetError(f"{path} is damaged (its size is no number); build the dataset again")
    if settings.get("format") != FORMAT or settings.get("version") != VERSION:
        raise DatasetError(
            f"{dataset} is of version {settings.get('version')}, this program reads {VERSION}; build it again"
        )
    return settings


def write_settings(dataset: Path, settings: dict[str, Any]) -> None:
    """dataset.json with the format's name and version."""
    write_json(dataset / SETTINGS, {"format": FORMAT, "version": VERSION, **settings})


def harmless(text: str) -> str:
    """A text that can stand in any table and that no spreadsheet takes for a formula.

    Control characters and bytes that are no text are spelled out; where it begins like a formula, an apostrophe stands
    before it. What is harmless stays so.
    """
    spelled = _CONTROLS.sub(lambda found: ascii(found[0])[1:-1], text)
    return f"'{spelled}" if spelled.startswith(_FORMULA) else spelled


def _cell(value: Any) -> Any:
    return harmless(value) if isinstance(value, str) else value


def _parse(text: str | None, kind: Any) -> Any:
    if text is None:
        raise ValueError("the line is cut off")
    if kind is bool:
        if text.lower() not in _TRUTH:
            raise ValueError(f"{text!r} is neither true nor false")
        return _TRUTH[text.lower()]
    value = kind(text)
    if kind is float and not math.isfinite(value):
        raise ValueError(f"{text!r} is no number")
    return value
