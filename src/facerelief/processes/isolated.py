"""Work on a foreign file in a process of its own, which can be ended, within bounded time and memory.

The process is given the file on its standard input and answers on its standard output. What libraries print goes
nowhere, and where one of them crashes, that process alone ends.
"""

import contextlib
import math
import multiprocessing.spawn
import subprocess
import sys
import time

from facerelief.errors import FacereliefError

_MEMORY = 6 * 2**30  # bytes of addresses; a photo of 100 megapixels in floating point takes four


class ChildLate(FacereliefError):
    """The process was not done when the caller's time was up."""


class ChildEnded(FacereliefError):
    """The process ended before its work did: for want of memory or of its processor time, or by a fault."""


def run_child(call: str, data: bytes, name: str, seconds: float) -> bytes:
    """What a process writes that is given `data`. call: "module:function(arguments)". seconds: of the clock, at most.

    Raises `ChildLate` and `ChildEnded`, and `FacereliefError` where there is no process to be had; name: of the file.
    """
    module, _, function = call.partition(":")
    path = [place for place in sys.path if place]
    code = f"import sys; sys.path[:] = {path!r}; import {module} as work; work.{function}"
    command = [multiprocessing.spawn.get_executable(), "-c", code]
    try:
        done = subprocess.run(
            command, input=data, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, timeout=max(seconds, 0), check=False
        )
    except subprocess.TimeoutExpired as reason:
        raise ChildLate(_too_long(name)) from reason
    except OSError as reason:
        raise FacereliefError(f"{name} cannot be read: no process to do it ({reason.strerror}); try again") from reason
    if done.returncode == -_signal("SIGXCPU"):
        raise ChildEnded(_too_long(name))
    if done.returncode:
        raise ChildEnded(f"{name} is damaged, or does not fit into memory; save it anew")
    return done.stdout


def _too_long(name: str) -> str:
    return f"{name} takes too long to read; save it anew as JPEG or PNG"


def _signal(name: str) -> int:
    import signal

    return int(getattr(signal, name, 0))


def bound_memory() -> None:
    """Within the process: no more memory than a large photo needs, and no dump of it."""
    with contextlib.suppress(ImportError, ValueError, OSError):  # of Unix alone
        import resource

        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
        resource.setrlimit(resource.RLIMIT_AS, (_MEMORY, _MEMORY))


def bound_time(seconds: float) -> None:
    """Within the process: no more than so many seconds of the processor from now on, rounded up."""
    with contextlib.suppress(ImportError, ValueError, OSError):
        import resource

        limit = math.ceil(time.process_time() + seconds)
        resource.setrlimit(resource.RLIMIT_CPU, (limit, resource.getrlimit(resource.RLIMIT_CPU)[1]))
