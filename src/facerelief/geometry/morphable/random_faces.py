"""Random faces: persons, and how they are seen; each is a pure function of a random stream."""

import functools
from dataclasses import dataclass, field

import numpy as np
from PIL import Image

from facerelief.array_types import RGB, Floats, Landmarks
from facerelief.faces.alignment import align
from facerelief.geometry.filters import binomial_blur
from facerelief.geometry.morphable.model import MorphableFace
from facerelief.geometry.morphable.renderer import Appearance, Eyes, Light, Skin, render_face

_IRISES = ((0.22, 0.14, 0.09), (0.3, 0.2, 0.13), (0.33, 0.36, 0.26), (0.36, 0.44, 0.52), (0.42, 0.45, 0.46))
_CRISP = 0.7  # share of fine contrast given back to textures that averaging blurred


@dataclass(frozen=True)
class Person:
    """A person, as the morphable model draws one with any expression.

    Attributes:
        identity: (K,), coefficients of the morphable model.
        texture: (T,), coefficients of the morphable model.
        skin: The skin's colour.
        iris: The eyes' colour, RGB, levels in [0, 1].
    """

    identity: Floats
    texture: Floats
    skin: Skin
    iris: tuple[float, float, float]


@dataclass(frozen=True, eq=False)
class Setting:
    """How a person is seen.

    Attributes:
        yaw: Degrees, positive if the face looks to the picture's right.
        pitch: Degrees, positive if it looks up.
        light: The light on the face.
        gaze: To the right and down, in radii of the iris.
        background: (3, n, n), levels in [0, 1], to be enlarged; by default grey.
        strength: Of expressions, 1 for a clear one.
    """

    yaw: float = 0.0
    pitch: float = 0.0
    light: Light = field(default_factory=Light)
    gaze: tuple[float, float] = (0.0, 0.0)
    background: Floats | None = None
    strength: float = 1.0


def random_person(face: MorphableFace, random: np.random.Generator) -> Person:
    """Draw a person: a random mixture of three of the model's clusters, exaggerated by a quarter, plus Gaussian noise.

    Args:
        face: The morphable model.
        random: The only source of chance.
    """
    chosen = random.choice(len(face.clusters), min(3, len(face.clusters)), replace=False)
    shares = random.dirichlet(np.full(len(chosen), 0.6))
    count = len(face.identity)
    blend = 1.25 * shares @ face.clusters[chosen] + random.normal(scale=0.35, size=face.clusters.shape[1])
    level = random.uniform(0.55, 1.2)
    warmth = random.uniform(0.75, 1.1) + 0.25 * max(0.0, 0.9 - level)
    iris = _IRISES[int(random.integers(len(_IRISES) if level > 0.95 else 2))]
    return Person(blend[:count], blend[count:], Skin(level, warmth), iris)


def random_setting(random: np.random.Generator) -> Setting:
    """Draw how a person is seen: yaw up to 30 and pitch up to 18 degrees, mostly soft light, a blurred background.

    Expressions have a strength between 0.6 and 1.15.
    """
    side, above = random.normal(scale=0.7), random.normal(0.4, 0.35)
    light = Light((side, above, 1.0), random.uniform(0.2, 0.6), random.uniform(0.85, 1.15), random.uniform(0.0, 0.1))
    return Setting(
        yaw=float(np.clip(random.normal(scale=12), -30, 30)),
        pitch=float(np.clip(random.normal(scale=7), -18, 18)),
        light=light,
        gaze=(float(random.normal(scale=0.2)), float(random.normal(scale=0.1))),
        background=_background(random),
        strength=float(random.uniform(0.6, 1.15)),
    )


def _background(random: np.random.Generator) -> Floats:
    """Soft shapes in a few colours, (3, 16, 16) in [0, 1], to be enlarged."""
    colours = random.uniform(0.05, 0.95, (3, 3)) * 0.5 + random.uniform(0.1, 0.5)
    share = random.dirichlet(np.full(3, 0.5), size=(5, 5))
    coarse = np.moveaxis(share @ colours, 2, 0)
    grain = random.normal(scale=0.02, size=(3, 16, 16))
    return np.clip(np.moveaxis(_resized(coarse, 16), 2, 0) + grain, 0, 1)


def pose_shape(shape: Floats, setting: Setting, size: int) -> tuple[Floats, Floats]:
    """A shape (468, 3) turned and aligned as crops are, in pixels, and the matrix (3, 4) that takes it there."""
    yaw, pitch = np.radians((setting.yaw, setting.pitch))
    sides = np.array([[np.cos(yaw), 0, np.sin(yaw)], [0, 1, 0], [-np.sin(yaw), 0, np.cos(yaw)]])
    nods = np.array([[1, 0, 0], [0, np.cos(pitch), -np.sin(pitch)], [0, np.sin(pitch), np.cos(pitch)]])
    turn = sides @ nods
    crop = align(shape @ turn.T, size)
    in_plane = np.eye(3) * crop.scale
    in_plane[:2, :2] = crop.matrix[:, :2]
    matrix = np.column_stack([in_plane @ turn, (*crop.matrix[:, 2], 0.0)])
    return shape @ matrix[:, :3].T + matrix[:, 3], matrix


def render_portrait(
    face: MorphableFace, person: Person, expression: str, setting: Setting, size: int
) -> tuple[RGB, Landmarks]:
    """Render a person with an expression.

    Args:
        face: The morphable model.
        person: As `random_person` draws one.
        expression: One of `EXPRESSIONS`.
        setting: How the person is seen.
        size: S, the picture's side in pixels.

    Returns:
        The picture, (S, S, 3), and its landmarks, (468, 3), in pixels.

    Example:
        >>> import numpy as np
        >>> from facerelief.geometry.morphable.model import load_face
        >>> face, random = load_face(), np.random.default_rng(0)
        >>> rgb, landmarks = render_portrait(face, random_person(face, random), "happiness", random_setting(random), 64)
        >>> rgb.shape, landmarks.shape
        ((64, 64, 3), (468, 3))
    """
    shape = face.shape(person.identity) + face.expression(expression, setting.strength)
    landmarks, matrix = pose_shape(shape, setting, size)
    still = face.shape(person.identity) @ matrix[:, :3].T + matrix[:, 3]
    texture = _crisp(face.log_albedo(person.texture, expression, setting.strength))
    look = Appearance(face.uv_map, texture, face.tint, setting.light, person.skin, Eyes(person.iris, setting.gaze))
    return render_face(landmarks, still, look, _behind(setting, size)), landmarks


def _crisp(texture: Floats) -> Floats:
    """A map with its fine contrast raised: unsharp masking."""
    return texture + _CRISP * (texture - binomial_blur(binomial_blur(texture)))


@functools.lru_cache(maxsize=1)  # a setting is rendered with each expression in turn
def _behind(setting: Setting, size: int) -> Floats:
    """A setting's background, (size, size, 3)."""
    if setting.background is None:
        return np.full((size, size, 3), (0.45, 0.5, 0.55))
    return np.clip(_resized(setting.background, size), 0, 1)


def _resized(planes: Floats, size: int) -> Floats:
    """Planes (C, n, n) as (size, size, C)."""
    images = [Image.fromarray(p.astype(np.float32)).resize((size, size), Image.Resampling.BICUBIC) for p in planes]
    return np.stack([np.asarray(image) for image in images], axis=2)
