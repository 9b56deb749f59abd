"""The face finder, on one portrait: turned, shrunk, repeated, and absent."""

import itertools
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from photos import astronaut
from PIL import Image

from facerelief.errors import FacereliefError
from facerelief.faces import detector
from facerelief.faces.detector import Face, LandmarkFinder, load_finder

# Read off the portrait by eye, at sevenfold size: pixels x, y of MediaPipe's vertices.
BY_EYE = {1: (225, 127), 152: (226, 177), 61: (204, 140), 291: (244, 141)}
PUPILS = {(33, 133): (204, 101), (263, 362): (247, 103)}  # halfway between the corners of an eye
SIDES = {33: 263, 133: 362, 61: 291, 98: 327, 234: 454, 1: 1, 168: 168, 10: 10}  # a point and its mirror image
HEAD = (110, 0, 340, 230)  # a square around the portrait's head
HEAD_FACE = np.array((68, 70, 162, 177))  # x0, y0, x1, y1 of the face in it, by eye


def gathering(width: int, height: int, *places: tuple[int, int, int]) -> np.ndarray:
    """A grey picture with the portrait's head at places (x, y, side)."""
    canvas = Image.new("RGB", (width, height), (120, 130, 140))
    for x, y, side in places:
        canvas.paste(Image.fromarray(astronaut()).crop(HEAD).resize((side, side), Image.Resampling.LANCZOS), (x, y))
    return np.asarray(canvas)


def face_at(x: int, y: int, side: int) -> np.ndarray:
    return HEAD_FACE * (side / 230) + (x, y, x, y)


def assert_near(face: Face, box: np.ndarray) -> None:
    """The face lies in the box, but for a tenth of its height."""
    np.testing.assert_allclose(face.box, box, atol=0.1 * (box[3] - box[1]))


# -- one face -------------------------------------------------------------------------------------------------------


def test_the_portrait_has_one_face_in_its_place(finder: LandmarkFinder, portrait: np.ndarray) -> None:
    (face,) = finder(portrait)
    assert face.landmarks.shape == (468, 3)
    assert face.landmarks.dtype == np.float32
    for vertex, place in BY_EYE.items():
        np.testing.assert_allclose(face.landmarks[vertex, :2], place, atol=5)
    for corners, pupil in PUPILS.items():
        np.testing.assert_allclose(face.landmarks[list(corners), :2].mean(axis=0), pupil, atol=3)
    x0, y0, x1, y1 = face.box
    assert face.size == max(x1 - x0, y1 - y0)
    assert face.size == pytest.approx(106, rel=0.1)


def test_depth_grows_towards_the_viewer(finder: LandmarkFinder, portrait: np.ndarray) -> None:
    z = finder(portrait)[0].landmarks[:, 2]
    assert z[1] > max(z[33], z[263]) > max(z[234], z[454])  # nose tip, outer eye corners, ears
    assert 0.3 < (z[1] - z[[234, 454]].mean()) / 106 < 1.2  # in the unit of x and y


def test_two_runs_and_two_finders_agree_to_the_bit(finder: LandmarkFinder, portrait: np.ndarray) -> None:
    first = finder(portrait)[0].landmarks
    finder(gathering(700, 500, (300, 100, 200)))  # nothing is remembered of the photo before
    np.testing.assert_array_equal(finder(portrait)[0].landmarks, first)
    np.testing.assert_array_equal(load_finder()(portrait)[0].landmarks, first)


def test_a_mirrored_photo_has_mirrored_landmarks(finder: LandmarkFinder, portrait: np.ndarray) -> None:
    there = finder(portrait)[0]
    back = finder(np.ascontiguousarray(portrait[:, ::-1]))[0].landmarks * (-1, 1, 1) + (portrait.shape[1], 0, 0)
    pairs = {**SIDES, **{right: left for left, right in SIDES.items()}}
    apart = np.linalg.norm((back[list(pairs)] - there.landmarks[list(pairs.values())])[:, :2], axis=1) / there.size
    assert np.median(apart) < 0.02
    assert apart.max() < 0.04  # at the ears, which the hair hides


@pytest.mark.parametrize(("rows", "columns"), [((20, 300), (0, 512)), ((0, 512), (120, 330)), ((40, 230), (150, 300))])
def test_parts_of_the_photo_have_shifted_landmarks(
    finder: LandmarkFinder, portrait: np.ndarray, rows: tuple[int, int], columns: tuple[int, int]
) -> None:
    whole = finder(portrait)[0]
    (part,) = finder(np.ascontiguousarray(portrait[slice(*rows), slice(*columns)]))
    moved = part.landmarks[:, :2] + (columns[0], rows[0])
    assert np.abs(moved - whole.landmarks[:, :2]).mean() / whole.size < 0.02


def test_a_photo_of_twelve_megapixels_has_scaled_landmarks(finder: LandmarkFinder, portrait: np.ndarray) -> None:
    large = Image.fromarray(portrait).resize((3600, 3600), Image.Resampling.BICUBIC)
    whole, (face,) = finder(portrait)[0], finder(np.asarray(large))
    assert np.abs(face.landmarks * (512 / 3600) - whole.landmarks).mean() / whole.size < 0.02


def test_a_photo_that_stands_on_its_head(finder: LandmarkFinder, portrait: np.ndarray) -> None:
    """Eyes are eyes, and the mouth is where it is, not on the forehead."""
    x0, y0, x1, y1 = HEAD
    head = portrait[y0:y1, x0:x1]
    upright, (face,) = finder(head)[0], finder(np.ascontiguousarray(head[::-1, ::-1]))
    size = np.array(head.shape[1::-1]) - 1
    apart = np.linalg.norm(size - face.landmarks[:, :2] - upright.landmarks[:, :2], axis=1)
    assert apart.mean() < 0.03 * upright.size


def test_half_a_face_is_none(finder: LandmarkFinder, portrait: np.ndarray) -> None:
    (face,) = finder(portrait)
    nose = int(face.landmarks[1, 0])
    assert finder(np.ascontiguousarray(portrait[:, :nose])) == []
    assert len(finder(np.ascontiguousarray(portrait[:, : nose + 40]))) == 1
    assert finder.follow(np.ascontiguousarray(portrait[:, :nose]), face) is None


def test_a_tight_crop_is_found(finder: LandmarkFinder, portrait: np.ndarray) -> None:
    tight = np.ascontiguousarray(portrait[75:180, 175:275])
    (face,) = finder(tight)
    np.testing.assert_allclose(face.landmarks[1, :2], np.subtract(BY_EYE[1], (175, 75)), atol=4)


# -- far faces, many faces, none ------------------------------------------------------------------------------------


@pytest.mark.parametrize(("head", "x", "y"), [(120, 900, 700), (90, 40, 60), (75, 1850, 1380)])
def test_a_small_face_in_a_large_photo(finder: LandmarkFinder, head: int, x: int, y: int) -> None:
    side = round(head * 230 / 160)  # the head with its hair takes up 160 of the square's 230 pixels
    (face,) = finder(gathering(2000, 1500, (x, y, side)))
    assert_near(face, face_at(x, y, side))


@pytest.mark.parametrize(
    ("width", "height", "places"),
    [
        (2000, 1500, [(100, 100, 900), (1200, 200, 300), (1500, 900, 120)]),
        (640, 480, [(20, 20, 230), (500, 60, 110), (300, 250, 160)]),
        (480, 1900, [(20, 1500, 300), (200, 40, 200), (300, 800, 120)]),
    ],
)
def test_several_faces_the_largest_first(
    finder: LandmarkFinder, width: int, height: int, places: list[tuple[int, int, int]]
) -> None:
    faces = finder(gathering(width, height, *places))
    assert len(faces) == 3
    for face, place in zip(faces, sorted(places, key=lambda place: -place[2]), strict=True):
        assert_near(face, face_at(*place))


@pytest.mark.parametrize("shape", [(512, 512), (16, 16), (700, 90), (900, 1200)])
def test_photos_without_a_face(finder: LandmarkFinder, shape: tuple[int, int]) -> None:
    noise = np.random.default_rng(0).integers(0, 256, (*shape, 3), dtype=np.uint8)
    for picture in (noise, np.zeros_like(noise), np.full_like(noise, 255)):
        assert finder(picture) == []


@pytest.mark.parametrize("name", ["coffee", "chelsea", "rocket", "immunohistochemistry"])
def test_pictures_of_other_things(finder: LandmarkFinder, name: str) -> None:
    from skimage import data

    picture = Image.fromarray(getattr(data, name)())
    assert finder(np.asarray(picture)) == []
    assert finder(np.asarray(picture.resize((1100, 900)))) == []


def test_windows_cover_the_photo_and_overlap() -> None:
    for height, width in ((384, 384), (600, 400), (1500, 2000), (100, 2048)):
        windows = list(detector._windows(height, width))
        assert windows[0] == (0, 0, max(height, width))
        for side in {side for _, _, side in windows}:
            starts = sorted({x for x, _, s in windows if s == side})
            assert starts[0] == 0
            assert starts[-1] + side >= width
            assert all(b - a <= 5 / 6 * side + 1 for a, b in itertools.pairwise(starts))


# -- a clean screen, and what may be missing ------------------------------------------------------------------------


def test_nothing_is_printed_by_the_libraries_underneath(portrait: np.ndarray, tmp_path: Path) -> None:
    Image.fromarray(portrait).save(tmp_path / "portrait.png")
    code = (
        "import sys, numpy as np; from PIL import Image; from facerelief.faces.detector import load_finder\n"
        "find = load_finder(); photo = np.asarray(Image.open(sys.argv[1]))\n"
        "assert find(photo * 0) == [] and len(find(photo)) == 1"
    )
    command = [sys.executable, "-c", code, str(tmp_path / "portrait.png")]
    done = subprocess.run(command, capture_output=True, check=True)
    assert (done.stdout, done.stderr) == (b"", b"")


def test_what_others_print_is_not_swallowed(
    finder: LandmarkFinder, portrait: np.ndarray, capfd: pytest.CaptureFixture[str]
) -> None:
    finder(portrait)
    os.write(2, b"still here")
    assert capfd.readouterr() == ("", "still here")


def test_an_unknown_backend() -> None:
    with pytest.raises(FacereliefError, match="no face finder 'dlib'; choose from onnx, mediapipe, tasks"):
        load_finder("dlib")
