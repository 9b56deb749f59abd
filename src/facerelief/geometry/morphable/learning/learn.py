"""From aligned portraits to a morphable model."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from facerelief.array_types import Bool, Float32, Floats
from facerelief.errors import DatasetError, MissingExtra
from facerelief.expressions import EXPRESSIONS
from facerelief.faces.detector import FaceFinder
from facerelief.geometry.filters import gaussian
from facerelief.geometry.morphable.action_units import EMFACS, SIDES, Rig
from facerelief.geometry.morphable.learning.expressions import (
    Amounts,
    Evidence,
    ExpressionPictures,
    find_evidence,
    fit_amounts,
    photos_read,
)
from facerelief.geometry.morphable.learning.portraits import Portraits, UVPictures
from facerelief.geometry.morphable.learning.responses import learn_responses, still_faces
from facerelief.geometry.morphable.learning.shape import Shapes, free_to_move, learn_shapes, modes_beyond, projected
from facerelief.geometry.morphable.learning.texture import LightRemoval, Textures, joined_over_noses, learn_textures
from facerelief.geometry.morphable.log_albedo import LUMA32, fold_symmetric
from facerelief.geometry.morphable.model import UV_SIZE, MorphableFace
from facerelief.geometry.morphable.uv_map import UVMap, mouth_mask, skin_mask, soft_face_mask, with_border_ring
from facerelief.progress import Progress, no_progress

_OPEN_BY = {10: 0.5, 16: 0.8, 26: 0.22}  # the UV map's mouth, in action units: lips 0.23 inter-ocular distances apart
_UNIT = 0.4  # of a unit: deviation of its amount in photos
_STARTERS = 1000  # photos that the mean albedo is learned from
_CLUSTERS, _SMALLEST_CLUSTER = 64, 12  # of persons, and the fewest persons in one
# Of what people's own photos with an expression add to their neutral ones, how much is drawn: each one's wrinkles lie a
# little elsewhere, so that their mean is shallower. By eye, and by the distance from people's own smiles.
_OWN_WRINKLES = 1.5
_COLOURED = 8.0  # mean distance from grey, levels, from which a photo counts as coloured


def learn_face(
    portraits: Portraits,
    finder: FaceFinder,
    make_rig: Callable[[Floats], Rig],
    further: Sequence[Portraits] = (),
    progress: Progress = no_progress,
) -> tuple[MorphableFace, dict[str, Any]]:
    """Learn a morphable model.

    Args:
        portraits: Photos of many persons, some of whom show several expressions.
        finder: Detects the landmarks of edits, as those of the photos were detected.
        make_rig: Gives the rig for a mean face (468, 3).
        further: Datasets from which expressions are learned in place of these, each with neutral photos.
        progress: Called with the number of photos that are done, and of all.

    Returns:
        The model, and the figures of its card.

    Raises:
        DatasetError: There are too few photos or persons.
    """
    if "neutral" not in portraits.expression:
        raise DatasetError("there are no neutral photos to learn a face from; label some as neutral")
    shapes, coefficients = learn_shapes(portraits.landmarks, portraits.expression, portraits.identity)
    rig, sources = make_rig(shapes.mean), [portraits, *further]
    evidence = find_evidence(sources[:1], shapes.mean) | find_evidence(sources, shapes.mean, first=1)
    still = {number: still_faces(sources[number]) for number in sorted({one.source for one in evidence.values()})}
    read = sum(photos_read(one) for one in evidence.values()) + sum(map(len, still.values()))
    done = _Counter(len(portraits.expression) + read, progress)
    draft = _draft(shapes, rig)
    responses = {n: learn_responses(sources[n], rows, draft, finder, done) for n, rows in still.items()}
    found = {name: fit_amounts(name, one, responses[one.source], shapes.mean) for name, one in evidence.items()}
    units = {name: found[name].units if name in found else EMFACS[name].units for name in EXPRESSIONS}
    amounts = np.stack([rig.amounts(units[name], EMFACS[name].sides) for name in EXPRESSIONS])
    learned, textures = _with_textures(draft, amounts, shapes, coefficients, sources, evidence, done)
    facts = _facts(portraits, shapes, textures, learned)
    return learned, facts | {"units": units, "learned": _learned(sources, evidence, found)}


def _draft(shapes: Shapes, rig: Rig) -> MorphableFace:
    """The model without textures and expressions."""
    opened = shapes.mean + rig.movement(rig.amounts(_OPEN_BY))
    plain = np.zeros((0, UV_SIZE, UV_SIZE // 2), np.float32)
    modes = np.concatenate([shapes.expression, modes_beyond(_unit_movements(rig, shapes.mean), shapes.expression)])
    return MorphableFace(
        mean=_single(shapes.mean),
        identity=_single(shapes.identity),
        expression_modes=_single(modes),
        rig=rig,
        amounts=np.zeros((len(EXPRESSIONS), len(rig.names)), np.float32),
        template=_single(with_border_ring(opened, shapes.mean)),
        texture=np.zeros(plain.shape[1:], np.float32),
        texture_identity=plain,
        texture_expression=plain,
        texture_classes=np.zeros((len(EXPRESSIONS), *plain.shape[1:]), np.float32),
        chroma=np.ones((3, *plain.shape[1:]), np.float32),
        clusters=np.zeros((0, len(shapes.identity)), np.float32),
    )


def _unit_movements(rig: Rig, mean: Floats) -> Floats:
    """What EMFACS's action units move, (U, 468, 3): on both sides, and on one more than on the other.

    Photos that are edited show more than those that modes are learned from, and more unevenly.
    """
    even = sorted({unit for prototype in EMFACS.values() for unit in prototype.units})
    uneven = sorted({unit for prototype in EMFACS.values() if prototype.sides != SIDES for unit in prototype.units})
    amounts = [rig.amounts({unit: _UNIT}) for unit in even]
    amounts += [rig.amounts({unit: _UNIT}, SIDES[:1]) - rig.amounts({unit: _UNIT}, SIDES[1:]) for unit in uneven]
    return np.stack([rig.movement(one) for one in amounts]) * free_to_move(mean)


def _with_textures(
    draft: MorphableFace,
    amounts: Floats,
    shapes: Shapes,
    coefficients: Floats,
    sources: Sequence[Portraits],
    evidence: dict[str, Evidence],
    done: Callable[[], None],
) -> tuple[MorphableFace, Textures]:
    """The model with expressions and textures, as it keeps them."""
    portraits, uv_map = sources[0], draft.uv_map
    delight = LightRemoval(uv_map, shapes.mean, skin_mask(uv_map))
    log_albedo, seen, chroma = _read_textures(portraits, uv_map, delight, done)
    moved = projected(np.stack([draft.rig.movement(one) for one in amounts]), shapes.expression)
    textures = learn_textures(log_albedo, seen, coefficients, portraits.expression, portraits.identity, moved)
    pictures = ExpressionPictures(uv_map, delight, textures.mean, shapes.expression)
    inside = mouth_mask(uv_map)[:, : UV_SIZE // 2].ravel()
    classes = _expression_textures(textures.classes, inside, pictures, sources, evidence, done)
    smooth = np.array([9 not in EMFACS[name].units for name in EXPRESSIONS])
    classes[smooth] = joined_over_noses(classes[smooth], uv_map)
    half = (UV_SIZE, UV_SIZE // 2)
    face = soft_face_mask(uv_map, UV_SIZE // 32)[:, : UV_SIZE // 2].ravel()
    people: Floats = textures.identity * ~inside  # nobody shows teeth in a neutral photo
    learned = replace(
        draft,
        amounts=_single(amounts),
        texture=_single(textures.mean).reshape(half),
        texture_identity=_single(people).reshape(-1, *half),
        texture_expression=_single(joined_over_noses(textures.expression, uv_map) * face).reshape(-1, *half),
        texture_classes=_single(classes * face).reshape(-1, *half),
        chroma=_single(chroma),
        clusters=_single(_clusters(shapes.people, textures.people)),
    )
    return learned, textures


def _expression_textures(
    read: Floats,
    inside: Bool,
    pictures: ExpressionPictures,
    sources: Sequence[Portraits],
    evidence: dict[str, Evidence],
    done: Callable[[], None],
) -> Floats:
    """Each expression's change of texture, (E, texels), as strong as the model keeps it.

    What is ``read`` from the portraits gives way to the evidence's photos, the more the more people those show;
    ``inside`` (texels,) says what lies in the mouth.
    """
    portraits = sources[0]
    classes, drawn = read.copy(), np.array([[EMFACS[name].wrinkles] for name in EXPRESSIONS])
    drawn = np.broadcast_to(drawn, classes.shape).copy()
    for name, one in evidence.items():
        # By the squares of the numbers of people: a few people's looks would be taken for the expression's.
        label, others = EXPRESSIONS.index(name), len(set(portraits.identity[portraits.expression == name]))
        own = one.paired and one.source > 0  # the same people in the same light: nothing but the expression differs
        share = 1.0 if own else one.people**2 / (one.people**2 + others**2)
        classes[label] += share * (pictures(sources[one.source], one, done) - classes[label])
        drawn[label] = np.where(inside, 1.0, _OWN_WRINKLES) if own else drawn[label]  # teeth have no wrinkles
    return classes * drawn


def _learned(
    sources: Sequence[Portraits], evidence: dict[str, Evidence], found: dict[str, Amounts]
) -> dict[str, dict[str, Any]]:
    """What the card says of each expression."""
    return {
        name: {
            "dataset": one.source,
            "photos": len(one.rows),
            "of": int((sources[one.source].expression == name).sum()),
            "people": one.people,
            "paired": one.paired,
            "open": one.open,
            "doubt": round(one.doubt, 3),
            "explained": round(found[name].explained, 4),
            "typical": list(found[name].typical),
        }
        for name, one in evidence.items()
    }


def _single(values: Floats) -> Float32:
    return np.asarray(values, dtype=np.float32)


class _Counter:
    """Counts photos."""

    def __init__(self, total: int, progress: Progress) -> None:
        self._count, self._total, self._progress = 0, total, progress

    def __call__(self) -> None:
        """One more is done."""
        self._count += 1
        self._progress(self._count, self._total)


def _read_textures(
    portraits: Portraits, uv_map: UVMap, delight: LightRemoval, done: Callable[[], None]
) -> tuple[Float32, Bool, Floats]:
    """Log albedo (N, P), where it is seen (N, P), and the mean chroma (3, A, A / 2) of the photos in colour."""
    count, inside = len(portraits.expression), mouth_mask(uv_map)
    pictures = UVPictures(portraits, uv_map)
    starters = [pictures[int(row)] for row in np.linspace(0, count - 1, min(count, _STARTERS)).astype(int)]
    delight.start(np.stack([rgb @ LUMA32 for rgb, _ in starters]), np.stack([seen for _, seen in starters]))
    half = UV_SIZE * UV_SIZE // 2
    log_albedo, seen = np.empty((count, half), np.float32), np.empty((count, half), bool)
    sums, weights = np.zeros((UV_SIZE, UV_SIZE, 3)), np.zeros((UV_SIZE, UV_SIZE, 1))
    for row in range(count):
        rgb, shown = pictures[row]
        luma = rgb @ LUMA32
        log_albedo[row], seen[row] = fold_symmetric(delight(luma, shown), shown)
        if portraits.coloured[row] > _COLOURED:
            bright = shown & (luma > 0.05)
            sums += np.where(bright[..., None], rgb / np.maximum(luma, 0.05)[..., None], 0)
            weights += bright[..., None]
        done()
    return log_albedo, seen, _chroma(sums, weights, inside, soft_face_mask(uv_map, UV_SIZE // 32))


def _chroma(sums: Floats, weights: Floats, inside: Bool, face: Floats) -> Floats:
    """Mean chroma (3, A, A / 2), symmetric and smooth; a plain skin's where no photo was in colour. Teeth are paler."""
    skin = np.array((1.25, 0.94, 0.79)) / (np.array((1.25, 0.94, 0.79)) @ LUMA32)
    trusted = 10.0  # photos
    mean = (sums + sums[:, ::-1] + trusted * skin) / (weights + weights[:, ::-1] + trusted)
    mean = np.stack([_gaussian(mean[..., k], UV_SIZE / 80) for k in range(3)], axis=2)
    mean = np.where(inside[..., None], mean**0.3, mean)
    mean = face[..., None] * mean + (1 - face[..., None]) * np.sqrt(skin)  # hair and neck, which differ too much
    mean = mean / (mean @ LUMA32)[..., None]
    return np.moveaxis(mean[:, : UV_SIZE // 2], 2, 0)


def check_scipy() -> None:
    """Raise `MissingExtra` before minutes of learning, not after them."""
    try:
        __import__("scipy")
    except ImportError as reason:
        raise MissingExtra("scipy", "train") from reason


def _clusters(identity: Floats, texture: Floats) -> Floats:
    """Mean coefficients (C, K + T) of groups of like persons, from each person's identity (N, K) and texture (N, T).

    What people look like is not Gaussian: a beard is darker than skin, never lighter. Only groups of several persons
    are kept, so that none is anybody.
    """
    from scipy.cluster.vq import kmeans2

    persons = np.column_stack([identity, texture])
    importance = np.where(np.arange(persons.shape[1]) < identity.shape[1], 0.5, 1.0)
    scaled = np.clip(persons, -3, 3) * importance
    _, cluster = kmeans2(scaled, min(_CLUSTERS, len(persons) // _SMALLEST_CLUSTER + 1), iter=30, minit="++", rng=0)
    groups = [persons[cluster == k] for k in range(cluster.max() + 1) if (cluster == k).sum() >= _SMALLEST_CLUSTER]
    return np.stack([np.clip(group, -3, 3).mean(axis=0) for group in groups] or [persons.mean(axis=0)])


def _gaussian(plane: Floats, deviation: float) -> Floats:
    blurred: Floats = gaussian(plane, deviation)
    return blurred


def _facts(portraits: Portraits, shapes: Shapes, textures: Textures, face: MorphableFace) -> dict[str, Any]:
    """Counts and variances for the card."""
    shown = {name: portraits.expression == name for name in EXPRESSIONS}
    return {
        "photos": {name: int(rows.sum()) for name, rows in shown.items()},
        "persons": {name: len(set(portraits.identity[rows])) for name, rows in shown.items()},
        "kinds": len(face.clusters),
        "explained": {
            "identity": [round(float(v), 4) for v in shapes.explained[0]],
            "expression": [round(float(v), 4) for v in shapes.explained[1]],
            "texture": [round(float(v), 4) for v in textures.explained],
        },
    }
