"""`facerelief compare`: editors side by side on the same photos."""

import dataclasses
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from facerelief.cli.answers import Json, JsonFile, answer
from facerelief.cli.commands.report import warn_of_chance
from facerelief.cli.console import bar, err, say
from facerelief.cli.options import METHODS, TaskFileOption, ToSeveralOption, check_different
from facerelief.cli.writes import files_at, writes
from facerelief.config import ClassifierTraining, ExpressionTraining, Training, from_json
from facerelief.errors import FacereliefError
from facerelief.expressions import EXPRESSIONS, resolve_all
from facerelief.training.presets import make_config

if TYPE_CHECKING:
    from facerelief.data import Dataset
    from facerelief.data.arrays import Arrays
    from facerelief.evaluation.compare import Comparison
    from facerelief.evaluation.metric_networks import MetricNetworks
    from facerelief.photos.photo import Photo


_PHOTOS = 8


@writes(files_at("picture", "json_file"))
def compare(
    picture: Annotated[Path, typer.Option("-o", "--out", help="The picture.", show_default=False)],
    inputs: Annotated[
        list[Path] | None,
        typer.Argument(metavar="PHOTO|RUN", help="Your photos; with --data, runs of stage 2.", show_default=False),
    ] = None,
    to: ToSeveralOption = "all",
    weights: Annotated[
        list[Path] | None, typer.Option(help="Without --data: also edit with this run or weights file; repeatable.")
    ] = None,
    data: Annotated[
        Path | None, typer.Option("--data", help="The dataset of the runs; they edit its test photos.")
    ] = None,
    morphable: Annotated[bool, typer.Option("--morphable", help="With --data: also the morphable editor.")] = False,
    photos: Annotated[
        int, typer.Option(min=1, help="With --data: number of test photos; expressions take turns.")
    ] = _PHOTOS,
    judge: Annotated[
        Path | None, typer.Option(help="With --data: a run of `train judge`, for the expression generation rate.")
    ] = None,
    encoder: Annotated[
        Path | None,
        typer.Option(help="With --data: a run of `train identity`, for the mean identity distance."),
    ] = None,
    task_file: TaskFileOption = None,
    as_json: Json = False,
    json_file: JsonFile = None,
) -> None:
    """Draw edits of several editors side by side: the methods on your photos, or runs on held-out photos.

    Your own photos:

        facerelief compare me.jpg -o methods.jpg

    Runs:

        facerelief compare runs/a runs/b --data datasets/mine -o runs.jpg
    """
    if data is None:
        if morphable or judge or encoder:
            raise FacereliefError("--morphable, --judge and --encoder are for runs; give their dataset with --data")
        if photos != _PHOTOS:
            raise FacereliefError("--photos is a number of test photos; give the dataset with --data")
        answer(_on_own_photos(inputs or [], weights or [], to, picture, task_file), as_json, json_file)
        return
    if weights or to != "all":
        raise FacereliefError("--weights and --to are for your own photos; leave out either these or --data")
    answer(_on_dataset(inputs or [], data, picture, photos, morphable, (judge, encoder)), as_json, json_file)


def _on_own_photos(
    names: list[Path], weights: list[Path], to: str, picture: Path, task_file: Path | None
) -> dict[str, Any]:
    """Edit every photo by every method. Returns the results for JSON."""
    import numpy as np

    from facerelief.editing import load_editor
    from facerelief.evaluation.compare import compare_on
    from facerelief.faces.detector import load_finder
    from facerelief.photos.photo import Photo, save_photo
    from facerelief.photos.provenance.xmp import mark_edit
    from facerelief.tile_sheet import check_picture

    if not names:
        raise FacereliefError("nothing to compare; give photos, or runs of stage 2 and their dataset with --data")
    run = next((name for name in names if name.is_dir()), None)
    if run:
        raise FacereliefError(f"{run} is a folder; give photos, or the dataset of the runs with --data")
    check_picture(picture)
    expressions = resolve_all(to)
    opened = read_all(names)
    finder = load_finder(task_file=task_file)
    editors = {name: load_editor(finder=finder, method=name) for name in METHODS}
    check_different([*METHODS, *(path.name for path in weights)])
    editors |= {path.name: load_editor(path, finder) for path in weights}
    with bar("comparing", "photos") as move:
        sheet = compare_on(editors, opened, expressions, move)
    mark = mark_edit(None, "all of the picture's", ())
    save_photo(Photo(np.asarray(sheet), name=picture.name, mark=mark), picture)
    say(str(picture))
    return {"picture": str(picture), "methods": list(editors), "photos": list(map(str, names))}


def read_all(names: list[Path]) -> "list[Photo]":
    """Read photos. Raises `FacereliefError` that names all that cannot be read."""
    from facerelief.photos.photo import read_photo

    opened, problems = [], []
    for name in names:
        try:
            opened.append(read_photo(name))
        except FacereliefError as reason:
            problems.append(str(reason))
    if len(problems) > 1:
        raise FacereliefError(f"{len(problems)} of {len(names)} photos cannot be read: {' | '.join(problems)}")
    if problems:
        raise FacereliefError(problems[0])
    return opened


def _on_dataset(
    runs: list[Path],
    data: Path,
    picture: Path,
    photos: int,
    morphable: bool,
    metric_runs: tuple[Path | None, Path | None],
) -> dict[str, Any]:
    """Edit the dataset's test photos by every run. Returns the results for JSON."""
    from facerelief.data import Dataset
    from facerelief.data.batches import balanced_rows
    from facerelief.editing.editor import Editor
    from facerelief.editing.loading import load_network_editor
    from facerelief.editing.methods.morphable import MorphableEditor
    from facerelief.evaluation.compare import compare as compared
    from facerelief.evaluation.compare import save_sheet
    from facerelief.geometry.morphable.model import load_face
    from facerelief.tile_sheet import check_picture
    from facerelief.training.run.folder import read_run_settings
    from facerelief.training.splits import load_split

    names = [run.name for run in runs] + ["morphable"] * morphable
    if not names:
        raise FacereliefError("nothing to compare; give runs of stage 2, or --morphable")
    check_different(names)
    check_picture(picture)
    configs = [from_json(ExpressionTraining, read_run_settings(run)["config"]) for run in runs]
    networks, settings = _metric_networks(*metric_runs)
    dataset = Dataset(data)
    test = load_split(dataset, "test", _settings(dataset, configs, settings))
    _check_metric_networks(runs, dataset, test, *metric_runs)
    editors: dict[str, Editor] = {run.name: load_network_editor(run) for run in runs}
    if morphable:
        editors["morphable"] = MorphableEditor(load_face())
    with bar("comparing", "photos") as move:
        made = compared(editors, dataset, test, balanced_rows(test, photos), networks, move)
    save_sheet(picture, made.source, made.edits, test.expressions)
    results = _scores(networks, made, test)
    say(str(picture))
    return results | {"photos": [test.samples[row].file_name for row in made.rows]}


def _metric_networks(judge: Path | None, encoder: Path | None) -> "tuple[MetricNetworks, list[Training]]":
    """The metric networks and their settings."""
    from facerelief.evaluation.metric_networks import MetricNetworks
    from facerelief.training.classifier import load_classifier
    from facerelief.training.identity import load_identity

    classifier, first = load_classifier(judge) if judge else (None, None)
    identity, second = load_identity(encoder) if encoder else (None, None)
    settings: list[Training] = [one for one in (first, second) if one is not None]
    return MetricNetworks(classifier, identity=identity, pixels=False), settings


def _scores(networks: "MetricNetworks", made: "Comparison", test: "Arrays") -> dict[str, Any]:
    """The classifier's rates and the identity distances, printed and returned."""
    from facerelief.evaluation.chance import chance_facts
    from facerelief.evaluation.compare import generation_rates, mean_distances
    from facerelief.evaluation.metrics.identity import IDENTITY_DISTANCE_TITLE
    from facerelief.training.classifier import accuracy_on

    results: dict[str, Any] = {}
    if networks.classifier is not None:
        results["called by the target"] = generation_rates(made)
    if networks.identity is not None:
        results[IDENTITY_DISTANCE_TITLE] = mean_distances(made)
    for title, values in results.items():
        say(f"{title}: " + ", ".join(f"{name} {value:.3f}" for name, value in values.items()))
    if networks.classifier is not None:
        accuracy = accuracy_on(networks.classifier, test)
        warn_of_chance(accuracy)
        results |= chance_facts(accuracy)
    return results


def _check_metric_networks(
    runs: list[Path], dataset: "Dataset", test: "Arrays", judge: Path | None, encoder: Path | None
) -> None:
    """Raises `FacereliefError` if a metric network saw test people in training; prints notes on the runs."""
    from facerelief.evaluation.evaluate import network_notes, read_editor_weights
    from facerelief.evaluation.leakage import check_unseen

    for kind, network in (("judge", judge), ("identity", encoder)):
        if network:
            check_unseen(network, test, kind)
    for run in runs if judge or encoder else []:
        for note in network_notes(read_editor_weights(run), dataset, judge, encoder):
            say(note, to=err)


def _settings(dataset: "Dataset", configs: list[ExpressionTraining], scoring: list[Training]) -> Training:
    """Size and colour of the metric networks, and the classifier's expressions or those that all runs support.

    Raises `FacereliefError` if the metric networks differ, or a run lacks an expression.
    """
    first = (scoring or configs or [make_config(ExpressionTraining, "cpu", {"colour": dataset.natural_colour()})])[0]
    for one in scoring:
        if (one.size, one.colour) != (first.size, first.colour):
            raise FacereliefError("the classifier and the encoder differ in size or colour; train both with the same")
    classifiers = [one for one in scoring if isinstance(one, ClassifierTraining)]
    common = [name for name in EXPRESSIONS if all(name in one.expressions for one in configs)]
    wanted = classifiers[0].expressions if classifiers else tuple(common)
    unknown = [name for name in wanted if name not in common]
    if unknown:
        raise FacereliefError(f"a run does not support {', '.join(unknown)}, which the classifier needs")
    if len(wanted) < 2:
        raise FacereliefError("the runs have fewer than two expressions in common; compare others")
    return dataclasses.replace(first, expressions=wanted)
