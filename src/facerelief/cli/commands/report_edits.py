"""`facerelief report rate | identity`: edits of held-out people by runs and by the editor without training."""

import dataclasses
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from facerelief.cli.answers import Json, JsonFile, answer
from facerelief.cli.commands.report import Data, print_accuracy, warn_of_chance
from facerelief.cli.console import bar, err, say
from facerelief.cli.options import check_different
from facerelief.config import ExpressionTraining, Training, from_json
from facerelief.errors import FacereliefError

if TYPE_CHECKING:
    from facerelief.data.arrays import Arrays
    from facerelief.evaluation.rate import Edits

Photos = Annotated[int | None, typer.Option(min=1, help="Edit so many test photos, a fixed draw. Default: all.")]
Runs = Annotated[list[Path] | None, typer.Argument(help="Runs of stage 2.", show_default=False)]
Morphable = Annotated[bool, typer.Option("--morphable", help="Also the editor without training.")]


def rate(
    judge: Annotated[Path, typer.Option(help="A judge's run; one that no editor learnt from.", show_default=False)],
    data: Data,
    runs: Runs = None,
    morphable: Morphable = False,
    photos: Photos = None,
    as_json: Json = False,
    json_file: JsonFile = None,
) -> None:
    """Expression generation rate of each run, beside the judge's accuracy on real photos of the same people.

    Edits are judged as a user gets them, in the dataset's crops; runs may be larger than the judge, and know more.
    """
    from facerelief.evaluation.chance import facts
    from facerelief.evaluation.evaluate import network_notes, read_network
    from facerelief.evaluation.metrics.identity import check_unseen, photo_rows
    from facerelief.evaluation.rate import generation_rate
    from facerelief.training.classifier import load_judge
    from facerelief.training.launch import load_split

    runs = runs or []
    check_names(runs, morphable)
    network, settings = load_judge(judge)
    for run in runs:
        _check_known(run, settings)
        for note in network_notes(read_network(run), data, judge):
            say(note, to=err)
    test = load_split(data, "test", settings)
    check_unseen(judge, test, "judge")
    results: dict[str, Any] = {}
    for name, edits in _editors(runs, morphable, data, test).items():
        with bar(name, "photos") as move:
            measured = generation_rate(edits, network, test, move, rows=photo_rows(test, photos))
        if not results:
            print_accuracy("judge on real photos", measured.real)
            print_accuracy("sources, unedited", measured.unedited)
        print_accuracy(name, measured.edits)
        results[name] = dataclasses.asdict(measured) | facts(measured.real)
    warn_of_chance(measured.real)
    answer(results, as_json, json_file)


def identity(
    encoder: Annotated[Path, typer.Option(help="A run of `train identity`.", show_default=False)],
    data: Data,
    runs: Runs = None,
    morphable: Morphable = False,
    photos: Photos = None,
    as_json: Json = False,
    json_file: JsonFile = None,
    figure: Annotated[Path | None, typer.Option(help="Draw the paper's Fig. 4 here: the distributions.")] = None,
) -> None:
    """Identity distance of test photos to their edits, beside those of real photos of one person and of two."""
    from facerelief.checkpoint import weights_in
    from facerelief.evaluation.metrics.identity import (
        NAME,
        check_unseen,
        edit_distances,
        photo_rows,
        real_distances,
        spread,
    )
    from facerelief.evaluation.report.distribution import check_picture, save_distributions
    from facerelief.files import sha256
    from facerelief.training.identity import load_identity
    from facerelief.training.launch import load_split

    runs = runs or []
    check_names(runs, morphable)
    if figure:
        check_picture(figure)
    network, settings = load_identity(encoder)
    expressions = _common_expressions(runs) or settings.expressions
    test = load_split(data, "test", dataclasses.replace(settings, expressions=expressions))
    check_unseen(encoder, test)
    real = real_distances(network, test)
    say(NAME, f"test persons: {real.verified.verdict}")
    references = {"one person": real.same, "two persons": real.different}
    changed = {"one, other expression": real.changed} if len(real.changed) else {}
    edited = {}
    for name, edits in _editors(runs, morphable, data, test).items():
        with bar(name, "photos") as move:
            edited[name] = edit_distances(edits, network, test, photo_rows(test, photos), move)
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
    """Raise `FacereliefError` where nothing is named, or two have one name."""
    names = [run.name for run in runs] + ["morphable"] * morphable
    if not names:
        raise FacereliefError("nothing to measure; name runs of stage 2, or --morphable")
    check_different(names)


def _common_expressions(runs: list[Path]) -> tuple[str, ...]:
    """Those of all runs; () without runs. Raises `FacereliefError` where they differ."""
    from facerelief.training.run.folder import read_settings

    found = [from_json(ExpressionTraining, read_settings(run)["config"]).expressions for run in runs]
    for run, expressions in zip(runs, found, strict=True):
        if expressions != found[0]:
            raise FacereliefError(f"{run} and {runs[0]} differ in expressions; report them one at a time")
    return found[0] if found else ()


def _check_known(run: Path, judge: Training) -> None:
    from facerelief.training.run.folder import read_settings

    known = from_json(ExpressionTraining, read_settings(run)["config"]).expressions
    unknown = [name for name in judge.expressions if name not in known]
    if unknown:
        raise FacereliefError(f"{run} cannot do {', '.join(unknown)}, which the judge asks for; train another judge")


def _editors(runs: list[Path], morphable: bool, data: Path, test: "Arrays") -> "dict[str, Edits]":
    """What edits the test photos, by name."""
    from facerelief.editing.editor import Editor
    from facerelief.editing.loading import load_network_editor
    from facerelief.editing.methods.morphable import MorphableEditor
    from facerelief.evaluation.rate import editor_edits
    from facerelief.geometry.morphable.model import load_face

    editors: dict[str, Editor] = {run.name: load_network_editor(run) for run in runs}
    if morphable:
        editors["morphable"] = MorphableEditor(load_face())
    return {name: editor_edits(editor, data, test) for name, editor in editors.items()}
