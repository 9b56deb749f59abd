"""`facerelief report rate | identity`: measurements of edits of held-out people."""

import dataclasses
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from facerelief.cli.answers import Json, JsonFile, answer
from facerelief.cli.commands.report import Data, print_accuracy, warn_of_chance
from facerelief.cli.console import bar, err, say
from facerelief.cli.options import check_different
from facerelief.cli.writes import files_at, writes
from facerelief.config import ExpressionTraining, Training, from_json
from facerelief.errors import FacereliefError

if TYPE_CHECKING:
    from facerelief.data import Dataset
    from facerelief.data.arrays import Arrays
    from facerelief.evaluation.evaluate import Network
    from facerelief.evaluation.systems import System

Photos = Annotated[int | None, typer.Option(min=1, help="Number of test photos, a fixed sample. Default: all.")]
Runs = Annotated[list[Path] | None, typer.Argument(help="Runs of stage 2.", show_default=False)]
AsEdited = Annotated[
    bool,
    typer.Option(
        "--as-edited",
        help="Measure edits as `facerelief edit` makes them, in the dataset's crops, not the networks' output. "
        "Runs may then have more pixels and expressions than the metric network.",
    ),
]
MORPHABLE = "morphable"
Morphable = Annotated[bool, typer.Option("--morphable", help="Also measure the morphable editor.")]


@writes(files_at("json_file"))
def rate(
    judge: Annotated[
        Path, typer.Option(help="A run of `train judge` that was not used to train an editor.", show_default=False)
    ],
    data: Data,
    runs: Runs = None,
    morphable: Morphable = False,
    as_edited: AsEdited = False,
    photos: Photos = None,
    as_json: Json = False,
    json_file: JsonFile = None,
) -> None:
    """Expression generation rate of each run, and the classifier's accuracy on real photos of the same people.

    The same rate as in `evaluate` and `study`, without the other metrics.
    """
    from facerelief.data import Dataset
    from facerelief.evaluation.chance import facts
    from facerelief.evaluation.evaluate import network_notes
    from facerelief.evaluation.metric_networks import MetricNetworks
    from facerelief.evaluation.metrics.identity import check_unseen
    from facerelief.evaluation.scoring import score_edits
    from facerelief.evaluation.summary import edit_accuracy
    from facerelief.evaluation.systems import photo_rows, unedited
    from facerelief.training.classifier import accuracy_on, load_classifier
    from facerelief.training.splits import load_split

    check_names(runs or [], morphable)
    dataset = Dataset(data)
    classifier, settings = load_classifier(judge)
    networks = _read(runs or [], f"the classifier {judge}", settings, as_edited)
    for network in networks:
        for note in network_notes(network, dataset, judge):
            say(note, to=err)
    test = load_split(dataset, "test", settings)
    check_unseen(judge, test, "judge")
    rows, metrics = photo_rows(test, photos), MetricNetworks(classifier, pixels=False)
    real = accuracy_on(classifier, test)
    sources = edit_accuracy(score_edits(unedited(test), metrics, test, rows), test.expressions)
    print_accuracy("classifier, real photos", real)
    print_accuracy("sources, unedited", sources)
    results: dict[str, Any] = {}
    for system in _systems(networks, morphable, as_edited, dataset, test):
        with bar(system.name, "photos") as move:
            edits = edit_accuracy(score_edits(system, metrics, test, rows, move), test.expressions)
        print_accuracy(system.name, edits)
        measured = {"edits": edits, "real": real, "unedited": sources}
        results[system.name] = {name: dataclasses.asdict(one) for name, one in measured.items()} | facts(real)
        results[system.name]["as_edited"] = as_edited or system.name == MORPHABLE
    warn_of_chance(real)
    answer(results, as_json, json_file)


@writes(files_at("json_file", "figure"))
def identity(
    encoder: Annotated[Path, typer.Option(help="A run of `train identity`.", show_default=False)],
    data: Data,
    runs: Runs = None,
    morphable: Morphable = False,
    as_edited: AsEdited = False,
    photos: Photos = None,
    as_json: Json = False,
    json_file: JsonFile = None,
    figure: Annotated[Path | None, typer.Option(help="Draw the paper's Fig. 4 here: the distributions.")] = None,
) -> None:
    """Identity distance of test photos to their edits, compared with real pairs of one person and of two."""
    from facerelief.checkpoint import weights_in
    from facerelief.data import Dataset
    from facerelief.evaluation.metric_networks import MetricNetworks
    from facerelief.evaluation.metrics.identity import NAME, check_unseen, real_distances, spread
    from facerelief.evaluation.report.distribution import check_picture, save_distributions
    from facerelief.evaluation.scoring import score_edits
    from facerelief.evaluation.systems import photo_rows
    from facerelief.files import sha256
    from facerelief.training.identity import load_identity
    from facerelief.training.splits import load_split

    check_names(runs or [], morphable)
    if figure:
        check_picture(figure)
    dataset = Dataset(data)
    network, settings = load_identity(encoder)
    expressions = _common_expressions(runs or []) or settings.expressions
    settings = dataclasses.replace(settings, expressions=expressions)
    networks = _read(runs or [], f"the encoder {encoder}", settings, as_edited)
    test = load_split(dataset, "test", settings)
    check_unseen(encoder, test)
    real = real_distances(network, test)
    say(NAME, f"test people: {real.verified.verdict}")
    references = {"one person": real.same, "two persons": real.different}
    changed = {"one, other expression": real.changed} if len(real.changed) else {}
    rows, metrics = photo_rows(test, photos), MetricNetworks(identity=network, pixels=False)
    edited = {}
    for system in _systems(networks, morphable, as_edited, dataset, test):
        with bar(system.name, "photos") as move:
            edited[system.name] = score_edits(system, metrics, test, rows, move).values["identity"]
    spreads = {name: spread(distances) for name, distances in {**references, **changed, **edited}.items()}
    for name, found in spreads.items():
        low, middle, high = found.quartiles
        numbers = f"{found.mean:.3f} +- {found.deviation:.3f}   quartiles {low:.3f} {middle:.3f} {high:.3f}"
        say(f"{name:22} {numbers}   {found.count:,} pairs")
    if figure:
        save_distributions(figure, NAME, edited, references)
        say(str(figure))
    basis = {"verification": dataclasses.asdict(real.verified), "encoder_sha256": sha256(weights_in(encoder))}
    answer({name: dataclasses.asdict(found) for name, found in spreads.items()} | basis, as_json, json_file)


def check_names(runs: list[Path], morphable: bool) -> None:
    """Raises `FacereliefError` if there is nothing to measure, or two systems have the same name."""
    names = [run.name for run in runs] + ["morphable"] * morphable
    if not names:
        raise FacereliefError("nothing to measure; name runs of stage 2, or --morphable")
    check_different(names)


def _common_expressions(runs: list[Path]) -> tuple[str, ...]:
    """The expressions of all runs; () without runs. Raises `FacereliefError` if they differ."""
    from facerelief.training.run.folder import read_settings

    found = [from_json(ExpressionTraining, read_settings(run)["config"]).expressions for run in runs]
    for run, expressions in zip(runs, found, strict=True):
        if expressions != found[0]:
            raise FacereliefError(f"{run} and {runs[0]} differ in expressions; report them one at a time")
    return found[0] if found else ()


def _read(runs: list[Path], measure: str, settings: Training, as_edited: bool) -> "list[Network]":
    """The runs' networks. Raises `FacereliefError` if the metric network does not fit one of them."""
    from facerelief.evaluation.evaluate import read_network
    from facerelief.evaluation.metric_files import check_agrees

    networks = [read_network(run) for run in runs]
    for network in networks:
        unknown = [name for name in settings.expressions if name not in network.config.expressions]
        if unknown:
            raise FacereliefError(
                f"{network.path} does not support {', '.join(unknown)}, which {measure} needs; use another run"
            )
        if not as_edited:
            check_agrees(
                network.name, network.config, measure, settings, ("size", "colour", "expressions"), "or --as-edited"
            )
    return networks


def _systems(
    networks: "list[Network]", morphable: bool, as_edited: bool, dataset: "Dataset", test: "Arrays"
) -> "list[System]":
    """The systems that edit the test photos."""
    from facerelief.editing.loading import load_network_editor
    from facerelief.editing.methods.morphable import MorphableEditor
    from facerelief.evaluation.evaluate import network_as_system
    from facerelief.evaluation.systems import editor_system
    from facerelief.geometry.morphable.model import load_face

    found = [
        editor_system(one.name, load_network_editor(one.path), dataset, test)
        if as_edited
        else network_as_system(one, test)
        for one in networks
    ]
    return found + ([editor_system(MORPHABLE, MorphableEditor(load_face()), dataset, test)] if morphable else [])
