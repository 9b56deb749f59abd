"""Decoding in an isolated process (`processes.isolated`), for formats whose cost cannot be checked beforehand.

The process answers with a line of JSON, then the pixels and blocks whose sizes the line gives.
"""

import contextlib
import io
import json
import sys
from typing import BinaryIO

import numpy as np

from facerelief.errors import PhotoError
from facerelief.photos.decoding import Decoded, decode
from facerelief.photos.provenance.xmp import EditMark
from facerelief.processes.isolated import ChildFailed, ChildTimeout, limit_cpu_time, limit_memory, run_child

DECODE_SECONDS = 300.0  # wall clock, on a busy machine
_START_S, _PER_MEGAPIXEL_S = 8, 0.25  # CPU time


def decode_isolated(data: bytes, name: str, max_pixels: int, seconds: float = DECODE_SECONDS) -> Decoded:
    """`decode` with bounded time and memory.

    Args:
        data: The file's bytes.
        name: For messages.
        max_pixels: The limit.
        seconds: Wall clock, after which the process is killed.

    Raises:
        PhotoError: As `decode`, or time or memory ran out.
    """
    try:
        answer = run_child(f"facerelief.photos.isolated_decoding:decode_child({max_pixels})", data, name, seconds)
    except (ChildFailed, ChildTimeout) as reason:
        raise PhotoError(str(reason)) from reason
    return _unpacked(io.BytesIO(answer), name)


def decode_child(max_pixels: int) -> None:
    """Run in the isolated process."""
    _bound_threads()
    limit_memory()
    _bound_time(0)
    try:
        _pack(decode(sys.stdin.buffer.read(), "", max_pixels, _bound_time), sys.stdout.buffer)
    except PhotoError as reason:
        sys.stdout.buffer.write(json.dumps({"error": str(reason)}).encode() + b"\n")


def _bound_threads() -> None:
    with contextlib.suppress(ImportError):
        from PIL import AvifImagePlugin

        AvifImagePlugin.DEFAULT_MAX_THREADS = 4  # otherwise one per core, each with its own memory


def _bound_time(pixels: int) -> None:
    limit_cpu_time(_START_S + pixels / 1e6 * _PER_MEGAPIXEL_S)


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
