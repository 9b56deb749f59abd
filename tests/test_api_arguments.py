"""Whatever a program gives: a result, or one `FacereliefError` that says what to give instead."""

import fractions
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from painters import EDITOR, PHOTO, Finder, Painter, a_face
from PIL import Image

import facerelief
from facerelief import FaceEditor, FacereliefError
from facerelief.errors import PhotoError
from facerelief.expressions import EXPRESSIONS
from facerelief.faces.detector import Face


def refused(call: Callable[[], Any], says: str, kind: type[FacereliefError] = FacereliefError) -> None:
    with pytest.raises(kind) as caught:
        call()
    assert says in str(caught.value)
    assert "\n" not in str(caught.value)
    assert len(str(caught.value)) < 400


# -- what is meant is done -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "faces",
    [1, np.int64(1), "1", "largest", "all", (60, 60), [60.0, 60.0], np.array([60, 60]), "60,60", a_face(), [a_face()]],
)
def test_every_way_to_name_a_face(faces: Any) -> None:
    assert np.array_equal(EDITOR.edit(PHOTO, "fear", faces=faces).image, EDITOR.edit(PHOTO, "fear").image)


@pytest.mark.parametrize("strength", [1, 1.0, np.float32(1), np.int8(1), fractions.Fraction(1)])
def test_every_number_is_a_strength(strength: Any) -> None:
    assert len(EDITOR.edit(PHOTO, "fear", strength=strength).faces) == 1


def test_several_expressions_come_in_the_order_asked_for_and_the_faces_are_found_once() -> None:
    searches: list[int] = []

    class Counting(Finder):
        def __call__(self, rgb: np.ndarray) -> list[Face]:
            searches.append(1)
            return super().__call__(rgb)

    editor = FaceEditor(lambda: Painter(EXPRESSIONS, Counting()))
    edits = editor.edit(PHOTO, ["angry", "happiness", "anger"])
    assert [edit.expression for edit in edits] == ["anger", "happiness", "anger"]
    assert len(searches) == 1
    assert [edit.expression for edit in editor.edit(PHOTO, "all")] == list(EXPRESSIONS)
    assert editor.edit(PHOTO, ("fear",))[0].expression == "fear"
    pairs = editor.edit_all([PHOTO, PHOTO], ["fear", "anger"])
    assert [[edit.expression for edit in pair] for pair in pairs] == [["fear", "anger"]] * 2


def test_an_edit_knows_the_picture_as_it_was() -> None:
    edit = EDITOR.edit(PHOTO, "fear")
    assert np.array_equal(edit.before, PHOTO)
    assert (edit.image != PHOTO).any()


def test_what_the_caller_writes_into_its_array_later_changes_no_edit() -> None:
    mine = PHOTO.copy()
    edits, (found,) = EDITOR.edit(mine, ["fear", "anger"]), EDITOR.edit_all([mine], "fear")
    mine[:] = 0
    assert all(np.array_equal(edit.before, PHOTO) for edit in (*edits, found))


def test_without_provenance_nothing_says_that_it_was_edited(tmp_path: Path) -> None:
    edit = EDITOR.edit(PHOTO, "fear")
    edit.save(tmp_path / "plain.png", provenance=False)
    with Image.open(tmp_path / "plain.png") as saved:
        assert np.array_equal(np.asarray(saved), edit.image)
        assert "xmp" not in saved.info
    edit.save(tmp_path / "marked.png")
    assert b"compositeWithTrainedAlgorithmicMedia" in (tmp_path / "marked.png").read_bytes()


# -- what is wrong is refused with the remedy ------------------------------------------------------------------------


@pytest.mark.parametrize("to", [None, 5, b"fear", {"fear"}, [], (), 1.0])
def test_what_is_no_expression(to: Any) -> None:
    refused(lambda: EDITOR.edit(PHOTO, to), "choose from neutral, happiness")
    refused(lambda: EDITOR.edit_all([PHOTO], to, errors="return"), "choose from neutral, happiness")


@pytest.mark.parametrize("to", ["", "glee", "9" * 5000, ["fear", 3], [None], "fear,anger"])
def test_what_is_an_unknown_expression(to: Any) -> None:
    refused(lambda: EDITOR.edit(PHOTO, to), "unknown expression")


@pytest.mark.parametrize("strength", ["0.5", None, [1], np.array([1, 2]), float("nan"), -1, 2, 10**400, True, 1j])
def test_what_is_no_strength(strength: Any) -> None:
    refused(lambda: EDITOR.edit(PHOTO, "fear", strength=strength), "choose a number from 0 to 1.5")


@pytest.mark.parametrize(
    "faces", [None, 1.5, True, ["x"], [1, 2, 3], (1,), (float("nan"), 1), ("1", "2"), {1}, "biggest", (10**400, 1)]
)
def test_what_names_no_face(faces: Any) -> None:
    refused(lambda: EDITOR.edit(PHOTO, "fear", faces=faces), "choose largest, all, a number counted from the largest")


@pytest.mark.parametrize(
    "landmarks", [np.zeros((468, 3)), np.full((468, 3), np.nan), np.zeros((3, 3)), "points", None, np.eye(468, 3) * 1e5]
)
def test_a_face_that_is_none(landmarks: Any) -> None:
    refused(lambda: EDITOR.edit(PHOTO, "fear", faces=Face(landmarks)), "give faces that `faces` found")


@pytest.mark.parametrize("part", [None, "nose", ["eyes"], np.array(["eyes", "mouth"])])
def test_what_is_no_part(part: Any) -> None:
    refused(lambda: EDITOR.edit(PHOTO, "fear", part=part), "choose from face, eyes, mouth")


@pytest.mark.parametrize("errors", ["ignore", "skip", None, True])
def test_errors_are_raised_or_returned(errors: Any) -> None:
    refused(lambda: EDITOR.edit_all([PHOTO], "fear", errors=errors), "choose from raise, return")


@pytest.mark.parametrize("images", [None, 5, "me.jpg", b"bytes", PHOTO, PHOTO[..., 0], Image.new("RGB", (64, 64))])
def test_one_picture_is_no_list_of_pictures(images: Any) -> None:
    refused(lambda: EDITOR.edit_all(images, "fear"), "is no list of pictures")


def test_what_is_wrong_for_every_picture_is_said_once_and_at_once() -> None:
    never = iter([])
    refused(lambda: EDITOR.edit_all(never, "fear", strength=3, errors="return"), "strength 3")
    refused(lambda: EDITOR.edit_all(never, "fear", faces=a_face(), errors="return"), "one picture at a time")


@pytest.mark.parametrize(
    ("array", "remedy"),
    [
        (PHOTO / 255, "(255 * a).round().astype(np.uint8)"),
        (PHOTO.astype(np.uint16), "(a / 257).round().astype(np.uint8)"),
        (PHOTO.astype(int), "a.astype(np.uint8)"),
        (PHOTO[..., 0], "np.dstack([a, a, a])"),
        (PHOTO[..., :1], "np.dstack([a, a, a])"),
        (np.dstack([PHOTO, PHOTO[..., 0]]), "a[..., :3]"),
        (PHOTO.transpose(2, 0, 1), "np.moveaxis(a, 0, 2)"),
        (PHOTO[None], "a[0]"),
        (np.array(5), "its shape is another"),
        (np.array([["a"]]), "np.dstack"),
    ],
)
def test_an_array_that_is_no_picture_says_how_it_becomes_one(array: np.ndarray, remedy: str) -> None:
    refused(lambda: EDITOR.edit(array, "fear"), remedy, PhotoError)


@pytest.mark.parametrize("picture", [torch.zeros(3, 64, 64), [PHOTO], bytearray(b"x"), Path, 5.0, "", "\0", "a\ud800"])
def test_other_things_that_are_no_pictures(picture: Any) -> None:
    refused(lambda: EDITOR.edit(picture, "fear"), "", PhotoError)
    refused(lambda: EDITOR.faces(picture), "", PhotoError)


@pytest.mark.parametrize("path", [None, 5, "", b"x.png", "x.bmp", "x", "/proc/none/x.png", "a\0b.png", "a\ud800.png"])
def test_a_place_that_cannot_be_written(path: Any) -> None:
    refused(lambda: EDITOR.edit(PHOTO, "fear").save(path), "")


@pytest.mark.parametrize("quality", [0, 101, "95", None, 95.5, True])
def test_a_quality_that_is_none(tmp_path: Path, quality: Any) -> None:
    refused(lambda: EDITOR.edit(PHOTO, "fear").save(tmp_path / "x.jpg", quality=quality), "from 1 to 100")
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({"method": "releif"}, "no method 'releif'; choose from morphable, relief, stargan"),
        ({"method": ["relief"]}, "choose from morphable, relief, stargan"),
        ({"engine": "onxx"}, "no engine 'onxx'; choose from torch, onnx, openvino, openvino-bf16, auto"),
        ({"engine": 5, "method": "morphable"}, "choose from torch"),
        ({"weights": ""}, "'' is no path of a weights file"),
        ({"weights": 5}, "5 is no path of a weights file"),
        ({"weights": b"runs"}, "is no path of a weights file"),
        ({"task_file": ""}, "'' is no path of a task file"),
        ({"weights": "a\0b"}, "is no path of a weights file, since no file can have that name; give another"),
        ({"weights": Path("a\ud800")}, "since no file can have that name"),
        ({"task_file": "a\0b"}, "is no path of a task file, since no file can have that name"),
    ],
)
def test_options_of_load(options: dict[str, Any], says: str) -> None:
    refused(lambda: facerelief.load(**options), says)
