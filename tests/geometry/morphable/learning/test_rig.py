"""A rig from a head that was made up, whose shapes are known at the landmarks; and the carried one."""

import os
from pathlib import Path

import numpy as np
import pytest

from facerelief.errors import FacereliefError
from facerelief.geometry.morphable.action_units import Rig
from facerelief.geometry.morphable.learning import rig as learning
from facerelief.geometry.morphable.learning.rig import learn_rig
from facerelief.geometry.morphable.model import load_face
from facerelief.geometry.morphable.procrustes import mirror_shapes
from facerelief.geometry.subdivision import face_subdivision
from facerelief.geometry.topology import face_triangles
from facerelief.geometry.transfer.lips import LOWER, UPPER

pytest.importorskip("scipy", reason="a rig is made with scipy")

ICT = os.environ.get("FACERELIEF_ICT_FACEKIT")  # a folder FaceXModel
MEAN = load_face().mean.astype(np.float64)
DENSE, SKIN = face_subdivision(1), 4 * len(face_triangles())  # triangles without those that close the eyes
TURN = np.array([(0.8, 0.6, 0.0), (-0.6, 0.8, 0.0), (0.0, 0.0, 1.0)])
SIZE = 7.5
LOWER_LIP, UPPER_LIP = (95, 88, 178, 87, 14, 317, 402, 318, 324, 86, 15, 316, 16), (80, 81, 82, 13, 312, 311, 12, 11)


def around(vertex: int, wide: float, way: tuple[float, float, float]) -> np.ndarray:
    """A movement (468, 3) of what is near a vertex."""
    distance = np.linalg.norm(MEAN - MEAN[vertex], axis=1)
    return np.exp(-((distance / wide) ** 2))[:, None] * np.array(way)


def opened() -> np.ndarray:
    """A jaw's fall: the lower lip and what is below it; the upper lip stays."""
    lips = MEAN[[13, 14], 1].mean()
    fall = np.clip((MEAN[:, 1] - lips) / 0.4, 0, 1)
    fall[list(LOWER_LIP)], fall[list(UPPER_LIP)] = 0.8, 0
    return fall[:, None] * np.array((0, 0.5, -0.1))


MOVES = {
    "jawOpen": opened(),
    "browDown_L": around(336, 0.35, (0.0, 0.12, 0.02)),
    "browDown_R": around(107, 0.35, (0.0, 0.08, 0.02)),  # less than the other side's
    "jawLeft": around(152, 0.6, (0.1, 0.0, 0.0)),
    "jawRight": around(152, 0.6, (-0.1, 0.0, 0.0)),
    "mouthShrugLower": around(17, 0.5, (0.0, -0.1, 0.0)),  # reaches the chin
    "mouthFunnel": around(13, 0.3, (0.02, 0.0, 0.1)),  # a little to one side
}
NO_SHAPES = ("eyeLookDown_L", "PupilDilate_L", "identity000", "generic_neutral_mesh")


def placed(points: np.ndarray) -> np.ndarray:
    """The mean face's frame to the head's: another shape, turned, larger, with y up."""
    other = points * (1.1, 0.95, 1.0) + 0.04 * np.sin(2 * points[:, [1, 0, 0]])
    return SIZE * other @ TURN.T * (1, -1, 1) + (3.0, -2.0, 1.0)


def carried(movement: np.ndarray) -> np.ndarray:
    """A movement of the head's vertices, in the head's frame."""
    return SIZE * DENSE(movement) @ TURN.T * (1, -1, 1)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("FaceXModel")
    for name in (*MOVES, *NO_SHAPES):
        (folder / f"{name}.obj").touch()
    return folder


@pytest.fixture(scope="module")
def rig(folder: Path) -> Rig:
    """Of a head whose vertices are the landmarks and those between them."""
    neutral = placed(DENSE(MEAN))
    polygons = np.column_stack([DENSE.triangles[:SKIN], np.full(SKIN, -1)])

    def read(path: Path) -> tuple[np.ndarray, np.ndarray]:
        return neutral + (carried(MOVES[path.stem]) if path.stem in MOVES else 0), polygons

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(learning, "read_head", read)
        patch.setattr(learning, "FACE_VERTICES", len(neutral))
        patch.setattr(learning, "FACE_POLYGONS", SKIN)
        patch.setattr(learning, "_SAME", {vertex: vertex for vertex in learning._SAME})
        return learn_rig(folder, MEAN)


def shape(rig: Rig, name: str) -> np.ndarray:
    return rig.shapes[rig.names.index(name)]


def test_shapes_of_the_skin_have_arkits_names(rig: Rig) -> None:
    expected = ("browDownLeft", "browDownRight", "jawLeft", "jawOpen", "jawRight", "mouthFunnel", "mouthShrugLower")
    assert rig.names == expected
    assert rig.shapes.shape == (7, 468, 3)
    assert rig.shapes.dtype == np.float32


@pytest.mark.parametrize("name", ["jawOpen", "jawLeft", "jawRight"])
def test_landmarks_move_as_the_skin_there(rig: Rig, name: str) -> None:
    """In the mean face's frame and size; but for what the skin is smoothed, and the fit of a head of another shape."""
    found, true = shape(rig, name), MOVES[name]
    assert (found * true).sum() / np.linalg.norm(found) / np.linalg.norm(true) > 0.98
    assert np.linalg.norm(found) == pytest.approx(np.linalg.norm(true), rel=0.1)


def test_the_outline_of_a_face_stays_where_skin_slides_along_it(rig: Rig) -> None:
    """But for jaws: they carry it along."""
    found, true = shape(rig, "mouthShrugLower"), MOVES["mouthShrugLower"]
    assert true[152, 1] < -0.02
    assert found[152, 1] / true[152, 1] == pytest.approx(0.2, abs=0.04)
    assert found[17, 1] / true[17, 1] > 0.8
    assert shape(rig, "jawLeft")[152, 0] / MOVES["jawLeft"][152, 0] > 0.85


def test_lips_that_touch_are_told_apart(rig: Rig) -> None:
    """All of the lower lip falls with the jaw and nothing of the upper lip, though they are at the same place."""
    assert np.linalg.norm(MEAN[list(UPPER)] - MEAN[list(LOWER)], axis=1).max() < 0.03
    fall = shape(rig, "jawOpen")[:, 1]
    upper, lower = list(UPPER[2:7]), list(LOWER[2:7])  # towards the corners the lips are one
    assert fall[upper].max() < 0.03 < 0.3 < fall[lower].min()
    assert fall[[12, 11, 0]].max() < 0.03 and fall[[15, 16, 152]].min() > 0.25


def test_sides_are_alike_and_each_is_the_mean_of_both(rig: Rig) -> None:
    left, right = shape(rig, "browDownLeft"), shape(rig, "browDownRight")
    np.testing.assert_allclose(left, mirror_shapes(right), atol=1e-6)
    assert left[336, 1] == pytest.approx(0.1, abs=0.01) and abs(left[107, 1]) < 0.02
    assert right[107, 1] == pytest.approx(0.1, abs=0.01)
    np.testing.assert_allclose(shape(rig, "jawLeft"), mirror_shapes(shape(rig, "jawRight")), atol=1e-6)


def test_what_has_no_side_is_its_own_mirror_image(rig: Rig) -> None:
    for name in ("jawOpen", "mouthFunnel"):
        np.testing.assert_allclose(shape(rig, name), mirror_shapes(shape(rig, name)), atol=1e-6)
    assert shape(rig, "mouthFunnel")[13, 2] == pytest.approx(0.1, abs=0.02)


@pytest.mark.parametrize("lacking", [(), ("jawOpen",), ("browDown_L",), ("browDown_R",), tuple(MOVES)])
def test_a_folder_without_the_shapes(tmp_path: Path, lacking: tuple[str, ...]) -> None:
    """An empty one, a part of one, or one that is not there."""
    for name in set(MOVES) - set(lacking) if lacking else ():
        (tmp_path / f"{name}.obj").touch()
    for path in (tmp_path, tmp_path / "absent"):
        with pytest.raises(FacereliefError) as caught:
            learn_rig(path, MEAN)
        file = lacking[0] if path.is_dir() and len(lacking) == 1 else "browDown_L"
        assert str(caught.value) == f"{path} lacks {file}.obj; name ICT-FaceKit's folder FaceXModel"


# -- the carried one ------------------------------------------------------------------------------------------------


def test_jaws_part_the_carried_rigs_lips() -> None:
    """The lower lip moves with the chin, and the upper lip hardly; eyes and brows not at all."""
    moved = np.linalg.norm(shape(load_face().rig, "jawOpen"), axis=1)
    assert moved[list(LOWER[2:7])].min() > 0.5 * moved[152] > 0.15
    assert moved[list(UPPER[2:7])].max() < 0.15 * moved[152]
    assert moved[[33, 133, 159, 105, 263, 362, 386, 334, 168]].max() < 0.02


@pytest.mark.skipif(not ICT, reason="needs ICT-FaceKit, named by FACERELIEF_ICT_FACEKIT")
def test_the_carried_rig_is_what_the_command_makes() -> None:
    made, there = learn_rig(Path(str(ICT)), MEAN), load_face().rig
    assert made.names == there.names
    np.testing.assert_allclose(made.shapes, there.shapes, atol=5e-3)  # of the mean face before it was stored
