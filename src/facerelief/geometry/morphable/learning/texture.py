"""Learning a face's texture in the UV map: light taken out, people's modes, and what expressions add.

Textures are log albedo of luminance, log(a + FLOOR), and symmetric, so that only the left half of the UV map is kept: a
person's two halves differ mostly by light. What an expression adds is then a ratio of light to dark, which fits any
skin (Liu, Shan and Zhang: Expressive expression mapping with ratio images, 2001).
"""

from dataclasses import dataclass

import numpy as np

from facerelief.array_types import Bool, Floats
from facerelief.expressions import EXPRESSIONS
from facerelief.faces.alignment import INTER_OCULAR
from facerelief.geometry.depth_maps import polygon_mask
from facerelief.geometry.filters import box_blur, gaussian
from facerelief.geometry.mesh import vertex_normals
from facerelief.geometry.morphable.learning.shape import Text, neutral_means, principal, projected
from facerelief.geometry.morphable.log_albedo import SKIN, unfold_symmetric
from facerelief.geometry.morphable.uv_map import UVMap, feathered, rendered_triangles, with_border_ring
from facerelief.geometry.topology import NOSE

TEXTURE_MODES = 40
_TRUST = 60  # people with an expression at whom their looks and those of the expression modes weigh the same
_SMOOTH = 5  # pixels of the UV map over which normals are averaged before light is fitted to them
_RIDGE = 0.1
# Inter-ocular distances: beside a nose, over which it ends; deviations of what joins the skin on both sides of it, and
# the farther one's weight, for where nothing is near.
_NOSE_ENDS, _NEAR, _FAR, _LITTLE = 0.06, 0.114, 0.38, 0.05
_HARDLY = 0.02  # of a nose's soft rim, below which skin is beside it


@dataclass(frozen=True)
class Textures:
    """What is learned of texture: P pixels of the UV map's left half, log albedo.

    Attributes:
        mean: (P,).
        identity: (K, P), modes, one standard deviation long.
        expression: (E, P), what each expression mode adds.
        classes: (8, P), what each expression adds at full strength.
        people: (N, K), each neutral person's coefficients, by name.
        explained: (K,), cumulative variance of identity.
    """

    mean: Floats
    identity: Floats
    expression: Floats
    classes: Floats
    people: Floats
    explained: Floats


class LightRemoval:
    """Takes the light out of photos in the UV map: fits it to the mean albedo and divides it out.

    Light is fitted by order-2 spherical harmonics of the mean face's smoothed normals (Ramamoorthi and Hanrahan, 2001).
    `start` learns the mean albedo.
    """

    def __init__(self, uv_map: UVMap, mean: Floats, skin: Bool) -> None:
        """Make one for a mean face (468, 3); light is fitted where `skin` (A, A) is."""
        vertices = with_border_ring(mean, mean)
        normal = box_blur(uv_map.interpolate(vertex_normals(vertices, rendered_triangles())), _SMOOTH)
        normal = normal / np.linalg.norm(normal, axis=2, keepdims=True)
        x, y, z = np.moveaxis(normal, 2, 0).reshape(3, -1)
        self._basis = np.stack([np.ones_like(x), x, y, z, x * y, x * z, y * z, x * x - y * y, 3 * z * z - 1], axis=1)
        self._skin = skin.ravel()
        self._average = np.full(skin.size, SKIN)

    def start(self, luma: Floats, seen: Bool, rounds: int = 3) -> "LightRemoval":
        """Learn the mean albedo from photos, luma float (N, A, A) in [0, 1] where `seen` (N, A, A), in turns."""
        for _ in range(rounds):
            found = np.stack([self(*photo).ravel() for photo in zip(luma, seen, strict=True)])
            weight = seen.reshape(len(seen), -1)
            average = (found * weight).sum(axis=0) / np.maximum(weight.sum(axis=0), 1)
            self._average = np.where(weight.any(axis=0), average * (SKIN / average[self._skin].mean()), SKIN)
        return self

    def __call__(self, luma: Floats, seen: Bool) -> Floats:
        """The albedo (A, A) of one photo's luma (A, A) in [0, 1], where `seen` (A, A)."""
        used = seen.ravel() & self._skin
        lit = self._basis * self._average[:, None]
        ridge = np.diag([0.0] + [0.01] * 3 + [0.03] * 5) * (lit[:, 0] ** 2).sum()  # higher orders are held back more
        coefficients = np.linalg.solve(lit[used].T @ lit[used] + ridge, lit[used].T @ luma.ravel()[used])
        shading = self._basis @ coefficients
        floor = max(0.05, 0.35 * float(shading[self._skin].mean()))
        found: Floats = np.clip(luma / np.maximum(shading, floor).reshape(luma.shape), 0, 2)
        return found


def learn_textures(
    log_albedo: Floats,
    seen: Bool,
    coefficients: Floats,
    expression: Text,
    identity: Text,
    classes: Floats,
) -> Textures:
    """Learn texture.

    Args:
        log_albedo: (N, P), that of each photo.
        seen: (N, P), where the photo shows it.
        coefficients: (N, E), each photo's expression modes.
        expression: (N,), that of each photo.
        identity: (N,), the person of each photo.
        classes: (8, E), each expression at full strength, in expression modes.
    """
    weight = seen.astype(np.float32)
    average = (log_albedo * weight).sum(axis=0) / np.maximum(weight.sum(axis=0), 1)
    filled = np.where(seen, log_albedo, average)
    people = neutral_means(filled, expression, identity)
    stacked = np.stack(list(people.values()))
    mean = stacked.mean(axis=0)
    modes, explained = principal(stacked - mean, min(TEXTURE_MODES, len(stacked) - 1))

    own = np.stack([people.get(str(person), mean) for person in identity])
    change = np.where(seen, log_albedo - own, 0)
    # A constant beside the modes: what all photos share beyond their neutral means belongs to no expression.
    movements = _regression(np.column_stack([coefficients, np.ones(len(coefficients))]), change, weight)[:-1]
    added = []
    for name, full in zip(EXPRESSIONS, classes, strict=True):
        shown = expression == name
        persons = len(set(identity[shown]))  # squared: a few persons' own looks would be taken for the expression's
        trust = persons**2 / (persons**2 + _TRUST**2) * (weight[shown].sum(axis=0) > 0)
        of_photos = change[shown].sum(axis=0) / np.maximum(weight[shown].sum(axis=0), 1)
        reach = _reach(coefficients[shown], full)
        added.append(trust * reach * of_photos + (1 - trust) * (full @ movements) if name != "neutral" else 0 * mean)
    return Textures(mean, modes, movements, np.stack(added), projected(stacked - mean, modes), explained)


def joined_over_noses(changes: Floats, uv_map: UVMap) -> Floats:
    """Changes of texture, (N, P), with those of the skin beside a nose in place of its own, joined smoothly across.

    Only action unit 9 wrinkles noses. What averages of photos darken there besides is light on a nose that is held
    lower or higher, and the edges of nostrils.
    """
    size = uv_map.size
    unit = INTER_OCULAR * size
    nose = feathered(polygon_mask(uv_map.points[list(NOSE)], size), _NOSE_ENDS * unit)
    beside = (nose < _HARDLY).astype(np.float32)

    def blurred(maps: Floats) -> Floats:
        single = maps.astype(np.float32)
        near, far = (gaussian(single, (0, reach * unit, reach * unit)) for reach in (_NEAR, _FAR))
        return near + np.float32(_LITTLE) * far

    whole = unfold_symmetric(changes, size)
    joined = blurred(whole * beside) / blurred(beside[None])
    found: Floats = (whole + nose * (joined - whole))[..., : size // 2].reshape(changes.shape)
    return found


def _reach(coefficients: Floats, full: Floats) -> float:
    """How much farther full strength lies than the mean photo of an expression, 1 to 2."""
    if not len(coefficients):
        return 1.0
    mean = coefficients.mean(axis=0)
    along = float(mean @ full / max(float(full @ full), 1e-9))
    return float(np.clip(1 / max(along, 1e-9), 1, 2))


def _regression(units: Floats, change: Floats, weight: Floats) -> Floats:
    """Ridge regression of changes (N, P) on units (N, K), each pixel on the photos that show it: (K, P)."""
    gram = np.stack([(units * column[:, None]).T @ weight for column in units.T]).transpose(2, 0, 1)  # (P, K, K)
    gram = gram + _RIDGE * np.maximum(weight.sum(axis=0), 1)[:, None, None] * np.eye(units.shape[1])
    right = units.T @ (change * weight)
    solved: Floats = np.linalg.solve(gram, right.T[..., None])[..., 0].T
    return solved
