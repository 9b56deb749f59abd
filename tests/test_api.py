"""Editing from Python: whatever picture a program holds, the same kind back, from any number of threads."""

import subprocess
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageCms

import facerelief
from facerelief import EXPRESSIONS, Edited, FaceEditor, FacereliefError
from facerelief.editing import load_editor
from facerelief.errors import NoFaceFound, PhotoError
from facerelief.faces.detector import LandmarkFinder
from facerelief.photos.photo import Photo, read_mark, read_photo


@pytest.fixture(scope="module")
def editor() -> FaceEditor:
    return facerelief.load()


@pytest.fixture(scope="module")
def happy(finder: LandmarkFinder, portrait: np.ndarray) -> np.ndarray:
    """What the editor itself makes of the portrait."""
    return load_editor(finder=finder)(Photo(portrait), "happiness", strength=0.7).photo.rgb


def test_importing_the_package_is_light() -> None:
    code = (
        "import sys, facerelief\n"
        "heavy = {'torch', 'numpy', 'PIL', 'mediapipe', 'scipy', 'typer', 'rich'} & set(sys.modules)\n"
        "assert not heavy, heavy\n"
        "facerelief.load\n"
        "assert 'numpy' in sys.modules and not {'torch', 'mediapipe'} & {*sys.modules}"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_an_unknown_name_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="no attribute 'lead'"):
        facerelief.lead  # noqa: B018


# -- the same kind out ----------------------------------------------------------------------------------------------


def test_an_array_gives_an_array(editor: FaceEditor, portrait: np.ndarray, happy: np.ndarray) -> None:
    before = portrait.copy()
    edit = editor.edit(portrait, "happy", strength=0.7)
    assert (edit.expression, type(edit.image)) == ("happiness", np.ndarray)
    assert np.array_equal(edit.image, happy)
    assert np.array_equal(portrait, before)
    (face,) = edit.faces
    assert face.before.shape == face.after.shape
    assert (face.before != face.after).any()


def test_an_image_gives_an_image(editor: FaceEditor, portrait: np.ndarray, happy: np.ndarray) -> None:
    edit = editor.edit(Image.fromarray(portrait), "happiness", strength=0.7)
    assert edit.image.mode == "RGB"
    assert np.array_equal(np.asarray(edit.image), happy)


@pytest.mark.parametrize("kind", [str, Path, "bytes"])
def test_a_file_gives_an_image(
    editor: FaceEditor, portrait: np.ndarray, happy: np.ndarray, tmp_path: Path, kind: Callable | str
) -> None:
    path = tmp_path / "me.png"
    Image.fromarray(portrait).save(path)
    given = path.read_bytes() if kind == "bytes" else kind(path)
    assert np.array_equal(np.asarray(editor.edit(given, "happiness", strength=0.7).image), happy)


def test_what_is_saved_says_that_it_was_edited(editor: FaceEditor, portrait: np.ndarray, tmp_path: Path) -> None:
    edit = editor.edit(portrait, "anger")
    edit.save(tmp_path / "new" / "angry.png")
    saved = read_photo(tmp_path / "new" / "angry.png").rgb
    mark = np.abs(saved.astype(int) - edit.image)  # the invisible one: strong where texture hides it, between teeth
    assert 0 < mark.max() < 24 and mark[mark > 0].mean() < 3
    assert np.array_equal(saved[300:], portrait[300:])
    record = read_mark(tmp_path / "new" / "angry.png")
    assert record is not None
    assert "anger" in record.description


def test_alpha_profile_and_orientation_of_an_image(editor: FaceEditor, portrait: np.ndarray, happy: np.ndarray) -> None:
    alpha = np.tile(np.arange(512, dtype=np.uint8), (512, 1))
    image = Image.fromarray(np.dstack([portrait, alpha])).transpose(Image.Transpose.ROTATE_90)
    image.getexif()[0x0112] = 6  # "turn clockwise to see it upright"
    image.info["icc_profile"] = profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    edit = editor.edit(image, "happiness", strength=0.7)
    assert edit.image.mode == "RGBA"
    assert np.array_equal(np.asarray(edit.image), np.dstack([happy, alpha]))
    assert edit.image.info["icc_profile"] == profile
    assert image.size == edit.image.size == (512, 512)


def test_grey_comes_back_as_rgb_that_is_grey_around_the_face(editor: FaceEditor, portrait: np.ndarray) -> None:
    grey = Image.fromarray(portrait).convert("L")
    pixels = np.asarray(editor.edit(grey, "sadness").image)
    assert np.array_equal(pixels[300:], np.dstack([np.asarray(grey)] * 3)[300:])


def test_sixteen_bits_become_eight(editor: FaceEditor, portrait: np.ndarray) -> None:
    grey = np.asarray(Image.fromarray(portrait).convert("L"))
    deep = Image.fromarray(grey.astype(np.uint16) * 257)
    assert np.array_equal(editor.edit(deep, "fear").image, editor.edit(Image.fromarray(grey), "fear").image)


# -- which faces ----------------------------------------------------------------------------------------------------


def test_faces_are_chosen_by_number_or_by_hand(editor: FaceEditor, portrait: np.ndarray) -> None:
    two = np.hstack([portrait, portrait[:, ::-1]])
    faces = editor.faces(two)
    assert len(faces) == 2
    by_number = [editor.edit(two, "surprise", faces=number).image for number in (1, 2)]
    both = editor.edit(two, "surprise", faces="all").image
    for chosen, expected in zip(faces, by_number, strict=True):
        assert np.array_equal(editor.edit(two, "surprise", faces=[chosen]).image, expected)
    x, y = faces[1].landmarks[:, :2].mean(axis=0)
    assert np.array_equal(editor.edit(two, "surprise", faces=(float(x), float(y))).image, by_number[1])
    sides = [np.flatnonzero((one != two).any(axis=(0, 2))) for one in by_number]
    assert {bool(side.max() < 512) for side in sides} == {True, False}
    for one, other in zip(by_number, reversed(by_number), strict=True):
        changed = one != two
        assert np.array_equal(both[changed], one[changed])
        assert np.array_equal(other[changed], two[changed])


def test_a_part_alone_changes(editor: FaceEditor, portrait: np.ndarray) -> None:
    (face,) = editor.faces(portrait)
    whole, mouth = (editor.edit(portrait, "surprise", part=part).image for part in ("face", "mouth"))
    assert np.array_equal(mouth, editor.edit_all([portrait], "surprise", part="mouth")[0].image)
    above = slice(None, int(face.landmarks[[145, 374], 1].min()) - 20)
    assert (whole[above] != portrait[above]).any()
    assert np.array_equal(mouth[above], portrait[above])
    with pytest.raises(FacereliefError, match="no part 'chin'"):
        editor.edit(portrait, "surprise", part="chin")


@pytest.mark.parametrize(
    ("faces", "reason"),
    [(3, "no face 3"), (0, "no face 0"), (-1, "no face -1"), ([], "no faces are given"), ("left", "no face 'left'")],
)
def test_faces_that_are_not_there(editor: FaceEditor, portrait: np.ndarray, faces: object, reason: str) -> None:
    with pytest.raises(FacereliefError, match=reason):
        editor.edit(portrait, "surprise", faces=faces)


@pytest.mark.parametrize(
    ("picture", "reason"),
    [
        (np.zeros((64, 64), np.uint8), r"give one \(H, W, 3\) of uint8"),
        (np.zeros((64, 64, 3)), "give one"),
        (np.zeros((64, 64, 4), np.uint8), "give one"),
        (np.zeros((64, 8, 3), np.uint8), "at least 16 pixels a side"),
        (Image.new("RGB", (64, 8)), "at least 16 pixels a side"),
        (b"", "zero bytes"),
        ("absent.png", "does not exist"),
    ],
)
def test_what_is_no_picture_is_refused(editor: FaceEditor, picture: object, reason: str) -> None:
    with pytest.raises(PhotoError, match=reason):
        editor.edit(picture, "happiness")


# -- many -----------------------------------------------------------------------------------------------------------


def test_a_list_keeps_its_order_and_its_failures_their_place(editor: FaceEditor, portrait: np.ndarray) -> None:
    nobody = np.full_like(portrait, 128)
    pictures = [portrait, nobody, Image.fromarray(portrait[:, ::-1]), "absent.png"]
    first, second, third, last = editor.edit_all(pictures, "happiness", errors="return")
    assert np.array_equal(first.image, editor.edit(portrait, "happiness").image)
    assert isinstance(second, NoFaceFound)
    assert np.array_equal(np.asarray(third.image), editor.edit(portrait[:, ::-1].copy(), "happiness").image)
    assert isinstance(last, PhotoError)
    with pytest.raises(NoFaceFound):
        editor.edit_all(pictures, "happiness")


def test_many_threads_each_get_their_own_result(editor: FaceEditor, portrait: np.ndarray) -> None:
    """Each request has a colour of its own beside the face, which must come back, and an edit that one thread made."""
    alone = {name: editor.edit(portrait[:256, 96:352], name, strength=0.8).image for name in EXPRESSIONS}

    def ask(number: int) -> bool:
        name = EXPRESSIONS[number % 8]
        picture = np.full((256, 288, 3), (number, 255 - number, 7 * number % 256), np.uint8)
        picture[:, :256] = portrait[:256, 96:352]
        image = editor.edit(picture, name, strength=0.8).image.astype(int)
        nearest = min(alone, key=lambda one: float(np.abs(image[:, :256] - alone[one]).mean()))
        return nearest == name and bool((image[:, 256:] == picture[:, 256:]).all())

    with ThreadPoolExecutor(16) as threads:
        assert all(threads.map(ask, range(32)))


def test_an_image_that_ends_early_keeps_its_place_among_failures(
    editor: FaceEditor, portrait: np.ndarray, tmp_path: Path
) -> None:
    Image.fromarray(portrait).save(tmp_path / "me.png")
    data = (tmp_path / "me.png").read_bytes()
    (tmp_path / "cut.png").write_bytes(data[: len(data) // 2])
    with Image.open(tmp_path / "me.png") as whole, Image.open(tmp_path / "cut.png") as cut:
        edited, problem = editor.edit_all([whole, cut], "happiness", errors="return")
    assert isinstance(edited, Edited)
    assert str(problem).startswith("the image is truncated or damaged (")


@pytest.mark.parametrize(
    ("picture", "reason"),
    [
        ("http://h/x.jpg", "http://h/x.jpg is an address, which the command line fetches; download it"),
        (None, "a NoneType is no picture; give a path, bytes, an array or a PIL image"),
    ],
)
def test_other_things_are_refused(editor: FaceEditor, picture: object, reason: str) -> None:
    with pytest.raises(PhotoError, match=reason):
        editor.edit(picture, "happiness")  # type: ignore[call-overload]
