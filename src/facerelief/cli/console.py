"""What the commands share in speaking to a person: one progress bar, one way to say what went wrong, or nothing."""

import contextlib
import os
import time
from collections.abc import Callable, Iterator
from typing import Any

from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn

from facerelief.errors import printable

_FIRST = os.environ.get("RANK", "0") == "0"  # of torchrun's processes, one speaks
SOON, OFTEN = 10.0, 60.0  # seconds to the first line of progress where there is no terminal, and between others
out = Console(quiet=not _FIRST, highlight=False, emoji=False, soft_wrap=True)
err = Console(stderr=True, highlight=False, emoji=False, soft_wrap=True)
_problems = Console(stderr=True, highlight=False, emoji=False, soft_wrap=True)
_kept: list[str] = []  # what a command has finished so far, that the same command need not do again


def begin() -> None:
    """Speak, and remember nothing of an earlier command of this process."""
    out.quiet, err.quiet = not _FIRST, False
    _kept.clear()


def be_quiet(*, answers: bool) -> None:
    """Say nothing but what went wrong. answers: whether what the command prints is its result."""
    err.quiet = True
    out.quiet = out.quiet or not answers


def be_silent() -> None:
    """Print no text where JSON was asked for."""
    out.quiet = True


def explain(problem: str) -> None:
    """Say what went wrong and what to do, in one line, on standard error."""
    _problems.print("facerelief: " + printable(" ".join(problem.split())), style="red", markup=False)


def note(line: str) -> None:
    """Say what is good to know, in one line, on standard error."""
    err.print("facerelief: " + printable(" ".join(line.split())), style="yellow", markup=False)


def keep(done: str) -> None:
    """Note what is finished for good, e.g. "12 of 60 photos are done"."""
    _kept[:] = [done]


def interrupted() -> None:
    """Say where the same command goes on."""
    explain(
        f"interrupted; {_kept[0]}, the same command goes on there"
        if _kept
        else "interrupted before anything new was finished; the same command does it all again"
    )


@contextlib.contextmanager
def waiting(for_what: str) -> Iterator[None]:
    """On a terminal, a sign that something goes on."""
    with err.status(escape(printable(for_what))) if err.is_terminal else contextlib.nullcontext():
        yield


def say(*lines: str, to: Console = out, style: str | None = None) -> None:
    """Print lines that may hold names of files: each stays one line, and none is taken for an order."""
    if lines:
        to.print("\n".join(map(printable, lines)), style=style, markup=False)


@contextlib.contextmanager
def bar(title: str, unit: str, *, keeps: bool = False) -> Iterator[Callable[..., None]]:
    """Progress: a bar on a terminal, elsewhere a line now and then. Yields what moves it: `move(done, total, note="")`.

    keeps: whether what is done stays done when the command is interrupted.
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
    lines = Lines(title, unit, time.monotonic) if shown and not err.is_terminal else None
    with Progress(*columns, console=err, disable=not (shown and err.is_terminal)) as progress:
        task = progress.add_task(printable(title), total=None, unit=unit, note="")

        def move(done: int, total: int, note: str = "") -> None:
            progress.update(task, completed=done, total=total, note=note)
            if line := lines.line(done, total, note) if lines else "":
                say(line, to=err)
            if keeps and done:
                keep(f"{done:,} of {total:,} {unit} are done")

        yield move


class Lines:
    """Progress in words, for a log: first after 10 seconds, then every minute. now: a clock in seconds."""

    def __init__(self, title: str, unit: str, now: Callable[[], float]) -> None:
        self._title, self._unit, self._now = title, unit, now
        self._start = now()
        self._next, self._from = self._start + SOON, -1

    def line(self, done: int, total: int, note: str) -> str:
        """The line, where one is due; else "". The time left is reckoned from what was done since the first call."""
        now = self._now()
        if self._from < 0:
            self._from, self._start = done, now  # what an earlier command had done took no time of this one
        if now < self._next or done >= total:
            return ""
        self._next = now + OFTEN
        parts = [f"{self._title}: {done:,} of {total:,} {self._unit}"]
        if done > self._from:
            parts.append(f"{_clock((total - done) * (now - self._start) / (done - self._from))} left")
        return ", ".join([*parts, note] if note else parts)


def _clock(seconds: float) -> str:
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"
