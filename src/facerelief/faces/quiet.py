"""No warnings for a while, from threads side by side."""

import contextlib
import threading
import warnings
from collections.abc import Iterator

_lock = threading.Lock()
_inside = 0
_kept = warnings.catch_warnings()


@contextlib.contextmanager
def quiet() -> Iterator[None]:
    """Warnings are ignored until the last thread leaves.

    By `warnings.catch_warnings` alone the thread that leaves last would bring back what the first had set: silence.
    """
    global _inside, _kept
    with _lock:
        _inside += 1
        if _inside == 1:
            _kept = warnings.catch_warnings()
            _kept.__enter__()
            warnings.simplefilter("ignore")
    try:
        yield
    finally:
        with _lock:
            _inside -= 1
            if not _inside:
                _kept.__exit__(None, None, None)
