"""Faces in a photo as 468-point landmarks, through MediaPipe's own bundled models or a user's `.task` file.

Backend "mediapipe": `mediapipe.solutions.face_mesh` (mediapipe 0.10.14-0.10.21, models in the wheel, offline).
Backend "tasks": `mediapipe.tasks` FaceLandmarker (any later mediapipe) with a `.task` file that the user brings.
"""

import contextlib
import functools
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from PIL import Image

from facerelief.errors import FacereliefError, MissingExtra

POINTS = 468
BORDER = 0.3  # of the larger side: tight crops lose faces without it
WORKING_SIDE = 1024  # larger photos are searched at this size, then each face is meshed again in full resolution
MOST_FACES = 20
_BLANK = np.zeros((64, 64, 3), dtype=np.uint8)


@dataclass(frozen=True)
class Face:
    """One face. `landmarks`: float32 (468, 3), photo pixels, x right, y down, +z towards the viewer."""

    landmarks: np.ndarray

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


class Landmarker(Protocol):
    """One model run: rgb uint8 (H, W, 3) to landmark arrays (468, 3) in fractions of its width and height."""

    def __call__(self, rgb: np.ndarray) -> list[np.ndarray]:
        """The landmarks of each face."""
        ...


class MediaPipeFinder:
    """Finds faces large and small: the whole photo first, then far faces and full resolution by crops.

    Not for use by several threads at once; make one a thread.
    """

    def __init__(self, landmarker: Landmarker, proposer: Landmarker | None = None) -> None:
        self._landmarker = landmarker
        self._proposer = proposer

    def __call__(self, rgb: np.ndarray) -> list[Face]:
        """The faces of one photo, the largest first."""
        work, scale = _shrink(rgb, WORKING_SIDE)
        found = [_scaled(points, 1 / scale) for points in _landmarks(self._landmarker, work)]
        if self._proposer is not None and (not found or max(rgb.shape[:2]) >= WORKING_SIDE // 2):
            boxes = [_scaled(points, 1 / scale) for points in _landmarks(self._proposer, work)]
            found += [face for box in boxes for face in self._in_crop(rgb, box) if not _overlaps(box, found)]
        if scale < 1:
            found = [better for rough in found for better in self._in_crop(rgb, rough) or [rough]]
        faces = sorted((Face(points.astype(np.float32)) for points in found), key=lambda face: -face.size)
        return _distinct(faces)

    def _in_crop(self, rgb: np.ndarray, around: np.ndarray) -> list[np.ndarray]:
        """Landmarks found in a square of twice the extent of the points `around`, at most one face."""
        low, high = around[:, :2].min(axis=0), around[:, :2].max(axis=0)
        centre, half = (low + high) / 2, max(high - low) * 1.0
        x0, y0 = np.maximum(centre - half, 0).astype(int)
        x1, y1 = np.minimum(centre + half, rgb.shape[1::-1]).astype(int)
        if min(x1 - x0, y1 - y0) < 16:
            return []
        work, scale = _shrink(rgb[y0:y1, x0:x1], WORKING_SIDE)
        faces = [_scaled(points, 1 / scale) + np.array((x0, y0, 0)) for points in _landmarks(self._landmarker, work)]
        near = [points for points in faces if _overlaps(points, [around])]
        return sorted(near, key=lambda points: -np.ptp(points[:, 0]))[:1]


def load_finder(backend: str = "mediapipe", task_file: Path | None = None) -> MediaPipeFinder:
    """A face finder. `backend`: "mediapipe" (bundled models) or "tasks" (needs `task_file`).

    Raises `MissingExtra` without mediapipe, `FacereliefError` for a missing or wrong task file.
    """
    try:
        with _quiet():
            import mediapipe
    except ImportError as reason:
        raise MissingExtra("mediapipe", "faces") from reason
    if backend == "tasks" or task_file is not None:
        return MediaPipeFinder(_tasks_landmarker(task_file))
    if not hasattr(mediapipe, "solutions"):
        raise FacereliefError(
            f"mediapipe {mediapipe.__version__} carries no models; install mediapipe 0.10.21 (pip install "
            "'facerelief[faces]') or give a face_landmarker.task file with --task-file"
        )
    return MediaPipeFinder(_mesh_landmarker(), _far_proposer())


def _mesh_landmarker() -> Landmarker:
    from mediapipe.python.solutions.face_mesh import FaceMesh

    def create(confidence: float) -> Any:
        with _quiet():
            mesh = FaceMesh(static_image_mode=True, max_num_faces=MOST_FACES, min_detection_confidence=confidence)
            mesh.process(_BLANK)  # the graph's threads print their banners now
        return mesh

    sure, unsure = create(0.5), functools.cache(lambda: create(0.3))
    silence: list[Any] = [_quiet]  # until the first face: it prints one more banner

    def run(rgb: np.ndarray) -> list[np.ndarray]:
        with silence[0]() if silence else contextlib.nullcontext():
            found = sure.process(rgb).multi_face_landmarks or unsure().process(rgb).multi_face_landmarks
        if found:
            silence.clear()
        return [_to_array(face.landmark) for face in found or []]

    return run


def _far_proposer() -> Landmarker:
    """The full-range detector, for small faces: its boxes as two corner points each."""
    from mediapipe.python.solutions.face_detection import FaceDetection

    with _quiet():
        detection = FaceDetection(model_selection=1, min_detection_confidence=0.5)
        detection.process(_BLANK)

    def run(rgb: np.ndarray) -> list[np.ndarray]:
        found = detection.process(rgb).detections
        boxes = [one.location_data.relative_bounding_box for one in found or []]
        return [np.array([[b.xmin, b.ymin, 0.0], [b.xmin + b.width, b.ymin + b.height, 0.0]]) for b in boxes]

    return run


def _tasks_landmarker(task_file: Path | None) -> Landmarker:
    if task_file is None or not task_file.is_file():
        raise FacereliefError(f"no task file {task_file}; download face_landmarker.task and name it with --task-file")
    import mediapipe
    from mediapipe.tasks.python import BaseOptions
    from mediapipe.tasks.python.vision import FaceLandmarker, FaceLandmarkerOptions

    options = FaceLandmarkerOptions(
        base_options=BaseOptions(model_asset_buffer=task_file.read_bytes()), num_faces=MOST_FACES
    )
    try:
        with _quiet():
            landmarker = FaceLandmarker.create_from_options(options)
    except (RuntimeError, ValueError) as reason:
        raise FacereliefError(
            f"{task_file} is not a face landmarker task file; download face_landmarker.task"
        ) from reason

    def run(rgb: np.ndarray) -> list[np.ndarray]:
        image = mediapipe.Image(image_format=mediapipe.ImageFormat.SRGB, data=rgb)
        found = landmarker.detect(image).face_landmarks
        return [_to_array(points) for points in found]

    return run


def _to_array(landmarks: Any) -> np.ndarray:
    return np.array([(p.x, p.y, p.z) for p in landmarks[:POINTS]], dtype=np.float64)


def _landmarks(landmarker: Landmarker, rgb: np.ndarray) -> list[np.ndarray]:
    """Run on `rgb` in a square with a replicated border; pixels of `rgb`, z turned towards the viewer."""
    height, width = rgb.shape[:2]
    side = round((1 + 2 * BORDER) * max(height, width))
    top, left = (side - height) // 2, (side - width) // 2
    border = ((top, side - height - top), (left, side - width - left), (0, 0))
    padded = np.ascontiguousarray(np.pad(rgb, border, mode="edge"))
    return [points * (side, side, -side) - (left, top, 0) for points in landmarker(padded)]


def _shrink(rgb: np.ndarray, side: int) -> tuple[np.ndarray, float]:
    scale = side / max(rgb.shape[:2])
    if scale >= 1:
        return np.ascontiguousarray(rgb), 1.0
    height, width = (max(1, round(n * scale)) for n in rgb.shape[:2])
    return np.asarray(Image.fromarray(rgb).resize((width, height), Image.Resampling.BOX)), scale


def _scaled(points: np.ndarray, factor: float) -> np.ndarray:
    return points * factor


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


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """Keep the C++ libraries' banners off the user's screen: they ignore every logging setting."""
    os.environ.setdefault("GLOG_minloglevel", "3")
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    saved, sink = os.dup(2), os.open(os.devnull, os.O_WRONLY)
    os.dup2(sink, 2)
    try:
        yield
    finally:
        os.dup2(saved, 2)
        os.close(saved)
        os.close(sink)
