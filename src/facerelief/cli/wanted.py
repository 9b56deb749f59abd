"""What faces are to show, from the options that say it: --to, --au, --blendshape, --like and --edit."""

import re
from collections.abc import Mapping, Sequence
from pathlib import Path

from facerelief.cli.console import err, say
from facerelief.editing.editor import Editor
from facerelief.editing.face_choice import notes_on_choice
from facerelief.errors import FacereliefError, shown
from facerelief.expressions import EXPRESSIONS, resolve_all
from facerelief.geometry.morphable.action_units import ACTION_UNITS
from facerelief.geometry.morphable.controls import kind_of
from facerelief.photos.photo import read_photo


def check_options(given: Mapping[str, object], like_neutral: Path | None, face: str) -> None:
    """Raises `FacereliefError` unless one of the options is given, and others only with those that they go with."""
    named = [name for name, value in given.items() if value]
    if len(named) > 1:
        raise FacereliefError(f"{named[0]} and {named[1]} both say what faces are to show; give one of them")
    if not named:
        *names, last = given
        raise FacereliefError(f"say what faces are to show: {', '.join(names)} or {last}")
    if like_neutral and named != ["--like"]:
        raise FacereliefError("--like-neutral is for --like: a photo of the same person without expression")
    if face != "largest" and named == ["--edit"]:
        raise FacereliefError("--edit says which face; leave --face out")


def words_of(editor: Editor, to: str | None, au: str | None, blendshape: str | None) -> list[str]:
    """Canonical words for what --to, --au or --blendshape say; prints warnings about them on standard error."""
    if au:
        return _cautioned(editor, [_amounts(editor, au, "action unit", "--au AU12=0.8,AU4L=0.3")])
    if blendshape:
        return _cautioned(editor, [_amounts(editor, blendshape, "blendshape", "--blendshape mouthSmile=1,jawOpen=0.3")])
    names = [name.strip() for name in (to or "").split(",")]
    every = "all" in map(str.lower, names)
    some = [editor.target(name) for name in names if name.lower() != "all"]
    return _cautioned(editor, list(dict.fromkeys([*(_every(editor) if every else ()), *some])))


def typed_words(to: str | None, au: str | None, blendshape: str | None) -> str:
    """The one of these that was given, for names of files."""
    return to or au or blendshape or ""


def one_of_words(editor: Editor, to: str | None, au: str | None, blendshape: str | None, *, what: str) -> str:
    """As `words_of`. Raises `FacereliefError` where they name more than one thing for `what`, such as "a morph"."""
    words, *more = words_of(editor, to, au, blendshape)
    if more:
        raise FacereliefError(f"{what} shows one thing at its end; name one, or a blend as in joy:0.6+surprise:0.4")
    return words


def notes_on_references(editor: Editor, *photos: Path | None) -> list[str]:
    """A line for each photo from which something is taken and that shows several faces: the largest counts."""
    notes = []
    for path in dict.fromkeys(path for path in photos if path):
        photo = read_photo(path)
        notes += notes_on_choice(editor.find(photo), "largest", photo.name, "counts", "")
    return notes


def expressions_of(to: str, editor: Editor) -> list[str]:
    """As `words_of`, of expressions alone, in AffectNet's order."""
    every = "all" in map(str.lower, map(str.strip, to.split(",")))
    return _cautioned(editor, _every(editor) if every else [editor.target(name) for name in resolve_all(to)])


def _every(editor: Editor) -> list[str]:
    missing = [name for name in EXPRESSIONS if name not in editor.expressions]
    if missing:
        known = len(editor.expressions)
        err.print(f"these weights support {known} of {len(EXPRESSIONS)} expressions; left out: {', '.join(missing)}")
    return list(editor.expressions)


def _cautioned(editor: Editor, words: list[str]) -> list[str]:
    for one in words:
        if caution := editor.caution(one):
            say(caution, to=err)
    return words


def _amounts(editor: Editor, text: str, kind: str, example: str) -> str:
    """Of `NAME=AMOUNT` that commas separate, all of one kind."""
    if re.search("[:+]", text):
        raise FacereliefError(f"no {kind}s {shown(text)}; write {example}, or use --to")
    for name in (part.partition("=")[0].strip() for part in text.split(",")):
        if kind == "action unit" and not re.fullmatch(r"[aA][uU]\d+[lLrR]?", name):
            known = ", ".join(f"AU{number}" for number in ACTION_UNITS)
            raise FacereliefError(f"{name[:40]} is no action unit; write {example}, or use --to; units are {known}")
    words = editor.target(text.replace("=", ":").replace(",", "+"))
    names = [part.partition(":")[0] for part in words.split("+")]
    other = next((name for name in names if kind_of(name) != kind), None)
    if other is not None:
        raise FacereliefError(f"{other} is no {kind}; write {example}, or use --to")
    return words


def edits_of(editor: Editor, edits: Sequence[str]) -> tuple[tuple[int, str], ...]:
    """Numbers of faces, and canonical words for what each is to show, from each --edit."""
    found: dict[int, str] = {}
    for edit in edits:
        number, colon, to = edit.partition(":")
        if not colon or not re.fullmatch(r"[1-9]\d{0,3}", number.strip()):
            raise FacereliefError(f"no edit {shown(edit)}; write the face's number first, as in --edit 1:happiness")
        if int(number) in found:
            raise FacereliefError(f"face {int(number)} has two edits; give one --edit for each face")
        found[int(number)] = editor.target(to)
    return tuple(sorted(found.items()))


def names_in_files(like: Path | None, like_neutral: Path | None, each: Sequence[tuple[int, str]]) -> str | None:
    """What an edit is called in names of files, where it is not by its words; None where it is."""
    if like:
        return "-".join(["like", like.stem, *([like_neutral.stem] if like_neutral else [])])
    return "-".join(f"face{number}-{words}" for number, words in each) or None
