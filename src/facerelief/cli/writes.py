"""Protection of files: a command replaces nothing but its own earlier output, unless --overwrite is given.

A command declares what it writes by `@writes(...)`; `files.ownership` records what it wrote. `edit` protects each
edit by itself; `dataset build`, `dataset synthesize` and `train` fill a folder that they created and can resume.
"""

import contextlib
import functools
import inspect
import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, TypeVar

import typer

from facerelief.cli.console import err, say
from facerelief.errors import FacereliefError
from facerelief.files import sha256
from facerelief.files.ownership import Claim, claimed, read_written, settings_digest
from facerelief.suffixes import PHOTO_SUFFIXES, VIDEO_SUFFIXES

_Command = TypeVar("_Command", bound=Callable[..., Any])
Overwrite = Annotated[bool, typer.Option("--overwrite", help="Also replace files that this command did not write.")]
_OF_FILES = (*PHOTO_SUFFIXES, *VIDEO_SUFFIXES, ".gif", ".glb", ".csv", ".json", ".html", ".onnx", ".xml", ".zip")
_IRRELEVANT = ("as_json",)  # options that do not change a file's content


@dataclass(frozen=True)
class OutputFiles:
    """What a command writes.

    Args:
        options: The options that name its files and folders.
        files: From the values of all options, the files. A path is None if its option is not given.
        what: What the journal calls them, where the command has to know its own files again.
        same: The options that identify the command's earlier output. None: all that are not outputs.
    """

    options: tuple[str, ...]
    files: Callable[[Mapping[str, Any]], list[Path | None]]
    same: tuple[str, ...] | None = None
    what: str = ""

    def settings(self, values: Mapping[str, Any]) -> dict[str, str]:
        """What the files depend on beside the content of input files."""
        without = (*self.options, *_IRRELEVANT)
        names = [name for name in values if name not in without] if self.same is None else self.same
        return {name: repr(_absolute(values[name])) for name in names}

    def reads(self, values: Mapping[str, Any]) -> list[Path]:
        """The input files and folders."""
        several = [value if isinstance(value, list | tuple) else [value] for value in self._inputs(values)]
        return [one for value in several for one in value if isinstance(one, Path)]

    def _inputs(self, values: Mapping[str, Any]) -> list[Any]:
        return [value for name, value in values.items() if name not in self.options]


def _absolute(value: Any) -> Any:
    """The value with absolute paths."""
    if isinstance(value, list | tuple):
        return [*map(_absolute, value)]
    return os.path.abspath(value) if isinstance(value, Path) else value


def files_at(*options: str) -> OutputFiles:
    """One file at the path of each option."""
    return OutputFiles(options, lambda values: [values[name] for name in options])


def files_in(option: str, *names: str) -> OutputFiles:
    """Files of these names in the folder of an option."""
    return OutputFiles((option,), lambda values: [values[option] / name for name in names])


def pages_in(folder: Path | None) -> list[Path | None]:
    """The files of a report (`evaluation.report.sections`) in a folder; none without one."""
    return [folder / name for name in ("report.json", "report.md", "report.html")] if folder else []


def writes(outputs: OutputFiles) -> Callable[[_Command], _Command]:
    """Declare what a command writes: `with_overwrite` protects it. To be applied before the command is registered."""

    def declare(function: _Command) -> _Command:
        function.outputs = outputs  # type: ignore[attr-defined]
        return function

    return declare


def with_overwrite(function: Callable[..., Any]) -> Callable[..., Any]:
    """A command with --overwrite that claims its outputs; unchanged if it declares none."""
    outputs: OutputFiles | None = getattr(function, "outputs", None)
    if outputs is None:
        return function

    @functools.wraps(function)
    def run(*, overwrite: bool = False, **values: Any) -> Any:
        claims = claims_of(function.__name__, outputs, values, overwrite)
        if overwrite and not claims:
            names = ", ".join(f"--{name.replace('_', '-')}" for name in outputs.options if name != "json_file")
            raise FacereliefError(f"--overwrite is for files, and none is written; leave it out{_or_add(names)}")
        with claimed(claims), contextlib.ExitStack() as end:
            end.callback(lambda: say(*dict.fromkeys(note for claim in claims for note in claim.notes), to=err))
            return function(**values)

    signature = inspect.signature(function)
    one = inspect.Parameter("overwrite", inspect.Parameter.KEYWORD_ONLY, default=False, annotation=Overwrite)
    run.__signature__ = signature.replace(parameters=[*signature.parameters.values(), one])  # type: ignore[attr-defined]
    run.__annotations__ = {**function.__annotations__, "overwrite": Overwrite}
    return run


def claims_of(command: str, outputs: OutputFiles, values: Mapping[str, Any], overwrite: bool) -> list[Claim]:
    """Claim the files that a command writes.

    Raises `FacereliefError` if other files have their names, if two outputs have one name, or if one is also read.
    """
    settings = settings_digest({"command": command, **outputs.settings(values)})
    paths, read = [path for path in outputs.files(values) if path is not None], outputs.reads(values)
    _check_different(paths)
    source = _digest_of(read) if outputs.same is None else ""
    claims = [Claim(path, source, settings, outputs.what, overwrite=overwrite) for path in paths]
    for claim in claims:
        _check_not_read(claim.path, read)
        claim.check()
    return claims


def _or_add(names: str) -> str:
    return f", or add {names}" if names else ""


def check_folder_name(folder: Path) -> None:
    """Raises `FacereliefError` where a folder is called as files are, as in `-o x.png`, and is not there yet."""
    if folder.suffix.lower() in _OF_FILES and not folder.is_dir():
        raise FacereliefError(f"{folder} is named like a file; --out is a folder here, give it another name")


def _digest_of(read: Sequence[Path]) -> str:
    """A digest of the input files' contents; input folders count by their names only."""
    found = []
    for path in read:
        with contextlib.suppress(OSError):  # the command reports it
            found.append(sha256(path))
    return settings_digest({"read": found}) if found else ""


def _check_different(paths: Sequence[Path]) -> None:
    places = [os.path.join(os.path.realpath(path.parent), path.name) for path in paths]
    twice = next((path for path, place in zip(paths, places, strict=True) if places.count(place) > 1), None)
    if twice is not None:
        raise FacereliefError(f"{twice} would be written twice; give each output its own name")


def _check_not_read(path: Path, read: Sequence[Path]) -> None:
    """Raises `FacereliefError` if an output is an input file, or lies in an input folder, such as a run's weights.

    What an earlier command of this kind wrote there may be replaced.
    """
    if not path.is_file():
        return
    if any(one.is_file() and one.samefile(path) for one in read):
        raise FacereliefError(f"{path} is an input of this command; choose another name for the output")
    folder = next((one for one in read if one.is_dir() and one.samefile(path.parent)), None)
    if folder is not None and path.name not in read_written(folder):
        raise FacereliefError(f"{path} is in an input folder of this command; choose another name for the output")
