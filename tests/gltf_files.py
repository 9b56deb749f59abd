"""Reads .glb files by trimesh, which has no part in writing them; morph targets as meshes of their own."""

import json
import struct
from pathlib import Path
from typing import Any

import numpy as np
import pytest


def read_glb(data: bytes, folder: Path) -> dict[str, Any]:
    """trimesh's meshes by name; those of further materials have a number: `before_1`."""
    trimesh = pytest.importorskip("trimesh", reason="needs the extra meshes")
    path = folder / "read.glb"
    path.write_bytes(data)
    return dict(trimesh.load(path, process=False).geometry)


def chunks(data: bytes) -> tuple[dict[str, Any], bytes]:
    """The JSON and the buffer, by the specification's section 4.4: lengths add up, and all is aligned."""
    magic, version, length = struct.unpack_from("<4s2I", data)
    assert (magic, version, length) == (b"glTF", 2, len(data))
    size, kind = struct.unpack_from("<I4s", data, 12)
    assert kind == b"JSON" and size % 4 == 0
    more, binary = struct.unpack_from("<I4s", data, 20 + size)
    assert binary == b"BIN\0" and more % 4 == 0 and 28 + size + more == length
    return json.loads(data[20 : 20 + size]), data[28 + size :]


def read_target(data: bytes, mesh: str, target: str, folder: Path) -> np.ndarray:
    """Displacements (V, 3) of a morph target: trimesh reads them in place of the mesh's vertices."""
    scene, binary = chunks(data)
    for one in scene["meshes"]:
        number = one["extras"]["targetNames"].index(target)
        for primitive in one["primitives"]:
            primitive["attributes"]["POSITION"] = primitive["targets"][number]["POSITION"]
    text = json.dumps(scene).encode()
    text += b" " * (-len(text) % 4)
    head = struct.pack("<4s2I", b"glTF", 2, 28 + len(text) + len(binary))
    changed = head + struct.pack("<I4s", len(text), b"JSON") + text
    return np.asarray(read_glb(changed + struct.pack("<I4s", len(binary), b"BIN\0") + binary, folder)[mesh].vertices)
