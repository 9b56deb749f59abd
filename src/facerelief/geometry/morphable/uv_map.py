"""A face's picture in a frame where every face has the same shape: the atlas of the morphable face.

Around the 468 landmarks lie two rings, the apron, so that ears, hair and neck belong to the picture. The mouth is
closed by triangles too, and open in the atlas, so that teeth have a place.
"""

import functools
from itertools import pairwise

import numpy as np
from PIL import Image, ImageFilter

from facerelief.faces.alignment import EYES_AT, INTER_OCULAR
from facerelief.geometry.rasterizer import rasterise
from facerelief.geometry.topology import OUTLINE, eye_triangles, face_triangles, mouth_triangles

FACE = 468  # vertices of the face; those of the apron follow
# Of the apron's rings: distance from the centre, times the outline's; z, in the outline's mean radius.
_RINGS = ((1.32, -0.45), (2.6, -1.1))


def with_apron(vertices: np.ndarray, still: np.ndarray) -> np.ndarray:
    """Vertices (468, 3) with the apron's 72 behind them, (540, 3).

    still: the same face without expression, from which the apron is laid out; its inner ring follows the outline half
    way, so that a jaw that drops draws the neck along, and its outer ring stays.
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
def apron_triangles() -> np.ndarray:
    """The 144 triangles of the apron, int64 (144, 3), wound as the face's."""
    count = len(OUTLINE)
    loops = np.array([OUTLINE, np.arange(count) + FACE, np.arange(count) + FACE + count])
    found = []
    for near, far in pairwise(loops):
        near_next, far_next = np.roll(near, -1), np.roll(far, -1)
        found += [np.column_stack([near, far_next, far]), np.column_stack([near, near_next, far_next])]
    return np.concatenate(found)


@functools.cache
def picture_triangles() -> np.ndarray:
    """All that a picture shows, int64 (1042, 3): the face, its eyes, its mouth's inside, and the apron."""
    return np.concatenate([face_triangles(), eye_triangles(), mouth_triangles(), apron_triangles()])


def sample(image: np.ndarray, points: np.ndarray) -> np.ndarray:
    """Bilinear values (..., C) of an image (H, W, C) at points (..., 2) in pixels; outside, its border is repeated."""
    height, width = image.shape[:2]
    x, y = np.clip(points[..., 0] - 0.5, 0, width - 1), np.clip(points[..., 1] - 0.5, 0, height - 1)
    column, row = np.minimum(x.astype(np.int64), width - 2), np.minimum(y.astype(np.int64), height - 2)
    right, low = (x - column).astype(np.float32)[..., None], (y - row).astype(np.float32)[..., None]
    flat, at = image.reshape(-1, image.shape[2]), row * width + column
    above = flat[at] * (1 - right) + flat[at + 1] * right
    below = flat[at + width] * (1 - right) + flat[at + width + 1] * right
    mixed: np.ndarray = above * (1 - low) + below * low
    return mixed


class Atlas:
    """The frame itself.

    template: float64 (540, 3), the mean face with its mouth open and its apron, in inter-ocular distances from the
    point between the eyes (y down). size: the atlas' side in pixels.
    """

    def __init__(self, template: np.ndarray, size: int) -> None:
        self.template, self.size = template, size
        self.points = template[:, :2] * INTER_OCULAR * size + np.array(EYES_AT) * size
        flat = np.column_stack([self.points, template[:, 2] * INTER_OCULAR * size])
        self._index, self._weights = rasterise(flat, picture_triangles(), size)

    @property
    def triangle(self) -> np.ndarray:
        """Which of `picture_triangles` each pixel shows, int64 (size, size)."""
        return self._index

    def carry(self, values: np.ndarray) -> np.ndarray:
        """Values of the vertices (540, K) at the atlas' pixels, (size, size, K)."""
        corners = picture_triangles()[self._index]
        carried: np.ndarray = np.einsum("hwk,hwkc->hwc", self._weights, values[corners])
        return carried


def mouth_inside(atlas: Atlas) -> np.ndarray:
    """bool (A, A): between the inner lips."""
    first = len(face_triangles()) + len(eye_triangles())
    inside: np.ndarray = (atlas.triangle >= first) & (atlas.triangle < first + len(mouth_triangles()))
    return inside


def skin_pixels(atlas: Atlas) -> np.ndarray:
    """bool (A, A): on the face, but for its eyes and its mouth's inside."""
    skin: np.ndarray = atlas.triangle < len(face_triangles())
    return skin


def beside_face(atlas: Atlas) -> np.ndarray:
    """bool (A, A): on the apron."""
    beside: np.ndarray = atlas.triangle >= len(picture_triangles()) - len(apron_triangles())
    return beside


def soft_face(atlas: Atlas, feather: int) -> np.ndarray:
    """float32 (A, A): 1 on the whole face, which is what may change with an expression, falling to 0 on the apron.

    feather: half of the pixels over which it falls.
    """
    return feathered(~beside_face(atlas), feather)


def feathered(mask: np.ndarray, radius: int) -> np.ndarray:
    """A mask (A, A) with a soft rim around it, float32: 1 within, falling to 0 over about twice `radius` pixels."""
    levels = Image.fromarray(np.round(mask * 255.0).astype(np.uint8)).filter(ImageFilter.GaussianBlur(radius))
    return np.minimum(np.asarray(levels, dtype=np.float32) / 255 * 2, np.float32(1))
