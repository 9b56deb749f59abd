"""Callbacks by which a long loop reports how far it is; every loop takes one and defaults to `no_progress`."""

from collections.abc import Callable
from typing import TypeAlias

Progress: TypeAlias = Callable[[int, int], None]  # (done, total)
NamedProgress: TypeAlias = Callable[[str, int, int], None]  # (name of what is worked on, done, total)
StepProgress: TypeAlias = Callable[[int, int, dict[str, float]], None]  # (done, total, logged values by name)


def no_progress(*_: object) -> None:
    """Ignore every report."""
