"""What a dataset is on disk: `metadata.csv` as Hugging Face's imagefolder reads it, rejects, and settings.

DATASET/metadata.csv     one row a sample, the fields of `Sample`
DATASET/rejects.csv      one row a photo that gave no sample, the fields of `Reject`
DATASET/dataset.json     format, version, crop size, how it was built
DATASET/rgb/ depth/ normal/ mask/   one PNG a sample each; mesh/ one .npz a sample
"""

import csv
import dataclasses
import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar, get_type_hints

from facerelief.errors import DatasetError
from facerelief.files import atomic, write_json

FORMAT, VERSION = "facerelief-dataset", 1
METADATA, REJECTS, SETTINGS = "metadata.csv", "rejects.csv", "dataset.json"


@dataclass(frozen=True)
class Sample:
    """One face. Paths are relative to the dataset; angles in degrees; scores are what `dataset review` judges by."""

    file_name: str  # aligned crop, rgb/*.png
    depth_file_name: str  # 16-bit grey
    normal_file_name: str
    mask_file_name: str  # 255 measured, 128 interpolated, 0 background
    mesh: str  # arrays vertices (V, 3), landmarks (468, 3) in crop pixels, matrix (2, 3) photo to crop, photo_size (2,)
    expression: str
    identity: str
    split: str  # train, val or test; a person is in one only
    source: str  # the photo, relative to the folder of photos
    faces: int  # faces found in the photo; the largest was taken
    yaw: float  # positive: the face looks to the picture's right
    pitch: float  # positive: up
    roll: float  # before alignment
    face_size: float  # longer side of the face in the photo, pixels
    sharpness: float  # high-frequency share of the crop's contrast
    coverage: float  # share of the face that lies inside the photo
    fingerprint: str  # 64-bit difference hash of the crop, hexadecimal
    chroma: float = 0.0  # mean distance from grey, levels; below 3 the photo is grey
    quality: float = 1.0  # 0 to 1, by `dataset review`
    keep: bool = True
    reasons: str = ""  # why not kept, or notes; separated by "; "


@dataclass(frozen=True)
class Reject:
    """A photo that gave no sample, with the reason in one word or two and the detail in a sentence."""

    source: str
    expression: str
    identity: str
    reason: str
    detail: str


Row = TypeVar("Row", Sample, Reject)
_TRUTH = {"true": True, "1": True, "false": False, "0": False}


def write_rows(path: Path, kind: type[Row], rows: Iterable[Row]) -> None:
    """Write rows as CSV, whole or not at all."""
    with atomic(path) as temporary, temporary.open("w", newline="", encoding="utf-8") as stream:
        writer = csv.writer(stream, lineterminator="\n")
        writer.writerow(field.name for field in dataclasses.fields(kind))
        writer.writerows(dataclasses.astuple(row) for row in rows)


def read_rows(path: Path, kind: type[Row]) -> list[Row]:
    """The rows that `write_rows` wrote. Raises `DatasetError` that names the line."""
    types = get_type_hints(kind)
    if not path.is_file():
        raise DatasetError(
            f"{path} is missing; build the dataset with: facerelief dataset build PHOTOS -o {path.parent}"
        )
    with path.open(newline="", encoding="utf-8-sig") as stream:  # spreadsheets write a byte order mark
        reader = csv.DictReader(stream)
        try:
            missing = [name for name in types if name not in (reader.fieldnames or ())]
            if missing:
                raise DatasetError(
                    f"{path} has no column {missing[0]!r}; it is from another version: build the dataset again"
                )
            return [kind(**{name: _parse(row[name], types[name]) for name in types}) for row in reader]
        except (ValueError, TypeError, csv.Error) as reason:
            raise DatasetError(
                f"{path}, line {reader.line_num}: {reason}; correct it or build the dataset again"
            ) from reason


def read_samples(dataset: Path) -> list[Sample]:
    """All samples of a dataset, kept or not."""
    read_settings(dataset)
    return read_rows(dataset / METADATA, Sample)


def read_settings(dataset: Path) -> dict[str, Any]:
    """dataset.json. Raises `DatasetError` where this is no dataset or one of another version."""
    path = dataset / SETTINGS
    if not path.is_file():
        raise DatasetError(
            f"{dataset} is not a dataset (no {SETTINGS}); make one with: facerelief dataset build PHOTOS -o {dataset}"
        )
    try:
        settings: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    except ValueError as reason:
        raise DatasetError(f"{path} is damaged ({reason}); build the dataset again") from reason
    if not isinstance(settings, dict):
        raise DatasetError(f"{path} is damaged; build the dataset again")
    if settings.get("format") != FORMAT or settings.get("version") != VERSION:
        raise DatasetError(
            f"{dataset} is of version {settings.get('version')}, this program reads {VERSION}; build it again"
        )
    return settings


def write_settings(dataset: Path, settings: dict[str, Any]) -> None:
    """dataset.json with the format's name and version."""
    write_json(dataset / SETTINGS, {"format": FORMAT, "version": VERSION, **settings})


def chosen(samples: Sequence[Sample], split: str, expressions: Sequence[str]) -> list[Sample]:
    """The kept samples of one split with one of the expressions, in the manifest's order."""
    return [s for s in samples if s.keep and s.split == split and s.expression in expressions]


def _parse(text: str | None, kind: Any) -> Any:
    if text is None:
        raise ValueError("the line is cut off")
    if kind is bool:
        if text.lower() not in _TRUTH:
            raise ValueError(f"{text!r} is neither true nor false")
        return _TRUTH[text.lower()]
    return kind(text)
