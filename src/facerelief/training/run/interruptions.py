"""Signals that end a training after the step that is under way."""

import contextlib
import signal
import threading
from collections.abc import Iterator
from typing import Any


@contextlib.contextmanager
def noted_interruptions() -> Iterator[list[int]]:
    """Signals that would raise `KeyboardInterrupt` are noted in the list instead; the second one raises."""
    noted: list[int] = []

    def note(number: int, frame: Any) -> None:
        if noted:
            raise KeyboardInterrupt
        noted.append(number)

    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    if threading.current_thread() is not threading.main_thread():  # which alone may handle signals
        before = {}
    mine = [number for number, handler in before.items() if handler is signal.default_int_handler]
    for number in mine:
        signal.signal(number, note)
    try:
        yield noted
    finally:
        for number in mine:
            signal.signal(number, signal.default_int_handler)
