"""From aligned portraits to a morphable face."""

from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np

from facerelief.errors import DatasetError, MissingExtra
from facerelief.expressions import EXPRESSIONS
from facerelief.faces.alignment import Crop, inter_ocular
from facerelief.geometry.morphable.learning.action_units import NAMES
from facerelief.geometry.morphable.learning.shape import Shapes, learn_shapes
from facerelief.geometry.morphable.learning.texture import Delight, Textures, learn_textures
from facerelief.geometry.morphable.log_albedo import LUMA, folded
from facerelief.geometry.morphable.model import ATLAS, MorphableFace
from facerelief.geometry.morphable.uv_map import Atlas, mouth_inside, sample, skin_pixels, soft_face, with_apron
from facerelief.progress import Progress, no_progress

_OPEN_BY = {"lips apart": 0.23, "jaw down": 0.09}  # the atlas' mouth, in inter-ocular distances
_SEEN_OPEN = 0.05  # between the lips, in inter-ocular distances, from which the mouth's inside is seen
_STARTERS = 1000  # photos that the mean albedo is learned from
_KINDS, _SMALLEST_KIND = 64, 12  # groups of persons, and the fewest persons in one
_COLOURED = 8.0  # mean distance from grey, levels, from which a photo tells of colour


@dataclass(frozen=True)
class Portrait:
    """One photo's crop uint8 (S, S, 3), how it was cut, and the photo's width and height."""

    rgb: np.ndarray
    crop: Crop
    photo_size: tuple[int, int]


class Portraits(Protocol):
    """Photos of faces.

    landmarks: (N, 468, 3), crop pixels. expression, identity: (N,), text. coloured: (N,), mean distance from grey in
    levels.
    """

    landmarks: np.ndarray
    expression: np.ndarray
    identity: np.ndarray
    coloured: np.ndarray

    def __getitem__(self, row: int) -> Portrait:
        """One of them."""
        ...


def learn_face(portraits: Portraits, progress: Progress = no_progress) -> tuple[MorphableFace, dict[str, Any]]:
    """Learn a face; returns it with the figures of its card. Raises `DatasetError` where there is too little."""
    if "neutral" not in portraits.expression:
        raise DatasetError("there are no neutral photos to learn a face from; label some as neutral")
    shapes, coefficients = learn_shapes(portraits.landmarks, portraits.expression, portraits.identity)
    atlas = Atlas(_template(shapes), ATLAS)
    log_albedo, seen, chroma = _read_textures(portraits, atlas, shapes, progress)
    textures = learn_textures(log_albedo, seen, coefficients, portraits.expression, portraits.identity, shapes.classes)
    half = (ATLAS, ATLAS // 2)
    inside = mouth_inside(atlas)[:, : ATLAS // 2].ravel()
    face = soft_face(atlas, ATLAS // 32)[:, : ATLAS // 2].ravel()
    people = textures.identity * ~inside  # nobody shows teeth in a neutral photo
    learned = MorphableFace(
        mean=_single(shapes.mean),
        identity=_single(shapes.identity),
        expression_modes=_single(shapes.expression),
        classes=_single(shapes.classes),
        template=_single(atlas.template),
        texture=_single(textures.mean).reshape(half),
        texture_identity=_single(people).reshape(-1, *half),
        texture_expression=_single(textures.expression * face).reshape(-1, *half),
        texture_classes=_single(textures.classes * face).reshape(-1, *half),
        chroma=_single(chroma),
        kinds=_single(_kinds(shapes.people, textures.people)),
    )
    return learned, _facts(portraits, shapes, textures, learned)


def _single(values: np.ndarray) -> np.ndarray:
    return np.asarray(values, dtype=np.float32)


def _template(shapes: Shapes) -> np.ndarray:
    """The mean face with its mouth open, and its apron."""
    opening = sum(amount * shapes.movements[NAMES.index(name)] for name, amount in _OPEN_BY.items())
    return with_apron(shapes.mean + np.tensordot(opening, shapes.expression, 1), shapes.mean)


def _read_textures(
    portraits: Portraits, atlas: Atlas, shapes: Shapes, progress: Progress
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Log albedo (N, P), where it is seen (N, P), and the mean chroma (3, A, A / 2) of the photos in colour."""
    count = len(portraits.expression)
    gap = portraits.landmarks[:, 14, 1] - portraits.landmarks[:, 13, 1]
    unit = np.array([inter_ocular(points) for points in portraits.landmarks])
    closed, inside = gap < _SEEN_OPEN * unit, mouth_inside(atlas)

    def look(row: int) -> tuple[np.ndarray, np.ndarray]:
        rgb, seen = _in_atlas(portraits[row], portraits.landmarks[row], atlas)
        return rgb, seen & ~(inside & closed[row])

    starters = [look(int(row)) for row in np.linspace(0, count - 1, min(count, _STARTERS)).astype(int)]
    delight = Delight(atlas, shapes.mean, skin_pixels(atlas))
    delight.start(np.stack([rgb @ LUMA for rgb, _ in starters]), np.stack([seen for _, seen in starters]))
    half = ATLAS * ATLAS // 2
    log_albedo, seen = np.empty((count, half), np.float32), np.empty((count, half), bool)
    sums, weights = np.zeros((ATLAS, ATLAS, 3)), np.zeros((ATLAS, ATLAS, 1))
    for row in range(count):
        rgb, shown = look(row)
        luma = rgb @ LUMA
        log_albedo[row], seen[row] = folded(delight(luma, shown), shown)
        if portraits.coloured[row] > _COLOURED:
            bright = shown & (luma > 0.05)
            sums += np.where(bright[..., None], rgb / np.maximum(luma, 0.05)[..., None], 0)
            weights += bright[..., None]
        progress(row + 1, count)
    return log_albedo, seen, _chroma(sums, weights, inside, soft_face(atlas, ATLAS // 32))


def _in_atlas(portrait: Portrait, landmarks: np.ndarray, atlas: Atlas) -> tuple[np.ndarray, np.ndarray]:
    """A portrait's levels in [0, 1] at the atlas' pixels, float32 (A, A, 3), and which of them its photo shows."""
    points = atlas.carry(with_apron(landmarks, landmarks)[:, :2])
    in_photo = portrait.crop.to_photo(points.reshape(-1, 2)).reshape(points.shape)
    seen = ((in_photo >= 0) & (in_photo <= portrait.photo_size)).all(axis=2)
    return sample(portrait.rgb.astype(np.float32) / 255, points), seen


def _chroma(sums: np.ndarray, weights: np.ndarray, inside: np.ndarray, face: np.ndarray) -> np.ndarray:
    """Mean chroma (3, A, A / 2), symmetric and smooth; a plain skin's where no photo was in colour. Teeth are paler."""
    skin = np.array((1.25, 0.94, 0.79)) / (np.array((1.25, 0.94, 0.79)) @ LUMA)
    trusted = 10.0  # photos
    mean = (sums + sums[:, ::-1] + trusted * skin) / (weights + weights[:, ::-1] + trusted)
    mean = np.stack([_gaussian(mean[..., k], ATLAS / 80) for k in range(3)], axis=2)
    mean = np.where(inside[..., None], mean**0.3, mean)
    mean = face[..., None] * mean + (1 - face[..., None]) * np.sqrt(skin)  # hair and neck, which differ too much
    mean = mean / (mean @ LUMA)[..., None]
    return np.moveaxis(mean[:, : ATLAS // 2], 2, 0)


def _kinds(identity: np.ndarray, texture: np.ndarray) -> np.ndarray:
    """Mean coefficients (C, K + T) of groups of like persons, from each person's identity (N, K) and texture (N, T).

    What people look like is not Gaussian: a beard is darker than skin, never lighter. Only groups of several persons
    are kept, so that none is anybody.
    """
    try:
        from scipy.cluster.vq import kmeans2
    except ImportError as reason:
        raise MissingExtra("scipy", "faces") from reason
    persons = np.column_stack([identity, texture])
    importance = np.where(np.arange(persons.shape[1]) < identity.shape[1], 0.5, 1.0)
    scaled = np.clip(persons, -3, 3) * importance
    _, kind = kmeans2(scaled, min(_KINDS, len(persons) // _SMALLEST_KIND + 1), iter=30, minit="++", rng=0)
    groups = [persons[kind == k] for k in range(kind.max() + 1) if (kind == k).sum() >= _SMALLEST_KIND]
    return np.stack([np.clip(group, -3, 3).mean(axis=0) for group in groups] or [persons.mean(axis=0)])


def _gaussian(plane: np.ndarray, deviation: float) -> np.ndarray:
    try:
        from scipy.ndimage import gaussian_filter
    except ImportError as reason:
        raise MissingExtra("scipy", "faces") from reason
    blurred: np.ndarray = gaussian_filter(plane, deviation)
    return blurred


def _facts(portraits: Portraits, shapes: Shapes, textures: Textures, face: MorphableFace) -> dict[str, Any]:
    """Counts and variances for the card."""
    shown = {name: portraits.expression == name for name in EXPRESSIONS}
    return {
        "photos": {name: int(rows.sum()) for name, rows in shown.items()},
        "persons": {name: len(set(portraits.identity[rows])) for name, rows in shown.items()},
        "trusted": dict(zip(EXPRESSIONS, shapes.persons, strict=True)),
        "kinds": len(face.kinds),
        "explained": {
            "identity": [round(float(v), 4) for v in shapes.explained[0]],
            "expression": [round(float(v), 4) for v in shapes.explained[1]],
            "texture": [round(float(v), 4) for v in textures.explained],
        },
    }
