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
    data_note: Annotated[
        str, typer.Option(help="The source of the photos, for the model card.", show_default=False)
    ] = "Not stated.",
) -> None:
    """Learn mean, identity, expressions and texture of faces from the frontal training photos of a dataset.

    Writes face.safetensors, a model card, and pictures of its modes and expressions. Use it as `--weights FACE` of
    `edit --method morphable` and `dataset synthesize`.
    """
    from facerelief.release.morphable import fit_and_write

    with bar("learning", "photos") as move:
        written = fit_and_write(dataset, folder, data_note, move)
    say(*map(str, written))
