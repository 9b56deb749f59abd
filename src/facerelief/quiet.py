"""No warnings for a while, from threads side by side."""

import contextlib
import threading
import warnings
from collections.abc import Iterator

_lock = threading.Lock()
_inside = 0
_kept = contextlib.ExitStack()


@contextlib.contextmanager
def quiet() -> Iterator[None]:
    """Warnings are ignored until the last thread leaves.

    By `warnings.catch_warnings` alone the thread that leaves last would bring back what the first had set: silence.
    """
    global _inside
    with _lock:
        _inside += 1
        if _inside == 1:
            _kept.enter_context(warnings.catch_warnings())
            warnings.simplefilter("ignore")
    try:
        yield
    finally:
        with _lock:
            _inside -= 1
            if not _inside:
                _kept.close()
