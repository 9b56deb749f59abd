"""The morphable editor on a real portrait, whose face is found again in the edited photo."""

import numpy as np
import pytest
from PIL import Image

from facerelief.colour import LUMA
from facerelief.editing import Editor, load_editor
from facerelief.faces.alignment import align, inter_ocular
from facerelief.faces.detector import LandmarkFinder
from facerelief.photos.photo import Photo

LEFT_CORNER, RIGHT_CORNER, UPPER_LIP, LOWER_LIP = 61, 291, 13, 14


@pytest.fixture(scope="module")
def editor(finder: LandmarkFinder) -> Editor:
    return load_editor(finder=finder, method="morphable")


def mouth(finder: LandmarkFinder, photo: Photo) -> tuple[float, float, float]:
    """Of the only face found: the corners' height below the eyes, their distance, and the gap between the lips, all in
    inter-ocular distances.
    """
    (face,) = finder(photo.rgb)
    points = align(face.landmarks).to_crop(face.landmarks.astype(np.float64))[:, :2] / inter_ocular(face.landmarks)
    points = points / align(face.landmarks).scale
    left, right, upper, lower = points[[LEFT_CORNER, RIGHT_CORNER, UPPER_LIP, LOWER_LIP]]
    eyes = points[[33, 133, 263, 362]].mean(axis=0)
    return float((left + right)[1] / 2 - eyes[1]), float(right[0] - left[0]), float(lower[1] - upper[1])


@pytest.fixture(scope="module")
def smiling(portrait: np.ndarray) -> Photo:
    """The astronaut's head: a broad smile that shows the teeth."""
    return Photo(np.ascontiguousarray(portrait[:240, 105:345]))


@pytest.fixture(scope="module")
def calm(editor: Editor, smiling: Photo) -> Photo:
    return editor(smiling, "neutral").photo


def test_a_smile_goes_and_the_lips_close(editor: Editor, finder: LandmarkFinder, smiling: Photo, calm: Photo) -> None:
    half = editor(smiling, "neutral", strength=0.5).photo
    heights, widths, gaps = zip(*(mouth(finder, one) for one in (smiling, half, calm)), strict=True)
    assert heights[0] < heights[1] < heights[2]
    assert widths[0] > widths[1] > widths[2]
    assert gaps[0] > gaps[1] > gaps[2]


@pytest.mark.parametrize("name", ["happiness", "surprise"])
def test_the_mouth_of_an_edit_is_found_where_it_should_be(
    editor: Editor, finder: LandmarkFinder, calm: Photo, name: str
) -> None:
    """Happiness draws its corners up and apart, surprise opens it; the more, the stronger."""
    faces = editor.find(calm)
    edits = [editor(calm, name, strength=strength, faces=faces).photo for strength in (0.0, 0.5, 1.0, 1.5)]
    heights, widths, gaps = (np.array(v) for v in zip(*(mouth(finder, one) for one in edits), strict=True))
    if name == "happiness":
        assert (np.diff(heights) < 0).all()
        assert (np.diff(widths) > 0).all()
    else:
        assert (np.diff(gaps) > 0).all()
        assert gaps[2] > gaps[0] + 0.05


def test_no_teeth_are_left_between_lips_that_close(editor: Editor, finder: LandmarkFinder, smiling: Photo) -> None:
    """Where lips meet it is darker than on the lips beside it; also in a photo six times as large."""
    large = Image.fromarray(smiling.rgb).resize((1440, 1440), Image.Resampling.BICUBIC)
    for photo in (smiling, Photo(np.asarray(large))):
        edit = editor(photo, "neutral")
        (face,) = finder(edit.photo.rgb)
        meeting = (face.landmarks[[81, 82, 13, 312, 311], :2] + face.landmarks[[178, 87, 14, 317, 402], :2]) / 2
        luma = edit.photo.rgb @ LUMA
        lip = 0.05 * inter_ocular(face.landmarks)
        for x, y in meeting:
            column = luma[:, round(x)]
            near = column[round(y - lip) : round(y + lip) + 1]
            darkest = near.argmin()
            rising = np.diff(near[darkest:]).min(), np.diff(near[: darkest + 1][::-1]).min()
            assert min(rising) > -12  # a line of teeth would be a crest in the valley
