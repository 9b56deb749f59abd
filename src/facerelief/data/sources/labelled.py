"""Labelled photos before anything is decoded, and what the sources share: walking, tables, identities, splits."""

import csv
import hashlib
import os
import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain
from pathlib import Path

from facerelief.errors import DatasetError, FacereliefError
from facerelief.expressions import resolve
from facerelief.files.csv import csv_lines
from facerelief.suffixes import PHOTO_SUFFIXES

SPLIT_NAMES = {
    **dict.fromkeys(("train", "training", "train_set"), "train"),
    **dict.fromkeys(("val", "valid", "validation", "dev", "publictest", "val_set"), "val"),
    **dict.fromkeys(("test", "testing", "privatetest", "test_set"), "test"),
}

# File names that count photos instead of naming people: IMG_2041, Training_3908, happy_017.
_COUNTERS = ("im", "img", "image", "photo", "pic", "picture", "dsc", "dscn", "dscf", "pxl", "mvimg", "frame", "face")


@dataclass(frozen=True)
class Labelled:
    """A photo with its published labels.

    Attributes:
        photo: The file; it exists, but may not be readable.
        expression: One of `EXPRESSIONS`.
        identity: The person; photos of one identity are all in one split.
        box: x0, y0, x1, y1 of the face, pixels of the photo.
        split: "train", "val" or "test", if published.
        votes: How many of those who labelled the photo chose each of `EXPRESSIONS`, if published.
    """

    photo: Path
    expression: str
    identity: str
    box: tuple[float, float, float, float] | None = None
    split: str | None = None
    votes: tuple[int, ...] | None = None


Found = tuple[list[Labelled], list[str]]  # what a source returns: photos, and notes to print, one line each


def photos_under(folder: Path) -> Iterator[Path]:
    """Files of a tree that are named like photos, in a fixed order.

    Hidden files and what archives leave behind (__MACOSX) are skipped; links to folders are followed once.
    """
    seen = set()
    for place, folders, names in os.walk(folder, followlinks=True):
        real = os.path.realpath(place)
        folders[:] = [] if real in seen else sorted(name for name in folders if not _is_debris(name))
        photos = [] if real in seen else sorted(name for name in names if is_photo(name))
        seen.add(real)
        yield from (Path(place, name) for name in photos)


def subfolders(folder: Path) -> list[Path]:
    """Visible folders directly in `folder`, sorted by name."""
    return sorted(entry for entry in folder.iterdir() if entry.is_dir() and not _is_debris(entry.name))


def is_photo(name: str) -> bool:
    """Whether a visible file of this name would be a photo."""
    return name.lower().endswith(PHOTO_SUFFIXES) and not _is_debris(name)


def _is_debris(name: str) -> bool:
    return name.startswith(".") or name == "__MACOSX"


def read_table(
    file: Path, columns: Mapping[str, Sequence[str]], headless: Sequence[str] = ()
) -> Iterator[tuple[int, dict[str, str]]]:
    """Read a CSV that is separated by commas, semicolons or tabs.

    Args:
        file: The table.
        columns: The columns to read, each with the headers it may have, best first; "path" and "expression" are
            required.
        headless: The columns of a table that may come without a header line.

    Yields:
        The line's number and its cells by column; a missing cell is "".

    Raises:
        DatasetError: The file is not such a table.
    """
    try:
        with csv_lines(file) as lines:
            first = next(lines, "")
            separator = next((mark for mark in ",;\t" if _places(first.split(mark), columns)), ",")
            rows = csv.reader(chain([first] if first else [], lines), delimiter=separator)
            yield from _named_cells(file, rows, columns, headless)
            return
    except UnicodeDecodeError:
        problem = "is not UTF-8 text; save the table as CSV in UTF-8"
    except csv.Error as reason:
        problem = f"is not a CSV table ({reason}); save the table as CSV in UTF-8"
    except OSError as reason:
        problem = f"cannot be read ({reason.strerror}); check the file and its permissions"
    raise DatasetError(f"{file} {problem}")


def _named_cells(
    file: Path, rows: Iterable[list[str]], columns: Mapping[str, Sequence[str]], headless: Sequence[str]
) -> Iterator[tuple[int, dict[str, str]]]:
    places: dict[str, int] = {}
    for line, row in enumerate(rows, start=1):
        if not places:
            header = headless if len(row) == len(headless) and not _places(row, columns) else row
            places = _places(header, columns)
            _require(file, places, columns, row)
            if header is row:
                continue
        if any(row):
            yield line, {name: row[place].strip() if place < len(row) else "" for name, place in places.items()}
    if not places:
        raise DatasetError(f"{file} is empty; give it a header line with path,expression and a line per photo")


def _places(header: Sequence[str], columns: Mapping[str, Sequence[str]]) -> dict[str, int]:
    cells = [re.sub(r"[\s-]+", "_", cell.strip().strip('"').lstrip("\ufeff").lower()) for cell in header]
    found = {name: next((alias for alias in aliases if alias in cells), None) for name, aliases in columns.items()}
    return {name: cells.index(alias) for name, alias in found.items() if alias is not None}


def _require(file: Path, places: Mapping[str, int], columns: Mapping[str, Sequence[str]], header: list[str]) -> None:
    for name in ("path", "expression"):
        if name not in places:
            have = " ".join(", ".join(header).split())[:120] or "nothing"
            raise DatasetError(f"{file}: no column {' or '.join(columns[name])}; its first line has {have}")


def photo_named(text: str, folder: Path, where: str) -> Path:
    """The photo that a table names.

    Args:
        text: The path in the table, relative to `folder`.
        folder: The folder that photos must lie in.
        where: Table and line, for the message.

    Raises:
        DatasetError: The path leads out of `folder`.
    """
    base = os.path.abspath(folder).rstrip(os.sep) + os.sep
    path = os.path.abspath(os.path.join(base, text.replace("\\", "/")))
    if not path.startswith(base):
        raise DatasetError(f"{where}: {text!r} is not a file below {folder}; give paths relative to that folder")
    return folder / path[len(base) :]


def expression_or_none(name: str) -> str | None:
    """`resolve`, with None for a name that is no expression."""
    try:
        return resolve(name)
    except FacereliefError:
        return None


def first_few(items: Sequence[object]) -> str:
    """`"a, b, c and 7 more"`."""
    more = f" and {len(items) - 3} more" if len(items) > 3 else ""
    return ", ".join(str(item) for item in items[:3]) + more


def guess_identity(photo: Path, split: str | None = None) -> str:
    """The person that a file name gives: `Tony_Blair_0086.jpg` is of `Tony_Blair`.

    A name without a trailing number, or whose words only count photos (`IMG_2041`), is an identity of its own.

    Args:
        photo: The file.
        split: As published; numbers (`0001`) start again in each split.
    """
    match = re.fullmatch(r"(.*[^\W\d_].*?)[\s_.-]+\d+", photo.stem)
    words = re.sub(r"[\W\d_]+", "", match[1] if match else photo.stem).lower()
    counts = not words or words in _COUNTERS or words in SPLIT_NAMES or expression_or_none(words) is not None
    if match and not counts:
        return match[1]
    return f"{split}/{photo.stem}" if split and counts else photo.stem


def split_by_identity(
    identities: Iterable[str], seed: int = 0, shares: tuple[float, float, float] = (0.8, 0.1, 0.1)
) -> dict[str, str]:
    """Draw a split for each identity.

    The draw depends on the name and the seed only, so that people who are added later change no other's split. The
    shares are therefore met on average; a split that would be empty gets the person with the nearest draw.

    Args:
        identities: Names of people; they may repeat.
        seed: Of the draw.
        shares: Of "train", "val" and "test"; they sum to 1.

    Returns:
        The split of each identity.

    Raises:
        DatasetError: The shares are not such numbers.
    """
    if len(shares) != 3 or min(shares) < 0 or abs(sum(shares) - 1) > 1e-6:
        raise DatasetError(f"split shares {shares} are not three numbers >= 0 that sum to 1; e.g. 0.8, 0.1, 0.1")
    people = sorted({*identities}, key=lambda identity: fixed_draw(f"{seed}:{identity}"))
    splits = {identity: _drawn_split(fixed_draw(f"{seed}:{identity}"), shares) for identity in people}
    if len(people) >= 3 and min(shares) > 0 and len({*splits.values()}) < 3:
        held_out = sum(split != "train" for split in splits.values())
        splits[people[-1]] = "test"  # in the order of their draws, so that each moves as little as can be
        splits[people[-2]] = "val"
        if held_out == len(people):
            splits[people[0]] = "train"
    return splits


def splits_by_person(labelled: Sequence[Labelled], seed: int) -> tuple[dict[str, str], list[str]]:
    """The split of each identity, published or else drawn; and notes.

    A person published in several splits is put in the first of train, val and test, so that no one is in
    both training and evaluation. A dataset published as train and val only (AffectNet) is tested on its val; a tenth of
    its train becomes val.
    """
    order = ("train", "val", "test")
    told: dict[str, set[str]] = defaultdict(set)
    for one in labelled:
        told[one.identity] |= {one.split} if one.split else set()
    published = {identity: min(splits, key=order.index) for identity, splits in told.items() if splits}
    moved = sum(one.split not in (None, published.get(one.identity)) for one in labelled)
    notes = [f"{moved} photos leave their published split: their persons are in an earlier one too"] if moved else []
    if published and "test" not in published.values():
        drawn = split_by_identity([i for i, split in published.items() if split == "train"], seed, (0.9, 0.1, 0.0))
        published = {i: "test" if split == "val" else drawn[i] for i, split in published.items()}
    return split_by_identity([one.identity for one in labelled], seed) | published, notes


def _drawn_split(draw: float, shares: tuple[float, float, float]) -> str:
    if draw < shares[0]:
        return "train"
    return "val" if draw < shares[0] + shares[1] else "test"


def fixed_draw(key: str) -> float:
    """A number in [0, 1) that is uniform over keys and the same on every machine."""
    return int.from_bytes(hashlib.sha256(key.encode("utf-8", "surrogateescape")).digest()[:6], "big") / 2**48
