"""The mouth model from ICT-FaceKit's head: teeth, gums and tongue, in the frame of a morphable model's mean face.

ICT-FaceKit's README gives the ranges of vertices and polygons, and the landmarks, that are used here.
"""

import dataclasses
from pathlib import Path
from typing import Any

import numpy as np

from facerelief.array_types import Bool, Float64, Floats, Int64
from facerelief.geometry.mesh import vertex_normals
from facerelief.geometry.morphable.learning.ict_facekit import JAW_OPEN, NEUTRAL, read_head
from facerelief.geometry.morphable.model import MorphableFace
from facerelief.geometry.rasterizer import interpolate, rasterise
from facerelief.geometry.subdivision import Subdivision
from facerelief.geometry.transfer.lips import MOUTH_CORNERS
from facerelief.geometry.transfer.mouth.model import MouthModel

_GUMS, _TEETH = (14_034, 17_006), ((17_204, 19_052), (19_434, 21_312))  # polygons; teeth without the third molars
_FIRST_TOOTH, _LOWER_TEETH = 17_039, (19_247, 21_451)  # vertices
_EYE_CORNERS, _LIPS, _CHIN = (1507, 1528, 3742, 3721), (5533, 5517), 966  # vertices
# Open smiles show 0.125 inter-ocular distances of the upper teeth (median of 12 people of the London set), and their
# edges above the lower lip in 9 of them. Higher by this much than in this head, the teeth show their edges in edits.
_HIGHER = 0.018
_OVERBITE = 0.03  # by which upper teeth cover lower ones (2 mm are usual); this head's meet edge to edge
_ARC = 0.5  # edges rise to the sides by this much times the square of the distance from the middle (median of 8 smiles)
_TALLER = 1.12  # upper teeth, whose gums those smiles hardly show: taller than this head's, upwards from their edges
_DIRECTIONS, _SIDE, _TOLERANCE = 128, 400, 0.012  # of views for exposure; pixels; inter-ocular distances
_TURNS = [(yaw, pitch) for yaw in (-35, -15, 0, 15, 35) for pitch in (-20, 0, 20)]  # degrees, of views to be seen from
_DROPS = (0.0, 0.08, 0.2, 0.4)  # of the chin, in the same views


def learn_mouth(folder: Path, face: MorphableFace) -> MouthModel:
    """Make the mouth model.

    Args:
        folder: ICT-FaceKit's FaceXModel.
        face: The morphable model into whose frame it is brought.

    Raises:
        FacereliefError: A file is missing or is not that head.
    """
    (head, polygons), (opened, _) = (read_head(folder / name) for name in (NEUTRAL, JAW_OPEN))
    eyes = head[list(_EYE_CORNERS)].reshape(2, 2, 3).mean(axis=1)
    unit = float(np.linalg.norm((eyes[1] - eyes[0])[:2]))
    head, opened = ((points - eyes.mean(axis=0)) / unit * (1, -1, 1) for points in (head, opened))
    rotation, shift = _rigid(head[slice(*_LOWER_TEETH)], opened[slice(*_LOWER_TEETH)])
    hinge = np.linalg.solve((np.eye(3) - rotation)[1:, 1:], shift[1:])
    turn = float(np.arctan2(rotation[1, 2], rotation[1, 1]) / (opened - head)[_CHIN, 1])
    polygons = np.concatenate([polygons[slice(*part)] for part in (_GUMS, *_TEETH)])
    triangles = np.concatenate([polygons[:, :3], polygons[polygons[:, 3] >= 0][:, (0, 2, 3)]])
    turned = head @ rotation.T + shift - head
    jaw = ((opened - head) * turned).sum(axis=1) / (turned**2).sum(axis=1)
    move = face.mean[[13, 14]].mean(axis=0) - head[list(_LIPS)].mean(axis=0)
    move = move * (0, 1, 1) + (0, -_HIGHER, 0)
    head, jaw = head + move, np.clip(jaw, 0, 1)
    head[:, 1] -= _OVERBITE * jaw + _ARC * head[:, 0] ** 2
    edge = head[slice(_FIRST_TOOTH, _LOWER_TEETH[0]), 1].max()
    head[:, 1] += (1 - jaw) * (_TALLER - 1) * (head[:, 1] - edge)
    whole = _model(head, triangles, jaw, hinge + move[1:], turn)
    return dataclasses.replace(_visible_part(whole), lips=face.mean[list(MOUTH_CORNERS)].astype(np.float32))


def _model(vertices: Floats, triangles: Int64, jaw: Floats, hinge: Floats, turn: float) -> MouthModel:
    used, flat = np.unique(triangles, return_inverse=True)
    values = np.column_stack([vertices, jaw, np.arange(len(vertices)) >= _FIRST_TOOTH])[used]
    values, triangles = _subdivided(values, flat.reshape(-1, 3))
    vertices, jaw, tooth = values[:, :3], values[:, 3], values[:, 4]
    normals = vertex_normals(vertices, triangles) * (1, -1, 1)
    exposure = _exposure(vertices, normals, triangles, jaw > 0.5)
    parts = {"vertices": vertices, "normals": normals, "jaw": jaw, "tooth": tooth, "exposure": exposure, "hinge": hinge}
    single = {name: np.asarray(part, np.float32) for name, part in parts.items()}
    return MouthModel(triangles=triangles, turn=turn, lips=np.zeros((2, 3), np.float32), **single)


def _subdivided(values: Floats, triangles: Int64) -> tuple[Floats, Int64]:
    """Vertices and what they carry, (V, K), and triangles, with the teeth subdivided: their edges would look broken."""
    tooth = values[triangles, -1].all(axis=1)
    parts, surfaces = [values], [triangles[~tooth]]
    for piece in _pieces(triangles[tooth]):
        used, flat = np.unique(piece, return_inverse=True)
        finer = Subdivision(flat.reshape(-1, 3), len(used), 1)
        surfaces.append(finer.triangles + sum(map(len, parts)))
        parts.append(finer(values[used]))
    return np.concatenate(parts), np.concatenate(surfaces)


def _pieces(triangles: Int64) -> list[Int64]:
    """Triangles (T, 3) in groups that are connected."""
    label = np.arange(triangles.max() + 1)
    while True:
        least = label[triangles].min(axis=1)
        lower = label.copy()
        np.minimum.at(lower, triangles.ravel(), least.repeat(3))
        if (lower == label).all():
            break
        label = lower
    group = label[triangles[:, 0]]
    return [triangles[group == one] for one in np.unique(group)]


def _exposure(vertices: Floats, normals: Floats, triangles: Int64, lower: Bool) -> Float64:
    """Share (V,) of light from the front half space, weighted by the cosine, that reaches each vertex past its jaw."""
    random = np.random.default_rng(0)
    directions = random.normal(size=(_DIRECTIONS, 3))
    directions[:, 2] = np.abs(directions[:, 2]) + 0.05
    directions /= np.linalg.norm(directions, axis=1, keepdims=True)
    received, possible = np.zeros(len(vertices)), np.full(len(vertices), 1e-9)
    for direction in directions:
        right = np.cross((0, 1, 0), direction)
        right /= np.linalg.norm(right)
        view = vertices @ np.stack([right, np.cross(direction, right), direction]).T
        cosine = np.maximum(normals @ direction, 0)
        for jaw in (lower, ~lower):
            own = triangles[jaw[triangles].all(axis=1)]
            received += cosine * jaw * _is_seen(view, own)
        possible += cosine
    share: Float64 = received / possible
    return share


def _is_seen(view: Floats, triangles: Int64) -> Bool:
    """(V,): whether a vertex of a view (V, 3), +z to the viewer, lies before or on the surface of triangles."""
    low, high = view[:, :2].min(axis=0), view[:, :2].max(axis=0)
    scale = (_SIDE - 2) / float((high - low).max())
    placed = np.column_stack([(view[:, :2] - low) * scale + 1, view[:, 2] * scale])
    index, weights = rasterise(placed, triangles, _SIDE)
    depth = np.where(index >= 0, interpolate(placed[:, 2], triangles, index, weights), -np.inf)
    columns, rows = placed[:, :2].astype(int).T
    seen: Bool = placed[:, 2] >= depth[rows, columns] - _TOLERANCE * scale
    return seen


def _visible_part(mouth: MouthModel) -> MouthModel:
    """The same without triangles that no view through the lips shows, such as roots."""
    seen = np.zeros(len(mouth.triangles), bool)
    for drop in _DROPS:
        vertices, _ = mouth.opened(drop)
        for yaw, pitch in np.radians(_TURNS):
            turn = np.array([(np.cos(yaw), 0, np.sin(yaw)), (0, 1, 0), (-np.sin(yaw), 0, np.cos(yaw))])
            nod = np.array([(1, 0, 0), (0, np.cos(pitch), -np.sin(pitch)), (0, np.sin(pitch), np.cos(pitch))])
            view = vertices @ (nod @ turn).T * _SIDE + _SIDE / 2 * np.array((1, 0, 0)) - np.array((0, 0.6 * _SIDE, 0))
            index, _ = rasterise(view, mouth.triangles, _SIDE)
            seen[index[index >= 0]] = True
    used, flat = np.unique(mouth.triangles[seen], return_inverse=True)
    parts: Any = {name: getattr(mouth, name)[used] for name in ("vertices", "normals", "jaw", "tooth", "exposure")}
    return dataclasses.replace(mouth, triangles=flat.reshape(-1, 3), **parts)


def _rigid(source: Floats, target: Floats) -> tuple[Float64, Float64]:
    """Rotation (3, 3) and shift (3,) that bring source (N, 3) nearest to target (N, 3); Kabsch, 1976."""
    left, _, right = np.linalg.svd((source - source.mean(axis=0)).T @ (target - target.mean(axis=0)))
    rotation = (left @ np.diag([1, 1, np.linalg.det(left @ right)]) @ right).T
    return rotation, target.mean(axis=0) - rotation @ source.mean(axis=0)
