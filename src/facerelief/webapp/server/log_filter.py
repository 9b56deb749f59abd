"""A filter against repeated log lines, so that no client can fill the log."""

import logging
import time
from typing import Any

_INTERVAL = 60.0  # seconds
_MAX_KINDS = 1000  # kinds of lines that are remembered


class RepeatFilter(logging.Filter):
    """Passes a line once a minute and then says how many were left out. Errors raised at other places are others."""

    def __init__(self) -> None:
        super().__init__()
        self._last: dict[Any, tuple[float, int]] = {}

    def filter(self, record: logging.LogRecord) -> bool:
        """Whether the line is written."""
        now, key = time.monotonic(), _kind(record)
        last, left_out = self._last.get(key, (now - _INTERVAL, 0))
        if now - last < _INTERVAL:
            self._last[key] = last, left_out + 1
            return False
        if len(self._last) >= _MAX_KINDS:
            self._last.clear()
        self._last[key] = now, 0
        if left_out:
            record.msg, record.args = f"{record.getMessage()} ({left_out} more like it since the last line)", ()
        return True


def _kind(record: logging.LogRecord) -> tuple[Any, ...]:
    """What repeated lines share: logger, first line of the unformatted message, exception type and where it arose."""
    kind, _, trace = record.exc_info or (None, None, None)
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    place = (trace.tb_frame.f_code.co_filename, trace.tb_lineno) if trace else None
    return record.name, str(record.msg).partition("\n")[0], kind, place


def limit_repeats(*loggers: str) -> None:
    """Add the filter to loggers that do not have it."""
    for name in loggers:
        logger = logging.getLogger(name)
        if not any(isinstance(one, RepeatFilter) for one in logger.filters):
            logger.addFilter(RepeatFilter())
