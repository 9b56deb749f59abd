"""Learning a face's shape from many meshes: a common frame, identity modes, expression modes, and the expressions.

All arrays are in the frame of the mean face: inter-ocular distances from the point between the eyes, x right, y down,
+z towards the viewer.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from facerelief.array_types import Floats
from facerelief.easing import smoothstep
from facerelief.errors import DatasetError
from facerelief.expressions import EXPRESSIONS
from facerelief.geometry.morphable.learning.action_units import (
    ISOLATED_INDICES,
    UNITS,
    au_targets,
    lone_movements,
    measure_units,
)
from facerelief.geometry.morphable.procrustes import STABLE_LANDMARKS, mirror_shapes, procrustes_align
from facerelief.geometry.topology import OUTLINE

Text = NDArray[Any]  # of strings
IDENTITY_MODES, EXPRESSION_MODES = 30, 12
TRUST = (
    60  # persons with an expression at which photos and AU targets weigh the same: half of the rarer labels are wrong
)
_UPPER_LIP, _LOWER_LIP = 13, 14
_CLEAR = 80.0  # percentile, along an expression's direction, of the photos that show it: its full strength
_RIDGE = 0.03  # of an action unit's variance
_LEAST = 0.004  # inter-ocular distances; the movement of a unit that changes less cannot be learned
_ACTED = 0.03  # inter-ocular distances, the deviation of a lone movement: half of what a clear expression has
_RIM = 0.4  # inter-ocular distances from the temples and the hairline, within which expressions move less


@dataclass(frozen=True)
class Shapes:
    """What is learned of shape; modes are scaled to one standard deviation.

    Attributes:
        mean: (468, 3).
        identity: (K, 468, 3), modes.
        expression: (E, 468, 3), modes.
        classes: (8, E), each expression at full strength, in expression modes.
        movements: (14, E), that of each action unit by an inter-ocular distance, in expression modes.
        alone: (L, E), those of `ISOLATED_UNITS` without anything else.
        people: (P, K), each neutral person's identity, by name.
        explained: Cumulative variance of identity (K,) and of expression (E,).
        persons: (8,), how many showed each expression beside a neutral face.
    """

    mean: Floats
    identity: Floats
    expression: Floats
    classes: Floats
    movements: Floats
    alone: Floats
    people: Floats
    explained: tuple[Floats, Floats]
    persons: tuple[int, ...]


def learn_shapes(meshes: Floats, expression: Text, identity: Text) -> tuple[Shapes, Floats]:
    """Learn shape: identity modes from each person's mean neutral mesh, expression modes from what a person's photos
    differ from it.

    Args:
        meshes: (N, 468, 3).
        expression: (N,), that of each mesh.
        identity: (N,), the person of each mesh.

    Returns:
        What is learned; and (N, E), each mesh's coefficients of expression modes: of its difference from its person's
        neutral mesh, or else from the mean face.

    Raises:
        DatasetError: There are too few persons.
    """
    shapes, mean = procrustes_align(meshes)
    neutral = neutral_means(shapes, expression, identity)
    if len(neutral) < IDENTITY_MODES:
        raise DatasetError(
            f"{len(neutral)} persons have a neutral photo, {IDENTITY_MODES} are needed to learn a face; add photos"
        )
    paired = np.array([person in neutral for person in identity])
    changes = _changes(shapes, mean, neutral, expression, identity)
    both = np.concatenate([changes, mirror_shapes(changes)])
    principal_moves, explained_moves = principal(both, EXPRESSION_MODES)
    basis = _Basis(principal_moves, both, mean)
    people = basis.lips_closed(np.stack(list(neutral.values())))
    both_sides = np.concatenate([people, mirror_shapes(people)])
    mean = both_sides.mean(axis=0)
    modes, explained = principal(both_sides - mean, IDENTITY_MODES)
    unpaired = (shapes - mean) * free_to_move(mean)
    coefficients = np.empty((len(shapes), len(basis.modes)))
    coefficients[paired] = basis.of(changes)
    coefficients[~paired] = basis.of(unpaired[~paired])
    classes, persons = [], []
    for name in EXPRESSIONS:
        shown = expression == name
        within = changes[shown[paired]]
        across = _person_means(unpaired[shown], identity[shown])
        persons.append(len(set(identity[shown & paired])))
        classes.append(_expression(name, basis, within, across, persons[-1]))
    learned = Shapes(
        mean,
        modes,
        basis.modes,
        np.stack(classes),
        basis.movements,
        basis.alone,
        projected(people - mean, modes),
        (explained, explained_moves),
        tuple(persons),
    )
    return learned, coefficients


def _changes(shapes: Floats, mean: Floats, neutral: dict[str, Floats], expression: Text, identity: Text) -> Floats:
    """How each photo of a person with a neutral mesh differs from it. Raises `DatasetError` where too few move."""
    paired = np.array([person in neutral for person in identity])
    changes: Floats = (shapes[paired] - np.stack([neutral[person] for person in identity[paired]])) * free_to_move(mean)
    moving = set(identity[paired & (expression != "neutral")])
    if len(moving) < EXPRESSION_MODES:
        raise DatasetError(
            f"{len(moving)} persons have a neutral photo and another, {EXPRESSION_MODES} are needed for expressions; "
            "add photos, or identities where the dataset has none"
        )
    return changes


def neutral_means(values: Floats, expression: Text, identity: Text) -> dict[str, Floats]:
    """Each person's mean over their neutral photos of `values` (N, ...), by name."""
    found = expression == "neutral"
    return {str(person): values[found & (identity == person)].mean(axis=0) for person in np.unique(identity[found])}


def free_to_move(mean: Floats) -> Floats:
    """How free each vertex is to move with an expression, (468, 1): 0 at temples and hairline, 1 away from them."""
    rim = [vertex for vertex in STABLE_LANDMARKS if vertex in OUTLINE]
    near = np.linalg.norm(mean[:, None, :2] - mean[None, rim, :2], axis=2).min(axis=1)
    return smoothstep(near / _RIM)[:, None]


class _Basis:
    """Expression modes, what they change of action units, and the movement of each action unit in them.

    modes: the principal modes of photos, then what lone movements have beyond them; all at right angles.
    """

    def __init__(self, modes: Floats, changes: Floats, mean: Floats) -> None:
        alone = lone_movements(mean, free_to_move(mean))
        self.modes = np.concatenate([modes, _beyond(modes, _ACTED * alone)])
        self.alone = self.of(alone)
        measured = measure_units(changes)
        deviation = np.maximum(measured.std(axis=0), _LEAST)
        unit = measured / deviation
        gram = unit.T @ unit / len(unit) + _RIDGE * np.eye(unit.shape[1])
        per_deviation = np.linalg.solve(gram, unit.T @ self.of(changes) / len(unit))
        self.movements = per_deviation / deviation[:, None]

    def target(self, name: str) -> Floats:
        """An expression's AU targets in modes, (E,): as photos move, and what is missing of the lone movements."""
        wanted = au_targets(name)
        found = wanted @ self.movements
        missing = wanted - measure_units(np.tensordot(found, self.modes, 1)[None])[0]
        whole: Floats = found + missing[ISOLATED_INDICES] @ self.alone
        return whole

    def lips_closed(self, shapes: Floats) -> Floats:
        """Neutral shapes (N, 468, 3) with their lips brought together, so that no identity has its mouth open."""
        gap = np.maximum(shapes[:, _LOWER_LIP, 1] - shapes[:, _UPPER_LIP, 1], 0)
        closed = shapes - gap[:, None, None] * self.movement("lips apart")
        return closed

    def movement(self, name: str) -> Floats:
        """The whole face's movement (468, 3) as one action unit grows by an inter-ocular distance."""
        moved: Floats = np.tensordot(self.movements[UNITS.index(name)], self.modes, 1)
        return moved

    def of(self, changes: Floats) -> Floats:
        """Coefficients (N, E) of changes (N, 468, 3)."""
        return projected(changes, self.modes)


def _expression(name: str, basis: _Basis, within: Floats, across: Floats, persons: int) -> Floats:
    """An expression at full strength, (E,).

    Its direction comes from photos: differences within a person and, if there are few, those between the mean face and
    persons without a neutral photo. The fewer persons there are, the larger is the share of the AU targets.
    """
    prior = basis.target(name)
    shown = basis.of(np.concatenate([within, across]) if len(within) < TRUST else within)
    if name == "neutral" or not len(shown):
        return prior
    direction = shown.mean(axis=0)
    length = float(np.linalg.norm(direction))
    reach = float(np.percentile(shown @ direction / length, _CLEAR)) / length
    trust = persons / (persons + TRUST)
    return trust * reach * direction + (1 - trust) * prior


def _beyond(modes: Floats, movements: Floats) -> Floats:
    """What movements (L, V, 3) have beyond modes (K, V, 3) and beyond those before them, at right angles to both."""
    rows = np.concatenate([modes, movements]).reshape(len(modes) + len(movements), -1)
    square, triangle = np.linalg.qr(rows.T)
    beyond: Floats = (square * np.diag(triangle)).T[len(modes) :]
    return beyond.reshape(movements.shape)


def _person_means(values: Floats, identity: Text) -> Floats:
    means = [values[identity == person].mean(axis=0) for person in np.unique(identity)]
    return np.stack(means) if means else values


def principal(changes: Floats, count: int) -> tuple[Floats, Floats]:
    """The first `count` principal modes (K, ...) of centred changes (N, ...), one deviation long, and the cumulative
    share of variance (K,) that they explain. The first of a mode's largest values is positive.
    """
    flat = changes.reshape(len(changes), -1) * len(changes) ** -0.5
    _, lengths, modes = np.linalg.svd(flat, full_matrices=False)
    modes = modes[:count] * lengths[:count, None]
    size = np.abs(modes)
    first = (size > 0.99 * size.max(axis=1, keepdims=True)).argmax(axis=1)  # both sides of a face may be as large
    signs = np.sign(modes[np.arange(len(modes)), first])
    explained = np.cumsum(lengths[:count] ** 2) / max((lengths**2).sum(), 1e-9)
    return (modes * signs[:, None]).reshape(-1, *changes.shape[1:]), explained


def projected(changes: Floats, modes: Floats) -> Floats:
    """Coefficients (N, K) of changes (N, ...) in principal modes (K, ...)."""
    flat = modes.reshape(len(modes), -1)
    length = np.maximum((flat**2).sum(axis=1), 1e-9)
    found: Floats = changes.reshape(len(changes), flat.shape[1]) @ flat.T / length
    return found
