"""Reading the head: a file of its size, made up, and files that are none."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from facerelief.errors import FacereliefError
from facerelief.geometry.morphable.learning.ict_facekit import read_head

COUNT = 26_719  # vertices of ICT-FaceKit's head
POINTS = np.random.default_rng(0).normal(size=(COUNT, 3)).round(4)
VERTICES = [f"v {x} {y} {z}" for x, y, z in POINTS]
Written = Callable[[list[str]], Path]


@pytest.fixture
def written(tmp_path: Path) -> Written:
    def write(lines: list[str]) -> Path:
        path = tmp_path / "head.obj"
        path.write_text("\n".join(lines) + "\n")
        return path

    return write


def test_vertices_and_polygons_of_three_and_four_corners(written: Written) -> None:
    """Numbers count from 1; coordinates of texture, normals and names are not needed."""
    rest = ["# a comment", "vt 0.5 0.5", "vn 0 0 1", "g skin", "usemtl skin"]
    faces = ["f 1/1/1 2/2/1 3/3/1 4/4/1", "f 5 6 7", f"f 8//1 9//1 {COUNT}//1"]
    vertices, polygons = read_head(written([*rest, *VERTICES, *faces]))
    np.testing.assert_allclose(vertices, POINTS)
    assert polygons.tolist() == [[0, 1, 2, 3], [4, 5, 6, -1], [7, 8, COUNT - 1, -1]]


@pytest.mark.parametrize(
    ("lines", "said"),
    [
        ([*VERTICES[:-1], "f 1 2 3"], "is not ICT-FaceKit's head; name its folder FaceXModel"),
        (VERTICES, "is not ICT-FaceKit's head; name its folder FaceXModel"),
        ([*VERTICES, f"f 1 2 {COUNT + 1}"], "is not ICT-FaceKit's head; name its folder FaceXModel"),
        ([*VERTICES, "f 1 2"], "is not ICT-FaceKit's head; name its folder FaceXModel"),
        ([*VERTICES, "f 1 2 3", "f 1 2"], "is no OBJ file"),
        ([*VERTICES, "f 1 2 3 -4"], "is not ICT-FaceKit's head; name its folder FaceXModel"),
        ([*VERTICES, "f a b c"], "is no OBJ file"),
        ([*VERTICES[:-1], "v 1 2", "f 1 2 3"], "is no OBJ file"),
        ([*VERTICES[:-1], "v 1 2 nan", "f 1 2 3"], "is not ICT-FaceKit's head; name its folder FaceXModel"),
        ([*VERTICES, "f -1 -2 -3"], "is not ICT-FaceKit's head; name its folder FaceXModel"),
    ],
)
def test_another_head_is_refused(written: Written, lines: list[str], said: str) -> None:
    path = written(lines)
    with pytest.raises(FacereliefError) as caught:
        read_head(path)
    assert str(caught.value).startswith(f"{path} {said}")
    assert "\n" not in str(caught.value)


def test_no_file(tmp_path: Path) -> None:
    with pytest.raises(FacereliefError, match=r"cannot be read .*; name ICT-FaceKit's FaceXModel"):
        read_head(tmp_path / "absent.obj")
