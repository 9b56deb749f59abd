"""Depth and normal maps of a face, their holes filled, and their encoding as pictures.

Depth is the camera-frame z over the inter-ocular distance, zero at the eye corners, mapped from the fixed range
[FAR, NEAR] to [0, 1]: near is 1 and the background is 0. Normals are unit vectors in the camera frame (x right, y up,
+z towards the viewer), zero on the background.
"""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw

from facerelief.array_types import Bool, Depth, Floats, Int64, Landmarks, Normals
from facerelief.errors import DatasetError
from facerelief.faces.alignment import EYE_INNER, EYE_OUTER
from facerelief.files.png import read_png, write_png
from facerelief.geometry.filters import enclosed, grown
from facerelief.geometry.mesh import FaceMesh, vertex_normals
from facerelief.geometry.rasterizer import interpolate_at, rasterise
from facerelief.geometry.topology import INNER_LIPS

FAR, NEAR = -1.3, 1.0  # inter-ocular distances; 13,000 ears and noses of real faces lie within
_LEVELS = 65535
_MOST_KNOWN = 400  # places around holes by which they are filled


@dataclass(frozen=True)
class GeometryMaps:
    """Depth and normals of one crop.

    Attributes:
        depth: (H, W) in [0, 1], near = 1, background = 0; a face pixel is at least 1/65535.
        normal: (3, H, W), unit, x right, y up, +z to the viewer; background 0.
        mask: (H, W), the face.
        measured: (H, W), the part of the face that was not interpolated.
    """

    depth: Depth
    normal: Normals
    mask: Bool
    measured: Bool


def render_geometry(mesh: FaceMesh, landmarks: Landmarks, size: int, backend: str = "auto") -> GeometryMaps:
    """Render a mesh's depth and normals, and fill their holes.

    Args:
        mesh: The face, in pixels of the crop.
        landmarks: (468, 3), in pixels of the crop. They give the unit (inter-ocular distance), the zero of depth (the
            surface under the eye corners) and the mouth opening, which stays background because the expression shows
            there.
        size: The crop's side.
        backend: As `rasterise` takes it.
    """
    surface = mesh.surface
    index, weights = rasterise(mesh.vertices, surface, size, backend)
    measured = (index >= 0) & (index < len(mesh.triangles))
    attributes = np.column_stack([mesh.vertices[:, 2], vertex_normals(mesh.vertices, surface)])
    mask = index >= 0
    covered = np.flatnonzero(mask)
    found = interpolate_at(covered, attributes, surface, index, weights)
    holes = _holes(mask, keep_open=polygon_mask(landmarks[list(INNER_LIPS), :2], size))
    if holes.any():
        found = np.concatenate([found, _filled(holes, mask, found)])
        covered, mask = np.concatenate([covered, np.flatnonzero(holes)]), mask | holes
    z, normal = found[:, 0], found[:, 1:]
    plane = np.zeros(mask.size)
    plane[covered] = z
    scaled = (z - _z_at_eyes(plane.reshape(mask.shape), mask, landmarks)) / _eye_distance(landmarks)
    depth, normals = np.zeros(mask.size, dtype=np.float32), np.zeros((3, mask.size), dtype=np.float32)
    depth[covered] = np.clip((scaled - FAR) / (NEAR - FAR), 1 / _LEVELS, 1.0)
    lengths = np.sqrt(np.einsum("pk,pk->p", normal, normal))
    normals[:, covered] = (normal / np.maximum(lengths, 1e-12)[:, None]).T
    return GeometryMaps(depth.reshape(mask.shape), normals.reshape(3, *mask.shape), mask, measured)


def polygon_mask(points: Floats, size: int) -> Bool:
    """(size, size): the inside of a polygon of points (N, 2) in pixels."""
    image = Image.new("1", (size, size))
    ImageDraw.Draw(image).polygon([(float(x) - 0.5, float(y) - 0.5) for x, y in points], fill=1)
    return np.array(image)


def _eye_distance(landmarks: Landmarks) -> float:
    """Inter-ocular distance in space, so that turning the head does not change the unit."""
    left, right = (landmarks[list(pair)].mean(axis=0) for pair in zip(EYE_OUTER, EYE_INNER, strict=True))
    return float(np.linalg.norm(right - left))


def _z_at_eyes(z: Floats, mask: Bool, landmarks: Landmarks) -> float:
    """Mean z of the surface under the eye corners; of those that are in sight, else of the nearest pixels."""
    corners = landmarks[[*EYE_OUTER, *EYE_INNER], :2]
    columns, rows = np.clip(corners.T, 0, len(z) - 1).astype(int)
    visible = mask[rows, columns]
    if visible.any():
        return float(z[rows, columns][visible].mean())
    if not mask.any():
        return 0.0
    r, c = np.nonzero(mask)
    nearest = np.argmin(np.hypot(r - rows.mean(), c - columns.mean()))
    return float(z[r[nearest], c[nearest]])


def _holes(mask: Bool, keep_open: Bool) -> Bool:
    """The holes of a mask (H, W), but for those at `keep_open` and two pixels around it."""
    mouth = grown(keep_open, 2)
    holes: Bool = enclosed(mask | mouth) & ~mask & ~mouth
    return holes


def _filled(holes: Bool, mask: Bool, found: Floats) -> Floats:
    """Values (Q, K) of holes, by thin plates through a ring of two pixels around them.

    found: (P, K), the values of the mask's pixels.
    """
    ring = grown(holes, 2) & mask
    return _thin_plate(np.argwhere(ring), found[ring[mask]], np.argwhere(holes))


def _thin_plate(known: Int64, values: Floats, wanted: Int64) -> Floats:
    """Values (M, K) at places `wanted` (M, 2) of the plate that bends least through values (N, K) at `known` (N, 2).

    Duchon, Splines minimizing rotation-invariant semi-norms, 1977. Of many places every second, third ... is taken.
    """
    step = -(-len(known) // _MOST_KNOWN)
    known, values = known[::step], values[::step]

    def bent(places: Int64) -> Floats:
        apart = ((places[:, None] - known) ** 2).sum(axis=2)
        return np.column_stack([apart * np.log(np.maximum(apart, 1)), np.ones(len(places)), places])

    level = bent(known)
    flat = level[:, len(known) :]
    system = np.block([[level], [flat.T, np.zeros((3, 3))]])
    weights = np.linalg.lstsq(system, np.concatenate([values, np.zeros((3, values.shape[1]))]), rcond=None)[0]
    found: Floats = np.concatenate([bent(some) @ weights for some in np.array_split(wanted, -(-len(wanted) // 1024))])
    return found


def save_depth(path: Path, depth: Depth) -> None:
    """Depth (H, W) in [0, 1] as a 16-bit grey PNG: round(depth * 65535)."""
    write_png(path, np.round(depth * _LEVELS).astype(np.uint16))


def load_depth(path: Path) -> Depth:
    """The depth (H, W) in [0, 1] that `save_depth` wrote. Raises `DatasetError` if the file is no such map."""
    levels = read_png(path)
    if levels.ndim != 2 or levels.dtype not in (np.uint16, np.int32):
        raise DatasetError(f"{path} is not a 16-bit depth map; build the dataset again")
    return (levels.astype(np.float32) / _LEVELS).astype(np.float32)


def save_normal(path: Path, normal: Normals) -> None:
    """Normals (3, H, W) in [-1, 1] as an 8-bit RGB PNG: round(127.5 * (n + 1)); the background becomes 128."""
    write_png(path, np.round((np.moveaxis(normal, 0, 2) + 1) * 127.5).astype(np.uint8))


def load_normal(path: Path) -> Normals:
    """The normals (3, H, W) that `save_normal` wrote: unit, or zero on the background.

    Raises:
        DatasetError: The file is no such map.
    """
    levels = read_png(path)
    if levels.ndim != 3 or levels.shape[2] != 3:
        raise DatasetError(f"{path} is not a normal map; build the dataset again")
    normal = np.moveaxis(levels.astype(np.float32) / 127.5 - 1, 2, 0)
    length = np.linalg.norm(normal, axis=0)
    return np.where(length > 0.5, normal / np.maximum(length, 1e-6), 0).astype(np.float32)
