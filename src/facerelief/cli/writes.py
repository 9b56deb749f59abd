"""What commands write under names that a user gives: nothing else is replaced there without --overwrite.

The same command, typed again, replaces what it wrote (`facerelief.written`). `edit` looks after its files itself, by
photo, and so do datasets and runs, which are folders that a command begins and goes on with.
"""

import contextlib
import functools
import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import typer

from facerelief.cli.console import err, say
from facerelief.errors import FacereliefError
from facerelief.expressions import EXPRESSIONS
from facerelief.written import Claim, claimed, read_done, settings_digest

Overwrite = Annotated[bool, typer.Option("--overwrite", help="Replace what has the name of a file to be written.")]


@dataclass(frozen=True)
class Writes:
    """files: those that a command writes, from its values. same: what makes it the same command, None for all."""

    files: Callable[[Mapping[str, Any]], list[Path | None]]
    same: tuple[str, ...] | None = None


def _named(*options: str) -> Callable[[Mapping[str, Any]], list[Path | None]]:
    return lambda values: [values[name] for name in options]


def _inside(option: str, *names: str) -> Callable[[Mapping[str, Any]], list[Path | None]]:
    return lambda values: [values[option] / name for name in names]


def _face(values: Mapping[str, Any]) -> list[Path | None]:
    from facerelief.evaluation.face_card import FILES

    return [values["folder"] / name for name in FILES]


def _study(values: Mapping[str, Any]) -> list[Path | None]:
    from facerelief.cli.study import folder_of
    from facerelief.evaluation.studies import DATASET_STUDY, find_study

    if values["name"] == DATASET_STUDY:  # is printed
        return []
    figures = ("-fig3.png", "-fig4.png", "-fig5.jpg", "-fig6.jpg", "-fig8.png", "-fig9.png", "-fig10.jpg")
    folder = folder_of(values["folder"], values["scale"], values["data"])
    folder = folder / "second" if find_study(values["name"]).second else folder
    return [folder / f"{values['name']}{end}" for end in (".json", ".md", ".html", *figures)]


WRITES = {
    "morph": Writes(_named("out_path")),
    "demo": Writes(_inside("out_folder", *(f"{name}.png" for name in (*EXPRESSIONS, "demo")))),
    "compare": Writes(_named("picture", "json_file")),
    "export": Writes(_inside("folder", "model.onnx", "model.xml", "model.bin", "parity.json")),
    "evaluate_editors": Writes(_inside("folder", "report.json", "report.md", "report.html")),
    "report.depth": Writes(_named("json_file", "figure")),
    "report.judge_on": Writes(_named("json_file")),
    "report.curves": Writes(_named("picture")),
    "report.release_weights": Writes(lambda values: [values["weights"], values["weights"].parent / "README.md"]),
    "report.flicker": Writes(_named("json_file")),
    "report_edits.rate": Writes(_named("json_file")),
    "report_edits.identity": Writes(_named("json_file", "figure")),
    "latency": Writes(_named("json_file")),
    "morphable.fit": Writes(_face),
    "study": Writes(_study, same=("name",)),
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
    """The claims of what a command writes. Raises `FacereliefError` where something is in the way."""
    same = values if writes.same is None else {name: values[name] for name in writes.same}
    settings = settings_digest({"command": command, **{name: repr(value) for name, value in same.items()}})
    read = functools.cache(read_done)
    paths = [path for path in writes.files(values) if path is not None]
    claims = [
        Claim(path, "", settings, known=read(path.parent).get(path.name, ()), overwrite=overwrite) for path in paths
    ]
    for claim in claims:
        _check_not_read(claim.path, values)
        claim.check()
    return claims


def _check_not_read(path: Path, values: Mapping[str, Any]) -> None:
    """Raise `FacereliefError` where a file that is read is to be written."""
    several = [value if isinstance(value, list | tuple) else [value] for value in values.values()]
    given = [one for value in several for one in value if isinstance(one, Path)]
    same = [one for one in given if path.is_file() and one.is_file() and one.samefile(path)]
    if len(same) > (path in given):
        raise FacereliefError(f"{path} is read by this command; choose another name for what it writes")
