"""What a command found, as JSON: `--json` prints it in place of the text; `--json-file` is what `--json FILE` was."""

import json
from pathlib import Path
from typing import Annotated, Any

import typer

from facerelief.cli.console import be_silent
from facerelief.files import write_json


def _alone(value: bool) -> bool:
    if value:
        be_silent()
    return value


Json = Annotated[bool, typer.Option("--json", callback=_alone, help="Print JSON instead.")]
JsonFile = Annotated[Path | None, typer.Option(hidden=True, help="Also write JSON here.")]


def answer(value: dict[str, Any], as_json: bool, file: Path | None = None) -> None:
    """Give the numbers, as far as they are asked for as JSON."""
    if as_json:
        typer.echo(json.dumps(value, indent=2))
    if file:
        write_json(file, value)
