"""Work on an untrusted file in an isolated process with bounded time and memory.

The process reads the file from standard input and answers on standard output. Output of libraries is discarded, and
their crashes end only that process.
"""

import contextlib
import math
import multiprocessing.spawn
import os
import signal
import subprocess
import sys
import time

from facerelief.errors import FacereliefError

_MEMORY = 6 * 2**30  # bytes of address space; a photo of 100 megapixels in floating point takes four


class ChildTimeout(FacereliefError):
    """The process did not finish in time."""


class ChildFailed(FacereliefError):
    """The process died: out of memory or CPU time, or by a crash."""


def run_child(call: str, data: bytes, name: str, seconds: float) -> bytes:
    """Run a function in an isolated process.

    Args:
        call: "module:function(arguments)".
        data: Its standard input.
        name: Of the file, for messages.
        seconds: Wall clock.

    Returns:
        Its standard output.

    Raises:
        ChildTimeout, ChildFailed: See there.
        FacereliefError: The process cannot be started.
    """
    module, _, function = call.partition(":")
    path = [place for place in sys.path if place]
    code = f"import sys; sys.path[:] = {path!r}; import {module} as work; work.{function}"
    command = [multiprocessing.spawn.get_executable(), "-c", code]
    try:
        done = subprocess.run(
            command,
            input=data,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            timeout=max(seconds, 0),
            check=False,
            env=os.environ | {"OPENBLAS_NUM_THREADS": "1"},  # which reserves address space for each core
        )
    except subprocess.TimeoutExpired as reason:
        raise ChildTimeout(_too_long(name)) from reason
    except OSError as reason:
        raise FacereliefError(
            f"{name} cannot be read: the process did not start ({reason.strerror}); try again"
        ) from reason
    if done.returncode < 0 and -done.returncode == getattr(signal, "SIGXCPU", None):  # Windows has no such signal
        raise ChildFailed(_too_long(name))
    if done.returncode:
        raise ChildFailed(f"{name} is damaged, or does not fit into memory; save it again with another program")
    return done.stdout


def _too_long(name: str) -> str:
    return f"{name} takes too long to read; save it again as JPEG or PNG"


def limit_memory() -> None:
    """In the process: limit memory to what a large photo needs, and write no core dump."""
    if sys.platform == "win32":  # which has no such limits
        return
    import resource

    with contextlib.suppress(ValueError, OSError):  # macOS refuses some limits
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
        resource.setrlimit(resource.RLIMIT_AS, (_MEMORY, _MEMORY))


def limit_cpu_time(seconds: float) -> None:
    """In the process: limit CPU time from now on, rounded up to seconds."""
    if sys.platform == "win32":
        return
    import resource

    with contextlib.suppress(ValueError, OSError):
        limit = math.ceil(time.process_time() + seconds)
        resource.setrlimit(resource.RLIMIT_CPU, (limit, resource.getrlimit(resource.RLIMIT_CPU)[1]))
