"""Output on the terminal: results, notes, errors and progress."""

import contextlib
import os
import time
from collections.abc import Callable, Iterator
from typing import Any

from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn

from facerelief.errors import printable
from facerelief.progress import NotedProgress

_FIRST = os.environ.get("RANK", "0") == "0"  # of torchrun's processes, only one prints
FIRST_S, INTERVAL_S = 10.0, 60.0  # without a terminal: time to the first line of progress, and between others
out = Console(quiet=not _FIRST, highlight=False, emoji=False, soft_wrap=True)
err = Console(stderr=True, highlight=False, emoji=False, soft_wrap=True)
_problems = Console(stderr=True, highlight=False, emoji=False, soft_wrap=True)
_kept: list[str] = []  # what is finished and will not be repeated when the command is resumed


def begin() -> None:
    """Reset the state of an earlier command of this process."""
    out.quiet, err.quiet = not _FIRST, False
    _kept.clear()


def be_quiet() -> None:
    """Print only errors on standard error; standard output, where results and names of written files go, stays."""
    err.quiet = True


def be_silent() -> None:
    """Print no text on standard output, where JSON goes."""
    out.quiet = True


def explain(problem: str) -> None:
    """Print an error and its remedy, in one line, on standard error."""
    _problems.print("facerelief: " + printable(" ".join(problem.split())), style="red", markup=False)


def note(line: str) -> None:
    """Print a notice, in one line, on standard error."""
    err.print("facerelief: " + printable(" ".join(line.split())), style="yellow", markup=False)


def keep(done: str) -> None:
    """Remember what is finished, e.g. "12 of 60 photos are done", for `interrupted`."""
    _kept[:] = [done]


def interrupted() -> None:
    """Print whether the command can be resumed."""
    explain(
        f"interrupted; {_kept[0]}; run the same command again to resume"
        if _kept
        else "interrupted before anything new was finished; run the same command again"
    )


@contextlib.contextmanager
def waiting(for_what: str) -> Iterator[None]:
    """Show a spinner on a terminal."""
    with err.status(escape(printable(for_what))) if err.is_terminal else contextlib.nullcontext():
        yield


def say(*lines: str, to: Console = out, style: str | None = None) -> None:
    """Print lines that may contain file names: control characters and markup in them have no effect."""
    if lines:
        to.print("\n".join(map(printable, lines)), style=style, markup=False)


@contextlib.contextmanager
def bar(title: str, unit: str, *, keeps: bool = False) -> Iterator[NotedProgress]:
    """Show progress: a bar on a terminal, elsewhere a line at intervals. Yields `progress(done, total, note="")`.

    Args:
        title: Of the bar.
        unit: What is counted, in the plural.
        keeps: Whether finished items stay finished when the command is interrupted.
    """
    columns: tuple[Any, ...] = (
        TextColumn("{task.description}", markup=False),
        BarColumn(),
        TaskProgressColumn(),
        MofNCompleteColumn(),
        TextColumn("{task.fields[unit]}"),
        TimeRemainingColumn(),
        TextColumn("{task.fields[note]}", markup=False),
    )
    shown = _FIRST and not err.quiet
    lines = ProgressLines(title, unit, time.monotonic) if shown and not err.is_terminal else None
    with Progress(*columns, console=err, disable=not (shown and err.is_terminal)) as progress:
        task = progress.add_task(printable(title), total=None, unit=unit, note="")

        def move(done: int, total: int, note: str = "") -> None:
            progress.update(task, completed=done, total=total, note=note)
            if line := lines.line(done, total, note) if lines else "":
                say(line, to=err)
            if keeps and done:
                keep(f"{done:,} of {total:,} {unit} are done")

        yield move


class ProgressLines:
    """Lines of progress for a log: the first after 10 seconds, then one a minute. now: a clock in seconds."""

    def __init__(self, title: str, unit: str, now: Callable[[], float]) -> None:
        self._title, self._unit, self._now = title, unit, now
        self._start = now()
        self._next, self._from, self._last = self._start + FIRST_S, -1, 0

    def line(self, done: int, total: int, note: str) -> str:
        """The line if one is due, else "".

        The time left is estimated from what was done since the first call, or since counting began anew.
        """
        now = self._now()
        if self._from < 0 or done < self._last:
            self._from, self._start = done, now  # items of an earlier, interrupted command took no time of this one
        self._last = done
        if now < self._next or done >= total:
            return ""
        self._next = now + INTERVAL_S
        parts = [f"{self._title}: {done:,} of {total:,} {self._unit}"]
        if done > self._from:
            parts.append(f"{_clock((total - done) * (now - self._start) / (done - self._from))} left")
        return ", ".join([*parts, note] if note else parts)


def _clock(seconds: float) -> str:
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"
