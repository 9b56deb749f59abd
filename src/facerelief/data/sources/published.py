"""The layouts in which AffectNet and RaFD, the paper's two datasets, are published."""

import csv
import io
import os
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from facerelief.data.sources.labelled import (
    SPLIT_NAMES,
    Found,
    Labelled,
    expression_or_none,
    first_few,
    photo_named,
    photos_under,
    read_table,
)
from facerelief.errors import DatasetError
from facerelief.expressions import EXPRESSIONS, resolve
from facerelief.files import open_file
from facerelief.files.arrays import NUMPY_ERRORS
from facerelief.files.csv import csv_lines

# The column names in the published order; validation.csv has been published without its header line.
_BOX = ("face_x", "face_y", "face_width", "face_height")
_HEADER = ("subDirectory_filePath", *_BOX, "facial_landmarks", "expression", "valence", "arousal")
_COLUMNS = {"path": ("subdirectory_filepath",), "expression": ("expression",), **{name: (name,) for name in _BOX}}
_NO_EXPRESSION = {8: "None", 9: "Uncertain", 10: "No-Face"}
_LISTS, _IMAGES, _SET = "Manually_Annotated_file_lists", "Manually_Annotated_Images", "Manually_Annotated"
_LIST_FOLDERS = (".", _LISTS, f"{_SET}/{_LISTS}", _SET)
_IMAGE_FOLDERS = (_IMAGES, f"{_SET}/{_IMAGES}", f"{_IMAGES}/{_IMAGES}", f"{_SET}_compressed/{_IMAGES}", ".")

_RAFD = re.compile(r"rafd(\d{3})_(\d+)_([a-z]+)_(female|male)_([a-z]+)_(frontal|left|right)", re.IGNORECASE)
_ANNOTATION = 10_000  # bytes; one value has a few hundred
_CAMERAS = (0, 45, 90, 135, 180)


def is_affectnet(path: Path) -> bool:
    """Whether AffectNet's lists or its annotation folders are there."""
    return bool(_lists(path) or _annotated_sets(path))


def read_affectnet(path: Path) -> Found:
    """AffectNet: Manually_Annotated with training.csv and validation.csv, or the 8-label release.

    Labels 0-7 are used; 8-10 (None, Uncertain, No-Face) are left out and counted. AffectNet has no identities, so each
    photo is its own. validation.csv and val_set become the split "val".

    Raises:
        DatasetError: Neither layout is found, or a label is not one of AffectNet's.
    """
    lists, sets = _lists(path), _annotated_sets(path)
    if not lists and not sets:
        raise DatasetError(
            f"{path}: no AffectNet found; looked for training.csv and validation.csv (also in {_LISTS}), "
            "and for train_set and val_set with images and annotations"
        )
    photos: list[Labelled] = []
    notes: list[str] = []
    left_out: Counter[str] = Counter()
    for source in lists or sets:
        found, notes_here = _read_list(source, path, left_out) if lists else _read_set(source, path, left_out)
        photos += found
        notes += notes_here
    if left_out:
        counts = ", ".join(f"{count} {name}" for name, count in sorted(left_out.items()))
        notes.append(f"left out photos without one of the eight labels: {counts}")
    return photos, notes


def _lists(path: Path) -> list[Path]:
    if path.is_file():
        return [path] if path.suffix.lower() == ".csv" and _is_list(path) else []
    for folder in _LIST_FOLDERS:
        files = [path / folder / name for name in ("training.csv", "validation.csv")]
        found = [file for file in files if file.is_file() and _is_list(file)]
        if found:
            return found
    return []


def _is_list(file: Path) -> bool:
    try:
        with csv_lines(file) as lines:
            cells = next(lines, "").strip().split(",")
    except (OSError, UnicodeDecodeError, csv.Error):
        return False
    return cells[0].lower() == "subdirectory_filepath" or (len(cells) == len(_HEADER) and cells[6].isdigit())


def _read_list(file: Path, path: Path, left_out: Counter[str]) -> Found:
    split = SPLIT_NAMES.get(file.stem.lower())
    rows = []
    for line, cells in read_table(file, _COLUMNS, headless=_HEADER):
        label = _label(cells["expression"], f"{file}, line {line}", left_out)
        if label is not None:
            rows.append((line, label, cells["path"], _box(cells)))
    images = _image_folder(file, path, [name for _, _, name, _ in rows])
    photos: dict[Path, Labelled] = {}
    missing = []
    for line, label, name, box in rows:
        photo = photo_named(name, images, f"{file}, line {line}")
        if os.path.isfile(photo):
            photos.setdefault(photo, Labelled(photo, label, _own_identity(photo, images), box, split))
        else:
            missing.append(name)
    if rows and not photos:
        raise DatasetError(
            f"{file}: none of its {len(rows)} photos is there, e.g. {rows[0][2]}; unpack {_IMAGES} beside the list"
        )
    notes = [f"{file.name} names {len(missing)} photos that are absent: {first_few(missing)}"] if missing else []
    return list(photos.values()), notes


def _label(text: str, where: str, left_out: Counter[str]) -> str | None:
    number = int(text) if text.isdigit() else -1
    if number in _NO_EXPRESSION:
        left_out[_NO_EXPRESSION[number]] += 1
        return None
    if not 0 <= number < len(EXPRESSIONS):
        raise DatasetError(f"{where}: unknown expression {text!r}; AffectNet's are 0 to 7, and 8 to 10 for none")
    return resolve(text)


def _box(cells: Mapping[str, str]) -> tuple[float, float, float, float] | None:
    try:
        x, y, width, height = (float(cells[name]) for name in _BOX)
    except (KeyError, ValueError):  # a shortened list, or the published "NULL"
        return None
    return (x, y, x + width, y + height) if width > 0 and height > 0 else None


def _image_folder(file: Path, path: Path, names: Sequence[str]) -> Path:
    """The folder in which the first listed photos lie; where none is found, the published one."""
    bases = (path if path.is_dir() else file.parent, file.parent, file.parent.parent)
    folders = [base / name for base in bases for name in _IMAGE_FOLDERS]
    probes = [name.replace("\\", "/") for name in names[:200]]
    return next((folder for folder in folders if any(os.path.isfile(folder / name) for name in probes)), folders[0])


def _annotated_sets(path: Path) -> list[Path]:
    places = (path, path / "train_set", path / "val_set", path / "test_set")
    found = [place for place in places if (place / "images").is_dir() and (place / "annotations").is_dir()]
    return [place for place in found if any((place / "annotations").glob("*_exp.npy"))]


def _read_set(place: Path, path: Path, left_out: Counter[str]) -> Found:
    split = SPLIT_NAMES.get(place.resolve().name.lower())
    photos, bare, damaged = [], [], []
    for photo in photos_under(place / "images"):
        annotation = place / "annotations" / f"{photo.stem}_exp.npy"
        if not annotation.is_file():
            bare.append(photo.name)
            continue
        text = _annotation(annotation)
        if text is None:
            damaged.append(annotation.name)
            continue
        label = _label(text, str(annotation), left_out)
        if label is not None:
            photos.append(Labelled(photo, label, _own_identity(photo, path), None, split))
    notes = [f"{place.name}: {len(bare)} photos have no annotation: {first_few(bare)}"] if bare else []
    if damaged:
        notes.append(f"{place.name}: {len(damaged)} annotations cannot be read: {first_few(damaged)}")
    return photos, notes


def _annotation(file: Path) -> str | None:
    """The one value in an `_exp.npy` as text; None for a damaged or pickled file, which is never unpickled."""
    try:
        with open_file(file) as stream:
            if stream.read(6) != b"\x93NUMPY":
                return None
            stream.seek(0)
            values = np.load(io.BytesIO(stream.read(_ANNOTATION)), allow_pickle=False)
    except NUMPY_ERRORS:
        return None
    # Published as a string of no dimensions; numbers have been seen too.
    return str(values.astype(str).reshape(-1)[0]).removesuffix(".0") if values.size == 1 else None


def _own_identity(photo: Path, folder: Path) -> str:
    return photo.relative_to(folder).with_suffix("").as_posix()


def is_rafd(photo: Path) -> bool:
    """Whether the file is named as RaFD's are."""
    return _RAFD.search(photo.stem) is not None


def read_rafd(path: Path, cameras: Sequence[int] = (45, 90, 135)) -> Found:
    """RaFD, in any folders, by file names such as `Rafd090_01_Caucasian_female_angry_frontal.jpg`.

    The name gives camera angle, model number, ethnicity, gender, expression and gaze; the model is the identity.

    Args:
        path: The folder.
        cameras: Angles in degrees: 90 is frontal; 0 and 180 are full profiles, which hide half of the geometry.

    Raises:
        DatasetError: RaFD has no such angle.
    """
    wrong = [camera for camera in cameras if camera not in _CAMERAS]
    if wrong or not cameras:
        raise DatasetError(f"RaFD has no camera {first_few(wrong) or 'list that is empty'}; choose from {_CAMERAS}")
    photos, foreign, turned = [], [], 0
    for photo in photos_under(path):
        match = _RAFD.search(photo.stem)
        expression = expression_or_none(match[5]) if match else None
        if match is None or expression is None:
            foreign.append(photo.name)
        elif int(match[1]) not in cameras:
            turned += 1
        else:
            photos.append(Labelled(photo, expression, match[2]))
    notes = [f"left out {turned} photos of cameras other than {', '.join(map(str, cameras))}"] if turned else []
    if foreign:
        notes.append(f"ignored {len(foreign)} photos that are not named as RaFD's: {first_few(foreign)}")
    return photos, notes
