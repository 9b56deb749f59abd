"""Pictures of a morphable face: its texture on its posed shape, in a light and a skin's colour, before a background."""

from dataclasses import dataclass, field

import numpy as np

from facerelief.easing import smoothstep
from facerelief.faces.alignment import EYE_INNER, EYE_OUTER, inter_ocular
from facerelief.geometry.mesh import vertex_normals
from facerelief.geometry.morphable.log_albedo import FLOOR, LUMA
from facerelief.geometry.morphable.uv_map import FACE, Atlas, picture_triangles, sample, with_apron
from facerelief.geometry.rasterizer import interpolate, rasterise
from facerelief.geometry.topology import eye_triangles, face_triangles

_GAMMA = 1 / 2.2
_IRIS = 0.093  # radius in inter-ocular distances: 11.7 mm of 63 mm across


@dataclass(frozen=True)
class Light:
    """One lamp far away, and light from everywhere: x right, y up, +z towards the viewer.

    direction: (3,), to the lamp. share: of the lamp, 0 to 1. strength: of both. gloss: of the skin.
    """

    direction: tuple[float, float, float] = (0.0, 0.3, 1.0)
    share: float = 0.4
    strength: float = 1.0
    gloss: float = 0.04

    def on(self, normal: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """What falls on normals (..., 3), factors of a picture's levels, and what they reflect, levels of 0 to 1."""
        lamp = np.array(self.direction) / np.linalg.norm(self.direction)
        half = lamp + np.array((0.0, 0.0, 1.0))
        shine = np.maximum(normal @ (half / np.linalg.norm(half)), 0) ** 24
        facing = 0.25 + 0.75 * np.maximum(normal @ lamp, 0)  # a little wraps around, as on skin
        light = self.strength * (1 - self.share + self.share * 1.4 * facing)
        return light**_GAMMA, self.gloss * self.share * shine


@dataclass(frozen=True)
class Skin:
    """A skin's colour.

    level: its brightness as a factor, 0.45 very dark to 1.25 very light. warmth: the power of the average's chroma.
    """

    level: float = 1.0
    warmth: float = 1.0


@dataclass(frozen=True)
class Eyes:
    """Irises, which averages blur. colour: (3,), levels in [0, 1]. gaze: (2,), to the right and down, in radii."""

    colour: tuple[float, float, float] = (0.28, 0.19, 0.13)
    gaze: tuple[float, float] = (0.0, 0.0)


@dataclass(frozen=True)
class Look:
    """What a face looks like apart from its shape.

    texture: log albedo (A, A) in `atlas`. chroma: (A, A, 3), each channel over the luma.
    """

    atlas: Atlas
    texture: np.ndarray
    chroma: np.ndarray
    light: Light = field(default_factory=Light)
    skin: Skin = field(default_factory=Skin)
    eyes: Eyes = field(default_factory=Eyes)


def draw(vertices: np.ndarray, still: np.ndarray, look: Look, background: np.ndarray) -> np.ndarray:
    """A picture uint8 (S, S, 3) of a face, vertices (468, 3) in its pixels; still: the same face without expression.

    background: float (S, S, 3) in [0, 1].
    """
    triangles = picture_triangles()
    posed = with_apron(vertices, still)
    index, weights = rasterise(posed, triangles, len(background))
    attributes = np.column_stack([look.atlas.points, vertex_normals(posed, triangles), _opacity(len(posed))])
    values = interpolate(attributes, triangles, index, weights)
    normal = values[..., 2:5] / np.maximum(np.linalg.norm(values[..., 2:5], axis=2, keepdims=True), 1e-9)
    found = sample(np.dstack([look.texture, look.chroma]), values[..., :2])
    luma = (np.exp(found[..., 0]) - FLOOR) * look.skin.level
    tint = np.maximum(found[..., 1:], 0.05) ** look.skin.warmth
    colour = _with_irises(luma[..., None] * tint / (tint @ LUMA)[..., None], index, vertices, look.eyes)
    shade, shine = look.light.on(normal)
    colour = colour * shade[..., None] + shine[..., None]
    opaque = smoothstep(values[..., 5:])
    mixed = opaque * colour + (1 - opaque) * background
    return np.clip(np.rint(mixed * 255), 0, 255).astype(np.uint8)


def _with_irises(colour: np.ndarray, index: np.ndarray, vertices: np.ndarray, eyes: Eyes) -> np.ndarray:
    """`colour` (S, S, 3) with irises, pupils and whites where `index` shows the eyes' triangles."""
    first, last = len(face_triangles()), len(face_triangles()) + len(eye_triangles())
    rows, columns = np.nonzero((index >= first) & (index < last))
    radius = _IRIS * inter_ocular(vertices)
    if not len(rows) or radius < 1:
        return colour
    corners = np.stack([vertices[list(pair), :2] for pair in zip(EYE_OUTER, EYE_INNER, strict=True)])
    centres = corners.mean(axis=1) + np.array(eyes.gaze) * radius + (0, -0.25 * radius)
    away = np.stack([columns + 0.5, rows + 0.5], axis=1)[:, None] - centres
    distance = np.hypot(away[..., 0], away[..., 1]).min(axis=1)
    iris, pupil = (np.clip(radius * share - distance + 0.5, 0, 1)[:, None] for share in (1.0, 0.42))
    to_glint = np.hypot(*(away - radius * np.array((0.3, -0.35))).T).min(axis=0)
    glint = np.clip(radius * 0.2 - to_glint + 0.5, 0, 1)[:, None]
    lid = colour[rows, columns]  # the average eye holds the lids' shadow
    white = 0.35 * lid + 0.65 * np.minimum(lid.mean(axis=1, keepdims=True) * 1.35, 0.95)
    painted = white * (1 - iris) + np.array(eyes.colour) * (0.75 + 0.5 * distance / radius)[:, None] * iris
    painted = painted * (1 - pupil) + 0.03 * pupil
    out = colour.copy()
    out[rows, columns] = painted * (1 - 0.8 * glint) + 0.8 * 0.9 * glint
    return out


def _opacity(count: int) -> np.ndarray:
    """1 on the face and the apron's inner ring, 0 on its outer."""
    rings = (count - FACE) // 2
    return np.concatenate([np.ones(FACE + rings), np.zeros(rings)])
