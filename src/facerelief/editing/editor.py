"""What every editor shares: a photo and an expression in, the same photo with that expression out.

editor = load_editor()                    # the weights that the package carries
edit = editor(photo, "happiness")         # edit.photo, edit.faces[0].before, .after
"""

import contextlib
import dataclasses
import math
from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar, Generic, TypeVar

import numpy as np

from facerelief.editing.regions import WHOLE, check_part
from facerelief.errors import FacereliefError, NoFaceFound
from facerelief.expressions import resolve
from facerelief.faces.alignment import Crop
from facerelief.faces.detector import Face, FaceFinder, load_finder
from facerelief.faces.pose import head_pose
from facerelief.photos.photo import Photo
from facerelief.photos.provenance.xmp import mark_edit

Which = int | str | tuple[float, float]  # as `Editor.__call__` takes it
SMALLEST_FACE, MOST_YAW = 40.0, 50.0  # pixels; degrees


@dataclass(frozen=True, repr=False)
class EditedFace:
    """One edited face: its aligned crop, and the crop's pixels before and after, uint8 (S, S, 3). part: of `PARTS`,
    what the edit is limited to.

    What a method finds out about the face is in further fields of its own. steady: those of them whose means over
    neighbouring frames keep the edit of a video from flickering, and how far to each side, in seconds.
    """

    steady: ClassVar[dict[str, float]] = {}
    face: Face
    crop: Crop
    before: np.ndarray
    after: np.ndarray
    part: str = dataclasses.field(default=WHOLE, kw_only=True)

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.face}, part={self.part!r}, {self.crop.size}x{self.crop.size})"


Change = TypeVar("Change", bound=EditedFace)


@dataclass(frozen=True)
class Edit:
    """An edited photo, which carries its mark, and what was done to it."""

    photo: Photo
    expression: str
    faces: Sequence[EditedFace]


class Editor(ABC, Generic[Change]):
    """Edits photos by one method; use one a thread.

    A method is two steps: `change` finds out what is to be done to a face, which takes most of the time, and `paint`
    does it, at any strength. method: its name.
    """

    method: str = ""

    def __init__(self, expressions: tuple[str, ...], finder: FaceFinder | None = None) -> None:
        """expressions: what it can edit to."""
        self.expressions = expressions
        self._finder = finder

    def caution(self, expression: str) -> str | None:
        """What is known against edits to an expression, in one line; None where nothing is."""
        return None

    def change(self, rgb: np.ndarray, face: Face, label: int, part: str = WHOLE) -> Change:
        """What is to be done to a face, or a part of it, of a photo uint8 (H, W, 3), so that it shows
        `expressions[label]`.
        """
        return dataclasses.replace(self._change(rgb, face, label), part=check_part(part))

    @abstractmethod
    def _change(self, rgb: np.ndarray, face: Face, label: int) -> Change:
        """`change` of a whole face."""

    @abstractmethod
    def _paint(self, rgb: np.ndarray, change: Change, strength: float) -> np.ndarray:
        """`paint`, at a strength above 0."""

    def paint(self, rgb: np.ndarray, change: Change, strength: float) -> np.ndarray:
        """A photo uint8 (H, W, 3) with a change done to it; at strength 0 the very pixels. Never writes to `rgb`."""
        return self._paint(rgb, change, strength) if strength else rgb.copy()

    def apply(
        self, rgb: np.ndarray, face: Face, label: int, strength: float, part: str = WHOLE
    ) -> tuple[np.ndarray, Change]:
        """A photo uint8 (H, W, 3) with one face edited to `expressions[label]`, and what was done to the face."""
        change = self.change(rgb, face, label, part)
        out = self.paint(rgb, change, strength)
        return out, dataclasses.replace(change, after=change.crop.cut(out))

    def find(self, photo: Photo) -> list[Face]:
        """The photo's faces, the largest first. Raises `NoFaceFound`."""
        faces = self.finder(photo.rgb)
        _check_any(faces, photo.name)
        return faces

    @property
    def finder(self) -> FaceFinder:
        """What finds faces; loaded when it is needed."""
        if self._finder is None:
            self._finder = load_finder()
        return self._finder

    def __call__(
        self,
        photo: Photo,
        to: str,
        *,
        strength: float = 1.0,
        face: Which = "largest",
        faces: Sequence[Face] | None = None,
        part: str = WHOLE,
    ) -> Edit:
        """Edit a photo to the expression `to`.

        strength: share of the full change, 0 (the photo itself) to 1.5. face: "largest", "all", 1, 2 ... counted from
        the largest, or (x, y), a point of the face in pixels of the upright photo. faces: those that `find` gave, to
        spare finding them again. part: "face", or what alone may change: "eyes", with the brows, or "mouth", with the
        cheeks and the chin.
        Raises `FacereliefError` for an expression the weights lack, `NoFaceFound` for a face that cannot be edited.
        """
        label = self.label(to)
        if not 0 <= strength <= 1.5:
            raise FacereliefError(f"strength {strength} is out of range; choose 0 to 1.5")
        chosen = choose_faces(self.find(photo) if faces is None else faces, face, photo.name)
        rgb = photo.rgb
        edited = []
        for one in chosen:
            rgb, done = self.apply(rgb, one, label, strength, part)
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


def choose_faces(faces: Sequence[Face], face: Which, name: str) -> list[Face]:
    """The faces that `face` means, each fit to be edited. Raises `NoFaceFound` that says why one is not."""
    which = which_face(face)
    _check_any(faces, name)
    if which == "all":
        fit = [one for one in faces if unfit(one) is None]
        if not fit:
            raise NoFaceFound(f"{name}: none of its {len(faces)} faces can be edited; the largest {unfit(faces[0])}")
        return fit
    one = _face_at(faces, which, name) if isinstance(which, tuple) else _numbered(faces, which, name)
    reason = unfit(one)
    if reason:
        raise NoFaceFound(f"{name}: the face {reason}")
    return [one]


def said_of_choice(faces: Sequence[Face], which: Which, name: str) -> list[str]:
    """A line where the largest of several faces is edited; none where the user chose."""
    several = len(faces) > 1 and which == "largest"
    return [f"{name}: {len(faces)} faces; the largest is edited (choose with --face)"] if several else []


def _check_any(faces: Sequence[Face], name: str) -> None:
    if not faces:
        raise NoFaceFound(f"{name}: no face found; use a photo with a face seen from the front")


def which_face(face: Which) -> Which:
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


def unfit(face: Face) -> str | None:
    """Why a face cannot be edited, in words; None where it can."""
    if face.size < SMALLEST_FACE:
        return f"is {face.size:.0f} pixels large, {SMALLEST_FACE:.0f} are needed; use a larger photo"
    yaw = head_pose(face.landmarks)[0]
    if abs(yaw) > MOST_YAW:
        return f"is seen from the side ({abs(yaw):.0f} degrees); use a photo from the front"
    return None
