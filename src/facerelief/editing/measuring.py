"""What the faces of a photo show: action units and blendshapes."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from facerelief.editing.face_choice import FaceChoice, choose_faces, notes_on_choice, parse_face_choice
from facerelief.faces.detector import Face, FaceFinder
from facerelief.geometry.morphable.measuring import Amount, Measurement, looked_at_again, measure_face
from facerelief.geometry.morphable.model import load_face
from facerelief.photos.photo import Photo

MOVEMENT_NOTE = (
    "Amounts are movements, not feelings: 1 is the full movement of the rig's shape, 0 none. They are estimated from "
    "landmarks, with a standard deviation; where it is above 0.4 they are unsure: landmarks hardly tell units apart."
)


@dataclass(frozen=True)
class MeasuredFace:
    """What one face shows.

    Attributes:
        photo: Its photo's name.
        face: The face.
        neutral: The name of the photo that it was compared with; empty without one.
        shown: The amounts.
    """

    photo: str
    face: Face
    neutral: str
    shown: Measurement

    @property
    def action_units(self) -> dict[str, Amount]:
        """By name: `AU12`, of both sides, and `AU12L` and `AU12R`, the person's own."""
        return self.shown.action_units

    @property
    def blendshapes(self) -> dict[str, Amount]:
        """By ARKit's names."""
        return self.shown.blendshapes

    def facts(self) -> dict[str, Any]:
        """For JSON: photo, box in pixels, and by name the amount, its deviation, and whether it can be seen."""
        return {
            "photo": self.photo,
            "box": [round(side, 1) for side in self.face.box],
            "neutral": self.neutral or None,
            "action_units": {name: _facts(one) for name, one in self.action_units.items()},
            "blendshapes": {name: _facts(one) for name, one in self.blendshapes.items()},
        }

    @property
    def line(self) -> dict[str, str]:
        """For a table: names of columns and their texts."""
        both = self.action_units | self.blendshapes
        x0, y0, x1, y1 = self.face.box
        amounts = {name: f"{one.amount:.3f}" for name, one in both.items()}
        sure = {f"{name}_deviation": f"{one.deviation:.3f}" for name, one in both.items()}
        sure |= {f"{name}_seen": str(int(one.seen)) for name, one in both.items()}
        placed = {"photo": self.photo, "face": f"{(x0 + x1) / 2:.0f} {(y0 + y1) / 2:.0f}", "neutral": self.neutral}
        return placed | amounts | sure


def measure_photo(
    photo: Photo,
    finder: FaceFinder,
    which: FaceChoice = "largest",
    neutral: Photo | None = None,
    notes: list[str] | None = None,
) -> list[MeasuredFace]:
    """Measure faces of a photo.

    Args:
        photo: The photo.
        finder: Finds faces, as `load_finder` makes one.
        which: Of them, as `Editor.__call__` takes it.
        neutral: As of `measure_faces`.
        notes: Gets a line where the largest of several faces was taken.

    Raises:
        NoFaceFound: There is no such face in either photo, or it is too small or turned away.
    """
    found, choice = finder(photo.rgb), parse_face_choice(which)
    faces = choose_faces(found, choice, photo.name)
    if notes is not None:
        notes += notes_on_choice(found, choice, photo.name, "is measured")
    return measure_faces(photo, faces, finder, neutral)


def measure_faces(
    photo: Photo, faces: Sequence[Face], finder: FaceFinder, neutral: Photo | None = None
) -> list[MeasuredFace]:
    """Measure faces that were found.

    Args:
        photo: The photo.
        faces: Those of its faces.
        finder: Finds the neutral face.
        neutral: A photo in which the same person shows nothing; its largest face counts.

    Raises:
        NoFaceFound: There is no face in `neutral`, or it is too small or turned away.

    Example:
        A mean face whose left corner of the mouth is pulled up, as the landmark model reports it:

        >>> import numpy as np
        >>> from facerelief.faces.detector import load_finder
        >>> from facerelief.geometry.morphable.measuring import load_responses
        >>> reported = load_responses()
        >>> smile = load_face().mean + reported.shapes[reported.names.index("mouthSmileLeft")]
        >>> photo = Photo(np.zeros((400, 400, 3), np.uint8), name="smile.png")
        >>> (found,) = measure_faces(photo, [Face(100 * smile + 200)], load_finder())
        >>> max(found.action_units, key=lambda name: found.action_units[name].amount)
        'AU12L'
    """
    still = None
    if neutral is not None:
        (face,) = choose_faces(finder(neutral.rgb), "largest", neutral.name)
        still = (looked_at_again(finder, neutral.rgb, face) or face).landmarks
    name, model = neutral.name if neutral else "", load_face()
    seen = [looked_at_again(finder, photo.rgb, one) or one for one in faces]
    amounts = [measure_face(model, one.landmarks, still) for one in seen]
    return [MeasuredFace(photo.name, one, name, shown) for one, shown in zip(faces, amounts, strict=True)]


def table_of(measured: Sequence[MeasuredFace]) -> list[list[str]]:
    """A header, and a line a face."""
    lines = [one.line for one in measured]
    return [list(lines[0]), *(list(line.values()) for line in lines)] if lines else []


def _facts(one: Amount) -> dict[str, Any]:
    return {"amount": round(one.amount, 3), "deviation": round(one.deviation, 3), "seen": one.seen}
