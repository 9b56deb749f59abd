"""Whatever a program gives: a result, or one `FacereliefError` that says what to give instead."""

import fractions
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from PIL import Image

import facerelief
from facerelief import FaceEditor, FacereliefError
from facerelief.editing.editor import EditedFace, Editor
from facerelief.errors import PhotoError
from facerelief.expressions import EXPRESSIONS
from facerelief.faces.align import align
from facerelief.faces.detect import Face
from facerelief.geometry.morphable.model import load_face


class Painter(Editor[EditedFace]):
    """An editor that paints the face's crop grey, at once."""

    method = "painter"

    def _change(self, rgb: np.ndarray, face: Face, label: int) -> EditedFace:
        crop = align(face.landmarks, 32)
        return EditedFace(face, crop, crop.cut(rgb), crop.cut(rgb))

    def _paint(self, rgb: np.ndarray, change: EditedFace, strength: float) -> np.ndarray:
        out = rgb.copy()
        out[change.crop.covers(rgb.shape[:2])] = 128
        return out


def a_face(x: float = 60, y: float = 60) -> Face:
    return Face((load_face().mean * 25 + (x, y, 0)).astype(np.float32))


class Finder:
    """Sees one face in every picture."""

    def __call__(self, rgb: np.ndarray) -> list[Face]:
        return [a_face()]

    def follow(self, rgb: np.ndarray, face: Face) -> Face | None:
        return face


def make() -> Editor:
    return Painter(EXPRESSIONS, Finder())


EDITOR = FaceEditor(make)
PHOTO = np.full((120, 120, 3), 200, np.uint8)


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


@pytest.mark.parametrize("path", [None, 5, "", b"x.png", "x.bmp", "x", "/proc/none/x.png"])
def test_a_place_that_cannot_be_written(path: Any) -> None:
    refused(lambda: EDITOR.edit(PHOTO, "fear").save(path), "")


@pytest.mark.parametrize("quality", [0, 101, "95", None, 95.5, True])
def test_a_quality_that_is_none(tmp_path: Path, quality: Any) -> None:
    refused(lambda: EDITOR.edit(PHOTO, "fear").save(tmp_path / "x.jpg", quality=quality), "from 1 to 100")
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({"method": "releif"}, "no method 'releif'; choose from relief, morphable, stargan"),
        ({"method": ["relief"]}, "choose from relief, morphable, stargan"),
        ({"engine": "onxx"}, "no engine 'onxx'; choose from torch, onnx, openvino, openvino-bf16, auto"),
        ({"engine": 5, "method": "morphable"}, "choose from torch"),
        ({"weights": ""}, "'' is no path of a weights file"),
        ({"weights": 5}, "5 is no path of a weights file"),
        ({"weights": b"runs"}, "is no path of a weights file"),
        ({"task_file": ""}, "'' is no path of a task file"),
    ],
)
def test_options_of_load(options: dict[str, Any], says: str) -> None:
    refused(lambda: facerelief.load(**options), says)


# -- anything ----------------------------------------------------------------------------------------------------------

ANYTHING = st.recursive(
    st.one_of(
        st.none(),
        st.booleans(),
        st.integers(),
        st.floats(),
        st.complex_numbers(),
        st.text(max_size=20),
        st.binary(max_size=20),
        st.decimals(),
        st.fractions(),
        st.dates(),
        st.sampled_from([*EXPRESSIONS, "all", "largest", "face", "eyes", "torch", "auto", "raise", "return", object()]),
        st.builds(Path, st.text(min_size=1, max_size=5)),
        arrays.arrays(
            st.sampled_from([np.uint8, np.float32, np.int64, np.bool_, np.complex64, np.dtype("U2"), object]),
            arrays.array_shapes(min_dims=0, max_dims=4, min_side=0, max_side=20),
        ),
        st.builds(Face, arrays.arrays(np.float32, st.sampled_from([(468, 3), (3,)]), fill=st.floats(width=32))),
        st.builds(a_face, st.floats(-1e4, 1e4), st.floats(-1e4, 1e4)),
        st.just(PHOTO),
        st.builds(Image.new, st.sampled_from(["1", "L", "RGB", "CMYK", "F", "I;16"]), st.just((40, 40))),
        st.just(torch.zeros(3, 20, 20)),
    ),
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.tuples(inner, inner), st.dictionaries(st.text(), inner)),
    max_leaves=4,
)
_ANY = settings(max_examples=150, deadline=None, suppress_health_check=list(HealthCheck), derandomize=True)


def _result_or_one_line(call: Callable[[], Any]) -> Any:
    try:
        return call()
    except FacereliefError as problem:
        assert "\n" not in str(problem)
        assert len(str(problem)) < 400
        return None


@pytest.mark.filterwarnings("ignore")
@_ANY
@given(
    picture=st.one_of(st.just(PHOTO), ANYTHING),
    name=st.sampled_from(["to", "strength", "faces", "part"]),
    value=ANYTHING,
)
def test_any_argument_of_edit(picture: Any, name: str, value: Any) -> None:
    edit = _result_or_one_line(lambda: EDITOR.edit(picture, **{"to": "fear", name: value}))
    assert edit is None or isinstance(edit, facerelief.Edited | list)


@pytest.mark.filterwarnings("ignore")
@_ANY
@given(images=ANYTHING, name=st.sampled_from(["to", "strength", "faces", "part", "errors"]), value=ANYTHING)
def test_any_argument_of_edit_all(images: Any, name: str, value: Any) -> None:
    _result_or_one_line(lambda: EDITOR.edit_all([PHOTO], **{"to": "fear", name: value}))
    _result_or_one_line(lambda: EDITOR.edit_all(images, "fear"))
    _result_or_one_line(lambda: EDITOR.faces(images))


@pytest.mark.filterwarnings("ignore")
@_ANY
@given(name=st.sampled_from(["weights", "method", "engine", "task_file"]), value=ANYTHING)
def test_any_argument_of_load(name: str, value: Any) -> None:
    """What could be loaded is not: `load` with good words is tested elsewhere, and takes seconds."""
    options = {"weights": "/nowhere/at/all", name: value}
    if name == "weights" and value is None:
        return
    assert _result_or_one_line(lambda: facerelief.load(**options)) is None or name == "method"


@pytest.mark.filterwarnings("ignore")
@_ANY
@given(name=st.sampled_from(["path", "quality", "provenance"]), value=ANYTHING)
def test_any_argument_of_save(name: str, value: Any) -> None:
    edit = EDITOR.edit(PHOTO, "fear")
    place = "/proc/nothing/x.jpg"  # where nothing can be written
    given_path = value if name == "path" and not isinstance(value, str | Path) else place
    options = {} if name == "path" else {name: value}
    assert _result_or_one_line(lambda: edit.save(given_path, **options)) is None
