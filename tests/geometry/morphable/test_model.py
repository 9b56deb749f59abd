"""The face's file against the precision it promises, its formulas against plain sums, and the face that is carried."""

import dataclasses
import json
import pickle
from pathlib import Path

import numpy as np
import pytest
import torch

from facerelief.checkpoint import load_checkpoint, save_checkpoint
from facerelief.errors import CheckpointError
from facerelief.expressions import EXPRESSIONS
from facerelief.geometry.morphable.action_units import ACTION_UNITS, SIDES, Rig
from facerelief.geometry.morphable.model import MorphableFace, carried_face, full_maps, load_face, save_face
from facerelief.geometry.morphable.procrustes import mirror_shapes

A, K, E, T = 8, 3, 2, 4  # side of the UV map, modes of identity, expression and texture
NAMES = ("browDownLeft", "jawOpen", "mouthSmileRight")
R = len(NAMES)
SHAPES = {
    "mean": (468, 3),
    "identity": (K, 468, 3),
    "expression_modes": (E, 468, 3),
    "amounts": (8, R),
    "template": (540, 3),
    "clusters": (5, K + T),
}
MAPS = {
    "texture": (A, A // 2),
    "texture_identity": (T, A, A // 2),
    "texture_expression": (E - 1, A, A // 2),
    "texture_classes": (8, A, A // 2),
    "chroma": (3, A, A // 2),
}
FACTS = {"photos": {"neutral": 3}, "by": "Zoë"}
LUMA = np.array((0.299, 0.587, 0.114))


def some_face(seed: int = 0) -> MorphableFace:
    """Numbers of all sizes; one of the maps is empty."""
    random = np.random.default_rng(seed)
    parts = {name: random.normal(size=shape) for name, shape in (SHAPES | MAPS).items()}
    parts["texture_identity"] *= np.array((1e-3, 0, 1, 5))[:, None, None]
    rig = Rig(NAMES, random.normal(size=(R, 468, 3)).astype(np.float32))
    return MorphableFace(rig=rig, **{name: values.astype(np.float32) for name, values in parts.items()})


@pytest.fixture
def saved(tmp_path: Path) -> Path:
    path = tmp_path / "face.safetensors"
    save_face(path, some_face(), FACTS)
    return path


def refusal(path: Path) -> str:
    with pytest.raises(CheckpointError) as caught:
        load_face(path)
    message = str(caught.value)
    assert "\n" not in message
    assert str(path) in message
    assert ";" in message  # the remedy
    return message


# -- the file -------------------------------------------------------------------------------------------------------


def test_a_saved_face_comes_back_in_half_precision_and_maps_in_254_steps(saved: Path) -> None:
    face, loaded = some_face(), load_face(saved)
    assert {field.name for field in dataclasses.fields(MorphableFace)} == {*SHAPES, *MAPS, "rig"}
    assert loaded.rig.names == NAMES
    assert loaded.rig.shapes.dtype == np.float32
    np.testing.assert_allclose(loaded.rig.shapes, face.rig.shapes, rtol=2**-11, atol=2**-25)
    for name, shape in (SHAPES | MAPS).items():
        assert getattr(loaded, name).shape == shape
        assert getattr(loaded, name).dtype == np.float32
    for name in SHAPES:
        np.testing.assert_allclose(getattr(loaded, name), getattr(face, name), rtol=2**-11, atol=2**-25)
    for name in MAPS:
        step = np.abs(getattr(face, name)).max(axis=(-2, -1), keepdims=True) / 127
        assert (np.abs(getattr(loaded, name) - getattr(face, name)) <= step * 0.5001).all(), name
    assert not loaded.texture_identity[1].any()


def test_the_same_face_gives_the_same_bytes(saved: Path, tmp_path: Path) -> None:
    for name, seed in (("same", 0), ("other", 1)):
        save_face(tmp_path / name, some_face(seed), FACTS)
    assert (tmp_path / "same").read_bytes() == saved.read_bytes()
    assert (tmp_path / "other").read_bytes() != saved.read_bytes()


def test_the_facts_are_in_the_header(saved: Path) -> None:
    raw = saved.read_bytes()
    header = json.loads(raw[8 : 8 + int.from_bytes(raw[:8], "little")])["__metadata__"]
    assert header["format"] == "facerelief-face"
    assert json.loads(header["facts"]) == FACTS | {"rig": list(NAMES)}


def test_a_folder_means_the_face_in_it(saved: Path) -> None:
    np.testing.assert_array_equal(load_face(saved.parent).mean, load_face(saved).mean)


# Every test has names of its own, since what is loaded once is kept.


@pytest.mark.parametrize("kept", [0, 8, 200, -1])
def test_a_face_that_is_cut_off(saved: Path, kept: int) -> None:
    path = saved.with_name("cut.safetensors")
    path.write_bytes(saved.read_bytes()[:kept])
    assert ("is empty" if kept == 0 else "is damaged") in refusal(path)


def test_files_that_are_no_faces(saved: Path, tmp_path: Path) -> None:
    assert "no weights at" in refusal(tmp_path / "absent.safetensors")
    (tmp_path / "text.safetensors").write_text("The face is elsewhere.")
    assert "is damaged or not a safetensors file" in refusal(tmp_path / "text.safetensors")
    (tmp_path / "pickled.pt").write_bytes(pickle.dumps({"mean": 0}))
    assert "is a pickled checkpoint, which could run code" in refusal(tmp_path / "pickled.pt")
    torch.save({"mean": torch.zeros(468, 3)}, tmp_path / "zipped.pt")
    assert "is a pickled checkpoint, which could run code" in refusal(tmp_path / "zipped.pt")
    save_checkpoint(tmp_path / "editor.safetensors", "editor", load_checkpoint(saved, "face").tensors, FACTS)
    assert "is facerelief-editor, not facerelief-face" in refusal(tmp_path / "editor.safetensors")


def test_a_face_of_another_version(saved: Path) -> None:
    before = b'"version":"1"'
    assert saved.read_bytes().count(before) == 1
    path = saved.with_name("later.safetensors")
    path.write_bytes(saved.read_bytes().replace(before, b'"version":"7"'))
    assert "is of version 7, this program reads 1" in refusal(path)


@pytest.mark.parametrize("name", ["mean", "kinds", "rig", "amounts", "texture", "texture.scale", "chroma.scale"])
def test_a_face_without_one_of_its_parts(saved: Path, name: str) -> None:
    tensors = load_checkpoint(saved, "face").tensors
    del tensors[name]
    path = saved.with_name(f"without-{name}.safetensors")
    save_checkpoint(path, "face", tensors, FACTS | {"rig": list(NAMES)})
    assert f"lacks '{name}'; fit the face again" in refusal(path)


@pytest.mark.parametrize("names", [None, "jawOpen", list(NAMES[:2]), [*NAMES, "tongueOut"], []])
def test_a_rig_whose_names_do_not_fit_its_shapes(saved: Path, names: list[str] | str | None, tmp_path: Path) -> None:
    path = tmp_path / "names.safetensors"
    facts = FACTS | ({} if names is None else {"rig": names})
    save_checkpoint(path, "face", load_checkpoint(saved, "face").tensors, facts)
    assert "rig" in refusal(path).replace(str(path), "")  # it has this test's name


def test_an_expression_that_moves_a_face_too_far(tmp_path: Path) -> None:
    """How far counts: amounts may be large where shapes are small."""
    face, path = some_face(), tmp_path / "far.safetensors"
    small = Rig(NAMES, face.rig.shapes / 10)
    save_face(path, dataclasses.replace(face, amounts=face.amounts * 10, rig=small), {})
    np.testing.assert_allclose(load_face(path).expression("fear"), face.expression("fear"), rtol=2e-2, atol=2e-3)
    far = tmp_path / "farther.safetensors"
    save_face(far, dataclasses.replace(face, amounts=face.amounts * 100), {})
    assert "amounts holds numbers that no face has; fit the face again" in refusal(far)
    unused = tmp_path / "unused.safetensors"
    large = Rig(NAMES, face.rig.shapes * 100)
    save_face(unused, dataclasses.replace(face, amounts=0 * face.amounts, rig=large), {})
    assert "rig holds numbers that no face has; fit the face again" in refusal(unused)


# -- its formulas ---------------------------------------------------------------------------------------------------


def test_whole_is_the_left_half_and_its_mirror_image() -> None:
    assert full_maps(np.array([[1, 2], [3, 4], [5, 6], [7, 8]]))[:2].tolist() == [[1, 2, 2, 1], [3, 4, 4, 3]]
    halves = np.random.default_rng(0).normal(size=(2, 5, A, A // 2))
    found = full_maps(halves)
    assert found.shape == (2, 5, A, A)
    np.testing.assert_array_equal(found[..., : A // 2], halves)
    np.testing.assert_array_equal(found, found[..., ::-1])


def test_a_shape_is_the_mean_and_so_much_of_each_mode() -> None:
    face = some_face()
    expected = face.mean + 2 * face.identity[0] - face.identity[2]
    np.testing.assert_allclose(face.shape(np.array((2, 0, -1))), expected, atol=1e-5)
    # Fewer coefficients mean the first modes.
    np.testing.assert_allclose(face.shape(np.array((2.0,))), face.mean + 2 * face.identity[0], atol=1e-5)
    np.testing.assert_allclose(face.movement(np.array((0, 0.5))), 0.5 * face.expression_modes[1], atol=1e-6)


def test_an_expression_is_so_much_of_each_shape_of_the_rig_and_grows_with_its_strength() -> None:
    face = some_face()
    for row, name in zip(face.amounts, EXPRESSIONS, strict=True):
        expected = row[0] * face.rig.shapes[0] + row[1] * face.rig.shapes[1] + row[2] * face.rig.shapes[2]
        np.testing.assert_allclose(face.expression(name), expected, atol=1e-5)
        np.testing.assert_allclose(face.expression(name, -0.5), -expected / 2, atol=1e-5)
        assert not face.expression(name, 0).any()


def test_a_texture_is_the_mean_its_modes_and_the_expression() -> None:
    face = some_face()
    half = face.texture + 3 * face.texture_identity[1] + face.texture_identity[3] + 0.5 * face.texture_classes[4]
    found = face.log_albedo(np.array((0, 3, 0, 1)), "fear", 0.5)
    np.testing.assert_allclose(found[:, : A // 2], half, rtol=1e-5)
    np.testing.assert_array_equal(found, found[:, ::-1])
    np.testing.assert_array_equal(face.log_albedo(np.zeros(0), "fear", 0), full_maps(face.texture))


def test_wrinkles_are_of_the_first_modes() -> None:
    face, coefficients = some_face(), np.arange(1.0, E + 1)
    expected = sum(n * each for n, each in zip(coefficients, face.texture_expression, strict=False))
    np.testing.assert_allclose(face.wrinkles(coefficients), expected, rtol=1e-5)


# -- the face that the package carries ------------------------------------------------------------------------------


def test_the_carried_face_is_small_and_complete() -> None:
    assert carried_face().stat().st_size < 1.2e6
    face = load_face()
    assert all(np.isfinite(getattr(face, name)).all() for name in (*SHAPES, *MAPS))
    assert face.amounts.shape == (8, len(face.rig.names))
    assert len(face.rig.shapes) == len(set(face.rig.names)) > 40
    assert face.clusters.shape[1] == len(face.identity) + len(face.texture_identity)
    assert 0 < len(face.texture_expression) < len(face.expression_modes)
    assert face.texture.shape == (face.uv_map.size, face.uv_map.size // 2)
    np.testing.assert_allclose(face.tint @ LUMA, 1, atol=0.02)  # colour without brightness, in steps of 1/127


def test_the_carried_face_stands_in_its_frame() -> None:
    mean = load_face().mean
    left, right = (mean[list(pair)].mean(axis=0) for pair in ((33, 133), (263, 362)))
    np.testing.assert_allclose(right - left, (1, 0, 0), atol=0.02)
    np.testing.assert_allclose(left + right, 0, atol=0.02)
    assert mean[152, 1] > mean[13, 1] > mean[1, 1] > 0 > mean[10, 1]  # chin, lips, nose, forehead: y down
    assert mean[:, 2].argmax() in (1, 4)  # the tip of the nose is nearest to the viewer


def test_neutral_changes_nothing() -> None:
    face = load_face()
    assert not face.expression("neutral").any()
    np.testing.assert_array_equal(face.log_albedo(np.zeros(0), "neutral", 2), face.log_albedo(np.zeros(0), "fear", 0))


def test_the_carried_rig_shows_every_action_unit_and_its_sides_are_alike() -> None:
    rig = load_face().rig
    for number, (title, _) in ACTION_UNITS.items():
        sides = [rig.movement(rig.amounts({number: 1.0}, [side])) for side in SIDES]
        assert np.abs(sides[0]).max() > 0.015, title
        np.testing.assert_allclose(sides[0], mirror_shapes(sides[1]), atol=1e-3)


def test_expressions_move_what_they_are_known_to_move() -> None:
    """Ekman and Friesen's units, read off single landmarks; y is down."""
    face = load_face()
    change = {name: face.expression(name) for name in EXPRESSIONS}
    corners, brows, lids, lips = [61, 291], [105, 334], [159, 386], (14, 13)
    assert change["happiness"][corners, 1].max() < -0.03
    assert change["happiness"][291, 0] - change["happiness"][61, 0] > 0.05
    assert change["surprise"][lips[0], 1] - change["surprise"][lips[1], 1] > 0.1
    assert change["surprise"][brows, 1].max() < -0.02
    assert change["surprise"][lids, 1].max() < 0 and change["fear"][lids, 1].max() < 0
    assert change["fear"][291, 0] - change["fear"][61, 0] > 0.02  # stretched
    assert change["anger"][[107, 336], 1].min() > 0.02
    assert change["anger"][336, 0] - change["anger"][107, 0] < -0.01  # and drawn together
    assert change["sadness"][corners, 1].min() > 0.02
    assert change["disgust"][[98, 327], 1].max() < -0.01  # wings of the nose
    contempt = change["contempt"][corners, 1]
    assert abs(contempt[1] - contempt[0]) > 3 * abs(change["happiness"][291, 1] - change["happiness"][61, 1])
    assert np.abs(contempt).argmax() == 1  # the person's left
