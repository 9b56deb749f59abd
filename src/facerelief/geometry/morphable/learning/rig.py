"""A blendshape rig for the landmarks' face, from the expression shapes that ICT-FaceKit's head has.

Landmarks are brought onto that head by a similarity, by a thin-plate spline through landmarks that both faces name, and
to the nearest skin: of lips, to that of the same lip. A shape moves each as it moves the skin there.
"""

from pathlib import Path

import numpy as np

from facerelief.array_types import Bool, Float64, Floats, Int64
from facerelief.easing import smoothstep
from facerelief.errors import FacereliefError
from facerelief.geometry.morphable.action_units import SIDES, Rig
from facerelief.geometry.morphable.learning.ict_facekit import (
    FACE_POLYGONS,
    FACE_VERTICES,
    JAW_OPEN,
    NEUTRAL,
    read_head,
)
from facerelief.geometry.morphable.procrustes import apply_similarity, fit_similarity, mirror_shapes
from facerelief.geometry.topology import OUTLINE
from facerelief.geometry.transfer.lips import LOWER, MOUTH_CORNERS, UPPER

# The same points on both faces: MediaPipe's vertices, and ICT-FaceKit's (its `vertex_indices.json`). Of the lips'
# outlines, only those that are as far along the mouth.
_SAME = {
    **{127: 1225, 356: 3443, 152: 966},
    **{70: 268, 63: 493, 105: 1914, 66: 2044, 107: 1401, 336: 3615, 296: 4240, 334: 4114, 293: 2734, 300: 2509},
    **{168: 978, 197: 4527, 5: 4942, 4: 4857, 98: 1140, 97: 2075, 2: 1147, 326: 4269, 327: 3360},
    **{33: 1507, 160: 1542, 158: 1537, 133: 1528, 153: 1518, 144: 1511},
    **{362: 3742, 385: 3751, 387: 3756, 263: 3721, 373: 3725, 380: 3732},
    **{61: 5708, 37: 2081, 0: 0, 267: 4275, 291: 6213, 17: 5518},
    **{78: 5702, 81: 5711, 13: 5533, 311: 6216, 308: 6207, 402: 6470, 14: 5517, 178: 5966},
}
# The rings of vertices around the inner lips, from there outwards, without corners.
_UPPER_LIP = (
    *UPPER,
    *(183, 42, 41, 38, 12, 268, 271, 272, 407, 184, 74, 73, 72, 11, 302, 303, 304, 408),
    *(185, 40, 39, 37, 0, 267, 269, 270, 409),
)
_LOWER_LIP = (
    *LOWER,
    *(96, 89, 179, 86, 15, 316, 403, 319, 325, 77, 90, 180, 85, 16, 315, 404, 320, 307),
    *(146, 91, 181, 84, 17, 314, 405, 321, 375),
)
_SMOOTH = 1e-4  # of the spline
_NEAREST, _CLOSEST = 4, 0.004  # vertices that a landmark is interpolated from; inter-ocular distances
# A face's outline in a picture is no skin: that slides along behind it. In smiles (12 people of the London set) it
# moves by a tenth to a quarter of what the skin does there. Jaws and cheeks that are blown up carry it along.
_OF_OUTLINE, _NEAR_OUTLINE, _WITH_OUTLINE = 0.2, 0.4, ("jaw", "cheekPuff")
_NO_SKIN = ("eyeLook", "Pupil", "identity", "generic")  # files that hold no shape of the skin


def learn_rig(folder: Path, mean: Floats) -> Rig:
    """Make a rig.

    Args:
        folder: ICT-FaceKit's FaceXModel.
        mean: (468, 3), the mean face whose vertices are to be moved.

    Returns:
        All shapes of the skin, each as symmetric as the mean face.

    Raises:
        FacereliefError: A file is missing or is not that head.
        MissingExtra: SciPy is absent.
    """
    names = sorted(path.stem for path in folder.glob("*.obj") if not path.stem.startswith(_NO_SKIN))
    if lacking := ({Path(JAW_OPEN).stem, "browDown_L"} | {_twin(name) for name in names}) - set(names):
        raise FacereliefError(f"{folder} lacks {min(lacking)}.obj; name ICT-FaceKit's folder FaceXModel")
    neutral, polygons = read_head(folder / NEUTRAL)
    head = neutral[:FACE_VERTICES] * (1, -1, 1)
    moves = {name: (read_head(folder / f"{name}.obj")[0] - neutral)[:FACE_VERTICES] * (1, -1, 1) for name in names}
    landmarks, there = list(_SAME), list(_SAME.values())
    rotation, scale, shift = fit_similarity(head[None, there], mean[landmarks])
    placed = apply_similarity(head[None], rotation, scale, shift)[0]
    weights = _correspondence(placed, polygons[:FACE_POLYGONS], moves[Path(JAW_OPEN).stem], mean)
    turned = {name: weights @ move @ rotation[0].T * scale[0] for name, move in moves.items()}
    inside = _inside_outline(mean)
    shapes = {_arkit(name): _even(turned, name) * (1 if name.startswith(_WITH_OUTLINE) else inside) for name in names}
    return Rig(tuple(shapes), np.stack(list(shapes.values())).astype(np.float32))


def _correspondence(head: Floats, polygons: Int64, opened: Floats, mean: Floats) -> Floats:
    """Weights (468, V) of the head's vertices (V, 3), in the mean face's frame, that interpolate at its landmarks."""
    from scipy.interpolate import RBFInterpolator
    from scipy.spatial import cKDTree

    landmarks, there = list(_SAME), list(_SAME.values())
    spline = RBFInterpolator(mean[landmarks], head[there] - mean[landmarks], smoothing=_SMOOTH)
    wanted = mean + spline(mean)
    above = _above_the_lips(head, polygons, opened)
    weights = np.zeros((len(mean), len(head)))
    others = [vertex for vertex in range(len(mean)) if vertex not in _UPPER_LIP + _LOWER_LIP]
    for vertices, skin in ((others, above | True), (list(_UPPER_LIP), above), (list(_LOWER_LIP), ~above)):
        allowed = np.flatnonzero(skin)
        distance, which = cKDTree(head[allowed]).query(wanted[vertices], _NEAREST)
        share = 1 / np.maximum(distance, _CLOSEST) ** 2
        weights[np.array(vertices)[:, None], allowed[which]] = share / share.sum(axis=1, keepdims=True)
    return weights


def _above_the_lips(head: Floats, polygons: Int64, opened: Floats) -> Bool:
    """Whether vertices (V,) are nearer, over the skin, to the upper lip's inner edge than to the lower lip's.

    Closed lips touch: only the way over the skin tells them apart. `opened` (V, 3): how the jaw's fall moves them.
    """
    from scipy.sparse import coo_matrix
    from scipy.sparse.csgraph import connected_components, dijkstra

    corners = np.where(polygons < 0, polygons[:, :1], polygons)
    edges = np.sort(np.stack([corners, np.roll(corners, -1, axis=1)], axis=2).reshape(-1, 2), axis=1)
    edges, uses = np.unique(edges[edges[:, 0] != edges[:, 1]], axis=0, return_counts=True)
    shape = (len(head), len(head))

    def graph(pairs: Int64) -> Float64:
        length = np.linalg.norm(head[pairs[:, 0]] - head[pairs[:, 1]], axis=1)
        return coo_matrix((length, pairs.T), shape=shape).tocsr()

    border = edges[uses == 1]
    _, loop = connected_components(graph(border), directed=False)
    corner_vertices = [_SAME[corner] for corner in MOUTH_CORNERS]
    around = [k for k in np.unique(loop[border[:, 0]]) if _surrounds(head[loop == k], head[corner_vertices])]
    if not around:
        raise FacereliefError(f"{NEUTRAL} has no opening between the lips; get ICT-FaceKit again")
    ring = np.flatnonzero(loop == around[0])
    ends = ring[[head[ring, 0].argmin(), head[ring, 0].argmax()]]
    rest = border[np.isin(border, ring).all(axis=1) & ~np.isin(border, ends).any(axis=1)]
    _, half = connected_components(graph(rest), directed=False)
    halves = [ring[half[ring] == k] for k in np.unique(half[rest[:, 0]])]
    upper, lower = sorted(halves, key=lambda part: float(opened[part, 1].mean()))
    whole = graph(edges)
    up, down = (dijkstra(whole, directed=False, indices=part, min_only=True) for part in (upper, lower))
    above: Bool = up <= down
    return above


def _surrounds(loop: Floats, corners: Floats) -> bool:
    """Whether a loop (N, 3) is that between the corners of the mouth (2, 3)."""
    centre, middle = loop.mean(axis=0), corners.mean(axis=0)
    return bool(np.linalg.norm((centre - middle)[:2]) < 0.2 * np.linalg.norm(corners[1] - corners[0]))


def _arkit(name: str) -> str:
    """ARKit's name of a shape; sides are the person's own."""
    for suffix, side in zip(("_L", "_R"), SIDES, strict=True):
        if name.endswith(suffix):
            return name.removesuffix(suffix) + side
    return name


def _inside_outline(mean: Floats) -> Floats:
    """Share (468, 1) of the skin's movement that is seen: less at the face's outline."""
    away = np.linalg.norm(mean[:, None, :2] - mean[None, list(OUTLINE), :2], axis=2).min(axis=1)
    return (_OF_OUTLINE + (1 - _OF_OUTLINE) * smoothstep(away / _NEAR_OUTLINE))[:, None]


def _even(shapes: dict[str, Floats], name: str) -> Floats:
    """A shape (468, 3), the mean of itself and the mirror image of its twin."""
    mean: Floats = (shapes[name] + mirror_shapes(shapes[_twin(name)])) / 2
    return mean


def _twin(name: str) -> str:
    """The name of a shape's counterpart on the other side; its own where it has no side."""
    twins = {"_L": "_R", "_R": "_L", "Left": "Right", "Right": "Left"}
    suffix = next((end for end in twins if name.endswith(end)), "")
    return name.removesuffix(suffix) + twins.get(suffix, "")
