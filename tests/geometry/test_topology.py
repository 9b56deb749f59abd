"""The face's surface as a graph, and against MediaPipe's own published edges."""

import importlib.util
import runpy
from collections import Counter
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest

from facerelief.geometry.topology import (
    INNER_LIPS,
    OUTLINE,
    eye_triangles,
    face_triangles,
    mirror_vertices,
    mouth_triangles,
)

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


def test_the_mouth_triangles_close_the_mouth_and_nothing_else() -> None:
    mouth = mouth_triangles()
    assert mouth.shape == (18, 3)
    assert mouth.dtype == np.int64
    assert set(mouth.ravel().tolist()) == set(INNER_LIPS)
    walks = borders(np.concatenate([face_triangles(), eye_triangles(), mouth]))
    assert [cycle(walk) for walk in walks] == [cycle(OUTLINE)]


def test_the_mouth_is_wound_as_the_face() -> None:
    """Each edge of the inner lips is walked once by the face and once, the other way, by the mouth."""
    face, mouth = directed(face_triangles()), directed(mouth_triangles())
    assert max((face + mouth).values()) == 1
    (walk,) = borders(mouth_triangles())
    assert cycle(walk) == cycle(INNER_LIPS)
    assert all((b, a) in face for a, b in pairwise([*walk, walk[0]]))
    positions = [walk.index(vertex) for vertex in (13, 78, 14, 308)]  # counter-clockwise: up, the picture's left, down
    start = positions.index(min(positions))
    assert positions[start:] + positions[:start] == sorted(positions)


def test_the_mirror_is_its_own_inverse_and_keeps_the_midline() -> None:
    mirror = mirror_vertices()
    assert mirror.shape == (468,)
    assert mirror.dtype == np.int64
    np.testing.assert_array_equal(mirror[mirror], np.arange(468))
    midline = np.flatnonzero(mirror == np.arange(468))
    assert len(midline) == 28
    assert {TOP, CHIN, 13, 14, 168, 1} <= set(midline.tolist())
    assert mirror[RIGHT_EYE] == LEFT_EYE
    assert mirror[133] == 362
    assert mirror[61] == 291


@pytest.mark.parametrize("walk", [OUTLINE, INNER_LIPS])
def test_the_mirror_turns_a_border_onto_itself(walk: tuple[int, ...]) -> None:
    turned = mirror_vertices()[list(walk)].tolist()
    assert cycle(turned) == cycle(walk)
    assert sum(a == b for a, b in zip(turned, walk, strict=True)) == 2  # its top and its bottom


def test_twins_in_the_mirror() -> None:
    """All but 12 triangles, two in each of 6 quads, whose diagonals run the other way on the other side."""
    mirror = mirror_vertices()
    triangles = {frozenset(t) for t in face_triangles().tolist()}
    single = [t for t in triangles if frozenset(mirror[list(t)].tolist()) not in triangles]
    assert len(triangles) - len(single) == 840
    quads = {frozenset(a | b) for a in single for b in single if len(a & b) == 2}
    assert len(quads) == 6
    assert {frozenset(mirror[list(quad)].tolist()) for quad in quads} == quads
    for inside in (eye_triangles(), mouth_triangles()):  # strips: their quads have twins, and so their corners
        assert set(mirror[inside].ravel().tolist()) == set(inside.ravel().tolist())
