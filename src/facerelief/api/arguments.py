"""Arguments of the Python API: their types for type checkers, and checks at run time."""

from collections.abc import Iterable, Mapping, Sequence
from numbers import Real
from typing import Any, Literal, TypeAlias

import numpy as np

from facerelief.editing.face_choice import FaceChoice, check_place, parse_face_choice
from facerelief.editing.strength import MAX_STRENGTH
from facerelief.errors import FacereliefError, shown
from facerelief.expressions import EXPRESSIONS, Expression
from facerelief.faces.detector import Face
from facerelief.faces.mediapipe_models import LANDMARK_COUNT
from facerelief.geometry.morphable.fitting import is_face_like
from facerelief.photos.photo import Photo

One: TypeAlias = Expression | str | Mapping[int, str]
Several: TypeAlias = Literal["all"] | list[Expression] | list[str] | tuple[str, ...]
Part: TypeAlias = Literal["face", "eyes", "mouth"]
Method: TypeAlias = Literal["morphable", "relief", "stargan"]
EngineName: TypeAlias = Literal["torch", "onnx", "openvino", "openvino-bf16", "auto"]
WhichFace: TypeAlias = Literal["largest", "all"] | int | tuple[float, float]
Faces: TypeAlias = WhichFace | Face | Sequence[Face]
OneFace: TypeAlias = Literal["largest"] | int | tuple[float, float] | Face
Timing: TypeAlias = Literal["linear", "sigmoid", "ease"]

_FAR = 1e9  # pixels
_FACES = "choose largest, all, a number counted from the largest, a point (x, y) of it in pixels, or what faces() found"


def check_choice(value: Any, choices: Iterable[str], what: str) -> None:
    """Check that a value is one of the choices.

    Raises:
        FacereliefError: It is not; the message lists them.

    Example:
        >>> check_choice("nose", ("face", "eyes", "mouth"), "part")
        Traceback (most recent call last):
        facerelief.errors.FacereliefError: no part 'nose'; choose from face, eyes, mouth
    """
    choices = tuple(choices)
    if not isinstance(value, str) or value not in choices:
        raise FacereliefError(f"no {what} {shown(value)}; choose from {', '.join(choices)}")


def is_several(to: One | Several) -> bool:
    """Whether `to` asks for several edits.

    Raises:
        FacereliefError: It asks for neither one nor several.

    Example:
        >>> is_several("happy"), is_several({1: "happy", 2: "sad"}), is_several("all"), is_several(["happy"])
        (False, False, True, True)
    """
    if isinstance(to, str):
        return to.strip().lower() == "all"
    if isinstance(to, Mapping) and to and all(isinstance(key, int) for key in to):
        return False
    if not isinstance(to, list | tuple) or not to:
        raise FacereliefError(f"no expression {shown(to)}; choose from {', '.join(EXPRESSIONS)}, all, or a list")
    return True


def check_words(words: Any) -> str:
    """Check that what a face is to show is a string. Raises `FacereliefError` if it is not."""
    if not isinstance(words, str):
        raise FacereliefError(f"unknown expression {shown(words)}; choose from {', '.join(EXPRESSIONS)}")
    return words


def check_strength(strength: Any) -> float:
    """Check a strength. Raises `FacereliefError` if it is no number from 0 to `MAX_STRENGTH`."""
    if not _within(strength, 0, MAX_STRENGTH):
        raise FacereliefError(f"strength {shown(strength)} is out of range; choose a number from 0 to {MAX_STRENGTH}")
    return float(strength)


def check_count(count: Any, what: str) -> int:
    """Check that a number of something is a whole one. Raises `FacereliefError` if it is not."""
    if isinstance(count, bool) or not isinstance(count, int | np.integer):
        raise FacereliefError(f"{what} is {shown(count)}; give a whole number")
    return int(count)


def check_faces(faces: Any) -> tuple[FaceChoice, list[Face] | None]:
    """Interpret the argument `faces`.

    Returns:
        Which of the detected faces are meant, and None; or "all", and the faces that were given.

    Raises:
        FacereliefError: It means no faces.

    Example:
        >>> check_faces("largest"), check_faces((420, 310))
        (('largest', None), ((420.0, 310.0), None))
    """
    if isinstance(faces, Face):
        return "all", [_usable(faces)]
    if isinstance(faces, str):
        return parse_face_choice(faces), None
    if isinstance(faces, int | np.integer) and not isinstance(faces, bool):
        return parse_face_choice(int(faces)), None
    if isinstance(faces, list | tuple) or (isinstance(faces, np.ndarray) and faces.ndim == 1):
        given = list(faces)
        if not given:
            raise FacereliefError("no faces are given; choose some of those that `faces` finds")
        if all(isinstance(one, Face) for one in given):
            return "all", [_usable(one) for one in given]
        if len(given) == 2 and all(_within(one, -_FAR, _FAR) for one in given):
            return (float(given[0]), float(given[1])), None
    raise FacereliefError(f"no faces {shown(faces)}; {_FACES}")


def check_places(faces: list[Face], photo: Photo) -> list[Face]:
    """Check that faces which a caller gives lie in a photo. Raises `NoFaceFound` for one that does not."""
    for face in faces:
        check_place(face, photo.rgb.shape, photo.name)
    return faces


def check_pictures(images: Any) -> Iterable[Any]:
    """Check that this is several pictures. Raises `FacereliefError` for one: its rows would be taken for pictures."""
    alone = isinstance(images, str | bytes | bytearray | memoryview) or (
        isinstance(images, np.ndarray) and images.ndim < 4
    )
    if alone or not isinstance(images, Iterable):
        raise FacereliefError(f"{shown(images)} is no list of pictures; give a list, or one picture to edit")
    return images


def _within(value: Any, low: float, high: float) -> bool:
    """Whether a value is a real number from low to high."""
    return isinstance(value, Real) and not isinstance(value, bool) and bool(low <= value <= high)  # type: ignore[operator]


def _usable(face: Face) -> Face:
    points = face.landmarks
    number = isinstance(points, np.ndarray) and points.dtype.kind in "fiu"
    if not number or points.shape != (LANDMARK_COUNT, 3) or not is_face_like(points):
        raise FacereliefError("the landmarks of a face are not those of one; give faces that `faces` found")
    return face
