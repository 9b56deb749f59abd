"""`facerelief morphable fit`."""

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

import typer

from facerelief.cli.command import Commands
from facerelief.cli.console import bar, say
from facerelief.cli.writes import Outputs, writes

app = Commands(help="Learn a statistical face from photos.")


def _files(values: Mapping[str, Any]) -> list[Path | None]:
    from facerelief.release.morphable import FILES

    return [values["folder"] / name for name in FILES]


@app.command("fit")
@writes(Outputs(("folder",), _files))
def fit(
    dataset: Annotated[Path, typer.Argument(help="A folder that `facerelief dataset build` made.", show_default=False)],
    folder: Annotated[Path, typer.Option("-o", "--out", help="The face's folder.", show_default=False)],
    data_note: Annotated[
        str, typer.Option(help="Where the photos come from, for the card.", show_default=False)
    ] = "Not stated.",
) -> None:
    """Learn mean, identity, expressions and texture of faces from the kept training photos seen from the front.

    Writes face.safetensors, a card, and sheets of its modes and expressions. Use it with `--weights FACE` of
    `edit --method morphable` and of `dataset synthesize`.
    """
    from facerelief.release.morphable import fit_and_write

    with bar("learning", "photos") as move:
        written = fit_and_write(dataset, folder, data_note, move)
    say(*map(str, written))
