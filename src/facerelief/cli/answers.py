"""Results as JSON: `--json` prints it in place of the text; `--json-file` replaces the old `--json FILE`."""

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
    """Print and write JSON as the options say."""
    if as_json:
        typer.echo(json.dumps(value, indent=2))
    if file:
        write_json(file, value)
