"""Callbacks by which a long loop reports how far it is; every loop takes one and defaults to `no_progress`."""

from collections.abc import Callable
from typing import Protocol, TypeAlias

Progress: TypeAlias = Callable[[int, int], None]  # (done, total)
NamedProgress: TypeAlias = Callable[[str, int, int], None]  # (name of what is worked on, done, total)
StepProgress: TypeAlias = Callable[[int, int, dict[str, float]], None]  # (done, total, logged values by name)


class NotedProgress(Protocol):
    """(done, total) with a note on what is being worked on."""

    def __call__(self, done: int, total: int, note: str = "", /) -> None:
        """Report."""


def no_progress(*_: object) -> None:
    """Ignore every report."""
