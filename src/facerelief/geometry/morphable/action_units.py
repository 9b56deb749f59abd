"""Facial action units, as shapes of a blendshape rig, and the expressions that are made of them.

Units are those of FACS (Ekman, Friesen and Hager, Facial Action Coding System, 2002), with ARKit's names for shapes.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from facerelief.array_types import Float32, Floats
from facerelief.expressions import EXPRESSIONS

SIDES = ("Left", "Right")  # the person's own

# Number: what FACS calls it, and the shape that shows it, without its side.
ACTION_UNITS: dict[int, tuple[str, str]] = {
    1: ("inner brow raiser", "browInnerUp"),
    2: ("outer brow raiser", "browOuterUp"),
    4: ("brow lowerer", "browDown"),
    5: ("upper lid raiser", "eyeWide"),
    6: ("cheek raiser", "cheekSquint"),
    7: ("lid tightener", "eyeSquint"),
    9: ("nose wrinkler", "noseSneer"),
    10: ("upper lip raiser", "mouthUpperUp"),
    12: ("lip corner puller", "mouthSmile"),
    14: ("dimpler", "mouthDimple"),
    15: ("lip corner depressor", "mouthFrown"),
    16: ("lower lip depressor", "mouthLowerDown"),
    17: ("chin raiser", "mouthShrugLower"),
    18: ("lip pucker", "mouthPucker"),
    20: ("lip stretcher", "mouthStretch"),
    22: ("lip funneler", "mouthFunnel"),
    24: ("lip pressor", "mouthPress"),
    26: ("jaw drop", "jawOpen"),
    43: ("eyes closed", "eyeBlink"),
}

# What moves an eyeball, without its side: how far to the person's nose and down, of a full gaze. No skin moves with it.
GAZES: dict[str, tuple[float, float]] = {
    "eyeLookIn": (1.0, 0.0),
    "eyeLookOut": (-1.0, 0.0),
    "eyeLookDown": (0.0, 1.0),
    "eyeLookUp": (0.0, -1.0),
}
GAZE_SHAPES = tuple(name + side for name in GAZES for side in SIDES)


@dataclass(frozen=True, eq=False)
class Rig:
    """Shapes that a face is moved by.

    Attributes:
        names: R names, ARKit's; a shape of one side ends with `Left` or `Right`.
        shapes: (R, 468, 3), the movement of each by an amount of 1, inter-ocular distances, y down, +z to the viewer.
    """

    names: tuple[str, ...]
    shapes: Float32

    def movement(self, amounts: Floats) -> Floats:
        """What amounts (R,) of the shapes move, (468, 3)."""
        moved: Floats = np.tensordot(amounts, self.shapes, 1)
        return moved

    def amounts(self, units: Mapping[int, float], sides: Sequence[str] = SIDES) -> Floats:
        """Amounts (R,) of the shapes that show action units.

        Args:
            units: How much of each, by its number in FACS; 1 is a shape's full movement.
            sides: Of the face; shapes that have no side are moved whatever it is.

        Example:
            >>> rig = Rig(("jawOpen", "eyeWideLeft", "eyeWideRight"), np.zeros((3, 468, 3), np.float32))
            >>> rig.amounts({5: 0.5, 26: 1}, ["Left"])
            array([1. , 0.5, 0. ])
        """
        found = np.zeros(len(self.names))
        for unit, amount in units.items():
            stem = ACTION_UNITS[unit][1]
            for name in (stem, *(stem + side for side in sides)):
                if name in self.names:
                    found[self.names.index(name)] += amount
        return found


@dataclass(frozen=True)
class Prototype:
    """What an expression is made of, after EMFACS-7 (Friesen and Ekman, 1983).

    Attributes:
        required: Units without which it is not that expression, and how much of each is typical. The amounts are ours,
            set by eye: they stand in for people who were not seen.
        optional: The same of units that may be seen with it.
        sides: Of the face on which it is shown.
        wrinkles: How much of its mean wrinkles is drawn, set by eye: those of smiles lie farthest apart in people.
    """

    required: Mapping[int, float]
    optional: Mapping[int, float]
    sides: tuple[str, ...] = SIDES
    wrinkles: float = 1.0

    @property
    def units(self) -> dict[int, float]:
        """All of them."""
        return {**self.required, **self.optional}


EMFACS: dict[str, Prototype] = {
    "neutral": Prototype({}, {}),
    "happiness": Prototype({6: 0.7, 12: 0.6}, {10: 0.35, 16: 0.2, 26: 0.1}, wrinkles=0.2),
    "sadness": Prototype({1: 0.9, 4: 0.7, 15: 1.3}, {17: 0.5}),
    "surprise": Prototype({1: 0.9, 2: 0.8, 5: 1.0, 26: 0.6}, {16: 0.1, 22: 0.5}),
    "fear": Prototype({1: 1.1, 2: 0.2, 4: 0.9, 5: 1.1, 20: 0.6}, {10: 0.0, 16: 0.3, 26: 0.3}),
    "disgust": Prototype({9: 0.9, 15: 0.4}, {4: 0.6, 6: 0.4, 7: 0.5, 10: 0.1, 16: 0.0, 17: 0.3, 26: 0.0}),
    "anger": Prototype({4: 1.8, 5: 0.9, 7: 0.7}, {9: 1.3, 10: 0.9, 16: 1.5, 26: 0.5}),
    "contempt": Prototype({12: 0.6, 14: 1.15}, {}, SIDES[:1]),
}
assert tuple(EMFACS) == EXPRESSIONS
