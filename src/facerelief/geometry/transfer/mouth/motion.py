"""What a mouth shows, and what an edit does to it."""

from dataclasses import dataclass

from facerelief.array_types import RGB, Floats, Landmarks
from facerelief.geometry.morphable.fitting import Fit
from facerelief.geometry.transfer.lips import mouth_opening


@dataclass(frozen=True, eq=False)
class Mouth:
    """A mouth that a photo shows.

    Attributes:
        landmarks: (468, 3), photo pixels, with the lips as the photo shows them.
        fit: The morphable model as it fits them.
        closed: (2, 3), the corners of that person's closed mouth, in the frame of the model.
        drop: By how much the chin is lower than in a closed mouth, in inter-ocular distances.
    """

    landmarks: Landmarks
    fit: Fit
    closed: Floats
    drop: float

    @property
    def opening(self) -> float:
        """Distance between the lips, in inter-ocular distances."""
        return mouth_opening(self.landmarks)


@dataclass(frozen=True, eq=False)
class MouthMotion:
    """What a mouth does.

    Attributes:
        before: The mouth in the photo.
        after: (468, 3), landmarks of the edit, photo pixels.
        drop: By how much the chin is then lower than in a closed mouth, in inter-ocular distances.
        teeth: Another photo (H, W, 3) of that person, and the mouth in it, from which hidden teeth are taken.
    """

    before: Mouth
    after: Landmarks
    drop: float
    teeth: tuple[RGB, Mouth] | None = None
