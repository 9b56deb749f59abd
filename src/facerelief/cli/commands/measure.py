"""`facerelief measure`."""

import csv
import io
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from facerelief.cli.answers import Json, answer
from facerelief.cli.console import bar, err, explain, say
from facerelief.cli.options import FacesOption, TaskFileOption
from facerelief.errors import FacereliefError

if TYPE_CHECKING:
    from facerelief.editing.measuring import MeasuredFace

_LEAST = 0.05  # amount from which on a unit is listed


def measure(
    photos: Annotated[list[str], typer.Argument(help="Photos, or folders of photos.", show_default=False)],
    neutral: Annotated[
        Path | None,
        typer.Option(help="A photo in which the same person shows nothing; amounts are then changes from it."),
    ] = None,
    face: FacesOption = "largest",
    task_file: TaskFileOption = None,
    as_json: Json = False,
    as_csv: Annotated[bool, typer.Option("--csv", help="Print CSV instead, a line a face.")] = False,
) -> None:
    """Measure the action units and blendshapes that faces show.

    A number is a movement and not a feeling: 1 is a unit's full movement. With --neutral a person's own face does not
    count as an expression, and numbers are several times as sure. Of several photos those that cannot be measured are
    named, the others are measured, and the exit code is 1.

        facerelief measure smile.jpg --neutral still.jpg --json
    """
    from facerelief.editing.face_choice import choose_faces, notes_on_choice
    from facerelief.editing.jobs.inputs import expand
    from facerelief.editing.measuring import measure_photo
    from facerelief.faces.detector import load_finder
    from facerelief.photos.photo import read_photo

    if as_json and as_csv:
        raise FacereliefError("--json and --csv are two ways to print the same; choose one")
    still = read_photo(neutral) if neutral else None
    notes: list[str] = []
    found, finder, measured, bad = expand(photos, notes=notes), load_finder(task_file=task_file), [], 0
    if still:
        faces = finder(still.rgb)
        choose_faces(faces, "largest", still.name)  # else it is no reason to go on
        notes += notes_on_choice(faces, "largest", still.name, "counts", "")
    with bar("measuring", "photos") as move:
        for done, one in enumerate(found):
            move(done, len(found), one.file.name)
            try:
                measured += measure_photo(one.photo(), finder, face, still, notes)
            except FacereliefError as reason:
                if len(found) == 1:
                    raise
                explain(str(reason))
                bad += 1
        move(len(found), len(found))
    say(*notes, to=err)
    _print(measured, as_json, as_csv)
    if bad:
        explain(f"{bad} of {len(found)} photos were not measured")
        raise typer.Exit(1)


def _print(measured: "list[MeasuredFace]", as_json: bool, as_csv: bool) -> None:
    from facerelief.editing.measuring import MOVEMENT_NOTE, table_of

    if as_csv:
        stream = io.StringIO()
        csv.writer(stream, lineterminator="\n").writerows(table_of(measured))
        typer.echo(stream.getvalue(), nl=False)
        return
    for one in measured:
        say(*_lines(one), "")
    say(MOVEMENT_NOTE)
    answer({"note": MOVEMENT_NOTE, "faces": [one.facts() for one in measured]}, as_json)


def _lines(one: "MeasuredFace") -> list[str]:
    """A face in text: the units and shapes that it shows, the largest first, and which of them are unsure."""
    from facerelief.geometry.morphable.action_units import ACTION_UNITS

    x0, y0, x1, y1 = one.face.box
    lines = [f"{one.photo}, face at {(x0 + x1) / 2:.0f},{(y0 + y1) / 2:.0f}"]
    lines[0] += f", compared with {one.neutral}" if one.neutral else ", without a neutral photo"
    for amounts in (one.shown.action_units, one.shown.blendshapes):
        shown = sorted((item for item in amounts.items() if item[1].amount >= _LEAST), key=lambda item: -item[1].amount)
        for name, found in shown:
            called = ACTION_UNITS[int(name[2:].rstrip("LR"))][0] if name.startswith("AU") else ""
            unseen = "" if found.seen else "  unsure"
            lines.append(f"  {name:20}{found.amount:6.2f} +- {found.deviation:.2f}  {called}{unseen}".rstrip())
    return lines
