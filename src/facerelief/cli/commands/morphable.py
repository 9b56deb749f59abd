"""`facerelief morphable fit`."""

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

import typer

from facerelief.cli.command import Commands
from facerelief.cli.console import bar, say
from facerelief.cli.writes import OutputFiles, writes

app = Commands(help="Learn a morphable face model from photos.")


def _files(values: Mapping[str, Any]) -> list[Path | None]:
    from facerelief.release.morphable import FILES

    return [values["folder"] / name for name in FILES]


@app.command("fit")
@writes(OutputFiles(("folder",), _files))
def fit(
    dataset: Annotated[Path, typer.Argument(help="A folder made by `facerelief dataset build`.", show_default=False)],
    folder: Annotated[Path, typer.Option("-o", "--out", help="The model's folder.", show_default=False)],
    expressions_from: Annotated[
        list[Path] | None,
        typer.Option(help="A dataset to learn expressions from, with neutral photos; repeatable.", show_default=False),
    ] = None,
    data_note: Annotated[
        str, typer.Option(help="The source of the photos, for the model card.", show_default=False)
    ] = "Not stated.",
) -> None:
    """Learn mean, identity, expressions and texture of faces from the frontal training photos of a dataset.

    Expressions come from `--expressions-from` where enough people show them there, such as people
    who were asked for them, or photos on whose labels many raters agreed.

    Writes face.safetensors, a model card, and pictures of its modes and expressions. Use it as `--weights FACE` of
    `edit --method morphable` and `dataset synthesize`.
    """
    from facerelief.release.morphable import fit_and_write

    with bar("learning", "photos") as move:
        written = fit_and_write(dataset, folder, data_note, expressions_from or [], move)
    say(*map(str, written))
