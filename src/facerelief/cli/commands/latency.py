"""`facerelief report latency`."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.table import Table

from facerelief.cli.answers import Json, JsonFile, answer
from facerelief.cli.console import bar, out
from facerelief.cli.options import MethodOption, TaskFileOption, ToOption, WeightsOption
from facerelief.cli.writes import files_at, writes

if TYPE_CHECKING:
    from facerelief.evaluation.diagnostics.latency import Latency


@writes(files_at("json_file"))
def latency(
    photo: Annotated[
        Path | None, typer.Argument(help="A photo. Default: a synthetic face, 1000 pixels a side.", show_default=False)
    ] = None,
    to: ToOption = "happiness",
    method: MethodOption = None,
    weights: WeightsOption = None,
    task_file: TaskFileOption = None,
    repeats: Annotated[int, typer.Option(min=5, help="Timed edits.")] = 30,
    as_json: Json = False,
    json_file: JsonFile = None,
) -> None:
    """Measure how long an edit takes on this machine, from file to file, by part, and a small preview."""
    from facerelief.editing import load_editor
    from facerelief.evaluation.diagnostics.latency import drawn_photo, measure_latency
    from facerelief.faces.detector import load_finder
    from facerelief.photos.photo import read_photo

    if photo:
        read_photo(photo)  # reports an unreadable photo
    data = photo.read_bytes() if photo else drawn_photo()
    with bar("measuring", "edits") as move:
        editor = load_editor(weights, load_finder(task_file=task_file), method=method)
        found = measure_latency(editor, data, to, repeats, move)
    height, width = found.shape
    out.print(f"{width}x{height} pixels, a face of {found.face:.0f}; {repeats} edits, milliseconds")
    out.print(_table(found))
    answer(numbers(found), as_json, json_file)


def numbers(found: "Latency") -> dict[str, Any]:
    """The measurement in milliseconds, for JSON."""
    parts = {part: {"median": 1e3 * found.median(part), "p95": 1e3 * found.p95(part)} for part in found.seconds}
    return {"width": found.shape[1], "height": found.shape[0], "face": found.face, "milliseconds": parts}


def _table(found: "Latency") -> Table:
    from facerelief.evaluation.diagnostics.latency import STAGES

    table = Table("part", box=None)
    for name in ("median", "p95", "share"):
        table.add_column(name, justify="right")
    whole = found.median("whole")
    for part in (*STAGES, "whole"):
        share = f"{found.median(part) / whole:.0%}"
        table.add_row(part, f"{1e3 * found.median(part):.1f}", f"{1e3 * found.p95(part):.1f}", share)
    preview = f"{1e3 * found.median('preview'):.1f}", f"{1e3 * found.p95('preview'):.1f}"
    table.add_row("preview of 128 px, face known", *preview, "")
    return table
