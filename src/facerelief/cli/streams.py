"""What comes in and goes out beside files: arguments, standard output and standard error."""

import contextlib
import io
import os
import sys
from collections.abc import Sequence
from typing import Any

from facerelief.errors import FacereliefError


def refuse_empty(arguments: Sequence[str]) -> None:
    """Raise `FacereliefError` for an empty argument: as a path it would stand for the whole folder."""
    for before, argument in zip(["", *arguments], arguments, strict=False):
        option, equals, value = argument.partition("=")
        if not argument or (option.startswith("--") and equals and not value):
            where = option or (f"after {before}" if before else "the first")
            raise FacereliefError(
                f"an argument is empty ({where}), perhaps a variable that is not set; give a value, or leave it out"
            )


def open_all() -> None:
    """Open what was closed, onto nothing: else the next file that is opened would take its place, and what a library
    has to say would be written into it.
    """
    for number in (0, 1, 2):
        try:
            os.fstat(number)
        except OSError:
            os.open(os.devnull, os.O_RDWR)


class OutputLost(OSError):
    """Standard output or standard error cannot be written: `errno` and `strerror` say why."""


class _Watched(io.FileIO):
    """A file whose failures are told from those of all other files."""

    def write(self, data: Any, /) -> int:
        try:
            return super().write(data)
        except OSError as reason:
            raise OutputLost(reason.errno, reason.strerror) from reason


def watch() -> None:
    """Print names of files whatever they hold, and tell failures of standard output and error by `OutputLost`."""
    for number, name in ((1, "stdout"), (2, "stderr")):
        old = getattr(sys, name)
        if not isinstance(old, io.TextIOWrapper):  # closed, or a test's
            continue
        if old is getattr(sys, f"__{name}__"):
            line_by_line, at_once = old.line_buffering, old.write_through
            raw: Any = _Watched(number, "w", closefd=False)
            buffer = raw if at_once else io.BufferedWriter(raw)
            old = io.TextIOWrapper(buffer, old.encoding, line_buffering=line_by_line, write_through=at_once)
            setattr(sys, name, old)
        old.reconfigure(errors="backslashreplace")


def give_up() -> None:
    """Let what is still to be written go nowhere: else the end of the process complains about it."""
    for number in (1, 2):
        with contextlib.suppress(OSError):
            nowhere = os.open(os.devnull, os.O_WRONLY)
            os.dup2(nowhere, number)
            os.close(nowhere)
