"""`facerelief report controls`: whether an editor does what its controls say."""

from pathlib import Path
from typing import Annotated, Any

import typer

from facerelief.cli.answers import Json, answer
from facerelief.cli.console import bar, err, say
from facerelief.cli.options import SOURCES, SPLITS, MethodOption, TaskFileOption, WeightsOption, one_of, some_of
from facerelief.cli.writes import OutputFiles, pages_in, writes
from facerelief.errors import FacereliefError

PARTS = ("units", "expressions", "likeness")


def _files(values: Any) -> list[Path | None]:
    return [values["sheet"], *pages_in(values["folder"])]


@writes(OutputFiles(("folder", "sheet"), _files))
def controls(
    photos: Annotated[
        Path,
        typer.Argument(help="A folder with one folder per expression, or a CSV file with labels.", show_default=False),
    ],
    instruments: Annotated[
        Path | None,
        typer.Option(
            help="The folder package/model of the npm package @vladmandic/face-api, for judge and identity. "
            "Default: neither is measured."
        ),
    ] = None,
    what: Annotated[
        str,
        some_of(choices=PARTS, help="units: each by itself. expressions: by strength. likeness: of other people."),
    ] = ",".join(PARTS),
    method: MethodOption = None,
    weights: WeightsOption = None,
    source: Annotated[str, one_of(choices=SOURCES, help="How the photos are laid out.")] = "auto",
    split: Annotated[str, one_of(choices=SPLITS, help="The people of which split, as `dataset build` draws it.")] = (
        "all"
    ),
    seed: Annotated[int, typer.Option(help="Seed of the split by person.")] = 0,
    people: Annotated[str | None, typer.Option(help="Identities, separated by commas. Default: all.")] = None,
    most: Annotated[int, typer.Option("--most", min=1, help="People at most, a fixed sample.")] = 30,
    folder: Annotated[
        Path | None, typer.Option("-o", "--out", help="Write report.json, report.md and report.html here.")
    ] = None,
    sheet: Annotated[
        Path | None,
        typer.Option(help="Draw the units that landmarks do not tell apart here, of four people, beside their photos."),
    ] = None,
    task_file: TaskFileOption = None,
    as_json: Json = False,
) -> None:
    """Measure whether edits do what they are told: units, strengths, and another person's expression.

    Neutral photos are given each action unit and blendshape by itself, and all of them are measured in the edit; each
    expression at seven strengths; and each other's expressions, where people have a photo of one.

        facerelief report controls london --instruments package/model --split test -o report
    """
    from facerelief.data.sources.layouts import read_labelled
    from facerelief.editing import load_editor
    from facerelief.evaluation.controls.expressions import edit_at_strengths
    from facerelief.evaluation.controls.likeness import transfer_expressions
    from facerelief.evaluation.controls.page import write_control_pages
    from facerelief.evaluation.controls.results import ControlScores, control_facts
    from facerelief.evaluation.controls.unit_sheet import draw_unseen_units, save_unit_sheet
    from facerelief.evaluation.controls.units import give_units
    from facerelief.evaluation.outside.instruments import Instruments
    from facerelief.evaluation.outside.people import FaceLandmarks, Selection, choose, one_a_person
    from facerelief.faces.detector import load_finder
    from facerelief.tile_sheet import check_picture

    if sheet:
        check_picture(sheet)
    parts = [one.strip() for one in what.split(",")]
    if wrong := next((one for one in parts if one not in PARTS), None):
        raise FacereliefError(f"no part {wrong!r}; choose from {', '.join(PARTS)}")
    tools = Instruments(instruments) if instruments else None
    reading = read_labelled(photos, source)
    editor = load_editor(weights, load_finder(task_file=task_file), method=method)
    landmarks = FaceLandmarks(editor.finder)
    names = tuple(name.strip() for name in people.split(",")) if people else ()
    with bar("finding faces", "photos") as move:
        chosen = choose(reading.photos, Selection(split, seed, names), landmarks, move)
    neutral = one_a_person(chosen.photos, "neutral", most)
    here = {one.identity for one in neutral}
    units, expressions, likeness = [], [], []
    if "units" in parts:
        with bar("giving units", "photos") as move:
            units = give_units(editor, neutral, landmarks, move)
    if "expressions" in parts:
        with bar("editing by strength", "photos") as move:
            expressions = edit_at_strengths(editor, neutral, landmarks, tools, move)
    if "likeness" in parts:
        theirs = [one for one in chosen.photos if one.identity in here]
        with bar("giving expressions", "people") as move:
            likeness = transfer_expressions(editor, theirs, landmarks, tools, move)
    scores = ControlScores(units, expressions, likeness)
    notes = reading.notes + chosen.notes
    facts = control_facts(scores, photos, len(neutral), editor, weights, tools, notes)
    say(*notes, to=err)
    _print(facts)
    if sheet:
        with bar("drawing units", "photos") as move:
            save_unit_sheet(draw_unseen_units(editor, neutral, landmarks, move), sheet)
        say(str(sheet))
    if folder:
        say(str(write_control_pages(facts, folder)))
    answer(facts, as_json)


def _print(facts: dict[str, Any]) -> None:
    """Print the tables, but for the wide one."""
    from facerelief.evaluation.controls.page import control_tables
    from facerelief.evaluation.report.tables import table_text

    say(facts["title"], facts["lead"])
    for heading, some in control_tables(facts).items():
        for caption, (header, rows) in some if heading != "Confusion" else ():
            say("", caption or heading, *table_text(header, rows))
