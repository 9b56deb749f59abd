"""The edits of a request: the faces that they are of, and what is to be said about them."""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from itertools import combinations

import numpy as np

from facerelief.editing import Editor
from facerelief.editing.face_choice import FaceChoice, check_place, choose_faces
from facerelief.editing.regions import WHOLE
from facerelief.faces.detector import Face
from facerelief.photos.photo import Photo
from facerelief.webapp.errors import ApiError

_SAME = 0.25  # of the smaller one's size, from middle to middle: no two faces are as near


@dataclass(frozen=True)
class EditSpec:
    """One edit: the target expression, its strength, and whose face.

    face: which of the faces that are found, or a face with known landmarks. part: the region of the face. like, and
    like_neutral: files of photos, as `likes.in_words` takes them.
    """

    to: str
    strength: float
    face: FaceChoice | Face
    part: str = WHOLE
    like: bytes | None = None
    like_neutral: bytes | None = None


@dataclass(frozen=True)
class EditRequest:
    """A photo's file, its edits one after another, and how to encode the result. format None: the photo's own."""

    photo: bytes
    specs: tuple[EditSpec, ...]
    method: str
    format: str | None = None
    quality: int = 95
    provenance: bool = True


def faces_of_edit(which: FaceChoice | Face, found: list[Face], photo: Photo) -> list[Face]:
    """The face or faces of an edit. Raises `NoFaceFound` where there are none, or none that can be edited.

    Args:
        which: As of `EditSpec`.
        found: The photo's faces.
        photo: The photo.
    """
    if isinstance(which, Face):
        check_place(which, photo.rgb.shape, photo.name)
        return choose_faces([which], "largest", photo.name)
    return choose_faces(found, which, photo.name)


def choose_for_each(specs: tuple[EditSpec, ...], found: list[Face], photo: Photo) -> list[tuple[EditSpec, Face]]:
    """Each edit with a face that it is of; arguments as of `faces_of_edit`.

    Raises:
        NoFaceFound: As `faces_of_edit`.
        ApiError: Two edits are of one face and overlap: the second would be of what the first has made.
    """
    chosen = [
        (number, spec, face) for number, spec in enumerate(specs, 1) for face in faces_of_edit(spec.face, found, photo)
    ]
    for (one, first, face), (other, second, again) in combinations(chosen, 2):
        if one != other and _overlap(first.part, second.part) and _is_same(face, again):
            message = f"edits {one} and {other} are of the same face"
            raise ApiError("bad_option", message, "send one edit for each face, and say of which by face or landmarks")
    return [(spec, face) for _, spec, face in chosen]


def _overlap(one: str, other: str) -> bool:
    return WHOLE in (one, other) or one == other


def _is_same(one: Face, other: Face) -> bool:
    """Whether two faces of one photo are the same, found or sent back by the client."""
    (x0, y0, x1, y1), (x2, y2, x3, y3) = one.box, other.box
    away = np.hypot(x0 + x1 - x2 - x3, y0 + y1 - y2 - y3) / 2
    return bool(away < _SAME * min(one.size, other.size))


def warnings(editor: Editor, specs: tuple[EditSpec, ...], found: list[Face]) -> list[str]:
    """Warnings about the edits and the choice of the face, with the API's field names in place of options."""
    known = [editor.caution(editor.target(spec.to)) for spec in specs if spec.strength]
    lines = [line.replace("--", "") for line in known if line]
    if len(found) > 1 and any(spec.face == "largest" for spec in specs):
        lines.append(f"{len(found)} faces; the largest is edited (choose with face)")
    return lines


def with_notes(photo: Photo, lines: Iterable[str]) -> Photo:
    """A photo with further notes, each once."""
    return replace(photo, notes=tuple(dict.fromkeys((*photo.notes, *lines))))
