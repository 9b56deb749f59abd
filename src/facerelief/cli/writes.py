"""What commands write under names that a user gives: nothing else is replaced there without --overwrite.

The same command, typed again, replaces what it wrote (`files.ownership`). `edit` looks after its files itself, by
photo, and so do datasets and runs, which are folders that a command begins and goes on with.
"""

import contextlib
import functools
import inspect
import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import typer

from facerelief.cli.console import err, say
from facerelief.errors import FacereliefError
from facerelief.expressions import EXPRESSIONS
from facerelief.files import sha256
from facerelief.files.ownership import Claim, claimed, read_done, settings_digest

Overwrite = Annotated[bool, typer.Option("--overwrite", help="Replace what has the name of a file to be written.")]


_Files = Callable[[Mapping[str, Any]], list[Path | None]]
_NO_MATTER = ("as_json", "task_file")  # options that do not change what a file holds


@dataclass(frozen=True)
class Writes:
    """outputs: the options that name what a command writes. files: these files, from the values of all options.
    same: the options that make it the same command, None for all that are no outputs.
    """

    outputs: tuple[str, ...]
    files: _Files
    same: tuple[str, ...] | None = None

    def settings(self, values: Mapping[str, Any]) -> dict[str, str]:
        """What the files depend on beside what is in files that are read."""
        without = (*self.outputs, *_NO_MATTER)
        names = [name for name in values if name not in without] if self.same is None else self.same
        return {name: repr(_absolute(values[name])) for name in names}

    def reads(self, values: Mapping[str, Any]) -> list[Path]:
        """The files and folders that the other options name."""
        several = [value if isinstance(value, list | tuple) else [value] for value in self._inputs(values)]
        return [one for value in several for one in value if isinstance(one, Path)]

    def _inputs(self, values: Mapping[str, Any]) -> list[Any]:
        return [value for name, value in values.items() if name not in self.outputs]


def _absolute(value: Any) -> Any:
    """A value that means the same in every folder."""
    if isinstance(value, list | tuple):
        return [*map(_absolute, value)]
    return os.path.abspath(value) if isinstance(value, Path) else value


def _named(*options: str) -> Writes:
    return Writes(options, lambda values: [values[name] for name in options])


def _inside(option: str, *names: str) -> Writes:
    return Writes((option,), lambda values: [values[option] / name for name in names])


def _face(values: Mapping[str, Any]) -> list[Path | None]:
    from facerelief.release.morphable import FILES

    return [values["folder"] / name for name in FILES]


def _study(values: Mapping[str, Any]) -> list[Path | None]:
    from facerelief.cli.commands.study import folder_of
    from facerelief.evaluation.experiments.studies import DATASET_STUDY, find_study

    if values["name"] == DATASET_STUDY:  # is printed
        return []
    figures = ("-fig3.png", "-fig4.png", "-fig5.jpg", "-fig6.jpg", "-fig8.png", "-fig9.png", "-fig10.jpg")
    folder = folder_of(values["folder"], values["scale"], values["data"])
    folder = folder / "second" if find_study(values["name"]).second else folder
    return [folder / f"{values['name']}{end}" for end in (".json", ".md", ".html", *figures)]


WRITES = {
    "morph": _named("out_path"),
    "demo": _inside("out_folder", *(f"{name}.png" for name in (*EXPRESSIONS, "demo"))),
    "compare": _named("picture", "json_file"),
    "export": _inside("folder", "model.onnx", "model.xml", "model.bin", "parity.json"),
    "evaluate_editors": _inside("folder", "report.json", "report.md", "report.html"),
    "report.depth": _named("json_file", "figure"),
    "report.judge_on": _named("json_file"),
    "report.curves": _named("picture"),
    "report.release_weights": Writes(
        ("weights",), lambda values: [values["weights"], values["weights"].parent / "README.md"]
    ),
    "report.flicker": _named("json_file"),
    "report_edits.rate": _named("json_file"),
    "report_edits.identity": _named("json_file", "figure"),
    "latency": _named("json_file"),
    "morphable.fit": Writes(("folder",), _face),
    "study": Writes(("folder",), _study, same=("name",)),
}


def looked_after(function: Callable[..., Any]) -> Callable[..., Any]:
    """A command with --overwrite, which claims what it writes; as it is where it writes nothing under a given name."""
    module = function.__module__.rpartition(".")[2]
    writes = WRITES.get(f"{module}.{function.__name__}") or WRITES.get(function.__name__)
    if writes is None or not function.__module__.startswith("facerelief.cli"):
        return function

    @functools.wraps(function)
    def run(*, overwrite: bool = False, **values: Any) -> Any:
        claims = claims_of(function.__name__, writes, values, overwrite)
        with claimed(claims), contextlib.ExitStack() as end:
            end.callback(lambda: say(*dict.fromkeys(note for claim in claims for note in claim.notes), to=err))
            return function(**values)

    signature = inspect.signature(function)
    one = inspect.Parameter("overwrite", inspect.Parameter.KEYWORD_ONLY, default=False, annotation=Overwrite)
    run.__signature__ = signature.replace(parameters=[*signature.parameters.values(), one])  # type: ignore[attr-defined]
    run.__annotations__ = {**function.__annotations__, "overwrite": Overwrite}
    return run


def claims_of(command: str, writes: Writes, values: Mapping[str, Any], overwrite: bool) -> list[Claim]:
    """The claims of what a command writes.

    Raises `FacereliefError` where something is in the way, and where two outputs have one name or one is read too.
    """
    settings = settings_digest({"command": command, **writes.settings(values)})
    paths, read = [path for path in writes.files(values) if path is not None], writes.reads(values)
    _check_different(paths)
    source = _digest_of(read) if writes.same is None else ""
    claims = [Claim(path, source, settings, overwrite=overwrite) for path in paths]
    for claim in claims:
        _check_not_read(claim.path, read)
        claim.check()
    return claims


def _digest_of(read: Sequence[Path]) -> str:
    """What stands for the contents of the files that are read; folders are told by their names alone."""
    found = []
    for path in read:
        with contextlib.suppress(OSError):  # the command says what is wrong with it
            found.append(sha256(path))
    return settings_digest({"read": found}) if found else ""


def _check_different(paths: Sequence[Path]) -> None:
    places = [os.path.join(os.path.realpath(path.parent), path.name) for path in paths]
    twice = next((path for path, place in zip(paths, places, strict=True) if places.count(place) > 1), None)
    if twice is not None:
        raise FacereliefError(f"{twice} would be written twice; give each output a name of its own")


def _check_not_read(path: Path, read: Sequence[Path]) -> None:
    """Raise `FacereliefError` where a file that is read is to be written, or one in a folder that is read, such as a
    run's weights; but for what such a command has written there.
    """
    if not path.is_file():
        return
    if any(one.is_file() and one.samefile(path) for one in read):
        raise FacereliefError(f"{path} is read by this command; choose another name for what it writes")
    folder = next((one for one in read if one.is_dir() and one.samefile(path.parent)), None)
    if folder is not None and path.name not in read_done(folder):
        raise FacereliefError(f"{path} is in a folder that this command reads; choose another name for what it writes")
