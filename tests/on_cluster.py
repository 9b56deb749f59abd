"""Work for processes of a cluster, which import it by its name."""

import functools
import os
import time
from collections.abc import Callable
from typing import Any

from facerelief.errors import NoFaceFound


def begin() -> Callable[[Any], Any]:
    """Squares of numbers; other items die, hang or fail."""
    return functools.partial(_do, 0.0)


def slow() -> Callable[[Any], Any]:
    """The same, in half a second an item."""
    return functools.partial(_do, 0.5)


def process() -> int:
    """What differs between any two processes."""
    return os.getpid()


def _do(seconds: float, item: Any) -> Any:
    time.sleep(seconds)
    if item == "die":
        os._exit(9)
    if item == "hang":
        time.sleep(1e6)
    if item == "fail":
        raise NoFaceFound("none here")
    return item * item
