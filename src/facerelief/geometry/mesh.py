"""A face as a triangle mesh in crop coordinates."""

from dataclasses import dataclass, field

import numpy as np

from facerelief.array_types import Floats, Int64
from facerelief.errors import DatasetError


def _no_triangles() -> Int64:
    return np.zeros((0, 3), dtype=np.int64)


@dataclass(frozen=True)
class FaceMesh:
    """A triangle mesh.

    Attributes:
        vertices: (V, 3), crop pixels, x right, y down, +z towards the viewer.
        triangles: (T, 3), counter-clockwise seen from outside with y up.
        closing: (C, 3), further triangles that close holes (eyes): their pixels count as interpolated.
        residual: Of a fitted mesh, root mean square distance from the landmarks, in inter-ocular distances.

    Raises:
        DatasetError: Shapes are others, a vertex is not finite, or a triangle names a vertex that is not there.
    """

    vertices: Floats
    triangles: Int64
    closing: Int64 = field(default_factory=_no_triangles)
    residual: float | None = None

    def __post_init__(self) -> None:
        if self.vertices.ndim != 2 or self.vertices.shape[1] != 3 or not np.isfinite(self.vertices).all():
            raise DatasetError("a mesh needs finite vertices (V, 3); export it again")
        for triangles in (self.triangles, self.closing):
            if triangles.ndim != 2 or triangles.shape[1] != 3:
                raise DatasetError("a mesh needs triangles (T, 3); triangulate it before export")
            if triangles.size and (triangles.min() < 0 or triangles.max() >= len(self.vertices)):
                raise DatasetError("a mesh's triangle names a vertex that it does not have; export it again")

    @property
    def surface(self) -> Int64:
        """All triangles, the closing ones last, (T + C, 3)."""
        return np.concatenate([self.triangles, self.closing])


def vertex_normals(vertices: Floats, triangles: Int64) -> Floats:
    """Area-weighted unit normals in the camera frame: x right, y up, +z towards the viewer.

    Args:
        vertices: (V, 3), y down, as pixels have it.
        triangles: (T, 3), as in `FaceMesh`.

    Returns:
        (V, 3); of a vertex of no triangle (0, 0, 1).

    Example:
        >>> import numpy as np
        >>> vertex_normals(np.array([(0, 0, 0), (0, 2, 0), (2, 0, 0.0)]), np.array([(0, 1, 2)]))[0]
        array([0., 0., 1.])
    """
    right_handed = vertices * (1, -1, 1)
    a, b, c = (right_handed[triangles[:, k]] for k in range(3))
    faces = np.cross(b - a, c - a)
    sums = np.stack(
        [np.bincount(triangles.ravel(), np.repeat(faces[:, k], 3), len(vertices)) for k in range(3)], axis=1
    )
    lengths = np.linalg.norm(sums, axis=1, keepdims=True)
    return np.where(lengths > 0, sums / np.maximum(lengths, 1e-30), (0.0, 0.0, 1.0))
