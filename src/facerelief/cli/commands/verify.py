"""`facerelief verify`."""

import contextlib
import dataclasses
import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from facerelief.cli.console import bar, explain, out
from facerelief.cli.options import TaskFileOption
from facerelief.errors import FacereliefError, install_command, printable
from facerelief.files import read_file

if TYPE_CHECKING:
    from facerelief.editing.jobs.inputs import Input
    from facerelief.faces.detector import FaceFinder
    from facerelief.photos.provenance.credentials_report import Credentials
    from facerelief.photos.provenance.verify import Provenance

_NONE_FOUND, _FAILED = 1, 2
_MOST_TRUST = 10_000_000  # bytes
_TRUST = {  # each begins with the state in --json
    "trusted": "trusted: nothing changed since it was signed by {signer}, which you trust",
    "untrusted": "untrusted: nothing changed since it was signed by {signer}, whose certificate is not trusted",
    "invalid": "invalid: the file was changed after it was signed, or is damaged ({problems})",
}
_LOCAL = "untrusted: nothing changed since it was signed; its certificate was generated for this and names no signer"


def verify(
    pictures: Annotated[
        list[str],
        typer.Argument(help="Pictures or videos, folders of them, or patterns such as '*.jpg'.", show_default=False),
    ],
    trust: Annotated[
        Path | None, typer.Option(help="Certificates to trust, a PEM file. Default: none.", show_default=False)
    ] = None,
    task_file: TaskFileOption = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON instead, one line per picture.")] = False,
) -> None:
    """Find the records of an edit in pictures: C2PA manifest, XMP packet, and watermark.

    The exit code is 0 if every picture has at least one of them, 1 if one has none, and 2 if one cannot be read. A
    picture without records may still be edited: other programs drop metadata, and the watermark is lost in small or
    strongly changed faces.

        facerelief verify me-happiness.jpg
    """
    from facerelief.photos.provenance.verify import find_provenance as look

    try:
        trusted = read_file(trust, _MOST_TRUST) if trust else None
    except OSError as reason:
        raise FacereliefError(f"cannot read {trust} ({reason.strerror}); give a PEM file") from reason
    if trusted is not None and b"-----BEGIN CERTIFICATE-----" not in trusted:
        raise FacereliefError(f"{trust} contains no PEM certificate; convert it, e.g. with openssl x509")
    code, named = _named(pictures)
    finder = _finder(task_file)
    with bar("looking", "pictures") as move:
        for done, picture in enumerate(named, 1):
            try:
                found = look(picture, finder, trusted)
            except FacereliefError as problem:
                explain(str(problem))
                code = _FAILED
            else:
                code = max(code, 0 if found.edited else _NONE_FOUND)
                out.print(_as_json(picture, found) if as_json else _in_words(picture, found), markup=False)
            move(done, len(named))
    if code:
        raise typer.Exit(code)


def _named(arguments: list[str]) -> tuple[int, list[Path]]:
    """The files that the arguments name, and an exit code: that of a failure if an argument names none."""
    from facerelief.editing.jobs.inputs import PHOTOS, expand
    from facerelief.suffixes import VIDEO_SUFFIXES

    code, found = 0, dict[Path, None]()
    for argument in arguments:
        try:
            for one in expand([argument], in_folders=PHOTOS + VIDEO_SUFFIXES):
                found[_file_of(one)] = None
        except FacereliefError as problem:
            explain(str(problem))
            code = _FAILED
    return code, [*found]


def _file_of(one: "Input") -> Path:
    if isinstance(one.source, Path):
        return one.source
    kind = "standard input" if one.source == "-" else "an address"
    raise FacereliefError(f"{one.source} is {kind}, and verify reads files only; save it as a file first")


def _finder(task_file: Path | None) -> "FaceFinder | None":
    """The finder helps but is optional, unless --task-file names one."""
    from facerelief.faces.detector import load_finder

    with contextlib.suppress(*(() if task_file else (FacereliefError,))):
        return load_finder(task_file=task_file)
    return None


def _as_json(picture: Path, found: "Provenance") -> str:
    value: dict[str, Any] = {
        "picture": str(picture),
        "edited": found.edited,
        "xmp": {"tool": found.xmp.tool, "description": found.xmp.description} if found.xmp else None,
        "c2pa": dataclasses.asdict(found.credentials) if found.credentials else None,
        "c2pa_read": found.c2pa_read,
        "comment": found.comment or None,
        "pixels": None if found.pixels is None else [dataclasses.asdict(mark) for mark in found.pixels],
    }
    return json.dumps(value, ensure_ascii=False)


def _in_words(picture: Path, found: "Provenance") -> str:
    lines = [f"{_plain(str(picture))}: {'a' if found.edited else 'no'} mark of an edit was found"]
    lines.append(f"  C2PA    {_c2pa(found.credentials, found.c2pa_read)}")
    lines.append(f"  XMP     {_plain(f'{found.xmp.description} ({found.xmp.tool})') if found.xmp else 'none'}")
    lines += [f"  comment {_plain(found.comment)}"] if found.comment else []
    if not found.pixels:
        lines.append(f"  pixels  {'none' if found.pixels is not None else 'not checked: videos have none'}")
    for mark in found.pixels or ():
        what = f"edited to {mark.expression}" if mark.expression else "edited; no expression can be read"
        lines.append(
            f"  pixels  {what}, at {mark.box[0]},{mark.box[1]} to {mark.box[2]},{mark.box[3]}; {mark.right:.0%} of the "
            f"signs are right, by chance one time in {_odds(mark.chance)}"
        )
    return "\n".join(lines)


def _c2pa(found: "Credentials | None", readable: bool) -> str:
    if not readable:
        return f"not checked: {install_command('provenance')}"
    if found is None:
        return "none"
    template = _LOCAL if found.made_here and found.state == "untrusted" else _TRUST[found.state]
    state = template.format(signer=found.signer, problems=", ".join(found.problems))
    return _plain(f"{state}; says: {', '.join(found.actions)}" if found.actions else state)


def _plain(text: str) -> str:
    """A file's text on one line: it must not imitate lines of this command."""
    return printable(" ".join(text.split()))


def _odds(chance: float) -> str:
    return f"{1 / chance:.0e}".replace("e+", "e") if chance > 1e-300 else "more than 1e300"
