"""The carried model of the mouth: its jaw is rigid, its sides are alike; its file; and what it is made from."""

import dataclasses
import os
from pathlib import Path

import numpy as np
import pytest
import torch

from facerelief.checkpoint import save_checkpoint
from facerelief.errors import CheckpointError, FacereliefError
from facerelief.geometry.morphable.learning import mouth as learning
from facerelief.geometry.morphable.learning.ict_facekit import NEUTRAL
from facerelief.geometry.morphable.model import load_face
from facerelief.geometry.transfer.mouth.model import MouthModel, load_mouth, save_mouth

MOUTH = load_mouth()
LOWER, UPPER = MOUTH.jaw > 0.99, MOUTH.jaw < 0.01
ICT = os.environ.get("FACERELIEF_ICT_FACEKIT")  # a folder FaceXModel


def distances(points: np.ndarray) -> np.ndarray:
    return np.linalg.norm(points[::37, None] - points[None, ::37], axis=2)


@pytest.mark.parametrize("drop", [0.05, 0.2, 0.5])
def test_the_jaw_moves_as_one_and_the_skull_not_at_all(drop: float) -> None:
    vertices, normals = MOUTH.opened(drop)
    np.testing.assert_allclose(vertices[UPPER], MOUTH.vertices[UPPER], atol=0.01 * drop)
    np.testing.assert_allclose(distances(vertices[LOWER]), distances(MOUTH.vertices[LOWER]), atol=4e-3)
    front = LOWER & (MOUTH.tooth > 0) & (np.abs(MOUTH.vertices[:, 0]) < 0.2)
    moved = (vertices - MOUTH.vertices)[front].mean(axis=0)
    assert moved[1] == pytest.approx(1.2 * drop, rel=0.3) and moved[2] < 0  # down, and back
    assert np.linalg.norm(normals[LOWER], axis=1) == pytest.approx(1, abs=2e-3)


def test_closed_jaws_are_as_stored_and_none_opens_upwards() -> None:
    for drop in (0.0, -0.3):
        np.testing.assert_allclose(MOUTH.opened(drop)[0], MOUTH.vertices, atol=1e-6)


def test_left_and_right_are_alike() -> None:
    for jaw in (UPPER, LOWER):
        teeth = MOUTH.vertices[jaw & (MOUTH.tooth > 0)].astype(float)
        mirrored = teeth * (-1, 1, 1)
        nearest = np.linalg.norm(mirrored[:, None] - teeth[None], axis=2).min(axis=1)
        assert np.quantile(nearest, 0.95) < 0.01


def test_front_teeth_face_the_viewer_in_the_light_behind_the_lips() -> None:
    face = load_face()
    front = UPPER & (MOUTH.tooth > 0) & (np.abs(MOUTH.vertices[:, 0]) < 0.12) & (MOUTH.normals[:, 2] > 0.8)
    assert front.sum() > 50
    assert np.median(MOUTH.exposure[front]) > 0.9
    lips = face.mean[[13, 14]].mean(axis=0)
    edge = MOUTH.vertices[UPPER & (MOUTH.tooth > 0) & (np.abs(MOUTH.vertices[:, 0]) < 0.12), 1].max()
    assert 0.01 < edge - lips[1] < 0.06  # below the closed lips' line, as open smiles show
    assert MOUTH.vertices[:, 2].max() < lips[2] + 0.03


def test_it_is_fitted_to_the_breadth_of_a_mouth() -> None:
    scale, shift = MOUTH.fitted(MOUTH.lips)
    np.testing.assert_allclose([*scale, *shift], [1, 1, 1, 0, 0, 0], atol=1e-6)
    scale, shift = MOUTH.fitted(MOUTH.lips * (1.21, 1, 1) + (0.0, 0.2, -0.1))
    np.testing.assert_allclose([*scale, *shift], [1.1, 1, 1, 0, 0.2, -0.1], atol=1e-3)


# -- its file -------------------------------------------------------------------------------------------------------


def test_it_is_read_as_it_was_written(tmp_path: Path) -> None:
    path = tmp_path / "mouth.safetensors"
    save_mouth(path, MOUTH, {"source": "a test"})
    again = load_mouth(path)
    for field in dataclasses.fields(MouthModel):
        np.testing.assert_array_equal(getattr(again, field.name), getattr(MOUTH, field.name))
    first = path.read_bytes()
    save_mouth(path, again, {"source": "a test"})
    assert path.read_bytes() == first


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("vertices", torch.zeros(5, 2)),
        ("jaw", torch.zeros(3)),
        ("hinge", torch.zeros(3)),
        ("exposure", torch.full((len(MOUTH.vertices),), torch.nan)),
        ("triangles", torch.full((4, 3), 10**6, dtype=torch.int32)),
        ("triangles", torch.zeros(4, 2, dtype=torch.int32)),
        ("triangles", None),
        ("lips", None),
    ],
)
def test_a_damaged_file_is_refused(tmp_path: Path, name: str, value: torch.Tensor | None) -> None:
    parts = {one: torch.from_numpy(getattr(MOUTH, one)) for one in ("vertices", "normals", "jaw", "tooth", "exposure")}
    parts |= {"hinge": torch.from_numpy(MOUTH.hinge), "lips": torch.from_numpy(MOUTH.lips)}
    parts |= {"triangles": torch.from_numpy(MOUTH.triangles.astype(np.int32))}
    changed = {**parts, name: value}
    path = tmp_path / "mouth.safetensors"
    save_checkpoint(path, "mouth", {k: v for k, v in changed.items() if v is not None}, {"turn": 1.0})
    with pytest.raises(CheckpointError, match=r"mouth\.safetensors"):
        load_mouth(path)


# -- what it is made from -------------------------------------------------------------------------------------------


def test_a_rigid_motion_is_found() -> None:
    random = np.random.default_rng(0)
    turn = np.linalg.qr(random.normal(size=(3, 3)))[0]
    turn *= np.sign(np.linalg.det(turn))
    points = random.normal(size=(20, 3))
    rotation, shift = learning._rigid(points, points @ turn.T + (1, 2, 3))
    np.testing.assert_allclose(rotation, turn, atol=1e-9)
    np.testing.assert_allclose(shift, (1, 2, 3), atol=1e-9)


def test_pieces_are_what_is_connected() -> None:
    triangles = np.array([(0, 1, 2), (5, 6, 7), (2, 3, 4), (7, 8, 9), (4, 10, 11)])
    pieces = sorted(sorted(np.unique(piece).tolist()) for piece in learning._pieces(triangles))
    assert pieces == [[0, 1, 2, 3, 4, 10, 11], [5, 6, 7, 8, 9]]


def test_exposure_of_a_plate_and_of_what_lies_behind_it() -> None:
    """All of the light in front of a plate, and none directly behind one that is wide and near."""
    square = np.array([(-1, -1), (-1, 1), (1, -1), (1, 1)], float)
    vertices = np.concatenate(
        [np.column_stack([square, 0 * square[:, 0]]), [(0, -0.1, -0.1), (0, 0.1, -0.1), (0.1, 0, -0.1)]]
    )
    triangles = np.array([(0, 1, 2), (2, 1, 3), (4, 5, 6)])
    normals = np.tile((0.0, 0.0, 1.0), (7, 1))
    found = learning._exposure(vertices, normals, triangles, np.zeros(7, bool))
    np.testing.assert_allclose(found[:4], 1, atol=0.03)
    assert found[4:].max() < 0.1


@pytest.mark.parametrize("text", ["", "v 0 0 0\nf 1 1 1\n", "v a b c\n", "f 1/x 2 3\n"])
def test_another_head_is_refused(tmp_path: Path, text: str) -> None:
    with pytest.raises(FacereliefError, match="cannot be read"):
        learning.learn_mouth(tmp_path, load_face())
    (tmp_path / NEUTRAL).write_text(text)
    with pytest.raises(FacereliefError, match="ICT-FaceKit"):
        learning.learn_mouth(tmp_path, load_face())


@pytest.mark.skipif(not ICT, reason="needs ICT-FaceKit, named by FACERELIEF_ICT_FACEKIT")
def test_the_carried_model_is_what_the_command_makes() -> None:
    made = learning.learn_mouth(Path(str(ICT)), load_face())
    np.testing.assert_allclose(made.vertices, MOUTH.vertices, atol=1e-3)
    np.testing.assert_array_equal(made.triangles, MOUTH.triangles)
    assert made.turn == pytest.approx(MOUTH.turn, rel=1e-3)
