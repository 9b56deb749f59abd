"""`facerelief report outside`: edits of labelled photos, measured by networks that nobody of this project trained."""

from pathlib import Path
from typing import Annotated, Any

import typer

from facerelief.cli.answers import Json, JsonFile, answer
from facerelief.cli.console import bar, err, say
from facerelief.cli.options import (
    SOURCES,
    SPLITS,
    MethodOption,
    TaskFileOption,
    ToSeveralOption,
    WeightsOption,
    one_of,
)
from facerelief.cli.writes import OutputFiles, pages_in, writes
from facerelief.errors import FacereliefError


def _files(values: Any) -> list[Path | None]:
    return [*pages_in(values["folder"]), values["sheet"], values["json_file"]]


@writes(OutputFiles(("folder", "sheet", "json_file"), _files))
def outside(
    photos: Annotated[
        Path,
        typer.Argument(help="A folder with one folder per expression, or a CSV file with labels.", show_default=False),
    ],
    instruments: Annotated[
        Path,
        typer.Option(
            help="The folder package/model of the npm package @vladmandic/face-api: npm pack @vladmandic/face-api",
            show_default=False,
        ),
    ],
    to: ToSeveralOption = "all",
    method: MethodOption = None,
    weights: WeightsOption = None,
    strength: Annotated[float, typer.Option(min=0, max=1.5, help="Share of the full change, 0 to 1.5.")] = 1.0,
    source: Annotated[str, one_of(choices=SOURCES, help="How the photos are laid out.")] = "auto",
    split: Annotated[str, one_of(choices=SPLITS, help="The people of which split, as `dataset build` draws it.")] = (
        "all"
    ),
    seed: Annotated[int, typer.Option(help="Seed of the split by person.")] = 0,
    people: Annotated[str | None, typer.Option(help="Identities, separated by commas. Default: all.")] = None,
    sample: Annotated[
        int | None, typer.Option("--photos", min=1, help="Number of photos, a fixed sample. Default: all.")
    ] = None,
    max_yaw: Annotated[float, typer.Option(help="Largest turn of the head to the side, in degrees.")] = 30.0,
    min_face_size: Annotated[float, typer.Option(help="Smallest face in the photo, in pixels.")] = 40.0,
    truth: Annotated[
        bool, typer.Option("--truth/--no-truth", help="Compare with photos of the same people with the target.")
    ] = True,
    strength_people: Annotated[
        int, typer.Option(min=0, help="So many people are also edited at strengths 0.25 to 1.5. 0: leave it out.")
    ] = 10,
    folder: Annotated[
        Path | None, typer.Option("-o", "--out", help="Write report.json, report.md and report.html here.")
    ] = None,
    sheet: Annotated[
        Path | None, typer.Option(help="Draw up to twenty smiling mouths here, edited beside real, at full size.")
    ] = None,
    task_file: TaskFileOption = None,
    as_json: Json = False,
    json_file: JsonFile = None,
) -> None:
    """Measure edits of labelled photos with an expression judge and an identity network made by others.

    Photos are edited at their own resolution, as `edit` does. Where a person also has a photo of the target expression,
    edits are compared with it, beside no edit and beside the mean movement of all other people.

        facerelief report outside london --instruments package/model --split test -o report
    """
    from facerelief.cli.wanted import expressions_of
    from facerelief.data.sources.layouts import read_labelled
    from facerelief.editing import load_editor
    from facerelief.evaluation.outside.instruments import Instruments
    from facerelief.evaluation.outside.measure import Request, measure
    from facerelief.evaluation.outside.page import save_mouths, write_pages
    from facerelief.evaluation.outside.people import FaceLandmarks, Selection, choose
    from facerelief.evaluation.outside.results import Setup, report_facts
    from facerelief.evaluation.outside.strengths import measure_strengths
    from facerelief.faces.detector import load_finder
    from facerelief.tile_sheet import check_picture

    if sheet:
        check_picture(sheet)
        if not truth:
            raise FacereliefError("--sheet shows edits beside true photos; leave out --no-truth")
    tools = Instruments(instruments)
    reading = read_labelled(photos, source)
    editor = load_editor(weights, load_finder(task_file=task_file), method=method)
    targets = expressions_of(to, editor)
    landmarks = FaceLandmarks(editor.finder)
    names = tuple(name.strip() for name in people.split(",")) if people else ()
    selection = Selection(split, seed, names, sample, max_yaw, min_face_size)
    with bar("finding faces", "photos") as move:
        chosen = choose(reading.photos, selection, landmarks, move)
    request = Request(chosen.photos, targets, strength, truth, reading.photos, "happiness" if sheet else None)
    with bar("measuring", "photos") as move:
        measured = measure(editor, tools, landmarks, request, move)
    if strength_people:
        with bar("measuring strength", "edits") as move:
            measured.curves = measure_strengths(editor, landmarks, chosen.photos, targets, strength_people, move)
    setup = Setup(photos, editor, weights, tools, selection, reading.notes + chosen.notes)
    facts = report_facts(measured, request, setup)
    say(*facts["notes"], to=err)
    _print(facts)
    if sheet:
        save_mouths(measured.mouths, sheet)
        say(str(sheet))
    if folder:
        say(str(write_pages(facts, folder)))
    answer(facts, as_json, json_file)


def _print(facts: dict[str, Any]) -> None:
    """Print the tables."""
    from facerelief.evaluation.outside.page import tables
    from facerelief.evaluation.report.tables import table_text

    say(facts["title"], facts["lead"])
    for heading, some in tables(facts).items():
        for caption, (header, rows) in some:
            say("", caption or heading, *table_text(header, rows))
