"""`facerelief report blind | ratings`: pictures for raters who do not know which are edited, and their answers."""

from pathlib import Path
from typing import Annotated

import typer

from facerelief.cli.answers import Json, answer
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
from facerelief.cli.writes import OutputFiles, files_in, pages_in, writes


@writes(files_in("folder", "form.csv", "key.json", "guide.md"))
def blind(
    photos: Annotated[
        Path,
        typer.Argument(help="A folder with one folder per expression, or a CSV file with labels.", show_default=False),
    ],
    folder: Annotated[
        Path, typer.Option("-o", "--out", help="Where pictures, form, guide and key go.", show_default=False)
    ],
    to: ToSeveralOption = "all",
    each: Annotated[
        bool,
        typer.Option(
            "--each/--once", help="Every photo as it is and edited to every expression, or a photo of every person."
        ),
    ] = False,
    method: MethodOption = None,
    weights: WeightsOption = None,
    strength: Annotated[float, typer.Option(min=0, max=1.5, help="Share of the full change, 0 to 1.5.")] = 1.0,
    source: Annotated[str, one_of(choices=SOURCES, help="How the photos are laid out.")] = "auto",
    split: Annotated[str, one_of(choices=SPLITS, help="The people of which split, as `dataset build` draws it.")] = (
        "all"
    ),
    seed: Annotated[int, typer.Option(help="Of the split by person, and of which photos are edited.")] = 0,
    people: Annotated[str | None, typer.Option(help="Identities, separated by commas. Default: all.")] = None,
    sample: Annotated[
        int | None, typer.Option("--photos", min=1, help="Number of photos, a fixed sample. Default: all.")
    ] = None,
    max_yaw: Annotated[float, typer.Option(help="Largest turn of the head to the side, in degrees.")] = 30.0,
    min_face_size: Annotated[float, typer.Option(help="Smallest face in the photo, in pixels.")] = 40.0,
    size: Annotated[int, typer.Option(min=64, help="Largest side of a picture, in pixels.")] = 900,
    task_file: TaskFileOption = None,
) -> None:
    """Mix edited and unedited photos for raters who do not know which is which.

    A photo of every person is shown, half of them edited, or with --each every photo as it is and edited to every
    expression. Raters get the folder without key.json, and fill in form.csv; `report ratings` reads their answers.

        facerelief report blind london --to happiness,neutral --split test -o raters
        facerelief report ratings raters anna.csv ben.csv
    """
    from facerelief import __version__
    from facerelief.cli.wanted import expressions_of
    from facerelief.data.sources.layouts import read_labelled
    from facerelief.editing import load_editor
    from facerelief.editing.loading import weights_file
    from facerelief.evaluation.outside.people import FaceLandmarks, Selection, choose
    from facerelief.evaluation.raters.pictures import show_each, show_once, write_pictures
    from facerelief.faces.detector import load_finder
    from facerelief.files import sha256

    reading = read_labelled(photos, source)
    editor = load_editor(weights, load_finder(task_file=task_file), method=method)
    targets = expressions_of(to, editor)
    landmarks = FaceLandmarks(editor.finder)
    names = tuple(name.strip() for name in people.split(",")) if people else ()
    with bar("finding faces", "photos") as move:
        chosen = choose(reading.photos, Selection(split, seed, names, sample, max_yaw, min_face_size), landmarks, move)
    shown = (show_each if each else show_once)(chosen.photos, targets, seed)
    made_with = {
        "facerelief": __version__,
        "method": editor.method,
        "weights sha256": sha256(weights_file(editor, weights)),
        "photos": photos.name,
        "strength": strength,
        "seed": seed,
        "largest side": size,
    }
    with bar("making pictures", "pictures") as move:
        form = write_pictures(editor, shown, landmarks, folder, made_with, strength, size, move)
    say(*reading.notes, *chosen.notes, to=err)
    say(str(form), "Give raters the folder without key.json; then: facerelief report ratings FOLDER FORM.csv ...")


@writes(OutputFiles(("report",), lambda values: pages_in(values["report"])))
def ratings(
    folder: Annotated[Path, typer.Argument(help="What `report blind` wrote.", show_default=False)],
    forms: Annotated[
        list[Path], typer.Argument(help="The forms, one a rater, named as the rater.", show_default=False)
    ],
    report: Annotated[
        Path | None, typer.Option("-o", "--out", help="Write report.json, report.md and report.html here.")
    ] = None,
    as_json: Json = False,
) -> None:
    """What raters take for real photos, which expressions they see, and what gives edits away.

    facerelief report ratings raters anna.csv ben.csv -o report
    """
    from facerelief.evaluation.raters.page import rating_tables, write_rating_pages
    from facerelief.evaluation.raters.results import rating_facts
    from facerelief.evaluation.report.tables import table_text

    facts = rating_facts(folder, forms)
    say(*facts["notes"], to=err)
    say(facts["title"], facts["lead"])
    for heading, some in rating_tables(facts).items():
        for caption, (header, rows) in some:
            say("", caption or heading, *table_text(header, rows))
    if report:
        say(str(write_rating_pages(facts, report)))
    answer(facts, as_json)
