"""What the commands share in speaking to a person: one progress bar, one way to say what went wrong."""

import contextlib
import os
from collections.abc import Callable, Iterator
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn

_FIRST = os.environ.get("RANK", "0") == "0"  # of torchrun's processes, one speaks
out = Console(quiet=not _FIRST, highlight=False, emoji=False, soft_wrap=True)
err = Console(stderr=True, highlight=False, emoji=False, soft_wrap=True)


def explain(problem: str) -> None:
    """Say what went wrong and what to do, in one line, on standard error."""
    err.print("facerelief: " + printable(" ".join(problem.split())), style="red", markup=False)


def say(*lines: str, to: Console = out) -> None:
    """Print lines that may hold names of files: each stays one line, and none is taken for an order."""
    if lines:
        to.print("\n".join(map(printable, lines)), markup=False)


def printable(text: str) -> str:
    """Text whose control characters are spelled out, since names of files may hold what terminals obey."""
    kept = (letter if letter.isprintable() or _is_surrogate(letter) else ascii(letter)[1:-1] for letter in text)
    return "".join(kept)


def _is_surrogate(letter: str) -> bool:
    """A byte of a name that is no text; the stream spells it out."""
    return "\ud800" <= letter <= "\udfff"


@contextlib.contextmanager
def bar(title: str, unit: str) -> Iterator[Callable[..., None]]:
    """A progress bar, on a terminal only; yields what moves it: `move(done, total, note="")`."""
    columns: tuple[Any, ...] = (
        TextColumn("{task.description}"),
        BarColumn(),
        TaskProgressColumn(),
        MofNCompleteColumn(),
        TextColumn("{task.fields[unit]}"),
        TimeRemainingColumn(),
        TextColumn("{task.fields[note]}"),
    )
    with Progress(*columns, console=err, disable=not (_FIRST and err.is_terminal)) as progress:
        task = progress.add_task(title, total=None, unit=unit, note="")

        def move(done: int, total: int, note: str = "") -> None:
            progress.update(task, completed=done, total=total, note=note)

        yield move
