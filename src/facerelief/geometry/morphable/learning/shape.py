"""Learning a face's shape from many meshes: a common frame, modes of identity and modes of expression.

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
from facerelief.geometry.morphable.procrustes import STABLE_LANDMARKS, mirror_shapes, procrustes_align
from facerelief.geometry.topology import OUTLINE
from facerelief.geometry.transfer.lips import LOWER, UPPER

Text = NDArray[Any]  # of strings
IDENTITY_MODES, EXPRESSION_MODES = 30, 12
_UPPER_LIP, _LOWER_LIP = 13, 14
_NEAR = 0.16  # inter-ocular distances from the inner lips, in which closing them fades out
_RIM = 0.4  # inter-ocular distances from the temples and the hairline, within which expressions move less


@dataclass(frozen=True)
class Shapes:
    """What is learned of shape; modes are scaled to one standard deviation.

    Attributes:
        mean: (468, 3).
        identity: (K, 468, 3), modes.
        expression: (E, 468, 3), modes.
        people: (P, K), each neutral person's identity, by name.
        explained: Cumulative variance of identity (K,) and of expression (E,).
    """

    mean: Floats
    identity: Floats
    expression: Floats
    people: Floats
    explained: tuple[Floats, Floats]


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
    moves, explained_moves = principal(both, EXPRESSION_MODES)
    people = lips_closed(np.stack(list(neutral.values())), mean)
    both_sides = np.concatenate([people, mirror_shapes(people)])
    mean = both_sides.mean(axis=0)
    modes, explained = principal(both_sides - mean, IDENTITY_MODES)
    unpaired = (shapes - mean) * free_to_move(mean)
    coefficients = np.empty((len(shapes), len(moves)))
    coefficients[paired] = projected(changes, moves)
    coefficients[~paired] = projected(unpaired[~paired], moves)
    learned = Shapes(mean, modes, moves, projected(people - mean, modes), (explained, explained_moves))
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


def lips_closed(shapes: Floats, mean: Floats) -> Floats:
    """Neutral shapes (N, 468, 3) with their lips brought together, so that no identity has its mouth open."""
    upper, lower = (np.linalg.norm(mean[:, None] - mean[None, list(rim)], axis=2).min(axis=1) for rim in (UPPER, LOWER))
    near = np.exp(-((np.minimum(upper, lower) / _NEAR) ** 2) / 2)
    way = near * np.where(upper <= lower, 0.5, -0.5)  # down and up
    gap = np.maximum(shapes[:, _LOWER_LIP, 1] - shapes[:, _UPPER_LIP, 1], 0)
    closed = shapes.copy()
    closed[..., 1] += gap[:, None] * way
    return closed


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


def modes_beyond(movements: Floats, modes: Floats) -> Floats:
    """Modes (M, ...) of what movements (M, ...) do beside principal modes (K, ...), with which their amounts, each of
    one deviation, are independent.
    """
    beside = movements - np.tensordot(projected(movements, modes), modes, 1)
    _, lengths, directions = np.linalg.svd(beside.reshape(len(beside), -1), full_matrices=False)
    found: Floats = (lengths[:, None] * directions).reshape(movements.shape)
    return found


def projected(changes: Floats, modes: Floats) -> Floats:
    """Coefficients (N, K) of changes (N, ...) in principal modes (K, ...)."""
    flat = modes.reshape(len(modes), -1)
    length = np.maximum((flat**2).sum(axis=1), 1e-9)
    found: Floats = changes.reshape(len(changes), flat.shape[1]) @ flat.T / length
    return found
