"""MediaPipe's models as functions of a picture: the bundled ones, or a user's `.task` file."""

import contextlib
import functools
import os
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np

from facerelief.array_types import RGB
from facerelief.errors import FacereliefError, MissingExtra
from facerelief.faces.landmarks.landmarker import MAX_FACES, Landmarker
from facerelief.faces.lazy_modules import postpone_import
from facerelief.faces.placeholder import placeholder_face
from facerelief.files import read_file

LANDMARK_COUNT = 468
_MAX_TASK_BYTES = 200_000_000  # the real one has 4 million
_STDERR_LOCK = threading.RLock()
_home: int | None = None  # id of the process that made the first model


def check_process() -> None:
    """Raises `FacereliefError` in a process forked from one that has loaded models.

    There MediaPipe would wait for ever for threads that were not forked, or crash.
    """
    global _home
    _home = _home or os.getpid()
    if _home != os.getpid():
        raise FacereliefError(
            "this process was forked from one that has used mediapipe, which does not work after a fork; fork before "
            "the first edit, or start processes by spawn, as in multiprocessing.get_context('spawn').Pool()"
        )


def import_mediapipe() -> Any:
    """Import mediapipe. Raises `MissingExtra`, or `FacereliefError` if it does not load."""
    if _home is not None:
        check_process()
    try:
        with (
            _quiet(),
            postpone_import("matplotlib", "matplotlib.pyplot"),
        ):  # half of the import time, for unused drawings
            import mediapipe
    except ModuleNotFoundError as reason:
        raise MissingExtra(reason.name or "mediapipe", "mediapipe") from reason
    except ImportError as reason:  # of a system library that OpenCV needs
        raise FacereliefError(
            f"mediapipe does not load ({' '.join(str(reason).split())}); install the system packages libgl1 and "
            "libglib2.0-0"
        ) from reason
    return mediapipe


def mesh_landmarker() -> Landmarker:
    """The bundled face mesh model."""
    from mediapipe.python.solutions.face_mesh import FaceMesh

    check_process()

    def create(confidence: float) -> Any:
        with _quiet():
            mesh = FaceMesh(static_image_mode=True, max_num_faces=MAX_FACES, min_detection_confidence=confidence)
            mesh.process(placeholder_face())  # prints its banners at the first face: now
        return mesh

    sure, unsure = create(0.5), functools.cache(lambda: create(0.3))

    def run(rgb: RGB) -> list[np.ndarray]:
        check_process()
        found = sure.process(rgb).multi_face_landmarks or unsure().process(rgb).multi_face_landmarks
        return [_to_array(face.landmark) for face in found or []]

    return _in_pixels(run)


def far_face_proposer() -> Landmarker:
    """The full-range detector, for small faces: boxes as two corner points each."""
    from mediapipe.python.solutions.face_detection import FaceDetection

    check_process()
    with _quiet():
        detection = FaceDetection(model_selection=1, min_detection_confidence=0.5)
        detection.process(placeholder_face())

    def run(rgb: RGB) -> list[np.ndarray]:
        check_process()
        found = detection.process(rgb).detections
        boxes = [one.location_data.relative_bounding_box for one in found or []]
        return [np.array([[b.xmin, b.ymin, 0.0], [b.xmin + b.width, b.ymin + b.height, 0.0]]) for b in boxes]

    return _in_pixels(run)


def tasks_landmarker(task_file: Path | None) -> Landmarker:
    """A face landmarker from a task file.

    Raises:
        FacereliefError: The file is missing or another file.
        MissingExtra: mediapipe is not installed.
    """
    remedy = "download face_landmarker.task and give it with --task-file"
    if task_file is None or not task_file.exists():
        raise FacereliefError(f"no task file {task_file or 'given'}; {remedy}")
    try:
        content = read_file(task_file, _MAX_TASK_BYTES)
    except OSError as reason:
        raise FacereliefError(f"cannot read the task file {task_file} ({reason.strerror}); {remedy}") from reason
    mediapipe = import_mediapipe()
    from mediapipe.tasks.python import BaseOptions
    from mediapipe.tasks.python.vision import FaceLandmarker, FaceLandmarkerOptions

    options = FaceLandmarkerOptions(base_options=BaseOptions(model_asset_buffer=content), num_faces=MAX_FACES)
    check_process()
    try:
        with _quiet():
            landmarker = FaceLandmarker.create_from_options(options)
            landmarker.detect(mediapipe.Image(image_format=mediapipe.ImageFormat.SRGB, data=placeholder_face()))
    except (RuntimeError, ValueError) as reason:
        raise FacereliefError(
            f"{task_file} is not a face landmarker task file; download face_landmarker.task"
        ) from reason

    def run(rgb: RGB) -> list[np.ndarray]:
        check_process()
        image = mediapipe.Image(image_format=mediapipe.ImageFormat.SRGB, data=rgb)
        found = landmarker.detect(image).face_landmarks
        return [_to_array(points) for points in found]

    return _in_pixels(run)


def _in_pixels(find: Callable[[RGB], list[np.ndarray]]) -> Landmarker:
    """A model that finds points in fractions of a picture, on a photo that is padded to a square."""

    def search(rgb: RGB, border: float) -> list[np.ndarray]:
        height, width = rgb.shape[:2]
        side = round((1 + 2 * border) * max(height, width))
        top, left = (side - height) // 2, (side - width) // 2
        return [points * (side, side, -side) - (left, top, 0) for points in find(_framed(rgb, side, top, left))]

    return search


def _framed(rgb: RGB, side: int, top: int, left: int) -> np.ndarray:
    """Pad a picture to a square by its border: `np.pad` in a third of the time."""
    bottom, right = top + rgb.shape[0], left + rgb.shape[1]
    framed = np.empty((side, side, 3), dtype=np.uint8)
    framed[top:bottom, left:right] = rgb
    framed[top:bottom, :left] = rgb[:, :1]
    framed[top:bottom, right:] = rgb[:, -1:]
    framed[:top], framed[bottom:] = framed[top], framed[bottom - 1]
    return framed


def _to_array(landmarks: Any) -> np.ndarray:
    return np.array([(p.x, p.y, p.z) for p in landmarks[:LANDMARK_COUNT]], dtype=np.float64)


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """Discard the banners of C++ libraries, which ignore all logging settings."""
    os.environ.setdefault("GLOG_minloglevel", "3")
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    with _STDERR_LOCK:  # otherwise one thread would restore what another has redirected
        saved, sink = os.dup(2), os.open(os.devnull, os.O_WRONLY)
        os.dup2(sink, 2)
        try:
            yield
        finally:
            os.dup2(saved, 2)
            os.close(saved)
            os.close(sink)
