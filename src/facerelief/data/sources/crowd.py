"""The layouts of FER+, whose photos ten people labelled each, and of the London set, whose people smile twice."""

import csv
import os
import re
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

from facerelief.data.sources.labelled import SPLIT_NAMES, Found, Labelled, first_few, photo_named, photos_under
from facerelief.errors import DatasetError
from facerelief.expressions import EXPRESSIONS
from facerelief.files.csv import csv_lines

LEAST_VOTES = 5  # of ten, for a majority (Barsoum et al., ICMI 2016)
_FERPLUS_LISTS = ("fer2013new.csv", "labels.csv")
_FERPLUS_FOLDERS = {"train": "FER2013Train", "val": "FER2013Valid", "test": "FER2013Test"}
_NO_FACE = ("not_face", "nf")
_VOTES = (*EXPRESSIONS, "unknown")
_LONDON = {"neutral_front": "neutral", "smiling_front": "happiness"}
_LONDON_NAME = re.compile(r"(\d{3})_\d{2}")


def is_ferplus(path: Path) -> bool:
    """Whether there is a table with the votes of FER+."""
    return _ferplus_list(path) is not None


def read_ferplus(path: Path) -> Found:
    """FER+: fer2013new.csv beside FER2013Train, FER2013Valid and FER2013Test, or labels.csv with the same votes.

    The expression is the one with most of the ten votes, and with at least `LEAST_VOTES`; photos without such a
    majority, or whose majority is "unknown" or "no face", are left out. All votes for expressions are kept. There are
    no identities: each photo is its own.

    Raises:
        DatasetError: There is no such table, a line is damaged, or listed photos do not exist.
    """
    file = _ferplus_list(path)
    if file is None:
        raise DatasetError(
            f"{path}: no FER+ found; looked for {' and '.join(_FERPLUS_LISTS)} with a column of votes for each "
            f"expression, {_NO_FACE[0]} and unknown"
        )
    photos: list[Labelled] = []
    missing: list[str] = []
    left_out: Counter[str] = Counter()
    for where, cells in _vote_lines(file):
        counts = _counts(cells, where)
        name = majority(counts)
        if name not in EXPRESSIONS:
            left_out[name] += 1
            continue
        split = _split(cells, where)
        photo = _photo(file, cells, split, where)
        if photo is None:
            left_out["without a file name"] += 1
        elif not os.path.isfile(photo):
            missing.append(photo.name)
        else:
            votes = tuple(counts[expression] for expression in EXPRESSIONS)
            photos.append(Labelled(photo, name, photo.stem, None, split, votes))
    if missing and not photos:
        raise DatasetError(f"{file}: {len(missing)} photos do not exist below {file.parent}: {first_few(missing)}")
    notes = [f"{file.name}: {len(missing)} listed photos do not exist: {first_few(missing)}"] if missing else []
    if left_out:
        counted = ", ".join(f"{count} {name}" for name, count in sorted(left_out.items()))
        notes.append(f"left out photos without a majority of {LEAST_VOTES} votes for an expression: {counted}")
    return photos, notes


def majority(counts: dict[str, int]) -> str:
    """The class with most votes, or "no majority" where fewer than `LEAST_VOTES` or as many voted for another.

    Example:
        >>> majority({"neutral": 6, "fear": 4}), majority({"neutral": 5, "fear": 5})
        ('neutral', 'no majority')
    """
    most = max(counts.values())
    leaders = [name for name, count in counts.items() if count == most]
    return leaders[0] if most >= LEAST_VOTES and len(leaders) == 1 else "no majority"


def _ferplus_list(path: Path) -> Path | None:
    candidates = [path] if path.is_file() else [path / name for name in _FERPLUS_LISTS]
    return next((file for file in candidates if file.suffix.lower() == ".csv" and _has_votes(file)), None)


def _has_votes(file: Path) -> bool:
    try:
        with csv_lines(file) as lines:
            columns = {_column(cell) for cell in next(csv.reader(lines), [])}
    except (OSError, UnicodeDecodeError, csv.Error):
        return False
    return columns.issuperset(_VOTES) and any(name in columns for name in _NO_FACE)


def _column(cell: str) -> str:
    return cell.strip().lstrip("\ufeff").lower().replace(" ", "_")


def _vote_lines(file: Path) -> Iterator[tuple[str, dict[str, str]]]:
    """Where each line stands, for messages, and its cells by column."""
    try:
        with csv_lines(file) as lines:
            rows = csv.reader(lines)
            header = [_column(cell) for cell in next(rows, [])]
            for number, row in enumerate(rows, 2):
                if any(row):
                    yield f"{file}, line {number}", dict(zip(header, (cell.strip() for cell in row), strict=False))
            return
    except UnicodeDecodeError:
        problem = "is not UTF-8 text"
    except (csv.Error, OSError) as reason:
        problem = f"cannot be read ({reason})"
    raise DatasetError(f"{file} {problem}; take the table that FER+ publishes")


def _counts(cells: dict[str, str], where: str) -> dict[str, int]:
    not_face = next(name for name in _NO_FACE if name in cells) if set(_NO_FACE) & cells.keys() else _NO_FACE[0]
    texts = {name: cells.get(name, "") for name in (*_VOTES, not_face)}
    wrong = next((name for name, text in texts.items() if not (text.isascii() and text.isdigit())), None)
    if wrong is not None:
        raise DatasetError(f"{where}: {texts[wrong]!r:.40} is no number of votes for {wrong}; correct the line")
    return {"no face" if name == not_face else name: int(text[:6]) for name, text in texts.items()}


def _split(cells: dict[str, str], where: str) -> str:
    text = cells.get("split") or cells.get("usage", "")
    if text.lower() not in SPLIT_NAMES:
        raise DatasetError(f"{where}: unknown split {text!r:.40}; FER+ has Training, PublicTest and PrivateTest")
    return SPLIT_NAMES[text.lower()]


def _photo(file: Path, cells: dict[str, str], split: str, where: str) -> Path | None:
    """The photo of a line; FER+ leaves the name empty where a photo of FER2013 is not used."""
    if cells.get("path"):
        return photo_named(cells["path"], file.parent, where)
    name = cells.get("image_name", "")
    return photo_named(f"{_FERPLUS_FOLDERS[split]}/{name}", file.parent, where) if name else None


def is_london(path: Path) -> bool:
    """Whether the folders of the London set are there."""
    return all((path / folder).is_dir() for folder in _LONDON)


def read_london(path: Path) -> Found:
    """Face Research Lab London Set: neutral_front/001_03.jpg and smiling_front/001_08.jpg; the number is the person.

    Raises:
        DatasetError: The folders are missing.
    """
    if not is_london(path):
        raise DatasetError(f"{path}: no London set found; looked for the folders {' and '.join(_LONDON)}")
    photos, foreign = [], []
    for folder, expression in _LONDON.items():
        for photo in photos_under(path / folder):
            match = _LONDON_NAME.fullmatch(photo.stem)
            if match:
                photos.append(Labelled(photo, expression, match[1]))
            else:
                foreign.append(photo.name)
    notes = []
    if foreign:
        notes.append(f"ignored {len(foreign)} photos that are not named like 001_03.jpg: {first_few(foreign)}")
    return photos, notes
