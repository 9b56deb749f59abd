"""`facerelief compare`: editors side by side on the same photos."""

import dataclasses
from pathlib import Path
from typing import Annotated

import typer

from facerelief.cli.console import bar, err, out
from facerelief.config import ExpressionTraining, JudgeTraining, Training, from_json
from facerelief.data.arrays import Arrays
from facerelief.data.batches import spread_rows
from facerelief.editing.editor import Editor
from facerelief.editing.morphable import MorphableEditor
from facerelief.editing.weights import load_network_editor
from facerelief.errors import FacereliefError
from facerelief.evaluation.compare import called_rates, mean_distances, save_comparison
from facerelief.evaluation.compare import compare as compared
from facerelief.evaluation.distribution import check_picture
from facerelief.evaluation.evaluate import network_notes, read_network
from facerelief.evaluation.identity import NAME, check_unseen
from facerelief.expressions import EXPRESSIONS
from facerelief.files import write_json
from facerelief.geometry.morphable.model import load_face
from facerelief.presets import make_config
from facerelief.training.identity import load_identity
from facerelief.training.judge import load_judge
from facerelief.training.launch import load_split, natural_colour
from facerelief.training.run import read_settings


def compare(
    data: Annotated[Path, typer.Option("--data", help="The dataset of the runs.", show_default=False)],
    picture: Annotated[Path, typer.Option("-o", "--out", help="The picture.", show_default=False)],
    runs: Annotated[list[Path] | None, typer.Argument(help="Runs of stage 2.", show_default=False)] = None,
    morphable: Annotated[bool, typer.Option("--morphable", help="Also the editor without training.")] = False,
    photos: Annotated[int, typer.Option(min=1, help="Test photos, every expression in turn.")] = 8,
    judge: Annotated[
        Path | None, typer.Option(help="A judge's run: share of the edits that it calls by their target.")
    ] = None,
    encoder: Annotated[
        Path | None, typer.Option(help="A run of `train identity`: mean identity distance of the edits.")
    ] = None,
    json_path: Annotated[Path | None, typer.Option("--json", help="Also write the numbers here.")] = None,
) -> None:
    """Editors side by side: held-out photos, each edited by all of them to every expression, as a user gets it."""
    runs = runs or []
    names = [run.name for run in runs] + ["morphable"] * morphable
    if not names:
        raise FacereliefError("nothing to compare; name runs of stage 2, or --morphable")
    if len(set(names)) < len(names):
        raise FacereliefError(f"two of {', '.join(names)} have one name; rename a run's folder")
    check_picture(picture)
    configs = [from_json(ExpressionTraining, read_settings(run)["config"]) for run in runs]
    scoring = {"judge": load_judge(judge) if judge else None, "encoder": load_identity(encoder) if encoder else None}
    settings = _settings(data, configs, [found[1] for found in scoring.values() if found])
    test = load_split(data, "test", settings)
    _check_instruments(runs, data, test, judge, encoder)
    editors: dict[str, Editor] = {run.name: load_network_editor(run) for run in runs}
    if morphable:
        editors["morphable"] = MorphableEditor(load_face())
    with bar("comparing", "photos") as move:
        made = compared(editors, data, test, spread_rows(test, photos), move)
    save_comparison(picture, made)
    results = {}
    if scoring["judge"]:
        results["called by the target"] = called_rates(scoring["judge"][0], made)
    if scoring["encoder"]:
        results[NAME] = mean_distances(scoring["encoder"][0], made)
    for title, values in results.items():
        out.print(f"{title}: " + ", ".join(f"{name} {value:.3f}" for name, value in values.items()), markup=False)
    out.print(str(picture), markup=False)
    if json_path:
        write_json(json_path, results | {"photos": [test.samples[row].file_name for row in made.rows]})


def _check_instruments(runs: list[Path], data: Path, test: Arrays, judge: Path | None, encoder: Path | None) -> None:
    """Raise `FacereliefError` where what scores knows test people, or has taught a run; say what else to know."""
    for kind, instrument in (("judge", judge), ("identity", encoder)):
        if instrument:
            check_unseen(instrument, test, kind)
    for run in runs if judge or encoder else []:
        for note in network_notes(read_network(run), data, judge, encoder):
            err.print(note, markup=False)


def _settings(data: Path, configs: list[ExpressionTraining], scoring: list[Training]) -> Training:
    """Size and colour of those that score, and the judge's expressions, or those that all runs have.

    Raises `FacereliefError` where those that score differ, or a run lacks an expression.
    """
    first = (scoring or configs or [make_config(ExpressionTraining, "cpu", {"colour": natural_colour(data)})])[0]
    for one in scoring:
        if (one.size, one.colour) != (first.size, first.colour):
            raise FacereliefError("the judge and the encoder differ in size or colour; train one like the other")
    judges = [one for one in scoring if isinstance(one, JudgeTraining)]
    common = [name for name in EXPRESSIONS if all(name in one.expressions for one in configs)]
    asked = judges[0].expressions if judges else tuple(common)
    unknown = [name for name in asked if name not in common]
    if unknown:
        raise FacereliefError(f"one of the runs cannot do {', '.join(unknown)}, which the judge asks for")
    if len(asked) < 2:
        raise FacereliefError("the runs have no two expressions in common; compare others")
    return dataclasses.replace(first, expressions=asked)
