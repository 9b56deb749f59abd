"""Renders a morphable model: its texture on its posed shape, with light, skin colour and background."""

from dataclasses import dataclass, field

import numpy as np

from facerelief.array_types import RGB, Floats, Int64
from facerelief.easing import smoothstep
from facerelief.faces.alignment import EYE_INNER, EYE_OUTER, inter_ocular
from facerelief.geometry.mesh import vertex_normals
from facerelief.geometry.morphable.log_albedo import FLOOR, LUMA32
from facerelief.geometry.morphable.uv_map import (
    FACE_VERTICES,
    UVMap,
    rendered_triangles,
    sample_bilinear,
    with_border_ring,
)
from facerelief.geometry.rasterizer import interpolate_at, rasterise
from facerelief.geometry.topology import eye_triangles, face_triangles

_GAMMA = 1 / 2.2
_IRIS = 0.093  # radius in inter-ocular distances: 11.7 mm of 63 mm across


@dataclass(frozen=True)
class Light:
    """One directional lamp, and ambient light.

    Attributes:
        direction: To the lamp: x right, y up, +z towards the viewer.
        share: Of the lamp, 0 to 1; the rest is ambient.
        strength: Of both.
        gloss: Of the skin, 0 for none.
    """

    direction: tuple[float, float, float] = (0.0, 0.3, 1.0)
    share: float = 0.4
    strength: float = 1.0
    gloss: float = 0.04

    def on(self, normal: Floats) -> tuple[Floats, Floats]:
        """The light on normals (..., 3), as factors of a picture's levels, and the gloss, levels in [0, 1]."""
        lamp = np.array(self.direction) / np.linalg.norm(self.direction)
        half = lamp + np.array((0.0, 0.0, 1.0))
        shine = np.maximum(normal @ (half / np.linalg.norm(half)), 0) ** 24
        facing = 0.25 + 0.75 * np.maximum(normal @ lamp, 0)  # a little wraps around, as on skin
        light = self.strength * (1 - self.share + self.share * 1.4 * facing)
        return light**_GAMMA, self.gloss * self.share * shine


@dataclass(frozen=True)
class Skin:
    """A skin's colour.

    Attributes:
        level: Brightness as a factor, 0.45 very dark to 1.25 very light.
        warmth: Power of the average's chroma.
    """

    level: float = 1.0
    warmth: float = 1.0


@dataclass(frozen=True)
class Eyes:
    """Irises, which averages blur.

    Attributes:
        colour: RGB, levels in [0, 1].
        gaze: To the right and down, in radii of the iris.
    """

    colour: tuple[float, float, float] = (0.28, 0.19, 0.13)
    gaze: tuple[float, float] = (0.0, 0.0)


@dataclass(frozen=True)
class Appearance:
    """The look of a face apart from its shape.

    Attributes:
        uv_map: The frame of the two maps.
        texture: (A, A), log albedo.
        chroma: (A, A, 3), each channel over the luma.
        light: The light on it.
        skin: Its colour.
        eyes: Its irises.
    """

    uv_map: UVMap
    texture: Floats
    chroma: Floats
    light: Light = field(default_factory=Light)
    skin: Skin = field(default_factory=Skin)
    eyes: Eyes = field(default_factory=Eyes)


def render_face(vertices: Floats, still: Floats, look: Appearance, background: Floats) -> RGB:
    """Render a face before a background.

    Args:
        vertices: (468, 3), the face in the picture's pixels.
        still: (468, 3), the same face without expression.
        look: Texture, light, skin and eyes.
        background: (S, S, 3), levels in [0, 1].

    Returns:
        The picture, (S, S, 3).
    """
    triangles = rendered_triangles()
    posed = with_border_ring(vertices, still)
    index, weights = rasterise(posed, triangles, len(background), "auto")
    attributes = np.column_stack([look.uv_map.points, vertex_normals(posed, triangles), _opacity(len(posed))])
    covered = np.flatnonzero(index >= 0)
    values = interpolate_at(covered, attributes, triangles, index, weights)
    normal = values[:, 2:5] / np.maximum(np.linalg.norm(values[:, 2:5], axis=1, keepdims=True), 1e-9)
    found = sample_bilinear(np.dstack([look.texture, look.chroma]), values[:, :2])
    luma = (np.exp(found[:, 0]) - FLOOR) * look.skin.level
    tint = np.maximum(found[:, 1:], 0.05) ** look.skin.warmth
    colour = luma[:, None] * tint / (tint @ LUMA32)[:, None]
    _paint_irises(colour, index.ravel()[covered], covered, len(background), vertices, look.eyes)
    shade, shine = look.light.on(normal)
    colour = colour * shade[:, None] + shine[:, None]
    opaque = smoothstep(values[:, 5:])
    mixed = background.reshape(-1, 3).copy()
    mixed[covered] = opaque * colour + (1 - opaque) * mixed[covered]
    return np.clip(np.rint(mixed * 255), 0, 255).astype(np.uint8).reshape(background.shape)


def _paint_irises(colour: Floats, shown: Int64, pixels: Int64, size: int, vertices: Floats, eyes: Eyes) -> None:
    """Paint irises, pupils and whites over `colour` (P, 3) where the eyes' triangles show.

    Args:
        colour: Of the pixels of a picture.
        shown: (P,), their triangles.
        pixels: (P,), their flat indices.
        size: The picture's side.
        vertices: As of `render_face`.
        eyes: The irises.
    """
    first, last = len(face_triangles()), len(face_triangles()) + len(eye_triangles())
    where = np.flatnonzero((shown >= first) & (shown < last))
    radius = _IRIS * inter_ocular(vertices)
    if not len(where) or radius < 1:
        return
    rows, columns = np.divmod(pixels[where], size)
    corners = np.stack([vertices[list(pair), :2] for pair in zip(EYE_OUTER, EYE_INNER, strict=True)])
    centres = corners.mean(axis=1) + np.array(eyes.gaze) * radius + (0, -0.25 * radius)
    away = np.stack([columns + 0.5, rows + 0.5], axis=1)[:, None] - centres
    distance = np.hypot(away[..., 0], away[..., 1]).min(axis=1)
    iris, pupil = (np.clip(radius * share - distance + 0.5, 0, 1)[:, None] for share in (1.0, 0.42))
    to_glint = np.hypot(*(away - radius * np.array((0.3, -0.35))).T).min(axis=0)
    glint = np.clip(radius * 0.2 - to_glint + 0.5, 0, 1)[:, None]
    lid = colour[where]  # the average eye holds the lids' shadow
    white = 0.35 * lid + 0.65 * np.minimum(lid.mean(axis=1, keepdims=True) * 1.35, 0.95)
    painted = white * (1 - iris) + np.array(eyes.colour) * (0.75 + 0.5 * distance / radius)[:, None] * iris
    painted = painted * (1 - pupil) + 0.03 * pupil
    colour[where] = painted * (1 - 0.8 * glint) + 0.8 * 0.9 * glint


def _opacity(count: int) -> Floats:
    """1 on the face and the inner border ring, 0 on the outer."""
    rings = (count - FACE_VERTICES) // 2
    return np.concatenate([np.ones(FACE_VERTICES + rings), np.zeros(rings)])
