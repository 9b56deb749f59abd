"""A photo's face as a dense mesh with the photo as its texture, and with ARKit's blendshapes."""

import functools

import numpy as np

from facerelief.array_types import Float32, Floats, Int64
from facerelief.geometry.export.arkit import ARKIT_NAMES, arkit_shapes
from facerelief.geometry.export.gltf import TexturedMesh
from facerelief.geometry.mesh import vertex_normals
from facerelief.geometry.morphable.action_units import Rig
from facerelief.geometry.subdivision import face_subdivision
from facerelief.geometry.transfer.lips import CLOSED_MOUTH, mouth_opening

INTER_OCULAR_METRES = 0.063  # of an average adult
_LEVELS = 2  # of subdivision: 7,152 vertices; more would only lengthen the file
_UPPER_LIP, _MOUTH_CORNERS = 13, (78, 308)  # the middle, from outside; inner lips


def textured_face(rig: Rig, points: Floats, places: Floats, texture: bytes) -> TexturedMesh:
    """The mesh of a face.

    Args:
        rig: The shapes that its morph targets are made of.
        points: (468, 3), the face in the frame of the morphable model, with its expression.
        places: (468, 2), where the texture shows these points: 0 to 1, right and down.
        texture: A JPEG file.

    Returns:
        The mesh, which looks along +z; the point between the eyes is the origin. Eyes and mouth are closed over, by
        triangles between the lids and between the lips. A shut mouth is dark inside; of an open one the texture shows
        the inside.

    Example:
        >>> from facerelief.geometry.morphable import load_face
        >>> model = load_face()
        >>> textured_face(model.rig, model.mean, model.mean[:, :2] / 3 + 0.4, b"JPEG").vertices.shape
        (7152, 3)
    """
    dense = face_subdivision(_LEVELS)
    fine, shapes, inside = dense(points), arkit_shapes(rig), _between_lips(_LEVELS)
    seen = inside if mouth_opening(places) > CLOSED_MOUTH else inside[:0]
    return TexturedMesh(
        vertices=_to_gltf(fine),
        normals=vertex_normals(fine, dense.triangles).astype(np.float32),
        uv=dense(places),
        triangles=np.concatenate([dense.triangles, seen]),
        targets={name: _to_gltf(dense(shape)) for name, shape in zip(ARKIT_NAMES, shapes, strict=True)},
        texture=texture,
        dark=inside[len(seen) :],
    )


def _to_gltf(points: Floats) -> Float32:
    """Points or displacements (N, 3) of the morphable model, which has y down, in metres."""
    return (points * (INTER_OCULAR_METRES * np.array((1, -1, 1)))).astype(np.float32)


@functools.cache
def _between_lips(levels: int) -> Int64:
    """Triangles across the mouth's opening of the subdivided face, a strip between the inner lips."""
    follows = _border(face_subdivision(levels).triangles)
    left, right = _MOUTH_CORNERS
    ring = [left]
    while (vertex := follows[ring[-1]]) != left:
        ring.append(vertex)
    turn = ring.index(right)
    one, other = ring[: turn + 1], [left, *reversed(ring[turn:])]
    upper, lower = (one, other) if _UPPER_LIP in one else (other, one)
    u, v = np.array(upper), np.array(lower)
    strip = np.concatenate([np.stack([u[:-1], v[:-1], v[1:]], 1), np.stack([u[:-1], v[1:], u[1:]], 1)])
    distinct = (strip[:, 0] != strip[:, 1]) & (strip[:, 1] != strip[:, 2]) & (strip[:, 2] != strip[:, 0])
    return strip[distinct]


def _border(triangles: Int64) -> dict[int, int]:
    """The next vertex along a border, for each vertex on one."""
    edges = {(int(a), int(b)) for k in range(3) for a, b in triangles[:, (k, (k + 1) % 3)]}
    return {a: b for a, b in edges if (b, a) not in edges}
