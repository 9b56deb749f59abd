"""An edit of a photo: what is to be done to a face, and what was done."""

import dataclasses
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import ClassVar, Self

from facerelief.array_types import RGB
from facerelief.editing.regions import WHOLE
from facerelief.faces.alignment import Crop, align
from facerelief.faces.detector import Face
from facerelief.photos.photo import Photo


@dataclass(frozen=True, repr=False)
class EditPlan:
    """What is to be done to one face. What a method finds out about the face is in fields of a subclass.

    Attributes:
        smoothing_windows: Those fields whose means over neighbouring frames keep the edit of a video from flickering,
            and how far these frames are to each side, in seconds.
        face: The face.
        crop: The part of the photo that may change, of side S.
        before: (S, S, 3), the crop's pixels.
        part: What the edit is limited to, of `PARTS`.
        cautions: What of it cannot be done to this face, a line each.
    """

    smoothing_windows: ClassVar[dict[str, float]] = {}
    face: Face
    crop: Crop
    before: RGB
    part: str = dataclasses.field(default=WHOLE, kw_only=True)
    cautions: tuple[str, ...] = dataclasses.field(default=(), kw_only=True)

    @property
    def marked(self) -> Crop:
        """The aligned crop, in which `verify` looks for the watermark."""
        return align(self.face.landmarks)

    def without_effect(self, to: str) -> Self:
        """The plan with a caution that it changed nothing; `to`: what the face was to show."""
        return dataclasses.replace(self, cautions=(*self.cautions, no_effect(to, self.part)))

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.face}, part={self.part!r}, {self.crop.size}x{self.crop.size})"


def cautions_of(plans: Iterable[EditPlan]) -> list[str]:
    """What of several plans cannot be done, each line once."""
    return list(dict.fromkeys(line for plan in plans for line in plan.cautions))


@dataclass(frozen=True, repr=False)
class EditedFace:
    """One edited face.

    Attributes:
        plan: What was done to it.
        photo: (H, W, 3), the edited photo.
    """

    plan: EditPlan
    photo: RGB

    @property
    def face(self) -> Face:
        """The face as it was found."""
        return self.plan.face

    @property
    def crop(self) -> Crop:
        """The part of the photo that may change."""
        return self.plan.crop

    @property
    def before(self) -> RGB:
        """The crop's pixels before the edit, (S, S, 3)."""
        return self.plan.before

    @property
    def after(self) -> RGB:
        """The same, edited."""
        return self.crop.cut(self.photo)

    @property
    def part(self) -> str:
        """What the edit was limited to, of `PARTS`."""
        return self.plan.part

    def __repr__(self) -> str:
        return repr(self.plan).replace(type(self.plan).__name__, type(self).__name__, 1)


@dataclass(frozen=True)
class Edit:
    """An edited photo.

    Attributes:
        photo: The photo, edited, which carries the mark that says so.
        expression: What it was edited to, in words; of faces with an edit each `1:happiness,2:neutral`.
        faces: What was done to each face.
    """

    photo: Photo
    expression: str
    faces: Sequence[EditedFace]


def no_effect(to: str, part: str) -> str:
    """What is said of an edit that changes no pixel.

    Example:
        >>> no_effect("look-left", "mouth")
        'part mouth leaves nothing of look-left to change'
    """
    return f"{to} changes nothing of this face" if part == WHOLE else f"part {part} leaves nothing of {to} to change"
