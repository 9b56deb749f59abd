"""Face detection with 468 landmarks.

Backend "onnx": the package's own networks. Backend "mediapipe": the same networks run by `mediapipe.solutions`
(mediapipe 0.10.14-0.10.21, models in the wheel). Backend "tasks": `mediapipe.tasks` FaceLandmarker (any later
mediapipe) with a user's `.task` file.
"""

import math
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import Protocol

import numpy as np

from facerelief.array_types import RGB, Landmarks
from facerelief.errors import FacereliefError, install_command
from facerelief.faces.landmarks.landmarker import FarFaceProposer, Landmarker, NetworkLandmarker
from facerelief.faces.mediapipe_models import far_face_proposer, import_mediapipe, mesh_landmarker, tasks_landmarker
from facerelief.processes.cores import available_cores
from facerelief.processes.object_pool import ObjectPool
from facerelief.strips import shrunk

BACKENDS = ("onnx", "mediapipe", "tasks")
MIN_FACE_SIZE = 40.0  # pixels of a face that is large enough to be edited
_SEEN = 0.6  # of a face's landmarks that must lie in the photo: half a face is taken for a whole one that is grimacing
BORDER = 0.3  # fraction of the larger side that is added around a picture, for faces in tight crops
WORKING_SIDE = 1024  # larger pictures are shrunk to this size for the mesh model
FAR_SIDE = 2048  # larger photos are shrunk to this size for the search of far faces
WINDOW = 384  # pixels; the smallest window of that search, in which faces of a tenth of it are found
_STEP = 5 / 6  # of a window's side: three windows across 1024 pixels
_PARALLEL = min(4, available_cores())  # windows searched in parallel


@dataclass(frozen=True, eq=False, repr=False)
class Face:
    """A detected face.

    Args:
        landmarks: (468, 3), in pixels of the photo.
    """

    landmarks: Landmarks

    def __repr__(self) -> str:
        x0, y0, x1, y1 = self.box
        return f"Face(x={(x0 + x1) / 2:.0f}, y={(y0 + y1) / 2:.0f}, size={self.size:.0f})"

    @property
    def box(self) -> tuple[float, float, float, float]:
        """Bounding box of the landmarks: x0, y0, x1, y1 in pixels."""
        low, high = self.landmarks[:, :2].min(axis=0), self.landmarks[:, :2].max(axis=0)
        return float(low[0]), float(low[1]), float(high[0]), float(high[1])

    @property
    def size(self) -> float:
        """The longer side of the box, in pixels."""
        x0, y0, x1, y1 = self.box
        return max(x1 - x0, y1 - y0)


class FaceFinder(Protocol):
    """A face detector."""

    def __call__(self, rgb: RGB) -> list[Face]:
        """The faces of a photo (H, W, 3), the largest first."""
        ...

    def follow(self, rgb: RGB, face: Face) -> Face | None:
        """Track a face into the next frame of a video; None if it is lost."""
        ...


class LandmarkFinder:
    """Detects near faces in the whole photo and far faces in windows, and refines each in its own crop.

    Finds faces of 40 pixels, and in photos over 2048 pixels faces of 1/50 of the longer side. As thread-safe as its
    landmarker: the package's networks are, mediapipe is not and needs one finder per thread, or a `FinderPool`.
    """

    def __init__(self, landmarker: Landmarker, proposer: Landmarker | None = None) -> None:
        """Search by models.

        Args:
            landmarker: Finds the landmarks of near faces.
            proposer: Thread-safe; proposes boxes around far faces, two corners each.
        """
        self._landmarker, self._proposer = landmarker, proposer

    def __call__(self, rgb: RGB) -> list[Face]:
        """The faces of a photo (H, W, 3), the largest first."""
        with ThreadPoolExecutor(_PARALLEL) as threads:
            far = self._far(rgb, threads) if max(rgb.shape) >= WORKING_SIDE // 2 else None
            work, scale = _shrink(rgb, WORKING_SIDE)
            found = [self._refined(rgb, points / scale) for points in self._landmarker(work, BORDER)]
            if far is None and not any(_fills(points, rgb) for points in found):
                far = self._far(rgb, threads)
            for box in far or ():
                if not _overlaps(box, found):
                    found = found + self._in_crop(rgb, box)
        there = (Face(points.astype(np.float32)) for points in found if _is_seen(points, rgb))
        return _distinct(sorted(there, key=lambda face: -face.size))

    def follow(self, rgb: RGB, face: Face) -> Face | None:
        """Track a face into the next frame of a video; much faster than detection. None if it is lost."""
        found = [points for points in self._in_crop(rgb, face.landmarks) if _is_seen(points, rgb)]
        return Face(found[0].astype(np.float32)) if found else None

    def _far(self, rgb: RGB, threads: ThreadPoolExecutor) -> Iterator[np.ndarray]:
        """Boxes around faces in windows of the photo, large windows first; a proposer searches them in parallel."""
        work, scale = _shrink(rgb, FAR_SIDE)

        def propose(x: int, y: int, side: int) -> list[np.ndarray]:
            window, shrunk = _shrink(work[y : y + side, x : x + side], WINDOW)
            found = (self._proposer or self._landmarker)(window, 0)
            return [(points / shrunk + (x, y, 0)) / scale for points in found]

        search = threads.map if self._proposer else map  # a landmarker is not thread-safe
        return chain.from_iterable(search(propose, *zip(*_windows(*work.shape[:2]), strict=True)))

    def _refined(self, rgb: RGB, rough: np.ndarray) -> np.ndarray:
        """Landmarks refined in the face's own crop: in a wide view, those of one face in fifteen are inaccurate."""
        return rough if _fills(rough, rgb) else next(iter(self._in_crop(rgb, rough)), rough)

    def _in_crop(self, rgb: RGB, around: np.ndarray) -> list[np.ndarray]:
        """Landmarks found in a square of twice the extent of the points `around`, at most one face."""
        low, high = around[:, :2].min(axis=0), around[:, :2].max(axis=0)
        centre, half = (low + high) / 2, max(high - low) * 1.0
        x0, y0 = np.maximum(centre - half, 0).astype(int)
        x1, y1 = np.minimum(centre + half, rgb.shape[1::-1]).astype(int)
        if min(x1 - x0, y1 - y0) < 16:
            return []
        work, scale = _shrink(rgb[y0:y1, x0:x1], WORKING_SIDE)
        faces = [points / scale + (x0, y0, 0) for points in self._landmarker(work, BORDER)]
        near = [points for points in faces if _overlaps(points, [around])]
        return sorted(near, key=lambda points: -np.ptp(points[:, 0]))[:1]


class FinderPool:
    """A thread-safe face finder: each call borrows one of several."""

    def __init__(self, create: Callable[[], FaceFinder] | None = None, most: int | None = None) -> None:
        """create: makes a finder; by default `load_finder`. most: the number of finders; by default one per core."""
        self._pool = ObjectPool(create or load_finder, most)

    def __call__(self, rgb: RGB) -> list[Face]:
        """The faces of a photo (H, W, 3), the largest first."""
        with self._pool.lend() as find:
            return find(rgb)

    def follow(self, rgb: RGB, face: Face) -> Face | None:
        """Track a face into the next frame of a video; None if it is lost."""
        with self._pool.lend() as find:
            return find.follow(rgb, face)


class _Proposers:
    """MediaPipe's detector of far faces, thread-safe."""

    def __init__(self, most: int) -> None:
        self._pool = ObjectPool(far_face_proposer, most)

    def __call__(self, rgb: RGB, border: float) -> list[np.ndarray]:
        with self._pool.lend() as propose:
            return propose(rgb, border)


def load_finder(backend: str = "onnx", task_file: Path | None = None) -> LandmarkFinder:
    """Load a face finder.

    Args:
        backend: "onnx" (the package's networks), "mediapipe" (those of its wheel) or "tasks" (needs `task_file`).
        task_file: A face_landmarker.task file for mediapipe, which is then used.

    Raises:
        CheckpointError: A network of the package is missing or damaged.
        MissingExtra: mediapipe is needed and not installed.
        FacereliefError: mediapipe does not load or has no models, or the task file is missing or wrong.

    Example:
        >>> load_finder()(np.zeros((64, 64, 3), np.uint8))
        []
    """
    if backend not in BACKENDS:
        raise FacereliefError(f"no face finder {backend!r}; choose from {', '.join(BACKENDS)}")
    if backend == "tasks" or task_file is not None:
        return LandmarkFinder(tasks_landmarker(task_file))
    if backend == "onnx":
        return LandmarkFinder(NetworkLandmarker(), FarFaceProposer())
    mediapipe = import_mediapipe()
    if not hasattr(mediapipe, "solutions"):
        raise FacereliefError(
            f"mediapipe {mediapipe.__version__} has no bundled models; install mediapipe 0.10.21 "
            f"({install_command('mediapipe')}) or give a face_landmarker.task file with --task-file"
        )
    return LandmarkFinder(mesh_landmarker(), _Proposers(_PARALLEL))


def _shrink(rgb: RGB, side: int) -> tuple[np.ndarray, float]:
    scale = side / max(rgb.shape[:2])
    if scale >= 1:
        return np.ascontiguousarray(rgb), 1.0
    height, width = (max(1, round(n * scale)) for n in rgb.shape[:2])
    return shrunk(rgb, width, height), scale


def _windows(height: int, width: int) -> Iterator[tuple[int, int, int]]:
    """x, y and side of square windows that overlap by a sixth: the whole photo first, then down to `WINDOW`.

    The detector finds faces of a tenth of a window's side. Faces larger than the overlap are found in the next larger
    window.
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


def _fills(points: np.ndarray, rgb: RGB) -> bool:
    """Whether a face is so large that a crop around it would show nearly the whole photo."""
    return bool(np.ptp(points[:, :2], axis=0).max() > 0.4 * max(rgb.shape))


def _is_seen(points: np.ndarray, rgb: RGB) -> bool:
    """Whether enough of a face is in the photo; the rest of its landmarks is guessed."""
    inside = (points[:, :2] >= 0).all(axis=1) & (points[:, :2] < rgb.shape[1::-1]).all(axis=1)
    return bool(inside.mean() >= _SEEN)


def _overlaps(points: np.ndarray, others: list[np.ndarray]) -> bool:
    """Whether the centre of `points` lies in the bounding box of one of `others`."""
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
