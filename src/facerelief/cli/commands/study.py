"""`facerelief study`: the paper's tables and figures."""

import sys
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from facerelief.cli.console import bar, err, out, say
from facerelief.cli.options import ExpressionsOption, argument_of, one_of
from facerelief.cli.writes import OutputFiles, writes
from facerelief.errors import FacereliefError, printable
from facerelief.evaluation.experiments.studies import DATASET_STUDY, SCALES, STUDY_NAMES, find_scale, find_study
from facerelief.expressions import EXPRESSIONS, resolve_all

if TYPE_CHECKING:
    from facerelief.evaluation.experiments.grid import Grid
    from facerelief.evaluation.experiments.study import StudyProgress, StudyRequest


def _report_files(values: Mapping[str, Any]) -> list[Path | None]:
    if values["name"] == DATASET_STUDY:  # is printed
        return []
    figures = ("-fig3.png", "-fig4.png", "-fig5.jpg", "-fig6.jpg", "-fig8.png", "-fig9.png", "-fig10.jpg")
    folder = folder_of(values["folder"], values["scale"], values["data"])
    folder = folder / "second" if find_study(values["name"]).on_second_dataset else folder
    return [folder / f"{values['name']}{end}" for end in (".json", ".md", ".html", *figures)]


@writes(OutputFiles(("folder",), _report_files, same=("name",)))
def study(
    name: Annotated[str, argument_of(choices=STUDY_NAMES, help=f"{', '.join(STUDY_NAMES)}.", show_default=False)],
    data: Annotated[
        Path | None,
        typer.Option("--data", help="The dataset; for table2 the second one. Default: a synthetic one is made."),
    ] = None,
    folder: Annotated[
        Path | None, typer.Option("-o", "--out", help="The study's folder. Default: runs/study-SCALE-DATASET.")
    ] = None,
    scale: Annotated[
        str,
        one_of(
            choices=tuple(SCALES),
            help="smoke: minutes, without meaningful numbers. cpu: hours on two cores. gpu: minutes on one GPU. "
            "paper: days on one GPU.",
        ),
    ] = "cpu",
    seeds: Annotated[int | None, typer.Option(min=1, help="Number of seeds, from 0 up. Default: the scale's.")] = None,
    processes: Annotated[int, typer.Option(min=1, help="Runs in parallel.")] = 1,
    expressions: ExpressionsOption = None,
    settings: Annotated[
        list[str] | None, typer.Option("--set", help="A setting of every run of stage 2, NAME=VALUE; repeatable.")
    ] = None,
    stage1: Annotated[
        list[str] | None, typer.Option(help="A setting of every run of stage 1, NAME=VALUE; repeatable.")
    ] = None,
    only: Annotated[
        list[str] | None,
        typer.Option(help="Only this cell, by its folder's name, e.g. stargan; repeatable. Default: all."),
    ] = None,
    vgg: Annotated[Path | None, typer.Option(help="torchvision's vgg19-dcbb9e9d.pth, for --scale paper.")] = None,
) -> None:
    """Train and evaluate every cell of one of the paper's tables with several seeds; write tables, figures, HTML.

    Run the same command again to resume. Studies of one scale and dataset share a folder; their common runs are trained
    once.
    """
    if name == DATASET_STUDY:
        _dataset_table(data)
        return
    from facerelief.evaluation.experiments.figures import check_extras
    from facerelief.evaluation.experiments.study import StudyRequest, run_study

    find_study(name, only or ())
    find_scale(scale)
    check_extras()
    folder = folder_of(folder, scale, data)
    request = StudyRequest(
        name,
        scale,
        folder,
        data,
        seeds,
        processes,
        resolve_all(expressions) if expressions else EXPRESSIONS,
        changes=_pairs("--set", settings),
        stage1=_pairs("--stage1", stage1),
        vgg=vgg,
        only=tuple(only or ()),
    )
    with _progress(name) as progress:
        grid, failures = run_study(request, progress)
    _conclude(request, grid, failures)
    if failures:
        raise typer.Exit(1)


def folder_of(folder: Path | None, scale: str, data: Path | None) -> Path:
    """The folder of a study."""
    return folder or Path("runs") / f"study-{scale}-{data.resolve().name if data else 'synthetic'}"


def _conclude(request: "StudyRequest", grid: "Grid", failures: dict[str, str]) -> None:
    """Print failures; write and print the results."""
    from facerelief.evaluation.experiments.figures import write_study
    from facerelief.evaluation.experiments.grid import BASELINES
    from facerelief.evaluation.experiments.tables import collect, differences, results_table, study_warnings

    for job, why in failures.items():
        say(f"failed: {job}: {why}", to=err, style="red")
    if f"scores/{BASELINES}" in failures:
        raise FacereliefError("nothing could be measured; see the failures above, and run the command again")
    study = request.selected_study
    results = collect(grid, study, request.seed_numbers, failures) | {"scale": request.scale, "study": request.study}
    page = write_study(grid, study, results, request.study, _command())
    for line in study_warnings(results):
        say(line, style="bold red")
    for header, rows in (results_table(results), differences(results)):
        say("  ".join(header))
        for row in rows:
            say("  ".join(row))
    say(str(page))


@contextmanager
def _progress(name: str) -> "Iterator[StudyProgress]":
    """Progress bars of the dataset, if it must be made or decoded, and of the jobs."""
    from facerelief.evaluation.experiments.study import StudyProgress

    with ExitStack() as stack:
        moves: dict[str, Any] = {}

        def move(title: str, unit: str, *where: Any) -> None:
            if title not in moves:
                stack.close()
                moves[title] = stack.enter_context(bar(title, unit, keeps=True))
            moves[title](*where)

        yield StudyProgress(
            lambda done, total: move("dataset", "pictures", done, total),
            lambda done, total, note="": move(name, "jobs", done, total, note),
            lambda job, seconds: say(f"{job}  {seconds:.0f} s"),
        )


def _dataset_table(data: Path | None) -> None:
    """Print Table 4, the contents of the dataset."""
    if data is None:
        raise FacereliefError("table4 counts the photos of a dataset; give it with --data")
    from facerelief.data import Dataset
    from facerelief.data.stats import render, table4

    dataset = Dataset(data)
    out.print(render(table4(dataset.samples, printable(dataset.name))), markup=False)


def _pairs(option: str, items: list[str] | None) -> dict[str, str]:
    pairs = {}
    for item in items or ():
        name, equals, value = item.partition("=")
        if not equals:
            raise FacereliefError(f"{option} {item} is not NAME=VALUE; e.g. {option} steps=4000")
        pairs[name] = value
    return pairs


def _command() -> str:
    return "facerelief " + " ".join(sys.argv[1:])
