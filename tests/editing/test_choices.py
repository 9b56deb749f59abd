"""Which face, expression, method and weights a user may ask of an editor, and the lines that refuse the rest."""

import dataclasses
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from edits import around, changed, faces_at

from facerelief.checkpoint import save_checkpoint
from facerelief.config import ExpressionTraining
from facerelief.editing import METHODS, Editor, load_editor
from facerelief.editing.face_choice import choose_faces
from facerelief.editing.loading import carried_weights
from facerelief.editing.methods.morphable import MorphableEditor
from facerelief.editing.methods.relief import ReliefEditor
from facerelief.editing.methods.stargan import StarGANEditor
from facerelief.editing.video.morph import Morph
from facerelief.errors import CheckpointError, FacereliefError, NoFaceFound
from facerelief.expressions import EXPRESSIONS
from facerelief.faces.detector import Face
from facerelief.geometry.morphable.model import carried_face
from facerelief.networks.backbones import build_backbone
from facerelief.networks.weights import named_tensors
from facerelief.photos.photo import Photo

Weights = Callable[..., Path]
CHOICES = ("neutral", "happiness", "surprise")


# -- which face -----------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def group() -> Photo:
    return faces_at((120, 130, 220), (330, 200, 160), (520, 260, 190))


def test_the_face_that_is_asked_for(editor: Editor, group: Photo) -> None:
    faces = editor.find(group)
    assert [round(face.landmarks[1, 0] / 10) for face in faces] == pytest.approx([12, 52, 33], abs=1)
    for number, face in enumerate(faces, 1):
        edit = editor(group, "happy", face=number)
        (edited,) = edit.faces
        np.testing.assert_array_equal(edited.face.landmarks, face.landmarks)
        region = around([face], group.rgb.shape)
        assert changed(group, edit.photo)[region].any()
        assert not changed(group, edit.photo)[~region].any()
        np.testing.assert_array_equal(editor(group, "happy", face=str(number), faces=faces).photo.rgb, edit.photo.rgb)
    np.testing.assert_array_equal(editor(group, "happy").photo.rgb, editor(group, "happy", face=1).photo.rgb)


def test_all_faces_at_once_are_all_faces_one_by_one(editor: Editor, group: Photo) -> None:
    together = editor(group, "happy", face="all")
    assert len(together.faces) == 3
    singly = np.where(
        changed(group, editor(group, "happy", face=2).photo)[..., None],
        editor(group, "happy", face=2).photo.rgb,
        editor(group, "happy", face=1).photo.rgb,
    )
    third = editor(group, "happy", face=3).photo
    singly = np.where(changed(group, third)[..., None], third.rgb, singly)
    np.testing.assert_array_equal(together.photo.rgb, singly)


def seen_from(face: Face, degrees: float) -> Face:
    """The face turned to its side."""
    c, s = np.cos(np.radians(degrees)), np.sin(np.radians(degrees))
    centre = face.landmarks.mean(axis=0)
    turn = np.array([(c, 0, s), (0, 1, 0), (-s, 0, c)])
    return Face(((face.landmarks - centre) @ turn.T + centre).astype(np.float32))


def test_faces_that_cannot_be_edited(editor: Editor, photo: Photo) -> None:
    (face,) = editor.find(photo)
    small = Face(face.landmarks * 0.2)
    profile = seen_from(face, 60)
    refused = {
        r"^me: the face is 21 pixels large, 40 are needed; use a larger photo$": ([small], "largest"),
        r"^me: the face is seen from the side \((59|60|61) degrees\); use a photo from the front$": ([profile], 1),
        r"^me: there is no face 2; choose from 1 to 1, 1 is the largest$": ([face], 2),
        r"^me: none of its 2 faces can be edited; the largest is seen from the side": ([profile, small], "all"),
    }
    for message, (faces, which) in refused.items():
        with pytest.raises(NoFaceFound, match=message):
            choose_faces(faces, which, "me")
    with pytest.raises(FacereliefError, match="no face 'left'; choose largest, all, a number counted from"):
        choose_faces([face], "left", "me")
    for none in ("0", 0, -1, "-2"):
        with pytest.raises(FacereliefError, match=rf"^there is no face {none}; they are counted from 1, the largest$"):
            choose_faces([face, small], none, "me")
    assert choose_faces([profile, face, small], "all", "me") == [face]
    assert choose_faces([seen_from(face, -40)], 1, "me")


def test_a_photo_without_a_face(editor: Editor) -> None:
    with pytest.raises(NoFaceFound, match=r"^empty\.png: no face found; use a photo with a face seen from the front$"):
        editor(Photo(np.full((90, 90, 3), 128, np.uint8), name="empty.png"), "happy")


def test_the_finder_is_loaded_when_it_is_needed(tiny_weights: Weights, photo: Photo) -> None:
    editor = load_editor(tiny_weights())
    assert editor.target("happy") == "happiness"
    assert len(editor.find(photo)) == 1


# -- arguments and weights ------------------------------------------------------------------------------------------


def test_expressions_that_are_unknown_or_not_learnt(editor: Editor, photo: Photo) -> None:
    assert editor.expressions == CHOICES
    with pytest.raises(FacereliefError, match="unknown expression 'smirk'; choose from neutral, happiness, sadness,"):
        editor(photo, "smirk")
    with pytest.raises(FacereliefError, match=r"cannot do fear; choose from neutral, happiness, surprise$"):
        editor(photo, "afraid")


@pytest.mark.parametrize("strength", [-0.1, 1.6, float("nan")])
def test_strength_out_of_range(editor: Editor, photo: Photo, strength: float) -> None:
    with pytest.raises(FacereliefError, match=r"strength .* is out of range; choose 0 to 1\.5"):
        editor(photo, "happy", strength=strength)
    with pytest.raises(FacereliefError, match=r"strength .* is out of range; choose 0 to 1\.5"):
        Morph(strength=strength)


def test_a_runs_folder_or_its_file(tiny_weights: Weights) -> None:
    path = tiny_weights()
    for place in (path, path.parent):
        assert load_editor(place).expressions == CHOICES


@pytest.mark.parametrize(
    "facts", [{}, {"config": None}, {"config": {"size": 64, "lasso": 1}}, {"config": {"size": 7}}, {"config": [1]}]
)
def test_weights_without_a_config_of_this_version(tmp_path: Path, facts: dict[str, object]) -> None:
    path = tmp_path / "weights.safetensors"
    save_checkpoint(path, "editor", {"generator.x": torch.zeros(1)}, facts)
    with pytest.raises(CheckpointError, match=r"weights\.safetensors has no config of this version .*; use matching"):
        load_editor(path)


def test_weights_that_do_not_fit_their_config(tmp_path: Path) -> None:
    path = tmp_path / "weights.safetensors"
    save_checkpoint(path, "editor", {"generator.x": torch.zeros(1)}, {"config": {"size": 64, "width": 4}})
    with pytest.raises(CheckpointError, match=r"weights\.safetensors: generator does not fit this version"):
        load_editor(path)


# -- methods --------------------------------------------------------------------------------------------------------


def test_each_method_loads_its_own_kind_of_editor(tiny_weights: Weights) -> None:
    assert METHODS == ("morphable", "relief", "stargan")
    assert isinstance(load_editor(), MorphableEditor)  # the default
    assert isinstance(load_editor(method="relief"), ReliefEditor)
    assert isinstance(load_editor(tiny_weights()), StarGANEditor)  # told from the file
    assert isinstance(load_editor(tiny_weights(method="relief")), ReliefEditor)
    assert isinstance(load_editor(carried_face()), MorphableEditor)
    assert isinstance(load_editor(carried_face().parent), MorphableEditor)
    assert isinstance(load_editor(tiny_weights(), method="stargan"), StarGANEditor)
    assert isinstance(load_editor(tiny_weights(method="relief"), method="relief"), ReliefEditor)
    for place in (None, carried_face(), carried_face().parent):
        editor = load_editor(place, method="morphable")
        assert isinstance(editor, MorphableEditor)
        assert editor.expressions == EXPRESSIONS
        assert [editor.target(name) for name in ("neutral", "Smile", "contemptuous")] == [
            "neutral",
            "happiness",
            "contempt",
        ]


@pytest.mark.parametrize("method", ["", "Morphable", "3dmm"])
def test_a_method_that_is_unknown(method: str) -> None:
    with pytest.raises(FacereliefError, match=rf"^no method '{method}'; choose from morphable, relief, stargan$"):
        load_editor(method=method)


def test_a_network_of_another_backbone(tiny_weights: Weights) -> None:
    path = tiny_weights(method="relief")
    with pytest.raises(FacereliefError, match=r"weights\.safetensors holds weights of relief, not stargan"):
        load_editor(path, method="stargan")


def test_weights_of_the_other_method(tiny_weights: Weights, tmp_path: Path) -> None:
    editor, face = r"is facerelief-editor, not facerelief-face;", r"is facerelief-face, not facerelief-editor;"
    empty, another = r"face\.safetensors; name", r"name another file$"
    refused: list[tuple[Path, str, str]] = [
        (tiny_weights(), "morphable", rf"weights\.safetensors {editor} {another}"),
        (carried_weights("stargan"), "morphable", rf"{editor} {another}"),
        (carried_face(), "stargan", rf"face\.safetensors {face} {another}"),
        (tmp_path, "morphable", rf"^no weights at .*{empty}"),
        (tmp_path, "stargan", r"^no weights at .*weights\.safetensors; name"),
    ]
    for path, method, message in refused:
        with pytest.raises(CheckpointError, match=message) as caught:
            load_editor(path, method=method)
        assert "\n" not in str(caught.value)


def test_measured_weights_say_what_they_do_poorly(tmp_path: Path) -> None:
    """Happiness is told as often as in real photos, sadness half as often, and fear was not measured."""
    config = ExpressionTraining(size=32, width=4, blocks=1, expressions=("happiness", "sadness", "fear"))
    scores = {"edits": {"happiness": 0.8, "sadness": 0.2}, "judge_on_real": {"happiness": 0.8, "sadness": 0.4}}
    parts = named_tensors(generator=build_backbone(config))
    advice, said = "where it is faint, try --strength 1.5 or --method morphable", []
    for facts in ({"scores": scores}, {}):
        path = tmp_path / "weights.safetensors"
        save_checkpoint(path, "editor", parts, {"config": dataclasses.asdict(config)} | facts)
        said.append([load_editor(path).caution(name) for name in config.expressions])
    assert said[1] == [None] * 3  # nobody measured them
    assert said[0][0] is None
    assert said[0][1] == "sadness: a classifier recognises 20% of such edits, and 40% of real photos; " + advice
    assert said[0][2] == "fear: these weights saw too few photos of it to be measured; " + advice
    assert [load_editor(method="morphable").caution(name) for name in EXPRESSIONS] == [None] * 8


@pytest.mark.parametrize("face", ["largest", "all", 1, (5.0, 5.0)])
def test_of_no_faces_none_is_chosen(face: object) -> None:
    with pytest.raises(NoFaceFound, match=r"^me: no face found; use a photo with a face seen from the front$"):
        choose_faces([], face, "me")  # type: ignore[arg-type]
