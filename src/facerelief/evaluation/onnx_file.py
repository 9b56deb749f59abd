"""ONNX files that somebody else may have made: read from memory, tried in a process of its own, ended when they hang.

A file is data, but it can name other files, hold loops without end, and ask for any amount of memory.
"""

import re
import threading
from pathlib import Path
from typing import Any

import numpy as np

from facerelief.data.workers import WorkerLost, alone
from facerelief.errors import CheckpointError, MissingExtra
from facerelief.files import read_file

LARGEST = 1_000_000_000  # bytes of a file
LARGEST_SIDE = 1024  # pixels of its images
MEMORY = 8 << 30  # bytes that the trial may take
SECONDS = 120.0  # that the trial, or the vectors of some images, may take
# The key of a tensor's file elsewhere, as protobuf writes it: its length, which has several forms, and its letters.
_ELSEWHERE = re.compile(rb"(?:\x08|\x88\x80*\x00)location")


class OnnxNetwork:
    """A network from a file, images float32 (N, 3, S, S) to what it gives first.

    side: the S that the file fixes, or None.
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
        self._batch = shape[0] if shape and isinstance(shape[0], int) and shape[0] > 0 else None

    def __call__(self, pixels: np.ndarray) -> np.ndarray:
        """Raises whatever onnxruntime raises, also where it takes longer than `SECONDS`."""
        import onnxruntime

        step, options = self._batch or max(1, len(pixels)), onnxruntime.RunOptions()
        clock = threading.Timer(SECONDS, lambda: setattr(options, "terminate", True))
        clock.daemon = True
        clock.start()
        try:
            parts = range(0, len(pixels), step)
            found = [self._session.run(None, {self._name: pixels[k : k + step]}, options)[0] for k in parts]
        finally:
            clock.cancel()
        return np.concatenate(found)


def load_onnx_network(path: Path, size: int | None) -> OnnxNetwork:
    """A network that has shown in a process of its own that it ends, in bounded memory.

    size: of the images that it is tried with where the file fixes none, by default 112. Raises as `OnnxNetwork`, and
    `CheckpointError` where it does not end.
    """
    _read(path)
    try:
        problem = alone(_Trial, (MEMORY,), (path, size), SECONDS)
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
        import resource  # of Unix alone

        resource.setrlimit(resource.RLIMIT_AS, (memory, memory))

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
        data = read_file(path, LARGEST)
    except OSError as reason:
        raise CheckpointError(f"{path} cannot be read ({reason.strerror}); name another file") from reason
    if _ELSEWHERE.search(data):
        raise CheckpointError(f"{path} keeps numbers in other files, which are not read; save it as one file")
    return data


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
        lines = str(reason).strip().splitlines() or [type(reason).__name__]
        raise CheckpointError(f"{path} is no ONNX network ({lines[0][:200]}); get the file again") from reason
    return session
