"""Fitting the morphable model to a face's landmarks: pose, identity and expression, by least squares with priors."""

import functools
from dataclasses import dataclass
from typing import Any

import numpy as np

from facerelief.array_types import Floats, Landmarks
from facerelief.faces.alignment import EYES_AT, INTER_OCULAR, align
from facerelief.geometry.morphable.model import MorphableFace, load_face
from facerelief.geometry.morphable.procrustes import STABLE_LANDMARKS, apply_similarity, fit_similarity
from facerelief.geometry.topology import INNER_LIPS

# How far a landmark's coordinate may be off the fitted face, inter-ocular distances. CLOSE: a surface lies on the
# landmarks. APART: person and expression are told apart. Nobody is a sum of the modes: a close fit follows what is not,
# and takes half of a smile with closed lips for the person. By `benchmarks/person_or_expression.py`.
CLOSE, APART = 0.008, 0.064
_EXPRESSIVE = 2.0  # deviations: photos that are edited show more than the average photo
_LIPS = 8.0  # weight of the inner lips: a gap that is left between them shows
_ROUNDS = 2  # a third changes nothing
_UNLIKE = 0.3  # of a crop's side: mean distance of landmarks from the average face's


@dataclass(frozen=True)
class Fit:
    """Pose, identity and expression of a face: landmark = scale * rotation @ point + shift.

    Attributes:
        rotation: (3, 3).
        scale: Pixels to an inter-ocular distance.
        shift: (3,), pixels.
        identity: (K,), coefficients of the morphable model.
        expression: (E,), coefficients of the morphable model.
        residual: Root mean square distance of the landmarks from the fitted shape, in inter-ocular distances.
    """

    rotation: Floats
    scale: float
    shift: Floats
    identity: Floats
    expression: Floats
    residual: float

    def to_image(self, points: Floats) -> Floats:
        """Points (N, 3) of the face's frame in pixels."""
        placed: Floats = self.scale * points @ self.rotation.T + self.shift
        return placed

    def displacement(self, difference: Floats) -> Floats:
        """Differences (N, 3) of points of the face's frame in pixels."""
        turned: Floats = self.scale * difference @ self.rotation.T
        return turned


def fit_face(face: MorphableFace, landmarks: Landmarks, noise: float = CLOSE) -> Fit:
    """Fit a morphable model to landmarks.

    Args:
        face: The morphable model.
        landmarks: (468, 3), pixels, y down, +z towards the viewer.
        noise: Of a coordinate, inter-ocular distances: `CLOSE`, or `APART`.

    Returns:
        The fit with the smallest squared distance, under the priors on the coefficients.

    Example:
        >>> from facerelief.geometry.morphable.model import load_face
        >>> face = load_face()
        >>> fit = fit_face(face, 100 * face.mean + 250)
        >>> round(fit.scale), fit.shift.round()
        (100, array([250., 250., 250.]))
    """
    modes = _modes(face, noise)
    points = landmarks[None].astype(np.float64)
    mean = face.mean.astype(np.float64)
    shape: Floats = mean
    used: Any = list(STABLE_LANDMARKS)  # once the expression is known, the pose is fitted to all points
    for _ in range(_ROUNDS):
        pose = fit_similarity(points[:, used], shape[used])
        placed: Floats = apply_similarity(points, *pose)[0]
        moves = pose_modes(shape)
        rows, weighted = moves.reshape(len(moves), -1), (moves * modes.weight).reshape(len(moves), -1)
        across = np.einsum("kv,pv->kp", modes.weighted, rows)
        system = np.block([[modes.products, across], [across.T, np.einsum("pv,qv->pq", weighted, rows)]])
        found = np.linalg.solve(system, _along(placed - mean, modes.weighted, weighted))
        coefficients, used = found[: len(modes.rows)], slice(None)
        shape = mean + np.einsum("k,kv->v", coefficients, modes.rows).reshape(mean.shape)
    rotation, scale, shift = pose[0][0], float(pose[1][0]), pose[2][0]
    persons = len(face.identity)
    residual = float(np.sqrt(((placed - shape) ** 2).sum(axis=1).mean()))
    back = rotation.T
    return Fit(back, 1 / scale, -back @ shift / scale, coefficients[:persons], coefficients[persons:], residual)


@dataclass(frozen=True, eq=False)
class _Modes:
    """What fits to all photos have in common. Products are einsum's: BLAS would spread so small ones over threads.

    Attributes:
        weight: (468, 1), of each landmark.
        rows: (K + E, 1404), the modes.
        weighted: The same, by weight.
        products: (K + E, K + E), of the weighted modes with the modes, and the prior.
    """

    weight: Floats
    rows: Floats
    weighted: Floats
    products: Floats


@functools.lru_cache(maxsize=8)
def _modes(face: MorphableFace, noise: float) -> _Modes:
    modes = np.concatenate([face.identity, face.expression_modes]).astype(np.float64)
    count = len(modes)
    deviation = np.where(np.arange(count) < len(face.identity), 1.0, _EXPRESSIVE)
    prior = np.diag(noise**2 * face.mean.size / count / deviation**2)
    weight = np.ones((len(face.mean), 1))
    weight[list(INNER_LIPS)] = _LIPS
    rows, weighted = modes.reshape(count, -1), (modes * weight).reshape(count, -1)
    return _Modes(weight, rows, weighted, np.einsum("kv,jv->kj", weighted, rows) + prior)


def _along(difference: Floats, *modes: Floats) -> Floats:
    """Products of modes (N, 1404) with a difference of shapes (468, 3), (N of all,)."""
    return np.concatenate([np.einsum("kv,v->k", some, difference.ravel()) for some in modes])


def is_face_like(points: Landmarks) -> bool:
    """Whether landmarks (468, 3) from outside look like a face; others would give absurd crops."""
    if not np.isfinite(points).all() or np.abs(points).max() > 1e6 or np.ptp(points[:, :2], axis=0).min() < 1:
        return False
    with np.errstate(all="ignore"):
        placed = align(points, 1).to_crop(points.astype(np.float64))
    expected = load_face().mean * INTER_OCULAR + (*EYES_AT, 0.0)
    apart = np.linalg.norm((placed - placed.mean(axis=0)) - (expected - expected.mean(axis=0)), axis=1).mean()
    return bool(apart < _UNLIKE)


def pose_modes(shape: Floats) -> Floats:
    """What shifts, a scale and rotations change to first order, (7, 468, 3); else the modes would take their part."""
    shifts = np.broadcast_to(np.eye(3)[:, None], (3, *shape.shape))
    turns = np.cross(np.eye(3)[:, None], shape)
    return np.concatenate([shifts, shape[None], turns])
