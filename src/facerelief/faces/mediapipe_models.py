"""MediaPipe's models as functions of a picture: its own bundled ones, or a user's `.task` file."""

import contextlib
import functools
import os
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Protocol

import numpy as np

from facerelief.errors import FacereliefError, MissingExtra
from facerelief.faces.lazy_modules import postponed
from facerelief.faces.placeholder import drawn_face
from facerelief.files import read_file

POINTS = 468
MOST_FACES = 20
_MOST_TASK = 200_000_000  # bytes; the real one has 4 million
_ONE_AT_A_TIME = threading.RLock()
_home: int | None = None  # the process in which a model was first made


class Landmarker(Protocol):
    """One model run: rgb uint8 (H, W, 3) to landmark arrays (468, 3) in fractions of its width and height."""

    def __call__(self, rgb: np.ndarray) -> list[np.ndarray]:
        """The landmarks of each face."""
        ...


def check_process() -> None:
    """Models are at home in one process: those that it forks wait for ever for the threads of its models, and die where
    they make models of their own. Raises `FacereliefError` in such a one.
    """
    global _home
    _home = _home or os.getpid()
    if _home != os.getpid():
        raise FacereliefError(
            "this process was forked from one that has searched for faces, and mediapipe works in that one alone; fork "
            "before the first edit, or start processes by spawn, as in multiprocessing.get_context('spawn').Pool()"
        )


def import_mediapipe() -> Any:
    """The package. Raises `MissingExtra` without it, `FacereliefError` where it does not load."""
    if _home is not None:
        check_process()
    try:
        with _quiet(), postponed("matplotlib", "matplotlib.pyplot"):  # half of the time, for drawings nobody asks for
            import mediapipe
    except ModuleNotFoundError as reason:
        raise MissingExtra(reason.name or "mediapipe", "faces") from reason
    except ImportError as reason:  # of a system library, which OpenCV needs
        raise FacereliefError(
            f"mediapipe does not load ({' '.join(str(reason).split())}); install the system packages libgl1 and "
            "libglib2.0-0"
        ) from reason
    return mediapipe


def mesh_landmarker() -> Landmarker:
    """The bundled face mesh."""
    from mediapipe.python.solutions.face_mesh import FaceMesh

    check_process()

    def create(confidence: float) -> Any:
        with _quiet():
            mesh = FaceMesh(static_image_mode=True, max_num_faces=MOST_FACES, min_detection_confidence=confidence)
            mesh.process(drawn_face())  # what it prints once, at its first face, it prints now
        return mesh

    sure, unsure = create(0.5), functools.cache(lambda: create(0.3))

    def run(rgb: np.ndarray) -> list[np.ndarray]:
        check_process()
        found = sure.process(rgb).multi_face_landmarks or unsure().process(rgb).multi_face_landmarks
        return [_to_array(face.landmark) for face in found or []]

    return run


def far_proposer() -> Landmarker:
    """The full-range detector, for small faces: its boxes as two corner points each."""
    from mediapipe.python.solutions.face_detection import FaceDetection

    check_process()
    with _quiet():
        detection = FaceDetection(model_selection=1, min_detection_confidence=0.5)
        detection.process(drawn_face())

    def run(rgb: np.ndarray) -> list[np.ndarray]:
        check_process()
        found = detection.process(rgb).detections
        boxes = [one.location_data.relative_bounding_box for one in found or []]
        return [np.array([[b.xmin, b.ymin, 0.0], [b.xmin + b.width, b.ymin + b.height, 0.0]]) for b in boxes]

    return run


def tasks_landmarker(task_file: Path | None) -> Landmarker:
    """A face landmarker from a task file. Raises `FacereliefError` where it is missing or another file."""
    remedy = "download face_landmarker.task and name it with --task-file"
    if task_file is None or not task_file.exists():
        raise FacereliefError(f"no task file {task_file or 'given'}; {remedy}")
    try:
        content = read_file(task_file, _MOST_TASK)
    except OSError as reason:
        raise FacereliefError(f"cannot read the task file {task_file} ({reason.strerror}); {remedy}") from reason
    import mediapipe
    from mediapipe.tasks.python import BaseOptions
    from mediapipe.tasks.python.vision import FaceLandmarker, FaceLandmarkerOptions

    options = FaceLandmarkerOptions(base_options=BaseOptions(model_asset_buffer=content), num_faces=MOST_FACES)
    check_process()
    try:
        with _quiet():
            landmarker = FaceLandmarker.create_from_options(options)
            landmarker.detect(mediapipe.Image(image_format=mediapipe.ImageFormat.SRGB, data=drawn_face()))
    except (RuntimeError, ValueError) as reason:
        raise FacereliefError(
            f"{task_file} is not a face landmarker task file; download face_landmarker.task"
        ) from reason

    def run(rgb: np.ndarray) -> list[np.ndarray]:
        check_process()
        image = mediapipe.Image(image_format=mediapipe.ImageFormat.SRGB, data=rgb)
        found = landmarker.detect(image).face_landmarks
        return [_to_array(points) for points in found]

    return run


def _to_array(landmarks: Any) -> np.ndarray:
    return np.array([(p.x, p.y, p.z) for p in landmarks[:POINTS]], dtype=np.float64)


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """Keep the C++ libraries' banners off the user's screen: they ignore every logging setting."""
    os.environ.setdefault("GLOG_minloglevel", "3")
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    with _ONE_AT_A_TIME:  # else one thread would give back what another has silenced
        saved, sink = os.dup(2), os.open(os.devnull, os.O_WRONLY)
        os.dup2(sink, 2)
        try:
            yield
        finally:
            os.dup2(saved, 2)
            os.close(saved)
            os.close(sink)
