"""Which of a photo's faces are edited, and which cannot be."""

import contextlib
import math
from collections.abc import Sequence

import numpy as np

from facerelief.errors import FacereliefError, NoFaceFound
from facerelief.faces.detector import MIN_FACE_SIZE, Face
from facerelief.faces.pose import head_pose

# "largest", "all", a number counted from 1, the largest, or (x, y), a point of the face in the photo's pixels
FaceChoice = int | str | tuple[float, float]
MAX_YAW = 50.0  # degrees
_MOST_SIZE = 1.5  # of a face whose landmarks a caller gives, in square roots of the photo's area


def choose_faces(faces: Sequence[Face], face: FaceChoice, name: str) -> list[Face]:
    """The faces that `face` means, each fit to be edited. Raises `NoFaceFound` that says why one is not."""
    which = parse_face_choice(face)
    check_any(faces, name)
    if which == "all":
        fit = [one for one in faces if why_unfit(one) is None]
        if not fit:
            why = why_unfit(faces[0])
            raise NoFaceFound(f"{name}: none of its {len(faces)} faces can be edited; the largest {why}")
        return fit
    one = _face_at(faces, which, name) if isinstance(which, tuple) else _numbered(faces, which, name)
    reason = why_unfit(one)
    if reason:
        raise NoFaceFound(f"{name}: the face {reason}")
    return [one]


def notes_on_choice(
    faces: Sequence[Face], which: FaceChoice, name: str, what: str = "is edited", how: str = " (choose with --face)"
) -> list[str]:
    """A line where the largest of several faces was taken; none where the user chose.

    Args:
        faces: Those that were found.
        which: What was asked for.
        name: The photo's.
        what: What is done to the largest.
        how: How to choose another.
    """
    several = len(faces) > 1 and which == "largest"
    return [f"{name}: {len(faces)} faces; the largest {what}{how}"] if several else []


def check_any(faces: Sequence[Face], name: str) -> None:
    """Raise `NoFaceFound` where a photo of this name has no faces."""
    if not faces:
        raise NoFaceFound(f"{name}: no face found; use a photo with a face seen from the front")


def check_place(face: Face, shape: tuple[int, ...], name: str) -> None:
    """Raise `NoFaceFound` for a face outside a photo of this shape (H, W, ...), or far larger than it."""
    height, width = shape[:2]
    x0, y0, x1, y1 = face.box
    beside = x1 <= 0 or y1 <= 0 or x0 >= width or y0 >= height
    if beside or face.size > _MOST_SIZE * math.sqrt(height * width):
        raise NoFaceFound(f"{name}: the landmarks are not of a face in this photo; give those that were found in it")


def parse_face_choice(face: FaceChoice) -> FaceChoice:
    """What a user typed, as "largest", "all", a number from 1 or a point (x, y). Raises `FacereliefError`."""
    if face in ("largest", "all") or isinstance(face, tuple):
        return face
    with contextlib.suppress(ValueError):
        if int(face) < 1:
            raise FacereliefError(f"there is no face {int(face)}; they are counted from 1, the largest")
        return int(face)
    with contextlib.suppress(ValueError):
        x, y = (float(part) for part in str(face).split(","))
        if math.isfinite(x) and math.isfinite(y):
            return x, y
    raise FacereliefError(
        f"no face {face!r}; choose largest, all, a number counted from the largest, or X,Y, a point of it in pixels"
    )


def _numbered(faces: Sequence[Face], which: int | str, name: str) -> Face:
    number = 1 if which == "largest" else int(which)
    if number > len(faces):
        raise NoFaceFound(f"{name}: there is no face {number}; choose from 1 to {len(faces)}, 1 is the largest")
    return faces[number - 1]


def _face_at(faces: Sequence[Face], point: tuple[float, float], name: str) -> Face:
    """The face whose box holds a point; of several, the one whose centre is nearest."""
    x, y = point
    boxes = [face.box for face in faces]
    there = [k for k, (x0, y0, x1, y1) in enumerate(boxes) if x0 <= x <= x1 and y0 <= y <= y1]
    if not there:
        centres = ", ".join(f"{(x0 + x1) / 2:.0f},{(y0 + y1) / 2:.0f}" for x0, y0, x1, y1 in boxes)
        raise NoFaceFound(f"{name}: there is no face at {x:g},{y:g}; faces are at {centres}")
    centre = [math.dist(point, ((boxes[k][0] + boxes[k][2]) / 2, (boxes[k][1] + boxes[k][3]) / 2)) for k in there]
    return faces[there[int(np.argmin(centre))]]


def why_unfit(face: Face) -> str | None:
    """Why a face cannot be edited, in words; None where it can."""
    if face.size < MIN_FACE_SIZE:
        return f"is {face.size:.0f} pixels large, {MIN_FACE_SIZE:.0f} are needed; use a larger photo"
    yaw = head_pose(face.landmarks)[0]
    if abs(yaw) > MAX_YAW:
        return f"is seen from the side ({abs(yaw):.0f} degrees); use a photo from the front"
    return None
