"""The networks that find faces and their landmarks, run by ONNX Runtime on one core."""

import functools
import importlib
import os
from collections.abc import Mapping
from typing import Any

from facerelief.array_types import Float32, UInt8
from facerelief.errors import CheckpointError, FacereliefError
from facerelief.files import sha256
from facerelief.files.packaged import packaged_file

FOLDER = ("weights", "landmarks")  # in the package
SHORT_RANGE, FULL_RANGE, FACE_MESH = "blazeface-short-range.onnx", "blazeface-full-range.onnx", "face-mesh.onnx"
CHECKSUMS: Mapping[str, str] = {  # SHA-256
    SHORT_RANGE: "e69d342c067baeeda1e29e638478fbe1cf97b9b7849b64f813095a866aa0b8ba",
    FULL_RANGE: "2035d22abdb1bf8bdd60273ac1fcae5e8497d5542ad946af7162993d58b33bff",
    FACE_MESH: "54305c0f48e89e25b4bb2eed51b239a45ea0ad2556003a91eec3b5af5bf0630d",
}


class FaceNetwork:
    """A network of the package: pictures in, numbers out. Thread-safe."""

    def __init__(self, name: str) -> None:
        """Load a network.

        Args:
            name: Of its file, e.g. `FACE_MESH`.

        Raises:
            CheckpointError: The file is missing or is not the one that this version carries.
            FacereliefError: ONNX Runtime does not load.
        """
        path = packaged_file(*FOLDER, name)
        if not path.is_file():
            raise CheckpointError(f"no face model at {path}; reinstall facerelief")
        if sha256(path) != CHECKSUMS[name]:
            raise CheckpointError(f"{path} is damaged or of another version; reinstall facerelief")
        onnxruntime = import_onnxruntime()
        options: Any = onnxruntime.SessionOptions()
        # Networks of a millisecond: to wake a second thread costs as much as it saves, and one thread can be forked.
        options.intra_op_num_threads = options.inter_op_num_threads = 1
        options.log_severity_level = 3
        self._session = onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])

    def __call__(self, pictures: UInt8) -> list[Float32]:
        """Run it.

        Args:
            pictures: (N, side, side, 3) of the network's side.

        Returns:
            Detectors: (N, boxes, 16) and (N, boxes); the face mesh: (N, 468, 3) and (N,).
        """
        found: list[Float32] = self._session.run(None, {"image": pictures})
        return found


def import_onnxruntime() -> Any:
    """The package onnxruntime. Raises `FacereliefError` where it does not load."""
    try:
        return importlib.import_module("onnxruntime")
    except ImportError as reason:
        detail = " ".join(str(reason).replace(";", ",").split())
        raise FacereliefError(
            f"onnxruntime does not load ({detail}); pip install --force-reinstall onnxruntime"
        ) from reason


def load_network(name: str) -> FaceNetwork:
    """A network of the package, loaded once a process; see `FaceNetwork`."""
    return _loaded(name, os.getpid())


@functools.cache
def _loaded(name: str, process: int) -> FaceNetwork:
    """A forked process loads its own: what it inherits may have been in use by a thread that was not forked."""
    return FaceNetwork(name)
