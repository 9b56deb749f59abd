"""Faces in a photo as 468-point landmarks, through MediaPipe's own bundled models or a user's `.task` file.

Backend "mediapipe": `mediapipe.solutions.face_mesh` (mediapipe 0.10.14-0.10.21, models in the wheel, offline).
Backend "tasks": `mediapipe.tasks` FaceLandmarker (any later mediapipe) with a `.task` file that the user brings.
"""

import math
import os
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import Protocol

import numpy as np

from facerelief.errors import FacereliefError, install_command
from facerelief.faces.mediapipe_models import (
    Landmarker,
    far_proposer,
    import_mediapipe,
    mesh_landmarker,
    tasks_landmarker,
)
from facerelief.processes.object_pool import Pool
from facerelief.strips import shrunk

BORDER = 0.3  # of the larger side: tight crops lose faces without it
WORKING_SIDE = 1024  # larger pictures are shown to the mesh model at this size
FAR_SIDE = 2048  # larger photos are searched for far faces at this size
WINDOW = 384  # pixels; the smallest window of that search, which shows faces of a tenth of it
_STEP = 5 / 6  # of a window's side: three windows across 1024 pixels
_AT_ONCE = min(4, os.cpu_count() or 1)  # windows searched side by side


@dataclass(frozen=True, eq=False, repr=False)
class Face:
    """One face. `landmarks`: float32 (468, 3), photo pixels, x right, y down, +z towards the viewer."""

    landmarks: np.ndarray

    def __repr__(self) -> str:
        x0, y0, x1, y1 = self.box
        return f"Face(x={(x0 + x1) / 2:.0f}, y={(y0 + y1) / 2:.0f}, size={self.size:.0f})"

    @property
    def box(self) -> tuple[float, float, float, float]:
        """x0, y0, x1, y1 of the landmarks, in pixels."""
        low, high = self.landmarks[:, :2].min(axis=0), self.landmarks[:, :2].max(axis=0)
        return float(low[0]), float(low[1]), float(high[0]), float(high[1])

    @property
    def size(self) -> float:
        """The longer side of the box, in pixels."""
        x0, y0, x1, y1 = self.box
        return max(x1 - x0, y1 - y0)


class FaceFinder(Protocol):
    """Anything that finds faces: rgb uint8 (H, W, 3) to faces, the largest first."""

    def __call__(self, rgb: np.ndarray) -> list[Face]:
        """The faces of one photo."""
        ...

    def follow(self, rgb: np.ndarray, face: Face) -> Face | None:
        """A face in the next frame of a video, near where it was."""
        ...


class MediaPipeFinder:
    """Finds faces large and small: near ones in the whole photo, far ones in windows of it, each then by its crop.

    Faces of 40 pixels are found, and in photos of over 2048 pixels those of a fiftieth of the longer side.
    Not for use by several threads at once; make one a thread.
    """

    def __init__(self, landmarker: Landmarker, proposer: Landmarker | None = None) -> None:
        """proposer: of boxes around far faces, as two corners each; several threads will use it at once."""
        self._landmarker, self._proposer = landmarker, proposer

    def __call__(self, rgb: np.ndarray) -> list[Face]:
        """The faces of one photo, the largest first."""
        with ThreadPoolExecutor(_AT_ONCE) as threads:
            far = self._far(rgb, threads) if max(rgb.shape) >= WORKING_SIDE // 2 else None
            work, scale = _shrink(rgb, WORKING_SIDE)
            found = [self._refined(rgb, points / scale) for points in _landmarks(self._landmarker, work, BORDER)]
            if far is None and not any(_fills(points, rgb) for points in found):
                far = self._far(rgb, threads)
            for box in far or ():
                if not _overlaps(box, found):
                    found = found + self._in_crop(rgb, box)
        faces = sorted((Face(points.astype(np.float32)) for points in found), key=lambda face: -face.size)
        return _distinct(faces)

    def follow(self, rgb: np.ndarray, face: Face) -> Face | None:
        """A face found again in the next frame of a video, near where it was: much faster than finding it anew."""
        found = self._in_crop(rgb, face.landmarks)
        return Face(found[0].astype(np.float32)) if found else None

    def _far(self, rgb: np.ndarray, threads: ThreadPoolExecutor) -> Iterator[np.ndarray]:
        """Boxes around faces seen in windows of the photo, coarse windows first; with a proposer they are looked for at
        once, beside whatever follows.
        """
        work, scale = _shrink(rgb, FAR_SIDE)

        def propose(x: int, y: int, side: int) -> list[np.ndarray]:
            window, shrunk = _shrink(work[y : y + side, x : x + side], WINDOW)
            found = _landmarks(self._proposer or self._landmarker, window, 0)
            return [(points / shrunk + (x, y, 0)) / scale for points in found]

        search = threads.map if self._proposer else map  # a landmarker is for one thread at a time
        return chain.from_iterable(search(propose, *zip(*_windows(*work.shape[:2]), strict=True)))

    def _refined(self, rgb: np.ndarray, rough: np.ndarray) -> np.ndarray:
        """The landmarks again from the face's own crop: in a wide view, those of one face in fifteen are off."""
        return rough if _fills(rough, rgb) else next(iter(self._in_crop(rgb, rough)), rough)

    def _in_crop(self, rgb: np.ndarray, around: np.ndarray) -> list[np.ndarray]:
        """Landmarks found in a square of twice the extent of the points `around`, at most one face."""
        low, high = around[:, :2].min(axis=0), around[:, :2].max(axis=0)
        centre, half = (low + high) / 2, max(high - low) * 1.0
        x0, y0 = np.maximum(centre - half, 0).astype(int)
        x1, y1 = np.minimum(centre + half, rgb.shape[1::-1]).astype(int)
        if min(x1 - x0, y1 - y0) < 16:
            return []
        work, scale = _shrink(rgb[y0:y1, x0:x1], WORKING_SIDE)
        faces = [points / scale + (x0, y0, 0) for points in _landmarks(self._landmarker, work, BORDER)]
        near = [points for points in faces if _overlaps(points, [around])]
        return sorted(near, key=lambda points: -np.ptp(points[:, 0]))[:1]


class FinderPool:
    """A face finder that any number of threads may share: each search has one of its own, and gives it back."""

    def __init__(self, create: Callable[[], FaceFinder] | None = None, most: int | None = None) -> None:
        """create: makes one; by default `load_finder`. most: how many there may be; by default one a processor."""
        self._pool = Pool(create or load_finder, most)

    def __call__(self, rgb: np.ndarray) -> list[Face]:
        """The faces of one photo, the largest first."""
        with self._pool.lend() as find:
            return find(rgb)

    def follow(self, rgb: np.ndarray, face: Face) -> Face | None:
        """A face found again in the next frame of a video, near where it was."""
        with self._pool.lend() as find:
            return find.follow(rgb, face)


class _Proposers:
    """The detector of far faces, for several threads at once."""

    def __init__(self, most: int) -> None:
        self._pool = Pool(far_proposer, most)

    def __call__(self, rgb: np.ndarray) -> list[np.ndarray]:
        with self._pool.lend() as propose:
            return propose(rgb)


def load_finder(backend: str = "mediapipe", task_file: Path | None = None) -> MediaPipeFinder:
    """A face finder. `backend`: "mediapipe" (bundled models) or "tasks" (needs `task_file`).

    Raises `MissingExtra` without mediapipe, `FacereliefError` where it does not load or carries no models, and for a
    missing or wrong task file.
    """
    if backend not in ("mediapipe", "tasks"):
        raise FacereliefError(f"no face finder {backend!r}; choose from mediapipe, tasks")
    mediapipe = import_mediapipe()
    if backend == "tasks" or task_file is not None:
        return MediaPipeFinder(tasks_landmarker(task_file))
    if not hasattr(mediapipe, "solutions"):
        raise FacereliefError(
            f"mediapipe {mediapipe.__version__} carries no models; install mediapipe 0.10.21 "
            f"({install_command('faces')}) or give a face_landmarker.task file with --task-file"
        )
    return MediaPipeFinder(mesh_landmarker(), _Proposers(_AT_ONCE))


def _landmarks(landmarker: Landmarker, rgb: np.ndarray, border: float) -> list[np.ndarray]:
    """Run on `rgb` in a square with a replicated border, a share of its side; pixels of `rgb`, z towards the viewer."""
    height, width = rgb.shape[:2]
    side = round((1 + 2 * border) * max(height, width))
    top, left = (side - height) // 2, (side - width) // 2
    return [points * (side, side, -side) - (left, top, 0) for points in landmarker(_framed(rgb, side, top, left))]


def _framed(rgb: np.ndarray, side: int, top: int, left: int) -> np.ndarray:
    """A picture in a square, its border replicated to all sides; as `np.pad`, in a third of its time."""
    bottom, right = top + rgb.shape[0], left + rgb.shape[1]
    framed = np.empty((side, side, 3), dtype=np.uint8)
    framed[top:bottom, left:right] = rgb
    framed[top:bottom, :left] = rgb[:, :1]
    framed[top:bottom, right:] = rgb[:, -1:]
    framed[:top], framed[bottom:] = framed[top], framed[bottom - 1]
    return framed


def _shrink(rgb: np.ndarray, side: int) -> tuple[np.ndarray, float]:
    scale = side / max(rgb.shape[:2])
    if scale >= 1:
        return np.ascontiguousarray(rgb), 1.0
    height, width = (max(1, round(n * scale)) for n in rgb.shape[:2])
    return shrunk(rgb, width, height), scale


def _windows(height: int, width: int) -> Iterator[tuple[int, int, int]]:
    """x, y and side of squares that overlap by a sixth: the whole photo first, then windows down to `WINDOW`.

    The detector sees faces of a tenth of a window's side. Those larger than the overlap show in the next larger one.
    """
    longest = max(height, width)
    sides = [WINDOW]
    while sides[-1] * 3 <= longest:
        sides.append(sides[-1] * 2)
    sides = [longest, *(side for side in reversed(sides) if side * 1.5 <= longest)]
    for side in sides:
        for y in _starts(height, side):
            yield from ((x, y, side) for x in _starts(width, side))


def _starts(length: int, side: int) -> list[int]:
    steps = math.ceil(max(0, length - side) / (_STEP * side)) + 1
    return [int(start) for start in np.linspace(0, max(0, length - side), steps)]


def _fills(points: np.ndarray, rgb: np.ndarray) -> bool:
    """Whether a face takes up so much of the photo that a crop around it would show much the same."""
    return bool(np.ptp(points[:, :2], axis=0).max() > 0.4 * max(rgb.shape))


def _overlaps(points: np.ndarray, others: list[np.ndarray]) -> bool:
    """Whether the centre of `points` lies within the extent of one of `others`."""
    centre = (points[:, :2].min(axis=0) + points[:, :2].max(axis=0)) / 2
    return any(
        (other[:, :2].min(axis=0) < centre).all() and (centre < other[:, :2].max(axis=0)).all() for other in others
    )


def _distinct(faces: list[Face]) -> list[Face]:
    kept: list[Face] = []
    for face in faces:
        if not _overlaps(face.landmarks, [other.landmarks for other in kept]):
            kept.append(face)
    return kept
