"""Arguments, standard output and standard error."""

import contextlib
import io
import os
import sys
from collections.abc import Sequence
from typing import Any

from facerelief.errors import FacereliefError


def refuse_empty(arguments: Sequence[str]) -> None:
    """Raises `FacereliefError` for an empty argument: as a path it would mean the current folder."""
    for before, argument in zip(["", *arguments], arguments, strict=False):
        option, equals, value = argument.partition("=")
        if not argument or (option.startswith("--") and equals and not value):
            where = option or (f"after {before}" if before else "the first")
            raise FacereliefError(
                f"an argument is empty ({where}), perhaps from an unset variable; give a value, or leave it out"
            )


def open_all() -> None:
    """Open closed standard streams as the null device.

    Otherwise the next opened file would get their number, and output of libraries would be written into it.
    """
    for number in (0, 1, 2):
        try:
            os.fstat(number)
        except OSError:
            os.open(os.devnull, os.O_RDWR)


class OutputLost(OSError):
    """Standard output or standard error cannot be written: `errno` and `strerror` say why."""


class _Watched(io.FileIO):
    """A stream whose failures raise `OutputLost`, unlike those of other files."""

    def write(self, data: Any, /) -> int:
        try:
            return super().write(data)
        except OSError as reason:
            raise OutputLost(reason.errno, reason.strerror) from reason


def watch() -> None:
    """Make standard output and error print any file name, and raise `OutputLost` if they fail."""
    for number, name in ((1, "stdout"), (2, "stderr")):
        old = getattr(sys, name)
        if not isinstance(old, io.TextIOWrapper):  # closed, or replaced by a test
            continue
        if old is getattr(sys, f"__{name}__"):
            line_by_line, at_once = old.line_buffering, old.write_through
            raw: Any = _Watched(number, "w", closefd=False)
            buffer = raw if at_once else io.BufferedWriter(raw)
            old = io.TextIOWrapper(buffer, old.encoding, line_buffering=line_by_line, write_through=at_once)
            setattr(sys, name, old)
        old.reconfigure(errors="backslashreplace")


def give_up() -> None:
    """Discard unwritten output, about which the interpreter would complain at its end."""
    for number in (1, 2):
        with contextlib.suppress(OSError):
            nowhere = os.open(os.devnull, os.O_WRONLY)
            os.dup2(nowhere, number)
            os.close(nowhere)
