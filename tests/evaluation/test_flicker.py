"""Flicker of edits whose flicker is known."""

from collections.abc import Callable, Iterator

import numpy as np
import pytest
from photos import astronaut

from facerelief.editing import load_editor
from facerelief.editing.video.yuv_frames import Frame
from facerelief.evaluation.diagnostics.flicker import (
    SyntheticVideo,
    edit_as_video,
    edit_frames_separately,
    edit_with_known_motion,
    measure_flicker,
)
from facerelief.faces.detector import LandmarkFinder
from facerelief.photos.photo import Photo

BOX = (179.0, 70.0, 273.0, 176.0)
PHOTO = Photo(astronaut())


@pytest.fixture(scope="module")
def film() -> SyntheticVideo:
    return SyntheticVideo(PHOTO, BOX, 0.4, 30, 270)


def test_the_camera_moves_smoothly_and_keeps_the_face_in_view(film: SyntheticVideo) -> None:
    assert film.count == 12
    frames = list(film.frames())
    assert all(frame.rgb.shape == (film.size[1], film.size[0], 3) for frame in frames)
    corners = np.array([(BOX[0], BOX[1], 0), (BOX[2], BOX[3], 0)])
    x0, y0, x1, _ = film.view(0)
    first = (corners - (x0 - 265, y0 - 265, 0)) * film.size[0] / (x1 - x0)  # padded by 2.5 faces
    for k in range(film.count):
        there = film.moved(first, 0, k)[:, :2]
        assert there.min() > 0 and (there < film.size).all()


def test_landmarks_move_as_the_picture_does(film: SyntheticVideo, finder: LandmarkFinder) -> None:
    frames = list(film.frames())
    first, other = finder(frames[0].rgb)[0].landmarks, finder(frames[3].rgb)[0].landmarks
    assert np.abs(film.moved(first, 0, 3)[:, :2] - other[:, :2]).mean() < 1
    assert np.abs(first[:, :2] - other[:, :2]).mean() > 3


def painted(
    film: SyntheticVideo, level: Callable[[int], float], shift: Callable[[int], float]
) -> Iterator[tuple[Frame, np.ndarray]]:
    """What lies on the face in the photo, a soft disc, is made lighter, in a place that may shake."""
    for frame in film.frames():
        k = frame.pts
        x0, y0, x1, y1 = film.view(k)
        y, x = np.mgrid[: film.size[1], : film.size[0]].astype(float) + 0.5
        x, y = x0 + x * (x1 - x0) / film.size[0], y0 + y * (y1 - y0) / film.size[1]
        middle = ((BOX[0] + BOX[2]) / 2 + 265 + shift(k), (BOX[1] + BOX[3]) / 2 + 265)
        disc = np.exp(-((x - middle[0]) ** 2 + (y - middle[1]) ** 2) / 800)
        rgb = np.clip(np.rint(frame.rgb + level(k) * disc[..., None]), 0, 255).astype(np.uint8)
        yield frame, np.where(frame.rgb < 200, rgb, frame.rgb)


def test_what_moves_with_the_face_is_no_flicker() -> None:
    dark = Photo(astronaut() // 2)
    film = SyntheticVideo(dark, BOX, 0.3, 30, 270)
    still = measure_flicker(film, painted(film, lambda k: 40, lambda k: 0))
    trembling = measure_flicker(film, painted(film, lambda k: 40 + 5 * (-1) ** k, lambda k: 0))
    shaking = measure_flicker(film, painted(film, lambda k: 40, lambda k: 2 * (-1) ** k))
    assert still.levels < 0.35  # whole levels, and pixels
    assert trembling.levels == pytest.approx(10 / 40 * trembling.added, rel=0.1)
    assert shaking.levels > 5 * still.levels


def test_a_video_flickers_less_than_its_frames(finder: LandmarkFinder, film: SyntheticVideo) -> None:
    editor = load_editor(finder=finder)
    apart = measure_flicker(film, edit_frames_separately(editor, film.frames(), "surprise"))
    true = measure_flicker(film, edit_with_known_motion(editor, film, "surprise"))
    together = measure_flicker(film, edit_as_video(editor, film, "surprise"))
    assert together.levels < 0.85 * apart.levels
    assert together.levels < 2 * true.levels
    assert together.added == pytest.approx(apart.added, rel=0.2)
