"""What a face is to show, as a movement and a change of texture."""

import copy
import functools
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np

from facerelief.array_types import Float32, Floats
from facerelief.errors import FacereliefError
from facerelief.expressions import EXPRESSIONS
from facerelief.geometry.filters import box_blur
from facerelief.geometry.morphable.action_units import EMFACS, SIDES
from facerelief.geometry.morphable.controls import (
    Control,
    eye_amounts,
    kind_of,
    package_presets,
    parse_control,
    rig_amounts,
)
from facerelief.geometry.morphable.model import MorphableFace, full_maps

_KEPT = 64  # targets, 200 kB each
_ALONE = 0.5  # of mean wrinkles that units draw, set by eye: `Prototype.wrinkles` of smiles is less already
_HARDLY_MOVED = 0.01  # inter-ocular distances by which an expression moves skin whose texture is half its doing
_AROUND = 4  # pixels of the UV map around moving skin that are taken for moving, too


_ARRAYS = ("movement", "texture", "typical", "eyes")


@dataclass(frozen=True, eq=False)
class Target:
    """An expression that a face is to be given.

    Attributes:
        movement: (468, 3), of a face without expression, inter-ocular distances.
        texture: (A, A), what it adds to the log albedo, in the UV map.
        typical: (A, A), the same with all wrinkles that people show: so much of a photo's own may stay.
        eyes: (2, 3), what lids and eyeballs do, as `eye_amounts` gives it; `movement` has that of the lids, too.
        adds: Whether it is added to what a photo shows, as action units are, rather than put in its place.
    """

    movement: Floats
    texture: Floats
    typical: Floats
    eyes: Floats = field(default_factory=lambda: np.zeros((2, 3)))
    adds: bool = False

    def __add__(self, other: "Target") -> "Target":
        """Both at once; added to what a photo shows if both are."""
        sums = {name: getattr(self, name) + getattr(other, name) for name in _ARRAYS}
        return Target(**sums, adds=self.adds and other.adds)

    def times(self, amount: float) -> "Target":
        """So much of it."""
        return Target(**{name: amount * getattr(self, name) for name in _ARRAYS}, adds=self.adds)


class Targets:
    """Makes targets from words, for one morphable model; keeps the last that it made.

    Attributes:
        learned: Targets that are not made from words, by the names that they go by in words.
        presets: Names of the user or of the package, and the words that they stand for.
    """

    def __init__(self, face: MorphableFace, presets: Mapping[str, str] | None = None) -> None:
        """presets: Names and what they stand for; by default the package's."""
        self.learned: OrderedDict[str, Target] = OrderedDict()
        self._face = face
        self._shape_textures = functools.cache(functools.partial(shape_textures, face))  # made when they are needed
        self.presets = package_presets() if presets is None else presets
        self._made = functools.lru_cache(_KEPT)(self._make)

    def apart(self) -> "Targets":
        """The same, with `learned` of its own; what others are made of is made once for both."""
        other = copy.copy(self)
        other.learned = OrderedDict()
        return other

    def control(self, text: str) -> Control:
        """As `parse_control`. Raises `FacereliefError`."""
        return parse_control(text, self._face.rig, (*self.presets, *self.learned))

    def __call__(self, text: str) -> Target:
        """What a text stands for. Raises `FacereliefError` for one that stands for nothing."""
        control = self.control(text)
        own = any(name in self.learned for name, _ in control.parts)  # which another's name may be too
        return self._make(control) if own else self._made(control)

    def _make(self, control: Control) -> Target:
        return self.of_amounts(dict(control.parts))

    def of_amounts(self, parts: Mapping[str, float]) -> Target:
        """What amounts of parts, by their names in words, show at once; nothing if there are none."""
        face, amounts, eyes = self._face, np.zeros(len(self._face.rig.names)), np.zeros((2, 3))
        others = []
        for name, amount in parts.items():
            if kind_of(name) in ("action unit", "blendshape"):
                amounts += amount * rig_amounts(name, face.rig)
                eyes += amount * eye_amounts(name, face.rig)
            else:
                others.append(self._other(name).times(amount))
        texture = self._texture(amounts)
        return sum(others, start=Target(face.rig.movement(amounts), texture, texture / _ALONE, eyes, True))

    def _other(self, name: str) -> Target:
        """What is not of the rig: an expression, a preset, or what was learned."""
        face = self._face
        if learned := self.learned.get(name):
            return learned
        if name in self.presets:
            return self._make(parse_control(self.presets[name], face.rig, ()))
        if name not in EXPRESSIONS:  # another thread has just dropped it
            raise FacereliefError(f"{name} is not kept any more; take it from its photo again")
        number, movement = EXPRESSIONS.index(name), face.expression(name)
        if EMFACS[name].sides != SIDES:  # learned textures are symmetric
            texture = self._texture(face.amounts[number])
            return Target(movement, texture, texture / _ALONE)
        texture = full_maps(face.texture_classes[number])
        return Target(movement, texture, texture / EMFACS[name].wrinkles)

    def _texture(self, amounts: Floats) -> Floats:
        """What amounts (R,) of the rig's shapes add to the log albedo, (A, A)."""
        if not amounts.any():
            return np.zeros((len(self._face.texture),) * 2)
        deepest = np.maximum(self._face.amounts.max(axis=0), 1)
        return np.tensordot(np.minimum(amounts, deepest), self._shape_textures(), 1)


def shape_textures(face: MorphableFace) -> Float32:
    """What each shape of the rig adds to the log albedo, (R, A, A).

    Of the learned textures of expressions, each shape has the part where it moves the skin: at each pixel of the UV
    map, with m_r the distance by which shape r moves it and a_er the amount of it in expression e, textures t_r of
    which the expression's is sum_r a_er t_r, with the least sum of (t_r / m_r)^2. A shape that is in no expression has
    none, for nothing is known of its wrinkles. Beside a whole expression's, wrinkles of a single unit seem deep.
    """
    learned = [number for number, name in enumerate(EXPRESSIONS) if EMFACS[name].sides == SIDES]
    amounts = face.amounts[learned].astype(np.float64)
    paler = np.array([min(1.0, _ALONE / EMFACS[EXPRESSIONS[number]].wrinkles) for number in learned])
    wanted = full_maps(face.texture_classes[learned]) * paler[:, None, None]
    distances = np.linalg.norm(face.rig.shapes, axis=2).T  # (468, R)
    beside = np.zeros((len(face.template) - len(distances), distances.shape[1]))
    moved = box_blur(face.uv_map.interpolate(np.concatenate([distances, beside])), _AROUND)
    weighted = moved[..., None, :] * amounts  # (A, A, E, R)
    gram = weighted @ weighted.swapaxes(-1, -2) + _HARDLY_MOVED**2 * np.eye(len(learned))
    found = np.linalg.solve(gram, np.moveaxis(wanted, 0, -1)[..., None])
    textures = (weighted.swapaxes(-1, -2) @ found)[..., 0] * moved
    return np.ascontiguousarray(np.moveaxis(textures, -1, 0), dtype=np.float32)
