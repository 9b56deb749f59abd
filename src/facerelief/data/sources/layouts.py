"""Sources: folders of labelled face photos, in the layouts they are published in, read into `Labelled` records."""

import inspect
import os
from collections import Counter, defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

from facerelief.data.sources.crowd import is_ferplus, is_london, read_ferplus, read_london
from facerelief.data.sources.labelled import (
    SPLIT_NAMES,
    Found,
    Labelled,
    expression_or_none,
    first_few,
    fixed_draw,
    guess_identity,
    is_photo,
    photo_named,
    photos_under,
    read_table,
    subfolders,
)
from facerelief.data.sources.published import is_affectnet, is_rafd, read_affectnet, read_rafd
from facerelief.errors import DatasetError
from facerelief.expressions import EXPRESSIONS
from facerelief.registry import Registry
from facerelief.suffixes import PHOTO_SUFFIXES

SOURCES: Registry[Callable[..., Found]] = Registry("source")
SOURCES.add("affectnet")(read_affectnet)
SOURCES.add("rafd")(read_rafd)
SOURCES.add("ferplus")(read_ferplus)
SOURCES.add("london")(read_london)

TABLE = "labels.csv"
COLUMNS = {
    "path": ("path", "file_name", "filename", "file", "image_path", "image", "img", "photo"),
    "expression": ("expression", "label", "emotion", "class"),
    "identity": ("identity", "subject", "subject_id", "person", "person_id", "id"),
    "split": ("split", "subset", "usage"),
}
_NUMBERS = "labels are numbers, read in AffectNet's order (0 neutral … 7 contempt); other datasets number otherwise"


@dataclass(frozen=True)
class Reading:
    """What a source gave.

    Attributes:
        photos: Sorted by path.
        source: The name of the source in `SOURCES`.
        notes: What was left out or guessed, a line each.
    """

    photos: list[Labelled]
    source: str
    notes: list[str]


def _detect(path: Path) -> tuple[str, str]:
    """The name of the source that fits what lies at `path`, and by what; "folder" where nothing speaks for another."""
    if is_affectnet(path):
        return "affectnet", "AffectNet's lists or annotations"
    if is_ferplus(path):
        return "ferplus", "the votes of FER+"
    if path.is_file():
        return "csv", "a table"
    if (path / TABLE).is_file():
        return "csv", TABLE
    if is_london(path):
        return "london", "the folders of the London set"
    if any(is_rafd(photo) for photo in islice(photos_under(path), 20)):
        return "rafd", "RaFD's file names"
    return "folder", "folders named by expression"


def read_labelled(path: Path, source: str = "auto", per_class: int | None = None, **options: Any) -> Reading:
    """Read labelled photos.

    Args:
        path: A folder of photos, or a CSV that lists them.
        source: One of `SOURCES`; "auto" chooses by what lies at `path`.
        per_class: At most so many photos of an expression in each published split, always the same ones (the paper
            keeps 15,000 of AffectNet's).
        **options: Those of the source.

    Raises:
        DatasetError: There are no labelled photos, a label or table cannot be read, or the source has no such option.
    """
    if not path.exists():
        raise DatasetError(f"{path} does not exist; give a folder of photos or a CSV that lists them")
    if path.is_file() and path.suffix.lower() != ".csv":
        raise DatasetError(f"{path} is neither a folder nor a .csv table; unpack archives first")
    notes = []
    if source == "auto":
        source, evidence = _detect(path)
        notes.append(f"read as {source!r}, by {evidence}")
    reader = SOURCES[source]
    unknown = sorted(options.keys() - inspect.signature(reader).parameters.keys())
    if unknown:
        raise DatasetError(f"source {source!r} has no option {first_few(unknown)}; leave it out or change the source")
    photos, found_notes = reader(path, **options)
    if not photos:
        raise DatasetError(f"{path}: no labelled photos for source {source!r}" + "".join(f"; {n}" for n in found_notes))
    photos = sorted(photos, key=lambda row: row.photo.as_posix())
    kept = photos if per_class is None else _capped(photos, path, per_class)
    if len(kept) < len(photos):
        found_notes.append(f"kept {len(kept)} of {len(photos)} photos, at most {per_class} of a class")
    return Reading(kept, source, notes + found_notes + _link_notes(kept, path) + _identity_notes(kept))


def _link_notes(photos: Sequence[Labelled], path: Path) -> list[str]:
    """That photos are links to files elsewhere, which a folder of somebody else's could use to show the user's own."""
    root = os.path.realpath(path if path.is_dir() else path.parent)
    folders: dict[Path, bool] = {}
    for one in photos:
        if one.photo.parent not in folders:
            folders[one.photo.parent] = _below(one.photo.parent, root)
    out = [
        one.photo.name
        for one in photos
        if not folders[one.photo.parent] or (one.photo.is_symlink() and not _below(one.photo, root))
    ]
    return [f"{len(out)} photos are links to files outside of {path}: {first_few(out)}"] if out else []


def _below(path: Path, root: str) -> bool:
    return os.path.commonpath([root, os.path.realpath(path)]) == root


def _capped(photos: list[Labelled], path: Path, per_class: int) -> list[Labelled]:
    if per_class < 1:
        raise DatasetError(f"per_class is {per_class}; it must be at least 1")
    groups: dict[tuple[str, str | None], list[Labelled]] = defaultdict(list)
    for row in photos:
        groups[row.expression, row.split].append(row)
    kept: set[Path] = set()
    for group in groups.values():
        group.sort(key=lambda row: fixed_draw(Path(os.path.relpath(row.photo, path)).as_posix()))
        kept.update(row.photo for row in group[:per_class])
    return [row for row in photos if row.photo in kept]


def _identity_notes(photos: Sequence[Labelled]) -> list[str]:
    counts = Counter(row.identity for row in photos)
    name, most = counts.most_common(1)[0]
    if most == 1 and len(photos) > 1:
        return ["every photo is its own identity: a person with several photos may fall in several splits"]
    if most > 0.5 * len(photos) and len(photos) > 20:
        return [f"{most} of {len(photos)} photos are of {name!r}; if that is no person, give identities in {TABLE}"]
    return []


@SOURCES.add("folder")
def read_folder(path: Path) -> Found:
    """PHOTOS/<expression>/**, or PHOTOS/<train, val or test>/<expression>/**; aliases and AffectNet's 0-7 count.

    Identities come from PHOTOS/labels.csv if it has them, else from the file names (`guess_identity`).

    Raises:
        DatasetError: There is no folder of an expression, or an expression's folders hold no photo.
    """
    if path.is_file():
        raise DatasetError(f"{path} is a file; source 'folder' reads a folder with one folder per expression")
    classes, ignored = _class_folders(path)
    if not classes:
        others = f" (it has {first_few(ignored)})" if ignored else ""
        raise DatasetError(f"{path}: no photos found; looked for folders named {', '.join(EXPRESSIONS)}{others}")
    names = _table_identities(path)
    photos = [
        Labelled(photo, expression, names.get(os.path.abspath(photo)) or guess_identity(photo, split), None, split)
        for folder, expression, split in classes
        for photo in photos_under(folder)
    ]
    used = {row.expression for row in photos}
    empty = [str(folder.relative_to(path)) for folder, expression, _ in classes if expression not in used]
    if empty:
        wanted = " ".join(PHOTO_SUFFIXES)
        raise DatasetError(f"{path}: no photos ({wanted}) in {first_few(empty)}; add some or remove the folder")
    notes = [f"ignored folders that name no expression: {', '.join(ignored)}"] if ignored else []
    stray = [entry.name for entry in sorted(path.iterdir()) if is_photo(entry.name)]
    if stray:
        notes.append(f"ignored {len(stray)} photos outside the folders of expressions: {first_few(stray)}")
    return photos, notes + ([_NUMBERS] if any(folder.name.isdigit() for folder, _, _ in classes) else [])


def _class_folders(path: Path) -> tuple[list[tuple[Path, str, str | None]], list[str]]:
    """Folders with their expression and split, and the names of those that have none."""
    candidates: list[tuple[Path, str | None]] = []
    for folder in subfolders(path):
        split = SPLIT_NAMES.get(folder.name.lower())
        candidates += [(inner, split) for inner in subfolders(folder)] if split else [(folder, None)]
    named = [(folder, expression_or_none(folder.name), split) for folder, split in candidates]
    ignored = [str(folder.relative_to(path)) for folder, expression, _ in named if expression is None]
    return [(folder, expression, split) for folder, expression, split in named if expression], ignored


def _table_identities(path: Path) -> dict[str, str]:
    file = path / TABLE
    if not file.is_file():
        return {}
    rows = read_table(file, COLUMNS)
    return {
        os.path.abspath(photo_named(cells["path"], path, f"{file}, line {line}")): cells.get("identity", "")
        for line, cells in rows
    }


@SOURCES.add("csv")
def read_csv(path: Path) -> Found:
    """PHOTOS/labels.csv, or any CSV: columns path and expression, and where known identity and split.

    Other common headers are accepted (`COLUMNS`). Paths are relative to the CSV's folder and stay below it. An empty
    identity is guessed from the file name. Rows with an empty expression are left out.

    Raises:
        DatasetError: A label is no expression, a split is not train, val or test, a photo does not exist or has two
            labels.
    """
    file = path if path.is_file() else path / TABLE
    if not file.is_file():
        raise DatasetError(f"{path}: no {TABLE} found; write one with columns path,expression or name another CSV")
    rows: dict[Path, tuple[int, Labelled]] = {}
    repeated = guessed = numbered = unlabelled = 0
    for line, cells in read_table(file, COLUMNS):
        if not cells["expression"]:
            unlabelled += 1
            continue
        row = _table_row(file, line, cells)
        earlier_line, earlier = rows.setdefault(row.photo, (line, row))
        if earlier.expression != row.expression:
            raise DatasetError(
                f"{file}: lines {earlier_line} and {line} give {cells['path']} two expressions, "
                f"{earlier.expression} and {row.expression}; keep one"
            )
        repeated += earlier_line != line
        guessed += not cells.get("identity")
        numbered += cells["expression"].isdigit()
    missing = [str(photo.relative_to(file.parent)) for photo in rows if not os.path.isfile(photo)]
    if missing:
        raise DatasetError(f"{file}: {len(missing)} photos do not exist below {file.parent}: {first_few(missing)}")
    notes = [f"{file.name}: left out {unlabelled} rows without an expression"] if unlabelled else []
    if repeated:
        notes.append(f"{file.name}: dropped {repeated} repeated rows")
    if guessed:
        notes.append(f"{file.name}: {guessed} rows give no identity; guessed from their file names")
    return [row for _, row in rows.values()], notes + ([_NUMBERS] if numbered else [])


def _table_row(file: Path, line: int, cells: dict[str, str]) -> Labelled:
    where = f"{file}, line {line}"
    expression = expression_or_none(cells["expression"])
    if expression is None:
        choices = ", ".join(EXPRESSIONS)
        raise DatasetError(f"{where}: unknown expression {cells['expression']!r}; choose from {choices}")
    split = cells.get("split", "")
    if split and split.lower() not in SPLIT_NAMES:
        raise DatasetError(f"{where}: unknown split {split!r}; choose from train, val, test or leave it empty")
    photo = photo_named(cells["path"], file.parent, where)
    published = SPLIT_NAMES.get(split.lower())
    identity = cells.get("identity") or guess_identity(photo, published)
    return Labelled(photo, expression, identity, None, published)
