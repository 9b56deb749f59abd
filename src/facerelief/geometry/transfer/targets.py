"""What a face is to show, as a movement and a change of texture."""

import functools
from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np

from facerelief.array_types import Floats
from facerelief.expressions import EXPRESSIONS
from facerelief.geometry.morphable.controls import Control, eye_amounts, package_presets, parse_control, rig_amounts
from facerelief.geometry.morphable.model import MorphableFace, full_maps

_KEPT = 64  # targets, 200 kB each


@dataclass(frozen=True, eq=False)
class Target:
    """An expression that a face is to be given.

    Attributes:
        movement: (468, 3), of a face without expression, inter-ocular distances.
        texture: (A, A), what it adds to the log albedo, in the UV map.
        eyes: (2, 3), what lids and eyeballs do, as `eye_amounts` gives it; `movement` has that of the lids, too.
    """

    movement: Floats
    texture: Floats
    eyes: Floats = field(default_factory=lambda: np.zeros((2, 3)))

    def __add__(self, other: "Target") -> "Target":
        """Both at once."""
        return Target(self.movement + other.movement, self.texture + other.texture, self.eyes + other.eyes)

    def times(self, amount: float) -> "Target":
        """So much of it."""
        return Target(amount * self.movement, amount * self.texture, amount * self.eyes)


class Targets:
    """Makes targets from words, for one morphable model; keeps the last that it made.

    Attributes:
        learned: Targets that are not made from words, by the names that they go by in words.
    """

    def __init__(self, face: MorphableFace, presets: Mapping[str, str] | None = None) -> None:
        """presets: Names and what they stand for; by default the package's."""
        self.learned: dict[str, Target] = {}
        self._face = face
        self._presets = package_presets() if presets is None else presets
        self._made = functools.lru_cache(_KEPT)(self._make)

    def control(self, text: str) -> Control:
        """As `parse_control`. Raises `FacereliefError`."""
        return parse_control(text, self._face.rig, (*self._presets, *self.learned))

    def __call__(self, text: str) -> Target:
        """What a text stands for. Raises `FacereliefError` for one that stands for nothing."""
        return self._made(self.control(text))

    def _make(self, control: Control) -> Target:
        return self.of_amounts(dict(control.parts))

    def _part(self, name: str) -> Target:
        face = self._face
        if name in self.learned:
            return self.learned[name]
        if name in EXPRESSIONS:
            return Target(face.expression(name), full_maps(face.texture_classes[EXPRESSIONS.index(name)]))
        if name in self._presets:
            return self._make(parse_control(self._presets[name], face.rig, ()))
        movement = face.rig.movement(rig_amounts(name, face.rig))
        return Target(movement, self._texture(movement), eye_amounts(name, face.rig))

    def of_amounts(self, amounts: Mapping[str, float]) -> Target:
        """What amounts of parts, by their names in words, show at once; nothing if there are none."""
        none = Target(np.zeros_like(self._face.mean), np.zeros((len(self._face.texture),) * 2))
        return sum((self._part(name).times(amount) for name, amount in amounts.items()), start=none)

    def _texture(self, movement: Floats) -> Floats:
        """What a movement (468, 3) adds to the log albedo (A, A), as far as modes of expression can make it."""
        flat = self._face.expression_modes.reshape(len(self._face.expression_modes), -1)
        coefficients = flat @ movement.ravel() / (flat**2).sum(axis=1)
        return full_maps(np.tensordot(coefficients, self._face.texture_expression, 1))
