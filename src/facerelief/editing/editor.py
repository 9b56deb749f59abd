"""What every editor shares: a photo and an expression in, the same photo with that expression out.

editor = load_editor()                    # the weights that the package carries
edit = editor(photo, "happiness")         # edit.photo, edit.faces[0].before, .after
"""

import dataclasses
from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from facerelief.errors import FacereliefError, NoFaceFound
from facerelief.expressions import resolve
from facerelief.faces.align import Crop
from facerelief.faces.detect import Face, FaceFinder, load_finder
from facerelief.faces.mark import mark_edit
from facerelief.faces.photo import Photo
from facerelief.faces.pose import head_pose

SMALLEST_FACE, MOST_YAW = 40.0, 50.0  # pixels; degrees


@dataclass(frozen=True)
class EditedFace:
    """One edited face: its aligned crop, and the crop's pixels before and after, uint8 (S, S, 3)."""

    face: Face
    crop: Crop
    before: np.ndarray
    after: np.ndarray


@dataclass(frozen=True)
class Edit:
    """An edited photo, which carries its mark, and what was done to it."""

    photo: Photo
    expression: str
    faces: list[EditedFace]


class Editor(ABC):
    """Edits photos by one method; use one a thread."""

    def __init__(self, expressions: tuple[str, ...], finder: FaceFinder | None = None) -> None:
        """expressions: what it can edit to."""
        self.expressions = expressions
        self._finder = finder

    @abstractmethod
    def apply(self, rgb: np.ndarray, face: Face, label: int, strength: float) -> tuple[np.ndarray, EditedFace]:
        """A photo uint8 (H, W, 3) with one face edited to `expressions[label]`, and what was done to the face."""

    def find(self, photo: Photo) -> list[Face]:
        """The photo's faces, the largest first. Raises `NoFaceFound`."""
        if self._finder is None:
            self._finder = load_finder()
        faces = self._finder(photo.rgb)
        if not faces:
            raise NoFaceFound(f"{photo.name}: no face found; use a photo with a face seen from the front")
        return faces

    def __call__(
        self,
        photo: Photo,
        to: str,
        *,
        strength: float = 1.0,
        face: int | str = "largest",
        faces: Sequence[Face] | None = None,
    ) -> Edit:
        """Edit a photo to the expression `to`.

        strength: share of the full change, 0 (the photo itself) to 1.5. face: "largest", "all", or 1, 2 ... counted
        from the largest. faces: those that `find` gave, to spare finding them again.
        Raises `FacereliefError` for an expression the weights lack, `NoFaceFound` for a face that cannot be edited.
        """
        label = self.label(to)
        if not 0 <= strength <= 1.5:
            raise FacereliefError(f"strength {strength} is out of range; choose 0 to 1.5")
        chosen = choose_faces(self.find(photo) if faces is None else faces, face, photo.name)
        rgb = photo.rgb
        edited = []
        for one in chosen:
            rgb, done = self.apply(rgb, one, label, strength)
            edited.append(done)
        expression = self.expressions[label]
        mark = mark_edit(photo.mark, expression, [one.crop for one in edited]) if strength else photo.mark
        return Edit(dataclasses.replace(photo.with_rgb(rgb), mark=mark), expression, edited)

    def label(self, to: str) -> int:
        """The place of an expression among `expressions`. Raises `FacereliefError` where the weights lack it."""
        expression = resolve(to)
        if expression not in self.expressions:
            raise FacereliefError(f"these weights cannot do {expression}; choose from {', '.join(self.expressions)}")
        return self.expressions.index(expression)


def choose_faces(faces: Sequence[Face], face: int | str, name: str) -> list[Face]:
    """The faces that `face` means, each fit to be edited. Raises `NoFaceFound` that says why one is not."""
    which = which_face(face)
    if which == "all":
        fit = [one for one in faces if _unfit(one) is None]
        if not fit:
            raise NoFaceFound(f"{name}: none of its {len(faces)} faces can be edited; the largest {_unfit(faces[0])}")
        return fit
    number = 1 if which == "largest" else int(which)
    if not 1 <= number <= len(faces):
        raise NoFaceFound(f"{name}: there is no face {number}; choose from 1 to {len(faces)}, 1 is the largest")
    one = faces[number - 1]
    reason = _unfit(one)
    if reason:
        raise NoFaceFound(f"{name}: the face {reason}")
    return [one]


def which_face(face: int | str) -> int | str:
    """What a user typed, as "largest", "all" or a number, 1 for the largest. Raises `FacereliefError`."""
    if face in ("largest", "all"):
        return face
    try:
        return int(face)
    except ValueError:
        raise FacereliefError(f"no face {face!r}; choose largest, all, or a number counted from the largest") from None


def _unfit(face: Face) -> str | None:
    if face.size < SMALLEST_FACE:
        return f"is {face.size:.0f} pixels large, {SMALLEST_FACE:.0f} are needed; use a larger photo"
    yaw = head_pose(face.landmarks)[0]
    if abs(yaw) > MOST_YAW:
        return f"is seen from the side ({abs(yaw):.0f} degrees); use a photo from the front"
    return None
