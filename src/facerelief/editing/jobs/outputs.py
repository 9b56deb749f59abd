"""Where edits go: a file, a folder, a pattern of names, or standard output."""

import dataclasses
import hashlib
import os
import re
import string
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from facerelief.editing.jobs.inputs import AFTER, BEFORE, RECEIPT, STDIN, Input
from facerelief.editing.regions import WHOLE
from facerelief.errors import FacereliefError
from facerelief.photos.photo import SAVE_FORMATS

STDOUT = Path("-")
_REMEDY = "edit them one at a time, or tell them apart by fields in --out, as in {name}-{expression}"
NAME_FIELDS = ("name", "expression", "strength", "face", "part", "method")
_LONG = 60  # letters of a name that tell what an edit shows
_VIDEO_SUFFIXES = (".mp4", ".m4v", ".mov", ".mkv", ".webm")

OutputPaths = dict[str, Path]  # by what a photo is edited to, in words


@dataclass(frozen=True)
class OutputNaming:
    """What was typed of an edit and shows in its name: all of it in a pattern, else what is not the default.

    Attributes:
        strength: As it was typed.
        face: As it was typed.
        part: Of a face.
        method: The editor's.
        weights: None for the package's.
        teeth: Whether teeth are taken from another photo.
        called: What an edit is called where it is not by its own words, by these.
    """

    strength: str = "1"
    face: str = "largest"
    part: str = WHOLE
    method: str = "morphable"
    weights: Path | None = None
    teeth: bool = False
    called: Mapping[str, str] = dataclasses.field(default_factory=dict)

    def expression(self, to: str) -> str:
        """What an edit is called in names: its words, with `_` for what file systems do not take; long ones are cut."""
        name = re.sub(r"[:+,]", "_", self.called.get(to, to))
        return name if len(name) <= _LONG else f"{name[:_LONG]}_{hashlib.sha256(to.encode()).hexdigest()[:8]}"

    @property
    def fields(self) -> dict[str, str]:
        """By the names of a pattern's fields."""
        return {name: _as_name(getattr(self, name)) for name in ("strength", "face", "part", "method")}

    @property
    def ending(self) -> str:
        """What tells an edit from one with the default settings, as in `-mouth-0.7-face2-morphable`."""
        strength, parts = _number(self.strength), []
        if self.part != WHOLE:
            parts.append(self.part)
        if strength != "1":
            parts.append(strength)
        if self.face != "largest":
            parts.append(f"face{self.face}")
        if self.teeth:
            parts.append("teeth")
        if self.weights or self.method != "morphable":
            parts.append(_name_of_weights(self.weights) if self.weights else self.method)
        return "".join(f"-{_as_name(part)}" for part in parts)


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
    typed: OutputNaming | None = None,
    sides: Sides = lambda target: (),
    is_edit: Callable[[Input], bool] | None = None,
) -> dict[Input, OutputPaths]:
    """Where each expression of each input goes. Of photos whose edits would have one name, each name gets the suffix.

    Args:
        inputs: What is to be edited.
        wanted: What it is to show, in words.
        out: A file, where there is one picture; a folder, as is all that ends with a slash; a pattern with fields such
            as `{name}`; "-"; or None, beside the photo.
        typed: What shows in the names of edits.
        sides: What is written beside an edit.
        is_edit: Given where files may be overwritten; what it says of an input that an edit goes to decides whether
            that is left out.

    Returns:
        By input, the path of its edit to each expression; without the inputs that are left out.

    Raises:
        FacereliefError: Two edits would go to one place, or one over a photo that is to be edited.
    """
    single, typed = len(inputs) * len(wanted) == 1, typed or OutputNaming()
    targets = {one: _targets(one, wanted, out, single, typed) for one in inputs}
    if len(inputs) > 1 and any(one.source == STDIN for one in inputs):
        raise FacereliefError("- is standard input, which can be read once; edit it by itself")
    if sides(STDOUT) and any(STDOUT in places.values() for places in targets.values()):
        raise FacereliefError("depth and receipts are files beside an edit's; name it with --out")
    alike = {one for several in _by_place(targets, sides).values() if len(several) > 1 for one in several}
    targets |= {one: _targets(one, wanted, out, single, typed, told_apart=True) for one in alike}
    targets = _without_sources(targets, sides, is_edit)
    _check_distinct(targets, sides)
    return targets


def check_not_read(targets: Mapping[Input, OutputPaths], sides: Sides, read: Iterable[Path]) -> None:
    """Raise `FacereliefError` where an edit would replace another file that the command reads."""
    known = {_identity(path): path for path in read}
    for places in targets.values():
        for place in _all_places(places, sides):
            if _identity(place) in known:
                raise FacereliefError(f"{place} is read by this command; choose another --out")


def _by_place(targets: Mapping[Input, OutputPaths], sides: Sides) -> dict[Path, set[Input]]:
    found: dict[Path, set[Input]] = defaultdict(set)
    for one, places in targets.items():
        for place in _all_places(places, sides):
            found[place].add(one)
    return found


def _all_places(places: OutputPaths, sides: Sides) -> Iterator[Path]:
    return (place for target in places.values() if target != STDOUT for place in (target, *sides(target)))


def _without_sources(
    targets: dict[Input, OutputPaths], sides: Sides, is_edit: Callable[[Input], bool] | None
) -> dict[Input, OutputPaths]:
    """Without inputs that are another's earlier edit and are to be overwritten. Where nothing is overwritten, whoever
    is in the way stays and is edited too.
    """
    sources = {_identity(one.source): one for one in targets if isinstance(one.source, Path)}
    left_out = set()
    for one, places in targets.items():
        for place in _all_places(places, sides):
            found = sources.get(_identity(place))
            if found is None or (found is not one and not found.named and is_edit is None):
                continue
            if found is one or not (is_edit and is_edit(found)):
                raise FacereliefError(f"{place} is one of the photos to edit; choose another --out")
            left_out.add(found)
    return {one: places for one, places in targets.items() if one not in left_out}


def _identity(path: Path) -> object:
    """What a file is, under whatever name: also by links, and where upper case does not count."""
    try:
        found = os.stat(path)
    except (OSError, ValueError):
        return os.path.realpath(path)
    return found.st_dev, found.st_ino


def _check_distinct(targets: Mapping[Input, OutputPaths], sides: Sides) -> None:
    taken: dict[Path, str] = {}
    for one, places in targets.items():
        for place in _all_places(places, sides):
            if place in taken:
                both = f"{taken[place]} and {one}" if taken[place] != str(one) else f"two edits of {one}"
                raise FacereliefError(f"{both} would both be written to {place}; {_REMEDY}")
            taken[place] = str(one)


def _targets(
    one: Input, wanted: Sequence[str], out: str | None, single: bool, typed: OutputNaming, told_apart: bool = False
) -> OutputPaths:
    writable = _VIDEO_SUFFIXES if one.is_video else tuple(SAVE_FORMATS)
    suffix = one.file.suffix.lower()
    stem = _stem(one) + (f"-{_as_name(suffix[1:])}" if told_apart and suffix else "")
    suffix = suffix if suffix in writable else writable[0]
    if out == str(STDOUT) or (out is None and one.source == STDIN):
        if one.is_video:
            raise FacereliefError(f"{one} is a video, which standard output does not take; name a file with --out")
        if not single:
            raise FacereliefError("standard output takes one photo; name a folder with --out")
        return {wanted[0]: STDOUT}
    names = {to: f"{stem}-{typed.expression(to)}{typed.ending}{suffix}" for to in wanted}
    if out is not None and "{" in out:
        fields = {to: typed.fields | {"name": stem, "expression": typed.expression(to)} for to in wanted}
        return {to: _from_pattern(out, fields[to], suffix, names[to]) for to in wanted}
    if out is None or Path(out).is_dir() or _ends_as_a_folder(out) or not _names_a_file(Path(out)):
        beside = one.file.parent if isinstance(one.source, Path) else Path()
        folder = beside if out is None else Path(out) / one.below
        return {to: folder / name for to, name in names.items()}
    _check_suffix(Path(out), writable)
    if not single:
        raise FacereliefError(f"{out} is one file for several pictures; name a folder with --out")
    return {wanted[0]: Path(out)}


def _from_pattern(pattern: str, values: Mapping[str, str], suffix: str, name: str) -> Path:
    """suffix: of a pattern that has none. name: of the edit, where the pattern is a folder's."""
    try:
        parts = [part[1:] for part in string.Formatter().parse(pattern) if part[1] is not None]
    except ValueError as reason:
        raise FacereliefError(f"{pattern} is no pattern ({reason}); use {_listed(NAME_FIELDS)}") from reason
    wrong = next((name for name, form, conversion in parts if name not in NAME_FIELDS or form or conversion), None)
    if wrong is not None:
        raise FacereliefError(f"{pattern} has an unknown field {{{wrong}}}; use {_listed(NAME_FIELDS)}")
    path = Path(pattern.format_map(values))
    if _ends_as_a_folder(pattern):
        return path / name
    if not _names_a_file(Path(pattern.format_map(dict.fromkeys(values, "0")))):  # dots in a name are not the pattern's
        return path.with_name(path.name + suffix)
    _check_suffix(path, _VIDEO_SUFFIXES if suffix in _VIDEO_SUFFIXES else tuple(SAVE_FORMATS))
    return path


def _stem(one: Input) -> str:
    """The file's name without suffix, and never a folder's."""
    stem = one.file.stem
    return stem if stem.strip(".") else "photo"


def _as_name(typed: str) -> str:
    return re.sub(r"[^\w.-]+", "-", typed)


def _number(typed: str) -> str:
    """A number in one way of writing it."""
    try:
        return f"{float(typed):g}"
    except ValueError:
        return typed


def _name_of_weights(weights: Path) -> str:
    """Of a run's or a face's folder, or of a file of one's own."""
    path = weights.absolute()
    if path.suffix != ".safetensors":
        return path.name
    return path.parent.name if path.stem in ("weights", "face") else path.stem


def _ends_as_a_folder(out: str) -> bool:
    return out.endswith(("/", os.sep))


def _names_a_file(path: Path) -> bool:
    """Whether a name ends as files' do; folders may have dots too."""
    return path.suffix[1:].isalpha() or path.suffix.lower() in (*SAVE_FORMATS, *_VIDEO_SUFFIXES)


def _check_suffix(path: Path, writable: Sequence[str]) -> None:
    if path.suffix.lower() not in writable:
        raise FacereliefError(
            f"cannot save {path}: unknown suffix {path.suffix!r}; choose from {', '.join(writable)}, "
            f"or end it with {os.sep} if it is a folder"
        )


def _listed(fields: Iterable[str]) -> str:
    return ", ".join(f"{{{field}}}" for field in fields)
