"""What faces are to show, from Python: blends, action units, presets, another picture's expression, one for each."""

import pickle
from pathlib import Path

import numpy as np
import pytest
from edits import changed, faces_at

import facerelief
from facerelief import FaceEditor, FacereliefError
from facerelief.errors import NoFaceFound
from facerelief.photos.photo import Photo


@pytest.fixture(scope="module")
def editor() -> FaceEditor:
    return facerelief.load()


@pytest.fixture(scope="module")
def face(editor: FaceEditor, portrait: np.ndarray) -> facerelief.Face:
    return editor.faces(portrait)[0]


def test_words_of_every_kind(editor: FaceEditor, portrait: np.ndarray, face: facerelief.Face) -> None:
    texts = ["AU12:0.8+AU4:0.3", "jawOpen:0.3", "Wink-Left", "joy:0.6+surprise:0.4"]
    edits = editor.edit(portrait, texts, faces=face)
    names = ["AU12:0.8+AU4:0.3", "jawOpen:0.3", "wink-left", "happiness:0.6+surprise:0.4"]
    assert [edit.expression for edit in edits] == names
    assert len({edit.image.tobytes() for edit in edits} | {portrait.tobytes()}) == 5
    assert repr(edits[0]).startswith("Edited('AU12:0.8+AU4:0.3', ")


def test_one_s_own_presets(portrait: np.ndarray, face: facerelief.Face, tmp_path: Path) -> None:
    (tmp_path / "mine.toml").write_text('grin = "AU12:0.8+jawOpen:0.4"')
    own = facerelief.load(presets=tmp_path / "mine.toml")
    one, other = own.edit(portrait, ["grin:0.5", "AU12:0.4+jawOpen:0.2"], faces=face)
    assert np.abs(one.image.astype(int) - other.image).max() <= 1
    with pytest.raises(FacereliefError, match="cannot be read"):
        facerelief.load(presets=tmp_path / "none.toml")


def test_what_another_picture_shows_goes_to_other_processes(editor: FaceEditor, portrait: np.ndarray) -> None:
    grin = editor.edit(portrait, "AU12:1.5+AU26:0.6").image
    words = editor.like(grin, neutral=portrait)
    assert words == editor.like(grin, portrait) != editor.like(grin)
    edited = editor.edit(portrait, f"{words}:0.5+AU4:0.5")
    assert edited.expression == f"{words}:0.5+AU4:0.5"
    sent = pickle.loads(pickle.dumps(editor))
    np.testing.assert_array_equal(sent.edit(portrait, f"{words}:0.5+AU4:0.5").image, edited.image)
    np.testing.assert_array_equal(pickle.loads(pickle.dumps(sent)).edit(portrait, words).image.shape, portrait.shape)
    with pytest.raises(FacereliefError, match="nothing is called 'like-photo-00000000'"):
        editor.edit(portrait, "like-photo-00000000")
    with pytest.raises(NoFaceFound, match="no face found"):
        editor.like(np.full((90, 90, 3), 128, np.uint8))


def test_only_so_many_are_kept(editor: FaceEditor, portrait: np.ndarray) -> None:
    first = editor.like(portrait)
    for number in range(64):
        other = portrait.copy()
        other[0, 0] = number, 1, 2
        last = editor.like(other)
    editor.edit(portrait, last)
    with pytest.raises(FacereliefError, match="nothing is called"):
        editor.edit(portrait, first)


def test_another_edit_for_each_face(editor: FaceEditor) -> None:
    group = faces_at((170, 220, 230), (450, 220, 180))
    edited = editor.edit(group.rgb, {2: "surprise", 1: "AU12:1.5"})
    assert edited.expression == "2:surprise,1:AU12:1.5"
    assert len(edited.faces) == 2
    assert [words for _, words in edited.photo.mark.faces] == ["surprise", "AU12:1.5"]  # type: ignore[union-attr]
    after = Photo(edited.image)
    assert changed(group, after)[:, :300].any() and changed(group, after)[:, 350:].any()
    found = editor.faces(group.rgb)
    alone = editor.edit(group.rgb, {1: "surprise"}, faces=found[1])
    assert not changed(group, Photo(alone.image))[:, :300].any()


def test_what_is_wrong(editor: FaceEditor, portrait: np.ndarray) -> None:
    for to, says in (
        ("AU13", "no action unit 'AU13'"),
        ("glee", "nothing is called 'glee'"),
        (["fear", 3], "unknown expression 3"),
        ({1: 3}, "unknown expression 3"),
        ({}, "no expression {}"),
        ({"fear": 1}, "no expression {'fear': 1}"),
        ({2: "fear"}, "there is no face 2; choose from 1 to 1"),
        ({0: "fear"}, "there is no face 0; they are counted from 1"),
    ):
        with pytest.raises(FacereliefError, match=says.replace("{", r"\{").replace("}", r"\}")):
            editor.edit(portrait, to)  # type: ignore[call-overload]
    with pytest.raises(FacereliefError, match="to says which faces; leave faces out"):
        editor.edit(portrait, {1: "fear"}, faces="all")
    with pytest.raises(FacereliefError, match="method stargan edits to expressions alone"):
        facerelief.load(method="stargan").like(portrait)
