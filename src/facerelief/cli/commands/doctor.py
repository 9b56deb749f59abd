"""`facerelief doctor`."""

import dataclasses
import json
from typing import TYPE_CHECKING, Annotated

import typer
from rich.table import Table

from facerelief import __version__
from facerelief.cli.console import bar, explain, out

if TYPE_CHECKING:
    from facerelief.evaluation.diagnostics.doctor import Health

_WIDE = 240  # columns
_SHOWN = {"ok": "[green]ok", "lacks": "[yellow]not installed", "broken": "[red]BROKEN"}


def doctor(as_json: Annotated[bool, typer.Option("--json", help="Print JSON instead.")] = False) -> None:
    """Test what works on this machine and how fast, and print remedies for the rest.

    Runs face detection, each method, each engine and provenance on a synthetic face. Times are the least of several
    runs. The exit code is 1 if photos cannot be edited.
    """
    from facerelief.evaluation.diagnostics.doctor import examine

    with bar("testing", "checks") as move:
        health = examine(move)
    if as_json:
        checks = [dataclasses.asdict(check) for check in health.checks]
        value = {"facerelief": __version__, "works": health.works, "machine": health.machine, "checks": checks}
        value["advice"] = health.advice
        out.print(json.dumps(value, indent=2), markup=False)
    else:
        _show(health)
    if not health.works:
        explain("photos cannot be edited on this machine; the remedies are listed above")
        raise typer.Exit(1)


def _show(health: "Health") -> None:
    out.print(f"facerelief {__version__}\n{health.machine}\n", markup=False)
    table = Table(box=None, pad_edge=False, header_style="")
    table.add_column("what")
    table.add_column("state")
    table.add_column("ms", justify="right")
    table.add_column("seen")
    for check in health.checks:
        time = f"{check.milliseconds:.0f}" if check.milliseconds is not None else ""
        table.add_row(_plain(check.name), _SHOWN[check.state], time, _plain(check.detail))
    out.print(table, soft_wrap=False, width=None if out.is_terminal else _WIDE)  # a pipe has no width
    remedies = dict.fromkeys(check.remedy for check in health.checks if check.remedy)
    if health.advice:
        out.print("\nadvice:\n  " + "\n  ".join(health.advice), markup=False)
    if remedies:
        out.print("\nfor what you use of it:\n  " + "\n  ".join(remedies), markup=False)


def _plain(text: str) -> str:
    return text.replace("[", r"\[")
