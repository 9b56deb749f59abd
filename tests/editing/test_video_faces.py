"""Following and smoothing, with faces whose motion is known."""

from collections.abc import Callable

import numpy as np
import pytest
from heads import head

from facerelief.editing.video.face_tracking import (
    EASE_SECONDS,
    MAX_GAP,
    SMOOTHING_REACH,
    TrackedFrame,
    Tracker,
    no_face,
    smooth_tracks,
)
from facerelief.editing.video.yuv_frames import Frame
from facerelief.errors import FacereliefError
from facerelief.faces.detector import Face

HEAD = head()
SIZE = 60.0  # pixels between the eyes


def face_at(x: float, y: float, scale: float = 1.0) -> Face:
    points = HEAD * SIZE * scale + (x, y, 0)
    return Face(points.astype(np.float32))


def frame_at(seconds: float, level: int = 100) -> Frame:
    rgb = np.full((72, 128, 3), level, np.uint8)
    return Frame(rgb, (rgb[..., 0],), round(seconds * 1000), seconds)


def centre(face: Face) -> np.ndarray:
    return face.landmarks[:, :2].mean(axis=0)


class Known:
    """A finder of faces at places that a function of the frame's number gives; counts what it is asked."""

    def __init__(self, places: Callable[[int], list[tuple[float, float]]]) -> None:
        self.places, self.now, self.found, self.followed = places, -1, 0, 0

    def __call__(self, rgb: np.ndarray) -> list[Face]:
        self.found += 1
        return [face_at(*place) for place in self.places(self.now)]

    def follow(self, rgb: np.ndarray, face: Face) -> Face | None:
        self.followed += 1
        near = [one for one in (face_at(*place) for place in self.places(self.now)) if distance(one, face) < face.size]
        return min(near, key=lambda one: distance(one, face), default=None)


def distance(one: Face, other: Face) -> float:
    return float(np.linalg.norm(centre(one) - centre(other)))


def run(
    finder: Known, count: int, which: object = "largest", levels: Callable[[int], int] = lambda k: 100
) -> list[TrackedFrame]:
    def frames() -> object:
        for k in range(count):
            finder.now = k
            yield frame_at(k / 25, levels(k))

    return list(Tracker(finder, which)(frames()))  # type: ignore[arg-type]


# -- following ------------------------------------------------------------------------------------------------------


def test_a_face_is_found_once_and_then_followed() -> None:
    finder = Known(lambda k: [(300 + 3 * k, 200)])
    seen = run(finder, 50)
    assert (finder.found, finder.followed) == (1, 49)
    assert [list(one.faces) for one in seen] == [[0]] * 50
    assert [centre(one.faces[0])[0] for one in seen] == pytest.approx(
        [centre(face_at(300 + 3 * k, 0))[0] for k in range(50)]
    )


def test_a_lost_face_keeps_its_number_where_it_comes_back() -> None:
    finder = Known(lambda k: [(300, 200)] if k not in range(10, 20) else [])
    seen = run(finder, 60)
    assert [bool(one.faces) for one in seen[:10]] == [True] * 10
    assert not any(one.faces for one in seen[10:20])
    assert all(list(one.faces) == [0] for one in seen[27:])
    assert finder.found <= 1 + 3 + 1  # not in every frame


def test_largest_stays_with_its_face_and_does_not_take_another() -> None:
    finder = Known(lambda k: [(900, 200)] if k >= 10 else [(300, 200), (900, 200)])
    seen = run(finder, 60)
    assert not any(one.faces for one in seen[10:])


def test_all_takes_newcomers_in() -> None:
    finder = Known(lambda k: [(300, 200)] if k < 10 else [(300, 200), (900, 200)])
    seen = run(finder, 60, "all")
    assert len(seen[0].faces) == 1
    assert len(seen[-1].faces) == 2
    assert finder.found <= 4


@pytest.mark.parametrize(
    ("which", "x"), [("largest", 300), (1, 300), ("2", 900), ((900.0, 210.0), 900), ((1, 1), None)]
)
def test_which_face(which: object, x: float | None) -> None:
    seen = run(Known(lambda k: [(300, 200), (900, 200)]), 3, which)
    found = [round(face.landmarks[6, 0]) for face in seen[-1].faces.values()]
    assert len(found) == (x is not None)
    assert all(abs(one - x) < SIZE for one in found)  # type: ignore[operator]


@pytest.mark.parametrize("which", [0, -1, "-2"])
def test_faces_are_counted_from_one(which: object) -> None:
    with pytest.raises(FacereliefError, match=rf"^there is no face {which}; they are counted from 1, the largest$"):
        run(Known(lambda k: [(300, 200), (900, 200)]), 3, which)


@pytest.mark.parametrize(
    ("which", "said"),
    [
        (3, "no frame shows a face 3 that"),
        ("2", "no frame shows a face 2 that"),
        (1, "no face found that can be edited"),
        ("largest", "no face found that can be edited"),
        ((3.0, 4.0), "no frame shows a face at 3,4"),
    ],
)
def test_a_video_without_the_face_that_is_wanted(which: object, said: str) -> None:
    assert str(no_face("clip.mp4", which)).startswith(f"clip.mp4: {said}")  # type: ignore[arg-type]


def test_a_cut_ends_every_track() -> None:
    finder = Known(lambda k: [(300 + k, 200)])
    seen = run(finder, 30, levels=lambda k: 60 if k < 15 else 180)
    assert [one.shot for one in seen] == [0] * 15 + [1] * 15
    assert [list(one.faces) for one in seen] == [[0]] * 15 + [[1]] * 15
    assert finder.found == 2


def test_light_that_goes_up_slowly_is_no_cut() -> None:
    seen = run(Known(lambda k: [(300, 200)]), 40, levels=lambda k: 40 + 5 * k)
    assert {one.shot for one in seen} == {0}


# -- smoothing ------------------------------------------------------------------------------------------------------


def seen_at(
    places: list[tuple[float, float] | None], shots: list[int] | None = None, fps: float = 25
) -> list[TrackedFrame]:
    return [
        TrackedFrame(frame_at(k / fps), {0: face_at(*place)} if place else {}, shots[k] if shots else 0)
        for k, place in enumerate(places)
    ]


def test_steady_motion_is_left_as_it_is() -> None:
    """Parabolas are kept exactly, to the last frame: smoothing does not lag."""
    places = [(200 + 9 * k - 0.2 * k * k, 100 + 0.3 * k * k) for k in range(40)]
    out = [(frame, *faces) for frame, faces in smooth_tracks(seen_at(places), 25)]  # type: ignore[arg-type]
    assert [frame.pts for frame, _ in out] == [40 * k for k in range(40)]
    for k, (_, one) in enumerate(out):
        np.testing.assert_allclose(one.face.landmarks, face_at(*places[k]).landmarks, atol=0.01)
        assert one.share == 1


def test_noise_is_smoothed() -> None:
    random = np.random.default_rng(0)
    places = [tuple(random.normal((300, 200), 1.0)) for _ in range(200)]
    out = np.array([centre(faces[0].face) for _, faces in smooth_tracks(seen_at(places), 25)])  # type: ignore[arg-type]
    before = np.array([centre(face_at(*place)) for place in places])
    shaking = [np.abs(np.diff(one, axis=0)).mean() for one in (before, out)]
    assert shaking[1] < 0.35 * shaking[0]


def test_uneven_times_count() -> None:
    """Speed is by the second, not by the frame."""
    when = np.cumsum([0.02, 0.05, 0.02, 0.11, 0.03, 0.02, 0.06, 0.04, 0.02, 0.08])
    seen = [TrackedFrame(frame_at(float(t)), {0: face_at(100 + 300 * t, 200)}, 0) for t in when]
    for (_, faces), t in zip(smooth_tracks(seen, 25), when, strict=True):
        np.testing.assert_allclose(faces[0].face.landmarks, face_at(100 + 300 * t, 200).landmarks, atol=0.01)


def test_smoothing_stops_at_cuts() -> None:
    places = [(200.0, 200.0)] * 20 + [(700.0, 300.0)] * 20
    out = list(smooth_tracks(seen_at(places, [0] * 20 + [1] * 20), 25))  # type: ignore[arg-type]
    for k, (_, (one,)) in enumerate(out):
        np.testing.assert_allclose(one.face.landmarks, face_at(*places[k]).landmarks, atol=0.01)
        assert one.share == 1  # whole from the first frame of a shot to its last


def test_the_edit_is_eased_where_a_face_comes_and_goes() -> None:
    places: list = [(200, 200)] * 30 + [None] * 10 + [(200, 200)] * 30
    out = list(smooth_tracks(seen_at(places), 25))
    shares = np.array([faces[0].share if faces else 0.0 for _, faces in out])
    assert (shares[:20] == 1).all() and (shares[50:] == 1).all() and not shares[30:40].any()
    assert (np.diff(shares[20:30]) <= 0).all() and (np.diff(shares[40:50]) >= 0).all()
    assert 0 < shares[29] < 0.1
    assert np.abs(np.diff(shares)).max() < 1.6 / (25 * EASE_SECONDS)  # the steepest step of the easing curve
    assert EASE_SECONDS >= SMOOTHING_REACH


def test_short_gaps_are_bridged_in_a_straight_line() -> None:
    places: list = [(200 + 10 * k, 200) for k in range(30)]
    gone = range(12, 12 + MAX_GAP)
    out = list(smooth_tracks(seen_at([None if k in gone else place for k, place in enumerate(places)]), 25))
    for k, (_, (one,)) in enumerate(out):
        np.testing.assert_allclose(one.face.landmarks, face_at(*places[k]).landmarks, atol=0.05)
        assert one.share == 1


def test_a_face_that_is_too_small_counts_as_gone() -> None:
    seen = seen_at([(200, 200)] * 40)
    seen[20:30] = [TrackedFrame(one.frame, {0: face_at(200, 200, 0.1)}, 0) for one in seen[20:30]]
    shares = [faces[0].share if faces else 0.0 for _, faces in smooth_tracks(seen, 25)]
    assert not any(shares[20:30])
    assert shares[0] == shares[-1] == 1


def test_of_two_tracks_that_come_to_one_face_one_goes_on() -> None:
    """A walks towards B and is hidden by it: what is followed from then on is B, by B's number."""
    finder = Known(lambda k: [(600, 200), *([(300 + 10 * k, 200)] if k < 25 else [])])
    seen = run(finder, 60, "all")
    assert sorted(seen[0].faces) == [0, 1]
    for one in seen[25:]:
        (face,) = one.faces.values()
        assert centre(face)[0] == pytest.approx(centre(face_at(600, 200))[0])
    assert {number for one in seen[25:] for number in one.faces} == {0}
