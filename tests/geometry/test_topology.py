"""The face's surface as a graph, and against MediaPipe's own published edges."""

import importlib.util
import runpy
from collections import Counter
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest

from facerelief.geometry.topology import INNER_LIPS, OUTLINE, eye_triangles, face_triangles

RIGHT_EYE, LEFT_EYE, TOP, CHIN = 33, 263, 10, 152  # the person's right is at the picture's left


def directed(triangles: np.ndarray) -> Counter[tuple[int, int]]:
    return Counter((int(a), int(b)) for t in triangles for a, b in pairwise([*t, t[0]]))


def borders(triangles: np.ndarray) -> list[list[int]]:
    """Closed walks along the edges that one triangle only uses, in that triangle's direction."""
    edges = directed(triangles)
    following = {a: b for a, b in edges if (b, a) not in edges}
    walks = []
    while following:
        walk = [min(following)]
        while (after := following.pop(walk[-1])) != walk[0]:
            walk.append(after)
        walks.append(walk)
    return walks


def cycle(walk: tuple[int, ...] | list[int]) -> set[frozenset[int]]:
    return {frozenset(pair) for pair in pairwise([*walk, walk[0]])}


def test_counts() -> None:
    face, eyes = face_triangles(), eye_triangles()
    assert face.shape == (852, 3)
    assert eyes.shape == (28, 3)
    assert face.dtype == eyes.dtype == np.int64
    whole = np.concatenate([face, eyes])
    assert len({frozenset(t) for t in whole.tolist()}) == 880  # none twice
    assert all(len(set(t)) == 3 for t in whole.tolist())
    assert set(face.ravel().tolist()) == set(range(468))  # every landmark is used
    assert set(eyes.ravel().tolist()) <= set(range(468))


@pytest.mark.parametrize("closed", [False, True])
def test_all_triangles_are_wound_alike(closed: bool) -> None:
    """An edge between two triangles is then walked once in each direction."""
    triangles = np.concatenate([face_triangles(), eye_triangles()]) if closed else face_triangles()
    edges = directed(triangles)
    assert max(edges.values()) == 1
    border = sum((b, a) not in edges for a, b in edges)
    assert border == len(OUTLINE) + len(INNER_LIPS) + (0 if closed else 2 * 16)
    vertices, undirected = 468, (len(edges) + border) // 2
    assert vertices - undirected + len(triangles) == 2 - (2 if closed else 4)  # a sphere less its openings


def test_the_borders_are_the_outline_and_the_inner_lips_once_the_eyes_are_closed() -> None:
    walks = borders(np.concatenate([face_triangles(), eye_triangles()]))
    assert {frozenset(cycle(walk)) for walk in walks} == {frozenset(cycle(OUTLINE)), frozenset(cycle(INNER_LIPS))}
    open_eyes = [set(walk) for walk in borders(face_triangles()) if len(walk) == 16]
    assert len(open_eyes) == 2
    assert {RIGHT_EYE, 133} <= min(open_eyes, key=min)  # corner to corner
    assert {LEFT_EYE, 362} <= max(open_eyes, key=min)
    assert set(eye_triangles().ravel().tolist()) == set().union(*open_eyes)


def test_the_winding_is_counter_clockwise_from_the_front() -> None:
    """The outer border is then walked from the top to the picture's left, the chin, and the picture's right."""
    outline = next(walk for walk in borders(face_triangles()) if TOP in walk)
    start = outline.index(TOP)
    turned = outline[start:] + outline[:start]
    order = [turned.index(vertex) for vertex in (TOP, 234, CHIN, 454)]
    assert order == sorted(order)


def test_the_triangles_are_the_cliques_of_mediapipes_edges() -> None:
    found = importlib.util.find_spec("mediapipe")
    if found is None or found.origin is None:
        pytest.skip("mediapipe is not installed")
    table = Path(found.origin).parent / "python" / "solutions" / "face_mesh_connections.py"
    edges = {frozenset(edge) for edge in runpy.run_path(str(table))["FACEMESH_TESSELATION"]}
    around: dict[int, set[int]] = {}
    for a, b in map(sorted, edges):
        around.setdefault(a, set()).add(b)
        around.setdefault(b, set()).add(a)
    cliques = {frozenset((a, b, c)) for a, b in map(sorted, edges) for c in around[a] & around[b]}
    false = {frozenset((279, 294, 358)), frozenset((49, 64, 129))}
    assert {frozenset(t) for t in face_triangles().tolist()} == cliques - false
    assert false <= cliques
