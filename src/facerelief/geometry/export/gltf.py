"""Binary glTF 2.0 (.glb) with textures and morph targets.

Specification: Khronos, glTF 2.0, https://registry.khronos.org/glTF/specs/2.0/glTF-2.0.html. Names of morph targets are
in `extras.targetNames` of a mesh, where all importers look for them.
"""

import json
import struct
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from facerelief import __version__
from facerelief.array_types import Float32, Int64

_MAGIC, _VERSION, _JSON, _BINARY = 0x46546C67, 2, 0x4E4F534A, 0x004E4942
_FLOAT, _UINT16, _UINT32 = 5126, 5123, 5125
_VERTICES, _INDICES = 34962, 34963  # what a part of the buffer is for
_LINEAR, _MIPMAPS, _CLAMP = 9729, 9987, 33071  # of a sampler
_UNLIT = "KHR_materials_unlit"
_DARK = [0.02, 0.004, 0.004, 1.0]  # linear RGB and alpha


@dataclass(frozen=True, eq=False)
class TexturedMesh:
    """A mesh in the frame of glTF: metres, x right, y up, +z towards the viewer.

    Attributes:
        vertices: (V, 3).
        normals: (V, 3), unit.
        uv: (V, 2), places in the texture: 0 to 1, right and down.
        triangles: (T, 3), counter-clockwise seen from outside.
        targets: Displacements (V, 3) of morph targets at weight 1, by name.
        texture: A JPEG file, sRGB.
        dark: (D, 3), further triangles, with a dark red in place of the texture: the inside of a mouth.
    """

    vertices: Float32
    normals: Float32
    uv: Float32
    triangles: Int64
    targets: Mapping[str, Float32]
    texture: bytes
    dark: Int64


def encode_glb(meshes: Mapping[str, TexturedMesh], apart: float = 0.0, comment: str = "") -> bytes:
    """Encode meshes as one binary glTF file.

    The texture is shown as it is, without lights (`KHR_materials_unlit`): a photo has its own.

    Args:
        meshes: By name. Equal parts, such as morph targets of the same shape, are stored once.
        apart: From each mesh to the next along x, in metres.
        comment: Stored with the file's facts, in `asset.extras.comment`.

    Returns:
        The file's bytes.

    Example:
        >>> import numpy as np
        >>> corner = np.array([(0, 0, 0), (1, 0, 0), (0, 1, 0)], np.float32)
        >>> front, none = np.float32([(0, 0, 1)] * 3), np.zeros((3, 3), np.float32)
        >>> triangles = np.array([(0, 1, 2)])
        >>> mesh = TexturedMesh(corner, front, corner[:, :2], triangles, {"open": none}, b"JPEG", triangles[:0])
        >>> encode_glb({"triangle": mesh})[:4]
        b'glTF'
    """
    parts = _Parts()
    scene: dict[str, Any] = {
        "asset": {"version": "2.0", "generator": f"facerelief {__version__}"},
        "scene": 0,
        "scenes": [{"nodes": [*range(len(meshes))]}],
        "nodes": [{"name": name, "mesh": k, "translation": [k * apart, 0.0, 0.0]} for k, name in enumerate(meshes)],
        "meshes": [_mesh(parts, name, mesh, (k, len(meshes))) for k, (name, mesh) in enumerate(meshes.items())],
        "materials": [*(_material(name, {"baseColorTexture": {"index": k}}) for k, name in enumerate(meshes))],
        "textures": [{"sampler": 0, "source": k} for k in range(len(meshes))],
        "samplers": [{"magFilter": _LINEAR, "minFilter": _MIPMAPS, "wrapS": _CLAMP, "wrapT": _CLAMP}],
        "images": [{"bufferView": parts.view(mesh.texture), "mimeType": "image/jpeg"} for mesh in meshes.values()],
        "extensionsUsed": [_UNLIT],
    }
    if any(len(mesh.dark) for mesh in meshes.values()):
        scene["materials"].append(_material("mouth", {"baseColorFactor": _DARK}))
    if comment:
        scene["asset"]["extras"] = {"comment": comment}
    scene |= {"accessors": parts.accessors, "bufferViews": parts.views, "buffers": [{"byteLength": len(parts.data)}]}
    return _container(scene, parts.data)


def _mesh(parts: "_Parts", name: str, mesh: TexturedMesh, materials: tuple[int, int]) -> dict[str, Any]:
    """A mesh; materials: the numbers of the textured one and of the dark one."""
    attributes = {
        "POSITION": parts.accessor(mesh.vertices, bounds=True),
        "NORMAL": parts.accessor(mesh.normals),
        "TEXCOORD_0": parts.accessor(mesh.uv),
    }
    targets = [{"POSITION": parts.accessor(moved, bounds=True)} for moved in mesh.targets.values()]
    primitives = [
        {
            "attributes": attributes,
            "indices": parts.indices(triangles, len(mesh.vertices)),
            "material": material,
            "targets": targets,
        }
        for triangles, material in zip((mesh.triangles, mesh.dark), materials, strict=True)
        if len(triangles)
    ]
    names = list(mesh.targets)
    return {"name": name, "primitives": primitives, "weights": [0.0] * len(names), "extras": {"targetNames": names}}


def _material(name: str, colour: Mapping[str, Any]) -> dict[str, Any]:
    surface = {**colour, "metallicFactor": 0, "roughnessFactor": 1}
    return {"name": name, "pbrMetallicRoughness": surface, "extensions": {_UNLIT: {}}}


@dataclass
class _Parts:
    """The buffer of a file and its parts, each stored once."""

    data: bytearray = field(default_factory=bytearray)
    views: list[dict[str, Any]] = field(default_factory=list)
    accessors: list[dict[str, Any]] = field(default_factory=list)
    stored: dict[bytes, int] = field(default_factory=dict)  # by content, the accessor

    def view(self, content: bytes, target: int | None = None) -> int:
        """Append a part; returns its number."""
        self.data += bytes(-len(self.data) % 4)  # floats must be aligned
        view = {"buffer": 0, "byteOffset": len(self.data), "byteLength": len(content)}
        self.views.append(view | ({"target": target} if target else {}))
        self.data += content
        return len(self.views) - 1

    def accessor(self, values: Float32, bounds: bool = False) -> int:
        """Append vectors (V, 2 or 3); returns the accessor's number. bounds: with the smallest and largest of each."""
        facts: dict[str, Any] = {"componentType": _FLOAT, "count": len(values), "type": f"VEC{values.shape[1]}"}
        if bounds:
            facts |= {"min": values.min(axis=0).tolist(), "max": values.max(axis=0).tolist()}
        return self._stored(values.astype("<f4").tobytes(), facts, _VERTICES)

    def indices(self, triangles: Int64, vertices: int) -> int:
        """Append triangles (T, 3) of so many vertices; returns the accessor's number."""
        short = vertices < 0xFFFF  # the last number means the end of a strip
        facts = {"componentType": _UINT16 if short else _UINT32, "count": triangles.size, "type": "SCALAR"}
        return self._stored(triangles.astype("<u2" if short else "<u4").tobytes(), facts, _INDICES)

    def _stored(self, content: bytes, facts: dict[str, Any], target: int) -> int:
        key = json.dumps(facts).encode() + content
        if key not in self.stored:
            self.accessors.append({"bufferView": self.view(content, target), **facts})
            self.stored[key] = len(self.accessors) - 1
        return self.stored[key]


def _container(scene: Mapping[str, Any], binary: bytes | bytearray) -> bytes:
    """The header and the two chunks, each padded to four bytes."""
    text = json.dumps(scene, separators=(",", ":"), allow_nan=False).encode()
    text, binary = text + b" " * (-len(text) % 4), bytes(binary) + bytes(-len(binary) % 4)
    length = 12 + 8 + len(text) + 8 + len(binary)
    head = struct.pack("<3I", _MAGIC, _VERSION, length)
    return head + struct.pack("<2I", len(text), _JSON) + text + struct.pack("<2I", len(binary), _BINARY) + binary
