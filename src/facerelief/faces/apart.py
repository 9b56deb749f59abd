"""Decoding in a process of its own, which can be ended: for kinds of files whose work cannot be known beforehand.

The process is `child` of this module. It is given the file on its standard input, sets limits to its own processor time
and memory, and answers on its standard output: a line of JSON, then the pixels and blocks that the line counts. What
libraries print goes nowhere, and where one of them crashes, that process alone ends.
"""

import contextlib
import io
import json
import multiprocessing.spawn
import subprocess
import sys
from typing import BinaryIO

import numpy as np

from facerelief.errors import FacereliefError, PhotoError
from facerelief.faces.decode import Decoded, decode
from facerelief.faces.mark import EditMark

SECONDS = 300.0  # of the clock, on a busy machine; a caller may give less
_START_S, _PER_MEGAPIXEL_S = 8, 0.25  # of the processor
_MEMORY = 6 * 2**30  # bytes of addresses; a photo of 100 megapixels in floating point takes four
_CODE = "import sys; sys.path[:] = {path!r}; from facerelief.faces.apart import child; child({pixels})"


def decode_apart(data: bytes, name: str, max_pixels: int, seconds: float = SECONDS) -> Decoded:
    """As `decode`, within bounded time and memory. seconds: after which the process is killed.

    Raises `PhotoError` as `decode`, and where time or memory do not suffice.
    """
    code = _CODE.format(path=[place for place in sys.path if place], pixels=max_pixels)
    call = [multiprocessing.spawn.get_executable(), "-c", code]
    try:
        done = subprocess.run(
            call, input=data, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, timeout=max(seconds, 0), check=False
        )
    except subprocess.TimeoutExpired as reason:
        raise PhotoError(_too_long(name)) from reason
    except OSError as reason:
        raise FacereliefError(f"{name} cannot be read: no process to do it ({reason.strerror}); try again") from reason
    if done.returncode:
        slow = done.returncode == -_signal("SIGXCPU")
        raise PhotoError(_too_long(name) if slow else f"{name} is damaged, or does not fit into memory; save it anew")
    return _unpacked(io.BytesIO(done.stdout), name)


def _too_long(name: str) -> str:
    return f"{name} takes too long to read; save it anew as JPEG or PNG"


def _signal(name: str) -> int:
    import signal

    return int(getattr(signal, name, 0))


def child(max_pixels: int) -> None:
    """What the process does."""
    _bound_threads()
    with contextlib.suppress(ImportError, ValueError, OSError):  # of Unix alone
        import resource

        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
        resource.setrlimit(resource.RLIMIT_AS, (_MEMORY, _MEMORY))
    _bound_time(0)
    try:
        _pack(decode(sys.stdin.buffer.read(), "", max_pixels, _bound_time), sys.stdout.buffer)
    except PhotoError as reason:
        sys.stdout.buffer.write(json.dumps({"error": str(reason)}).encode() + b"\n")


def _bound_threads() -> None:
    with contextlib.suppress(ImportError):
        from PIL import AvifImagePlugin

        AvifImagePlugin.DEFAULT_MAX_THREADS = 4  # one a core otherwise, with memory of its own each


def _bound_time(pixels: int) -> None:
    with contextlib.suppress(ImportError, ValueError, OSError):
        import resource

        seconds = round(_START_S + pixels / 1e6 * _PER_MEGAPIXEL_S)
        resource.setrlimit(resource.RLIMIT_CPU, (seconds, resource.getrlimit(resource.RLIMIT_CPU)[1]))


def _pack(found: Decoded, out: BinaryIO) -> None:
    cover = None if found.alpha is None else np.ascontiguousarray(found.alpha).data
    blocks = [np.ascontiguousarray(found.rgb).data, cover, *map(_view, (found.icc, found.exif))]
    mark = [found.mark.tool, found.mark.description] if found.mark else None
    facts = {"format": found.format, "notes": found.notes, "mark": mark, "shape": found.rgb.shape}
    sizes = [None if block is None else block.nbytes for block in blocks]
    out.write(json.dumps({**facts, "sizes": sizes}).encode() + b"\n")
    for block in blocks:
        out.write(b"" if block is None else block)


def _view(block: bytes | None) -> memoryview | None:
    return None if block is None else memoryview(block)


def _unpacked(answer: io.BytesIO, name: str) -> Decoded:
    facts = json.loads(answer.readline())
    if "error" in facts:
        raise PhotoError(f"{name}{facts['error']}")
    rgb, alpha, icc, exif = (None if size is None else answer.read(size) for size in facts["sizes"])
    shape = facts["shape"]
    pixels = np.frombuffer(bytearray(rgb or b""), np.uint8).reshape(shape)
    cover = None if alpha is None else np.frombuffer(bytearray(alpha), np.uint8).reshape(shape[:2])
    mark = EditMark(*facts["mark"]) if facts["mark"] else None
    return Decoded(pixels, cover, icc, exif, facts["format"], tuple(facts["notes"]), mark)
