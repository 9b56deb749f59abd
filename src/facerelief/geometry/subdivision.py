"""Smooth dense surfaces from coarse meshes: Loop subdivision (1987), as one matrix for a fixed set of triangles."""

import functools
from collections import Counter

import numpy as np

from facerelief.array_types import Bool, Float32, Floats, Int64
from facerelief.geometry.topology import eye_triangles, face_triangles


class Subdivision:
    """`levels` rounds of Loop's scheme on the triangles of a manifold mesh with borders.

    Attributes:
        triangles: (T * 4^levels, 3), the children of each coarse triangle in a row.
        matrix: (V', V), coarse vertices to fine ones. It is corrected so that the surface passes (to third order)
            through the coarse vertices, which Loop's scheme alone would cut short.
    """

    def __init__(self, triangles: Int64, vertices: int, levels: int) -> None:
        matrix: Floats = np.eye(vertices)
        for _ in range(levels):
            triangles, matrix = _divided(triangles, matrix)
        self.triangles = triangles
        corners = matrix[:vertices]
        cut_short = np.eye(vertices) - corners
        self.matrix = (matrix @ (np.eye(vertices) + cut_short + cut_short @ cut_short)).astype(np.float32)

    def __call__(self, values: Floats) -> Float32:
        """Values of the coarse vertices (V, K) at the fine ones, (V', K)."""
        columns = np.ascontiguousarray(values.T, dtype=np.float32)
        # Without BLAS, whose last bits depend on the number of threads.
        return np.stack([np.einsum("fv,v->f", self.matrix, column) for column in columns], axis=1)


@functools.lru_cache(maxsize=3)
def face_subdivision(levels: int) -> Subdivision:
    """The subdivision of the 468-point face with closed eyes, whose triangles come last.

    Args:
        levels: Rounds; 2 give 7,152 vertices, 3 give 28,384.
    """
    return Subdivision(np.concatenate([face_triangles(), eye_triangles()]), 468, levels)


def _divided(triangles: Int64, matrix: Floats) -> tuple[Int64, Floats]:
    """One round: each triangle becomes four, and `matrix`, one row a vertex, gets the finer vertices' rows."""
    sides = np.sort(np.concatenate([triangles[:, (0, 1)], triangles[:, (1, 2)], triangles[:, (2, 0)]]), axis=1)
    edges, which, count = np.unique(sides, axis=0, return_inverse=True, return_counts=True)
    which = which.reshape(3, -1).T  # of each triangle, its sides
    if count.max() > 2:
        raise ValueError("an edge belongs to more than two triangles")
    opposite = np.zeros((len(edges), matrix.shape[1]))
    np.add.at(opposite, which.ravel(), matrix[triangles[:, (2, 0, 1)].ravel()])
    ends = matrix[edges[:, 0]] + matrix[edges[:, 1]]
    border = count == 1
    middle = np.where(border[:, None], ends / 2, ends * 3 / 8 + opposite / 8)
    corner = _smoothed(matrix, edges, border)
    a, b, c = triangles.T
    ab, bc, ca = (which + len(matrix)).T
    finer = np.stack([(a, ab, ca), (ab, b, bc), (ca, bc, c), (ab, bc, ca)]).transpose(2, 0, 1).reshape(-1, 3)
    return finer, np.concatenate([corner, middle])


def _smoothed(matrix: Floats, edges: Int64, border: Bool) -> Floats:
    """The rows of the coarse vertices after a round: those on a border follow the border only."""
    count = len(matrix)
    on_border = np.zeros(count, dtype=bool)
    on_border[edges[border].ravel()] = True
    if max(Counter(edges[border].ravel().tolist()).values(), default=0) > 2:
        raise ValueError("two borders meet in a vertex")
    sums, degree = np.zeros_like(matrix), np.zeros(count)
    for near, far in ((0, 1), (1, 0)):
        counts = border | ~on_border[edges[:, near]]
        np.add.at(sums, edges[counts, near], matrix[edges[counts, far]])
        np.add.at(degree, edges[counts, near], 1)
    degree = np.maximum(degree, 1)
    inner = (5 / 8 - (3 / 8 + np.cos(2 * np.pi / degree) / 4) ** 2) / degree
    weight = np.where(on_border, 1 / 8, inner)[:, None]
    smoothed: Floats = (1 - degree[:, None] * weight) * matrix + weight * sums
    return smoothed
