"""The inside of a mouth as geometry: upper teeth fixed to the skull, lower teeth and tongue that go with the jaw.

Made from ICT-FaceKit's head (Li et al., Learning Formation of Physically-Based Face Attributes, CVPR 2020; MIT licence)
by `facerelief morphable mouth`.
"""

import functools
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from facerelief.array_types import Float32, Floats, Int64
from facerelief.checkpoint import half, load_checkpoint, save_checkpoint
from facerelief.errors import CheckpointError
from facerelief.files import packaged_file

MOUTH_FILE = "mouth.safetensors"  # in its folder
_MOST_VERTICES = 20_000


@dataclass(frozen=True, eq=False)
class MouthModel:
    """Teeth, gums and tongue with the jaws closed, in the frame of the morphable model's mean face.

    Attributes:
        vertices: (V, 3), inter-ocular distances from the point between the eyes, y down, +z to the viewer.
        normals: (V, 3), unit.
        triangles: (T, 3), wound as the face's.
        jaw: (V,), share of the jaw's motion in the vertex's: 0 on upper teeth, 1 on lower ones.
        tooth: (V,), 1 on teeth, 0 on gums and tongue.
        exposure: (V,), share of light from the front that its own jaw's teeth and gums leave to it.
        hinge: (2,), y and z of the axis, from left to right, that the jaw turns about.
        lips: (2, 3), the corners of the closed mouth that the model fits into, left and right.
        turn: Radians that the jaw turns as the chin drops by an inter-ocular distance.
    """

    vertices: Float32
    normals: Float32
    triangles: Int64
    jaw: Float32
    tooth: Float32
    exposure: Float32
    hinge: Float32
    lips: Float32
    turn: float

    def opened(self, drop: float) -> tuple[Floats, Floats]:
        """Vertices and normals, (V, 3) each, with the jaw opened.

        Args:
            drop: By how much the chin is lower than with closed jaws, in inter-ocular distances.
        """
        angle = self.turn * max(0.0, drop)
        cos, sin = np.cos(angle), np.sin(angle)
        rotation = np.array([(1, 0, 0), (0, cos, sin), (0, -sin, cos)])
        hinge = np.array([0.0, *self.hinge])
        share = self.jaw[:, None]
        vertices = self.vertices + share * ((self.vertices - hinge) @ rotation.T + hinge - self.vertices)
        normals = self.normals + share * (self.normals @ rotation.T - self.normals)
        return vertices, normals

    def fitted(self, corners: Floats) -> tuple[Floats, Floats]:
        """A scale and a shift, (3,) each, that bring vertices into a closed mouth with corners (2, 3)."""
        breadths = [float(np.linalg.norm(pair[1] - pair[0])) for pair in (corners, self.lips)]
        return np.array([np.sqrt(breadths[0] / breadths[1]), 1, 1]), (corners - self.lips).mean(axis=0) * (0, 1, 1)


_PARTS = ("vertices", "normals", "jaw", "tooth", "exposure", "hinge", "lips")


def save_mouth(path: Path, mouth: MouthModel, facts: dict[str, Any]) -> None:
    """Write a mouth model, in half precision.

    Args:
        path: The file.
        mouth: The model.
        facts: What the file records of its source; JSON.
    """
    tensors = half({name: np.asarray(getattr(mouth, name)) for name in _PARTS})
    tensors["triangles"] = mouth.triangles.astype(np.int32)
    save_checkpoint(path, "mouth", tensors, facts | {"turn": mouth.turn})


@functools.lru_cache(maxsize=2)
def load_mouth(path: Path | None = None) -> MouthModel:
    """Load a mouth model; it is kept in memory.

    Args:
        path: The file; by default the package's own.

    Raises:
        CheckpointError: It is absent, damaged or of another version.

    Example:
        >>> mouth = load_mouth()
        >>> lower = mouth.jaw > 0.99
        >>> vertices, _ = mouth.opened(0.2)
        >>> bool((vertices[lower, 1] > mouth.vertices[lower, 1]).all())
        True
    """
    saved = load_checkpoint(path or packaged_file("weights", "mouth", MOUTH_FILE), "mouth")
    count = saved.specs["vertices"].shape[0] if "vertices" in saved.specs and saved.specs["vertices"].shape else 0
    wanted = dict.fromkeys(("vertices", "normals"), (count, 3)) | dict.fromkeys(("jaw", "tooth", "exposure"), (count,))
    for name, shape in (wanted | {"hinge": (2,), "lips": (2, 3)}).items():
        if name not in saved.specs or saved.specs[name].shape != shape or not 0 < count <= _MOST_VERTICES:
            raise CheckpointError(f"{saved.path}: {name} does not fit; get the file again")
    if "triangles" not in saved.specs or saved.specs["triangles"].shape[1:] != (3,):
        raise CheckpointError(f"{saved.path}: triangles does not fit; get the file again")
    triangles = saved.read("triangles", "I32").astype(np.int64)
    if triangles.size and not 0 <= triangles.min() <= triangles.max() < count:
        raise CheckpointError(f"{saved.path}: triangles name vertices that are not there; get the file again")
    parts = {name: saved.read(name) for name in _PARTS}
    return MouthModel(triangles=triangles, turn=float(saved.fact("turn", float)), **parts)
