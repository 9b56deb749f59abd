"""`facerelief report evidence`: runs of stage 2 measured by instruments that guided none of them."""

from pathlib import Path
from typing import Annotated, Any

import typer

from facerelief.cli.console import bar, out, say
from facerelief.cli.options import check_different
from facerelief.cli.writes import OutputFiles, writes


def _files(values: Any) -> list[Path | None]:
    return [values["folder"] / "evidence.md"]


@writes(OutputFiles(("folder",), _files, same=("runs",)))
def evidence(
    runs: Annotated[
        list[Path], typer.Argument(help="Runs of stage 2; NAME-s0, NAME-s1, ... are seeds of one.", show_default=False)
    ],
    data: Annotated[Path, typer.Option("--data", help="Its test photos are edited.", show_default=False)],
    pairs: Annotated[
        Path, typer.Option(help="A dataset of people with a neutral and a happy photo each.", show_default=False)
    ],
    instruments: Annotated[
        Path,
        typer.Option(
            help="The folder package/model of the npm package @vladmandic/face-api: npm pack @vladmandic/face-api",
            show_default=False,
        ),
    ],
    folder: Annotated[
        Path,
        typer.Option(
            "-o",
            "--out",
            help="NAME.json of each run and evidence.md. Run again to resume: what was measured with other weights, "
            "photos, classifiers or instruments is measured again.",
        ),
    ],
    judge: Annotated[list[Path] | None, typer.Option(help="A run of `train judge`; repeatable.")] = None,
    a_class: Annotated[int, typer.Option("--photos", min=2, help="Test photos of each expression.")] = 60,
    first: Annotated[str, typer.Option(help="The cell that others are compared with.")] = "stargan",
) -> None:
    """Measure runs by several judges, and against people's own photos of the target, seed by seed.

    facerelief report evidence runs/study/cells/* --data datasets/ferplus --pairs datasets/london
        --instruments package/model --judge runs/study/judge -o runs/evidence
    """
    from facerelief.data import Dataset
    from facerelief.evaluation.evidence.report import EvidenceRequest, measure_runs, read_scores
    from facerelief.evaluation.evidence.summary import markdown
    from facerelief.files import write_text

    check_different([run.name for run in runs])
    request = EvidenceRequest(Dataset(data), Dataset(pairs), instruments, tuple(judge or ()), a_class)
    with bar("measuring", "runs") as move:
        measure_runs(runs, request, folder, move)
    scores, baselines = read_scores(folder, runs)
    page = markdown(scores, baselines, first)
    write_text(folder / "evidence.md", page + "\n")
    out.print(page, markup=False)
    say(str(folder / "evidence.md"))
