"""Logs that no client can fill."""

import logging
import time
from typing import Any

_EVERY = 60.0  # seconds
_MOST = 1000  # kinds of lines that are remembered


class Seldom(logging.Filter):
    """Lets a line pass once a minute; the next one tells how many were left out. Faults at other places are others."""

    def __init__(self) -> None:
        super().__init__()
        self._said: dict[Any, tuple[float, int]] = {}

    def filter(self, record: logging.LogRecord) -> bool:
        """Whether the line is written."""
        now, key = time.monotonic(), _kind(record)
        said, left_out = self._said.get(key, (now - _EVERY, 0))
        if now - said < _EVERY:
            self._said[key] = said, left_out + 1
            return False
        if len(self._said) >= _MOST:
            self._said.clear()
        self._said[key] = now, 0
        if left_out:
            record.msg, record.args = f"{record.getMessage()} ({left_out} more like it since the last line)", ()
        return True


def _kind(record: logging.LogRecord) -> tuple[Any, ...]:
    """What lines of one kind share: the first line of the message, nothing filled in, and the fault's place."""
    kind, _, trace = record.exc_info or (None, None, None)
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    place = (trace.tb_frame.f_code.co_filename, trace.tb_lineno) if trace else None
    return record.name, str(record.msg).partition("\n")[0], kind, place


def speak_seldom(*loggers: str) -> None:
    """Have loggers repeat themselves once a minute at most."""
    for name in loggers:
        logger = logging.getLogger(name)
        if not any(isinstance(one, Seldom) for one in logger.filters):
            logger.addFilter(Seldom())
