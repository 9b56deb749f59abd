"""The UV map of the morphable model: a frame for pictures of faces in which every face has the same shape.

Around the 468 landmarks lie two border rings, so that ears, hair and neck belong to the picture. The mouth is closed by
triangles too, and open in the UV map, so that teeth have a place.
"""

import functools
from itertools import pairwise

import numpy as np

from facerelief.array_types import Bool, Float32, Floats, Int64
from facerelief.faces.alignment import EYES_AT, INTER_OCULAR
from facerelief.geometry.filters import blurred_mask
from facerelief.geometry.rasterizer import rasterise
from facerelief.geometry.topology import OUTLINE, eye_triangles, face_triangles, mouth_triangles

FACE_VERTICES = 468  # those of the border rings follow
# Of the border rings: distance from the centre, times the outline's; z, in the outline's mean radius.
_RINGS = ((1.32, -0.45), (2.6, -1.1))


def with_border_ring(vertices: Floats, still: Floats) -> Floats:
    """Add the two border rings to a face.

    The inner ring follows the outline half way, so that a jaw that drops draws the neck along; the outer one stays.

    Args:
        vertices: (468, 3), the face.
        still: (468, 3), the same face without expression, from which the rings are laid out.

    Returns:
        (540, 3), the face's vertices, then the 36 of each ring.
    """
    outline = list(OUTLINE)
    ring = still[outline]
    centre = ring.mean(axis=0)
    radius = float(np.hypot(*(ring - centre)[:, :2].T).mean())
    inner, outer = (
        np.column_stack([centre[:2] + (ring - centre)[:, :2] * factor, ring[:, 2] + z * radius]) for factor, z in _RINGS
    )
    return np.concatenate([vertices, inner + 0.5 * (vertices[outline] - ring), outer])


@functools.cache
def border_ring_triangles() -> Int64:
    """The 144 triangles of the border rings, (144, 3), wound as the face's."""
    count = len(OUTLINE)
    loops = np.array([OUTLINE, np.arange(count) + FACE_VERTICES, np.arange(count) + FACE_VERTICES + count])
    found = []
    for near, far in pairwise(loops):
        near_next, far_next = np.roll(near, -1), np.roll(far, -1)
        found += [np.column_stack([near, far_next, far]), np.column_stack([near, near_next, far_next])]
    return np.concatenate(found)


@functools.cache
def rendered_triangles() -> Int64:
    """All that a picture shows, (1042, 3): the face, its eyes, its mouth's inside, and the border rings."""
    return np.concatenate([face_triangles(), eye_triangles(), mouth_triangles(), border_ring_triangles()])


def sample_bilinear(image: Floats, points: Floats) -> Floats:
    """Look an image up between its pixels.

    Args:
        image: (H, W, C).
        points: (..., 2), x and y in pixels, whose centres are at + 0.5; outside, the image's border is repeated.

    Returns:
        (..., C), bilinear values.

    Example:
        >>> import numpy as np
        >>> sample_bilinear(np.array([[[0.0], [10.0]], [[20.0], [30.0]]]), np.array([(0.5, 0.5), (1.0, 1.0)]))
        array([[ 0.],
               [15.]])
    """
    height, width = image.shape[:2]
    x, y = np.clip(points[..., 0] - 0.5, 0, width - 1), np.clip(points[..., 1] - 0.5, 0, height - 1)
    column, row = np.minimum(x.astype(np.int64), width - 2), np.minimum(y.astype(np.int64), height - 2)
    right, low = (x - column).astype(np.float32), (y - row).astype(np.float32)
    first = row * width + column
    corners = [first + further for further in (0, 1, width, width + 1)]
    found = np.empty((image.shape[2], *first.shape), dtype=np.result_type(image, np.float32))
    for out, plane in zip(found, np.moveaxis(image, 2, 0), strict=True):  # planar: several times as fast
        upper, upper_right, lower, lower_right = (plane.ravel().take(at) for at in corners)
        upper = upper + right * (upper_right - upper)
        out[...] = upper + low * (lower + right * (lower_right - lower) - upper)
    return np.moveaxis(found, 0, -1)


class UVMap:
    """The frame itself.

    Attributes:
        template: (540, 3), the mean face with its mouth open and its border rings, in inter-ocular distances from the
            point between the eyes (y down).
        size: A, the map's side in pixels.
        points: (540, 2), where the vertices lie in it, in pixels.
        triangle: (A, A), which of `rendered_triangles` each pixel shows.
    """

    def __init__(self, template: Floats, size: int) -> None:
        self.template, self.size = template, size
        self.points = template[:, :2] * INTER_OCULAR * size + np.array(EYES_AT) * size
        flat = np.column_stack([self.points, template[:, 2] * INTER_OCULAR * size])
        self.triangle, self._weights = rasterise(flat, rendered_triangles(), size)

    def interpolate(self, values: Floats) -> Floats:
        """Values of the vertices (540, K) at the map's pixels, (A, A, K)."""
        corners = rendered_triangles()[self.triangle]
        found: Floats = np.einsum("hwk,hwkc->hwc", self._weights, values[corners])
        return found


def mouth_mask(uv_map: UVMap) -> Bool:
    """(A, A): between the inner lips."""
    first = len(face_triangles()) + len(eye_triangles())
    inside: Bool = (uv_map.triangle >= first) & (uv_map.triangle < first + len(mouth_triangles()))
    return inside


def skin_mask(uv_map: UVMap) -> Bool:
    """(A, A): on the face, but for its eyes and its mouth's inside."""
    skin: Bool = uv_map.triangle < len(face_triangles())
    return skin


def border_ring_mask(uv_map: UVMap) -> Bool:
    """(A, A): on the border rings, beside the face."""
    beside: Bool = uv_map.triangle >= len(rendered_triangles()) - len(border_ring_triangles())
    return beside


def soft_face_mask(uv_map: UVMap, feather: int) -> Float32:
    """(A, A): 1 on the whole face, which is what may change with an expression, falling to 0 on the border rings.

    Args:
        uv_map: The frame.
        feather: Half of the pixels over which it falls.
    """
    return feathered(~border_ring_mask(uv_map), feather)


def feathered(mask: Bool, radius: float) -> Float32:
    """A mask (A, A) with a soft rim around it: 1 within, falling to 0 over about twice `radius` pixels."""
    return np.minimum(blurred_mask(mask, radius) * 2, np.float32(1))
