"""The triangles of MediaPipe's 468-point face.

The table holds the 3-cycles of MediaPipe's published tessellation edges (Apache-2.0) without the two false ones
(279-294-358 and 49-64-129), all wound counter-clockwise seen from the front with y up. The surface has four borders:
the outline, the eyes, and the inner lips.
"""

import functools
from importlib import resources
from itertools import pairwise

import numpy as np

from facerelief.array_types import Int64

INNER_LIPS = (13, 82, 81, 80, 191, 78, 95, 88, 178, 87, 14, 317, 402, 318, 324, 308, 415, 310, 311, 312)
LIPS = (61, 146, 91, 181, 84, 17, 314, 405, 321, 375, 291, 409, 270, 269, 267, 0, 37, 39, 40, 185)  # outer border
OUTLINE = (
    *(109, 10, 338, 297, 332, 284, 251, 389, 356, 454, 323, 361, 288, 397, 365, 379, 378, 400),
    *(377, 152, 148, 176, 149, 150, 136, 172, 58, 132, 93, 234, 127, 162, 21, 54, 103, 67),
)
CHIN = 152  # its lowest landmark
NOSE = (168, 417, 351, 429, 279, 358, 294, 327, 2, 98, 64, 129, 49, 209, 122, 193)  # from its root, along its wings
# Each eye from corner to corner, along the upper and along the lower lid.
_UPPER_LIDS = ((33, 246, 161, 160, 159, 158, 157, 173, 133), (362, 398, 384, 385, 386, 387, 388, 466, 263))
_LOWER_LIDS = ((33, 7, 163, 144, 145, 153, 154, 155, 133), (362, 382, 381, 380, 374, 373, 390, 249, 263))
BROWS = (
    (70, 63, 105, 66, 107, 55, 65, 52, 53, 46),
    (300, 293, 334, 296, 336, 285, 295, 282, 283, 276),
)


@functools.cache
def face_triangles() -> Int64:
    """The 852 triangles, int64 (852, 3)."""
    return _table("facemesh_triangles.csv")


@functools.cache
def eye_triangles() -> Int64:
    """28 triangles that close the eyes, a strip between the lids of each, int64 (28, 3), wound as the face's."""
    triangles: list[tuple[int, int, int]] = []
    for upper, lower in zip(_UPPER_LIDS, _LOWER_LIDS, strict=True):
        for (u0, u1), (l0, l1) in zip(pairwise(upper), pairwise(lower), strict=True):
            triangles += [(u0, l0, l1), (u0, l1, u1)]
    return np.array([t for t in triangles if len(set(t)) == 3], dtype=np.int64)


@functools.cache
def eye_outlines() -> tuple[tuple[int, ...], tuple[int, ...]]:
    """The vertices around each eye's opening, in order."""
    left, right = ((*upper, *lower[-2:0:-1]) for upper, lower in zip(_UPPER_LIDS, _LOWER_LIDS, strict=True))
    return left, right


def lid_curves() -> tuple[tuple[tuple[int, ...], tuple[int, ...]], ...]:
    """The vertices of each eye's upper and lower lid, from the left to the right corner in the picture."""
    return tuple(zip(_UPPER_LIDS, _LOWER_LIDS, strict=True))


@functools.cache
def mouth_triangles() -> Int64:
    """18 triangles across the mouth's opening, a strip between the inner lips, int64 (18, 3), wound as the face's.

    They belong to pictures, which show teeth or dark there; depth maps leave the opening open.
    """
    upper = (78, 191, 80, 81, 82, 13, 312, 311, 310, 415, 308)
    lower = (78, 95, 88, 178, 87, 14, 317, 402, 318, 324, 308)
    triangles: list[tuple[int, int, int]] = []
    for (u0, u1), (l0, l1) in zip(pairwise(upper), pairwise(lower), strict=True):
        triangles += [(u0, l0, l1), (u0, l1, u1)]
    return np.array([t for t in triangles if len(set(t)) == 3], dtype=np.int64)


@functools.cache
def mirror_vertices() -> Int64:
    """The vertex that each vertex becomes in the mirror, int64 (468,); those of the midline stay.

    The table holds the nearest vertex to each one's mirror image in the average of 8,000 faces. Six quads are split
    differently left and right, so that 12 of the triangles have no mirrored twin.
    """
    return _table("facemesh_mirror.csv")[:, 1]


def _table(name: str) -> Int64:
    with resources.files("facerelief.geometry").joinpath(name).open() as stream:
        return np.loadtxt(stream, delimiter=",", skiprows=1, dtype=np.int64)
