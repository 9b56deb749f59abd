"""Every command of the command line."""

from typing import Any

import typer

from facerelief.cli import app


def commands() -> dict[str, Any]:
    """Every command by its words: "dataset build"."""
    found: dict[str, Any] = {}

    def walk(words: str, one: Any) -> None:
        found[words] = one
        for name, inner in getattr(one, "commands", {}).items():
            walk(f"{words} {name}".strip(), inner)

    walk("", typer.main.get_command(app))
    return found
