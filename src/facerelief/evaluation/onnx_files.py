"""ONNX files that somebody else may have made: read from memory, tried in a process of its own, ended when they hang.

A file is data, but it can name other files, hold loops without end, and ask for any amount of memory.
"""

import contextlib
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from facerelief.errors import CheckpointError, MissingExtra, one_line
from facerelief.files import read_file
from facerelief.processes.pool import WorkerLost, run_in_process

_LARGEST = 1_000_000_000  # bytes of a file
LARGEST_SIDE = 1024  # pixels of its images
MEMORY = 8 << 30  # bytes that the trial may take
SECONDS = 120.0  # that the trial, or the vectors of some images, may take
LARGEST_BATCH = 1024  # images that it takes at once
# Fields of ONNX's messages that lead to tensors, by number, and those of a tensor that say that it is elsewhere.
_PARTS = {
    "model": {7: "graph", 20: "training", 25: "function"},
    "training": {1: "graph", 2: "graph"},
    "graph": {1: "node", 5: "tensor", 15: "sparse"},
    "function": {7: "node", 11: "attribute"},
    "node": {5: "attribute"},
    "attribute": {5: "tensor", 6: "graph", 10: "tensor", 11: "graph", 22: "sparse", 23: "sparse"},
    "sparse": {1: "tensor", 2: "tensor"},
}
_ELSEWHERE = (13, 14)  # external_data, data_location


class OnnxNetwork:
    """A network from a file, from images float32 (N, 3, S, S) to its first output.

    Attributes:
        path: The file.
        side: The S that the file fixes, or None.
    """

    def __init__(self, path: Path) -> None:
        """Raises `CheckpointError` for a file that is no such network, `MissingExtra` without onnxruntime."""
        self.path = path
        self._session = _session(path, _read(path))
        first = self._session.get_inputs()[0]
        self._name, shape = first.name, first.shape
        self.side = shape[-1] if shape and isinstance(shape[-1], int) else None
        if self.side is not None and not 1 <= self.side <= LARGEST_SIDE:
            raise CheckpointError(
                f"{path} takes images of {self.side} px, of {LARGEST_SIDE} at most; bring another file"
            )
        self._batch: int | None = shape[0] if shape and isinstance(shape[0], int) and shape[0] > 0 else None
        if (self._batch or 0) > LARGEST_BATCH:
            raise CheckpointError(
                f"{path} takes {self._batch} images at once, of {LARGEST_BATCH} at most; bring another file"
            )

    def __call__(self, pixels: np.ndarray) -> np.ndarray:
        """Raises whatever onnxruntime raises, also where it takes longer than `SECONDS`."""
        import onnxruntime

        step, options = self._batch or max(1, len(pixels)), onnxruntime.RunOptions()
        clock = threading.Timer(SECONDS, lambda: setattr(options, "terminate", True))
        clock.daemon = True
        clock.start()
        try:
            parts = (pixels[k : k + step] for k in range(0, len(pixels), step))
            found = [
                self._session.run(None, {self._name: _filled(part, step)}, options)[0][: len(part)] for part in parts
            ]
        finally:
            clock.cancel()
        return np.concatenate(found)


def _filled(part: np.ndarray, count: int) -> np.ndarray:
    """Images with the last repeated up to a count: some networks take no fewer."""
    return np.concatenate([part, np.repeat(part[-1:], count - len(part), axis=0)])


def load_onnx_network(path: Path, size: int | None) -> OnnxNetwork:
    """Load a network, after a trial in a separate process with limits on time and memory.

    Args:
        path: The file.
        size: Side in pixels of the images of the trial; by default the file's, else 112.

    Raises:
        CheckpointError: It is no such network, or exceeds a limit.
        MissingExtra: onnxruntime is missing.
    """
    try:
        problem = run_in_process(_Trial, (MEMORY,), (path, size), SECONDS)
    except WorkerLost as reason:
        raise CheckpointError(
            f"{path} was not done with two images in {SECONDS:g} s and {MEMORY >> 30} GiB; bring another file"
        ) from reason
    if problem:
        raise problem
    return OnnxNetwork(path)


class _Trial:
    """Loads a network and runs it once; gives the error of one that cannot be loaded. memory: bytes, at most."""

    def __init__(self, memory: int) -> None:
        if sys.platform == "win32":  # which has no such limit
            return
        import resource

        with contextlib.suppress(ValueError, OSError):  # macOS refuses some limits
            hard = resource.getrlimit(resource.RLIMIT_AS)[1]
            most = memory if hard == resource.RLIM_INFINITY else min(memory, hard)
            resource.setrlimit(resource.RLIMIT_AS, (most, most))

    def __call__(self, job: tuple[Path, int | None]) -> Exception | None:
        path, size = job
        try:
            network = OnnxNetwork(path)
        except (CheckpointError, MissingExtra) as reason:
            return reason
        side = size or network.side or 112
        try:
            network(np.zeros((2, 3, side, side), np.float32))
        except Exception as reason:  # whatever a foreign file raises; that it does not fit is said by who asked for it
            return CheckpointError(f"{path} is too large") if "alloc" in str(reason).lower() else None
        return None


def _read(path: Path) -> bytes:
    try:
        data = read_file(path, _LARGEST)
    except OSError as reason:
        raise CheckpointError(f"{path} cannot be read ({reason.strerror}); name another file") from reason
    if b"location" in data and _is_elsewhere(data):
        raise CheckpointError(f"{path} keeps numbers in other files, which are not read; save it as one file")
    return data


def _is_elsewhere(data: bytes) -> bool:
    """Whether a tensor of a model is kept in another file; also where the model cannot be followed."""
    open_parts = [("model", memoryview(data))]
    try:
        while open_parts:
            kind, part = open_parts.pop()
            for number, content in _fields(part):
                if kind == "tensor" and number in _ELSEWHERE:
                    return True
                if content is not None and (below := _PARTS.get(kind, {}).get(number)):
                    open_parts.append((below, content))
    except (ValueError, IndexError):
        return True
    return False


def _fields(part: memoryview) -> Iterator[tuple[int, memoryview | None]]:
    """The fields of a message as protobuf writes it: number, and content where it has a length of its own."""
    at = 0
    while at < len(part):
        tag, at = _number(part, at)
        kind, content = tag & 7, None
        if kind == 2:
            size, at = _number(part, at)
            content, at = part[at : at + size], at + size
        elif kind == 0:
            _, at = _number(part, at)
        elif kind in (1, 5):
            at += 8 if kind == 1 else 4
        else:
            raise ValueError("a group, which ONNX has none of")
        yield tag >> 3 & 0x1FFFFFFF, content


def _number(part: memoryview, at: int) -> tuple[int, int]:
    """A number of up to ten bytes, and where it ends."""
    value = 0
    for place in range(10):
        byte = part[at + place]
        value |= (byte & 127) << 7 * place
        if byte < 128:
            return value, at + place + 1
    raise ValueError("a number without end")


def _session(path: Path, data: bytes) -> Any:
    try:
        import onnxruntime
    except ImportError as reason:
        raise MissingExtra("onnxruntime", "eval") from reason
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 4  # what is wrong is in the exception
    try:
        session = onnxruntime.InferenceSession(data, options, providers=["CPUExecutionProvider"])
        if not session.get_inputs() or not session.get_outputs():
            raise ValueError("it takes or gives nothing")
    except Exception as reason:  # onnxruntime raises classes of its own making
        raise CheckpointError(f"{path} is no ONNX network ({one_line(reason)}); get the file again") from reason
    return session
