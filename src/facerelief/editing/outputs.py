"""Where edits go: a file, a folder, a pattern of names, or standard output."""

import os
import re
import string
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path

from facerelief.editing.inputs import AFTER, BEFORE, RECEIPT, STDIN, Input
from facerelief.errors import FacereliefError
from facerelief.faces.photo import SUFFIXES

STDOUT = Path("-")
_REMEDY = "edit them one at a time, or tell them apart by fields in --out, as in {name}-{expression}"
FIELDS = ("name", "expression", "strength", "face")
_VIDEO_SUFFIXES = (".mp4", ".m4v", ".mov", ".mkv", ".webm")

Targets = dict[str, Path]  # by expression


def depth_files(target: Path) -> tuple[Path, Path]:
    """The pictures of depth beside an edit: before, after."""
    return target.with_name(target.stem + BEFORE), target.with_name(target.stem + AFTER)


def receipt_files(target: Path) -> tuple[Path, Path]:
    """The files of an edit's receipt: JSON, picture."""
    picture = target.with_name(target.stem + RECEIPT)
    return picture.with_suffix(".json"), picture


Sides = Callable[[Path], Sequence[Path]]


def all_targets(
    inputs: Sequence[Input],
    wanted: Sequence[str],
    out: str | None,
    strength: str,
    face: str,
    sides: Sides = lambda target: (),
) -> dict[Input, Targets]:
    """Where each expression of each input goes.

    out: a file, where there is one picture; a folder; a pattern with fields such as `{name}`; "-"; or None, beside the
    photo. strength, face: as typed. sides: what is written beside an edit. What was found in a folder and is where
    another's edit goes, is an earlier edit and left out. Raises `FacereliefError` where two would go to one place, or
    one over a photo that the user named.
    """
    single = len(inputs) * len(wanted) == 1
    typed = {"strength": _as_name(strength), "face": _as_name(face)}
    targets = {one: _targets(one, wanted, out, single, typed) for one in inputs}
    if len(inputs) > 1 and any(one.source == STDIN for one in inputs):
        raise FacereliefError("- is standard input, which can be read once; edit it by itself")
    if sides(STDOUT) and any(STDOUT in places.values() for places in targets.values()):
        raise FacereliefError("depth and receipts are files beside an edit's; name it with --out")
    sources = {os.path.realpath(one.source): one for one in inputs if isinstance(one.source, Path)}
    made = {
        sources[os.path.realpath(place)]: place
        for places in targets.values()
        for target in places.values()
        for place in (target, *sides(target))
        if os.path.realpath(place) in sources
    }
    named = next((place for one, place in made.items() if one.named), None)
    if named:
        raise FacereliefError(f"{named} is one of the photos to edit; choose another --out")
    targets = {one: places for one, places in targets.items() if one not in made}
    _check_distinct(targets, sides)
    return targets


def _check_distinct(targets: Mapping[Input, Targets], sides: Sides) -> None:
    taken: dict[Path, str] = {}
    for one, places in targets.items():
        for place in [place for target in places.values() for place in (target, *sides(target))]:
            if place in taken:
                both = f"{taken[place]} and {one}" if taken[place] != str(one) else f"two edits of {one}"
                raise FacereliefError(f"{both} would both be written to {place}; {_REMEDY}")
            taken[place] = str(one)


def _targets(one: Input, wanted: Sequence[str], out: str | None, single: bool, typed: dict[str, str]) -> Targets:
    writable = _VIDEO_SUFFIXES if one.is_video else tuple(SUFFIXES)
    suffix = one.file.suffix.lower()
    suffix = suffix if suffix in writable else writable[0]
    if out == str(STDOUT) or (out is None and one.source == STDIN):
        if not single or one.is_video:
            raise FacereliefError("standard output takes one photo; name a folder with --out")
        return {wanted[0]: STDOUT}
    if out is not None and "{" in out:
        return {to: _from_pattern(out, typed | {"name": _stem(one), "expression": to}, suffix) for to in wanted}
    if out is None or Path(out).is_dir() or not _names_a_file(Path(out)):
        beside = one.file.parent if isinstance(one.source, Path) else Path()
        folder = beside if out is None else Path(out) / one.below
        return {to: folder / f"{_stem(one)}-{to}{suffix}" for to in wanted}
    _check_suffix(Path(out), writable)
    if not single:
        raise FacereliefError(f"{out} is one file for several pictures; name a folder with --out")
    return {wanted[0]: Path(out)}


def _from_pattern(pattern: str, values: Mapping[str, str], suffix: str) -> Path:
    try:
        parts = [part[1:] for part in string.Formatter().parse(pattern) if part[1] is not None]
    except ValueError as reason:
        raise FacereliefError(f"{pattern} is no pattern ({reason}); use {_listed(FIELDS)}") from reason
    wrong = next((name for name, form, conversion in parts if name not in FIELDS or form or conversion), None)
    if wrong is not None:
        raise FacereliefError(f"{pattern} has an unknown field {{{wrong}}}; use {_listed(FIELDS)}")
    path = Path(pattern.format_map(values))
    if not _names_a_file(path):
        return path.with_name(path.name + suffix)
    _check_suffix(path, _VIDEO_SUFFIXES if suffix in _VIDEO_SUFFIXES else tuple(SUFFIXES))
    return path


def _stem(one: Input) -> str:
    """The file's name without suffix, and never a folder's."""
    stem = one.file.stem
    return stem if stem.strip(".") else "photo"


def _as_name(typed: str) -> str:
    return re.sub(r"[^\w.-]+", "-", typed)


def _names_a_file(path: Path) -> bool:
    """Whether a name ends as files' do; folders may have dots too."""
    return path.suffix[1:].isalpha() or path.suffix.lower() in (*SUFFIXES, *_VIDEO_SUFFIXES)


def _check_suffix(path: Path, writable: Sequence[str]) -> None:
    if path.suffix.lower() not in writable:
        raise FacereliefError(
            f"cannot save {path}: unknown suffix {path.suffix!r}; choose from {', '.join(writable)}, "
            "or name a folder that exists"
        )


def _listed(fields: Iterable[str]) -> str:
    return ", ".join(f"{{{field}}}" for field in fields)
