"""`facerelief evaluate`: all metrics of editors, as JSON, Markdown and a page."""

import dataclasses
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from facerelief.cli.console import bar, say
from facerelief.cli.options import CARRIED, ClusterOption, check_different, one_of, some_of
from facerelief.cli.writes import files_in, writes
from facerelief.config import ExpressionTraining, Training
from facerelief.errors import FacereliefError
from facerelief.expressions import EXPRESSIONS, resolve_all
from facerelief.training.presets import make_config

if TYPE_CHECKING:
    from facerelief.data import Dataset
    from facerelief.editing.editor import Editor
    from facerelief.evaluation.evaluate import EditorWeights


@writes(files_in("folder", "report.json", "report.md", "report.html"))
def evaluate_editors(
    data: Annotated[Path, typer.Option("--data", help="The dataset; its test photos are edited.", show_default=False)],
    runs: Annotated[
        list[Path] | None, typer.Argument(help="Runs of stage 2, or their .safetensors files.", show_default=False)
    ] = None,
    folder: Annotated[Path, typer.Option("-o", "--out", help="The report's folder.")] = Path("report"),
    judge: Annotated[
        Path | None, typer.Option(help="A run of `train judge`. Default: one is trained on the dataset, in OUT/judge.")
    ] = None,
    encoder: Annotated[
        Path | None,
        typer.Option(help="For the identity distance: a run of `train identity`, or your own face recogniser (.onnx)."),
    ] = None,
    depth: Annotated[
        Path | None, typer.Option(help="For geometry metrics: a run of `train depth` that guided no editor.")
    ] = None,
    features: Annotated[
        Path | None,
        typer.Option(
            help="pt_inception-2015-12-05-6726825d.pth for FID and KID, or your own features (.onnx). "
            "Default: those of the classifier, for expression-FID."
        ),
    ] = None,
    input_size: Annotated[
        int | None,
        typer.Option(help="Input side of your own network in pixels. Default: as the file states, else 112."),
    ] = None,
    morphable: Annotated[bool, typer.Option("--morphable", help="Also evaluate the morphable editor.")] = False,
    carried: Annotated[
        list[str] | None, one_of(choices=CARRIED, help="Also evaluate the package's own network; repeatable.")
    ] = None,
    expressions: Annotated[
        str | None,
        some_of(
            choices=EXPRESSIONS,
            help="With --morphable alone: expressions, separated by commas. Default: all in the dataset.",
        ),
    ] = None,
    photos: Annotated[
        int | None, typer.Option(min=1, help="Number of test photos, a fixed sample. Default: all.")
    ] = None,
    cluster: ClusterOption = "local",
) -> None:
    """Evaluate editors on held-out people: rate, FID, PSNR, SSIM, identity, geometry; as JSON, Markdown, HTML."""
    from facerelief.data import Dataset
    from facerelief.evaluation.evaluate import evaluate_all
    from facerelief.evaluation.metric_files import MetricFiles, train_missing_classifier
    from facerelief.evaluation.report.plots import check_matplotlib
    from facerelief.evaluation.report.report import rate_table, report_warnings, write_report
    from facerelief.evaluation.setup import require_test_photos
    from facerelief.processes.cluster import Spread, check_cluster

    check_cluster(cluster)
    check_matplotlib()
    networks = _networks(runs or [], carried or [])
    names = [network.name for network in networks] + ["morphable"] * morphable
    if not names:
        raise FacereliefError("nothing to measure; name runs of stage 2, --morphable, or --carried stargan")
    check_different(names)
    dataset = Dataset(data)
    config = _config(networks, dataset, expressions)
    require_test_photos(dataset, config.expressions)
    if judge is None:
        with bar("classifier", "steps") as move:
            judge = train_missing_classifier(
                dataset, config, folder / "judge", lambda done, total, values: move(done, total)
            )
    files = MetricFiles(judge, encoder, depth, features, input_size)
    editors = _morphable() if morphable else {}
    with bar("measuring", "photos") as move:
        measured = evaluate_all(
            networks,
            editors,
            dataset,
            config,
            files,
            photos,
            lambda name, done, total: move(done, total, name),
            Spread(cluster),
        )
    page = write_report(measured, folder)
    for line in report_warnings(measured.facts):
        say(line, style="bold red")
    for row in rate_table(measured.facts)[1]:
        interval = f" ({row[2]})" if row[2] else ""
        say(f"{row[0]:24} rate {row[1]}{interval}, six classes {row[3]}, N {row[-1]}")
    say(str(page))


def _morphable() -> "dict[str, Editor]":
    from facerelief.editing.methods.morphable import MorphableEditor
    from facerelief.geometry.morphable.model import load_face

    return {"morphable": MorphableEditor(load_face())}


def _networks(runs: list[Path], carried: list[str]) -> "list[EditorWeights]":
    from facerelief.editing.loading import carried_weights
    from facerelief.evaluation.evaluate import read_editor_weights
    from facerelief.evaluation.metric_files import check_agrees

    unknown = next((name for name in carried if name not in CARRIED), None)
    if unknown:
        raise FacereliefError(f"the package has no network {unknown}; choose from {', '.join(CARRIED)}")
    found = [read_editor_weights(run) for run in runs]
    found += [read_editor_weights(carried_weights(name), f"carried {name}") for name in carried]
    for other in found[1:]:
        names = ("size", "colour", "expressions")
        check_agrees(found[0].name, found[0].config, other.name, other.config, names)
    return found


def _config(networks: "list[EditorWeights]", dataset: "Dataset", expressions: str | None) -> Training:
    """Size, colour and expressions of the networks; without networks, those of the dataset."""
    if networks and expressions:
        raise FacereliefError("--expressions is for --morphable alone; networks have their own expressions")
    if networks:
        return networks[0].config
    there = {sample.expression for sample in dataset.select("test")}
    chosen = resolve_all(expressions) if expressions else tuple(name for name in EXPRESSIONS if name in there)
    config = make_config(ExpressionTraining, "cpu", {"colour": dataset.natural_colour()})
    return dataclasses.replace(config, expressions=chosen or EXPRESSIONS)
