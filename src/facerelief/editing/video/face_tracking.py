"""Faces through a video: followed from frame to frame, and their landmarks smoothed over time.

A face is found once and then followed from where it was, which takes a thirtieth of the time. As the file is at hand,
smoothing looks ahead: a local regression over the neighbouring frames, which does not lag behind what moves.
"""

import math
from collections import deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from itertools import count

import numpy as np

from facerelief.easing import smoothstep
from facerelief.editing.face_choice import FaceChoice, parse_face_choice, why_unfit
from facerelief.editing.video.pipeline import windows
from facerelief.editing.video.yuv_frames import Frame
from facerelief.errors import NoFaceFound
from facerelief.faces.detector import Face, FaceFinder
from facerelief.strips import shrunk

SMOOTHING_REACH = 0.2  # seconds to each side over which landmarks are smoothed
EASE_SECONDS = 0.3  # seconds over which an edit comes and goes where a face does
MAX_LOOKAHEAD = 15  # frames, for the memory's sake
MAX_GAP = 3  # frames without a face that are bridged
_SEARCH, _NEWCOMERS = 0.25, 1.0  # seconds between searches of the whole frame: while nobody is there, and for more
_JUMP = 0.35  # of a face's size: farther from one frame to the next is another face
_CUT, _CUT_RATIO = 16.0, 3.0  # mean change, levels, of a small picture at a cut, and against the frames before
_SMALL, _SKIPS = (32, 18), 4  # its size; of so many lines one is looked at, which is enough for a mean


@dataclass(frozen=True)
class TrackedFrame:
    """A frame and the faces that are tracked in it.

    Attributes:
        frame: The frame, without its pixels.
        faces: By the number of their track.
        shot: From 0, one more at a cut.
    """

    frame: Frame
    faces: dict[int, Face]
    shot: int


@dataclass(frozen=True)
class SmoothedFace:
    """A face with landmarks that are smoothed over time.

    Attributes:
        track: The number of its track.
        face: The face.
        share: 0 to 1, of the edit, which comes and goes with the face.
    """

    track: int
    face: Face
    share: float


@dataclass
class _Shots:
    """Tells cuts: frames that differ much, and much more than those before did."""

    number: int = 0
    _last: np.ndarray | None = None
    _usual: deque[float] = field(default_factory=lambda: deque(maxlen=12))

    def __call__(self, rgb: np.ndarray) -> bool:
        small = shrunk(np.ascontiguousarray(rgb[::_SKIPS, ::_SKIPS]), *_SMALL).astype(np.float32)
        change = 0.0 if self._last is None else float(np.abs(small - self._last).mean())
        usual = float(np.median(self._usual)) if self._usual else 0.0
        cut = self._last is not None and change > max(_CUT, _CUT_RATIO * usual)
        self._last = small
        self._usual.clear() if cut else self._usual.append(change)
        self.number += cut
        return cut


class Tracker:
    """Follows the faces of a video; which of them, `Editor.__call__` says."""

    def __init__(self, finder: FaceFinder, which: FaceChoice = "largest") -> None:
        self._finder, self._which = finder, parse_face_choice(which)
        self._tracks: dict[int, Face] = {}
        self._numbers = count()
        self._lost: dict[int, Face] = {}
        self._searched = -math.inf

    def __call__(self, frames: Iterable[Frame]) -> Iterator[TrackedFrame]:
        """The frames with their faces."""
        shots = _Shots()
        for frame in frames:
            if shots(frame.rgb):
                self._tracks, self._lost, self._searched = {}, {}, -math.inf
            self._go_on(frame)
            pause = _NEWCOMERS if self._tracks else _SEARCH
            wanted = self._which == "all" or not self._tracks
            if wanted and frame.seconds - self._searched >= pause:
                self._search(frame)
            frame = frame.without_pixels()  # before the next is decoded
            yield TrackedFrame(frame, dict(self._tracks), shots.number)

    def _go_on(self, frame: Frame) -> None:
        """Follow every face. Where two tracks come to one face, it is that of the one which moved less."""
        before, self._tracks = self._tracks, {}
        found = {number: self._finder.follow(frame.rgb, face) for number, face in before.items()}
        moved = {number: _distance(face, before[number]) for number, face in found.items() if face is not None}
        for number in sorted(before, key=lambda number: moved.get(number, math.inf)):
            face = found[number]
            if face is None or moved[number] > _JUMP * before[number].size or self._is_known(face):
                self._lost[number] = before[number]
                self._searched = -math.inf
            else:
                self._tracks[number] = face

    def _is_known(self, face: Face) -> bool:
        return any(_distance(face, other) <= other.size / 2 for other in self._tracks.values())

    def _search(self, frame: Frame) -> None:
        self._searched = frame.seconds
        faces = self._finder(frame.rgb)
        fresh = [one for one in faces if not self._is_known(one)]
        for face in self._chosen(fresh):
            self._tracks[self._number_of(face)] = face

    def _chosen(self, faces: list[Face]) -> list[Face]:
        if self._which == "all" or not faces:
            return faces
        if self._lost:  # the one that was followed, if it is near where it was
            last = [*self._lost.values()][-1]
            near = min(faces, key=lambda one: _distance(one, last))
            return [near] if _distance(near, last) < 1.5 * last.size else []
        if isinstance(self._which, tuple):
            x, y = self._which
            return [one for one in faces if one.box[0] <= x <= one.box[2] and one.box[1] <= y <= one.box[3]][:1]
        place = 0 if self._which == "largest" else int(self._which) - 1
        return faces[place : place + 1]

    def _number_of(self, face: Face) -> int:
        """The number of the lost track that a face continues, or a new one."""
        for number, last in list(self._lost.items()):
            if _distance(face, last) < _JUMP * last.size:
                del self._lost[number]
                return number
        return next(self._numbers)


def smooth_tracks(seen: Iterable[TrackedFrame], fps: float) -> Iterator[tuple[Frame, list[SmoothedFace]]]:
    """The frames with their faces as they are to be edited, some frames behind what comes in."""
    reach = min(MAX_LOOKAHEAD, max(2, round(max(SMOOTHING_REACH, EASE_SECONDS) * fps)))
    for window, at in windows(seen, reach + MAX_GAP):  # farther, to know how long a gap is that begins within reach
        yield _steady(window, at)


def _steady(window: list[TrackedFrame], at: int) -> tuple[Frame, list[SmoothedFace]]:
    """The faces of the frame `at` of a window."""
    now = window[at]
    shot = [one for one in window if one.shot == now.shot]
    times = np.array([one.frame.seconds for one in shot])
    here = shot.index(now)
    found = []
    for track in sorted({number for one in shot for number in one.faces}):
        points = [one.faces.get(track) for one in shot]
        there = _bridged([face is not None and why_unfit(face) is None for face in points])
        if there[here]:
            share = _share(times, there, here)
            rows = [k for k in _stretch(there, here) if points[k] is not None]
            face = _smoothed(times[rows], [points[k] for k in rows], now.frame.seconds)  # type: ignore[misc]
            found.append(SmoothedFace(track, face, share))
    return now.frame, found


def _bridged(there: list[bool]) -> list[bool]:
    """Presence with gaps of up to `MAX_GAP` frames closed."""
    out = list(there)
    for start in range(1, len(there)):
        if there[start] or not there[start - 1]:
            continue
        end = next((k for k in range(start, len(there)) if there[k]), len(there))
        if end < len(there) and end - start <= MAX_GAP:
            out[start:end] = [True] * (end - start)
    return out


def _stretch(there: list[bool], here: int) -> range:
    """The unbroken stretch of presence around a frame."""
    first = max((k for k in range(here) if not there[k]), default=-1) + 1
    end = next((k for k in range(here, len(there)) if not there[k]), len(there))
    return range(first, end)


def _share(times: np.ndarray, there: list[bool], here: int) -> float:
    """1 away from where a face is absent, falling to 0 there; at the ends of a shot the edit is whole."""
    away = [abs(times[k] - times[here]) for k in range(len(there)) if not there[k]]
    return float(smoothstep(min(away, default=EASE_SECONDS) / EASE_SECONDS))


def _smoothed(times: np.ndarray, faces: list[Face], now: float) -> Face:
    """Landmarks at a time: each point on its own parabola through the neighbours (LOESS; Cleveland, 1979)."""
    near = np.abs(times - now) < SMOOTHING_REACH
    if near.sum() < 5:
        at = int(np.argmin(np.abs(times - now)))
        if times[at] == now or near.sum() < 2:
            return faces[at]
    chosen = np.flatnonzero(near)
    away = (times[chosen] - now) / SMOOTHING_REACH
    weight = (1 - np.abs(away) ** 3) ** 3  # tricube
    powers = np.vander(away, min(3, len(chosen)), increasing=True)
    fit = np.linalg.pinv(powers * np.sqrt(weight)[:, None])[0] * np.sqrt(weight)
    stack = np.stack([faces[k].landmarks for k in chosen]).astype(np.float64)
    return Face(np.tensordot(fit, stack, 1).astype(np.float32))


def _distance(one: Face, other: Face) -> float:
    return float(np.linalg.norm(one.landmarks[:, :2].mean(axis=0) - other.landmarks[:, :2].mean(axis=0)))


def no_face(name: str, which: FaceChoice) -> NoFaceFound:
    """The error of a video in which nobody is to be seen, nobody at a point, or fewer faces than the one wanted."""
    which = parse_face_choice(which)
    if isinstance(which, int) and which > 1:
        return NoFaceFound(
            f"{name}: no frame shows a face {which} that can be edited; give a smaller --face, 1 is the largest"
        )
    if isinstance(which, tuple):
        point = f"{which[0]:g},{which[1]:g}"
        return NoFaceFound(f"{name}: no frame shows a face at {point} that can be edited; give another --face")
    return NoFaceFound(f"{name}: no face found that can be edited; use a video with a face seen from the front")
