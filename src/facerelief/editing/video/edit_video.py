"""Videos: every frame edited, without flicker, the sound copied as it is.

Four steps run at once: following the faces, finding out what is to be done to them, painting, encoding. Landmarks are
smoothed over time; and what an edit departs from (the face's own expression, or what a network paints) is a mean over
neighbouring frames, so that the edit hardly changes from frame to frame, while speech and blinks go on under it. For
that a step looks up to half a second ahead of the next. What waits in between are landmarks and edits, not pixels: each
step but the last decodes the frames for itself, which takes less than keeping dozens of them.
"""

import contextlib
import dataclasses
import os
from collections.abc import Callable, Generator, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import numpy as np

from facerelief.editing.editor import EditedFace, Editor, Which
from facerelief.editing.regions import WHOLE
from facerelief.editing.strength import Strength
from facerelief.editing.video.face_tracking import MOST_AHEAD, Seen, Steady, Tracker, no_face, steadied
from facerelief.editing.video.pipeline import ahead, in_order, windows
from facerelief.editing.video.reader import VideoSource
from facerelief.editing.video.writer import VideoTarget
from facerelief.editing.video.yuv_frames import Frame, changed_planes
from facerelief.errors import VideoError
from facerelief.files import atomic
from facerelief.progress import Progress, no_progress

Frames = Callable[[bool], Generator[Frame, None, None]]  # all of a film's, from the first; whether with planes
Changes = tuple[float, dict[int, tuple[EditedFace, float]]]  # when, and by track what is to be done, and its share
Done = list[tuple[EditedFace, float]]
Item = TypeVar("Item")
Other = TypeVar("Other")
Made = TypeVar("Made")
_AT_ONCE = 10_000_000  # pixels of frames that are painted at a time, or wait to be encoded; each takes some 20 bytes


@dataclass(frozen=True)
class VideoEdit:
    """What was done. frames: all; edited: those with a face. notes: what was lost or odd."""

    frames: int
    edited: int
    notes: tuple[str, ...]


def edit_video(
    editor: Editor,
    source: Path,
    target: Path,
    to: str,
    *,
    strength: Strength | None = None,
    face: Which = "largest",
    part: str = WHOLE,
    comment: str | None = None,
    progress: Progress = no_progress,
) -> VideoEdit:
    """Edit a video to an expression; the file is written whole or not at all.

    strength: may change with time. face: as `Editor.__call__` takes it; a face at a point is the one that is there when
    it is first seen. part: as `Editor.__call__` takes it. comment: for the metadata. Raises `VideoError` where it
    cannot be read or written, `NoFaceFound` where no frame shows a face that can be edited.
    """
    label, strength = editor.label(to), strength or Strength()
    edited = frames = 0
    with VideoSource(source) as video, atomic(target) as file:
        out = VideoTarget(file, video, comment)

        def finish(frame: Frame, rgb: np.ndarray) -> Frame:
            return frame.without_pixels(changed_planes(frame, rgb, video.colours))

        room = max(1, _AT_ONCE // (video.width * video.height))
        made = edited_frames(editor, video.frames, video.fps, label, strength, face, part, finish=finish, room=room)
        try:
            for frame, changed in made:
                out.write(frame)
                frames, edited = frames + 1, edited + changed
                progress(frames, max(frames, video.count))
            if not edited:
                raise no_face(str(source), face)
            out.close()
        except BaseException:
            out.abandon()
            raise
        finally:
            made.close()
    progress(frames, frames)
    return VideoEdit(frames, edited, tuple(f"{source}: {note}" for note in video.notes))


def edited_frames(
    editor: Editor,
    frames: Frames,
    fps: float,
    label: int,
    strength: Strength,
    face: Which = "largest",
    part: str = WHOLE,
    *,
    finish: Callable[[Frame, np.ndarray], Made],
    room: int = 4,
) -> Generator[tuple[Made, bool], None, None]:
    """What `finish` makes of each frame and its edited pixels, in order, and whether it has a face that is edited.

    room: how many frames may be painted at once, or wait. Closing it ends all that was begun.
    """

    def paint(item: tuple[Frame, Done]) -> tuple[Made, bool]:
        frame, changes = item
        rgb = frame.rgb
        for change, share in changes:
            amount = share * strength.at(frame.seconds)
            rgb = editor.paint(rgb, change, amount) if amount else rgb
        return finish(frame, rgb), bool(changes)

    seen = ahead(_seen(editor, frames, face))
    found = ahead(_averaged(_found(editor, frames, steadied(seen, fps), label, part)))
    painted = ahead(_painted(paint, frames, found, min(room, os.cpu_count() or 1)), min(room, 4))
    try:
        yield from painted
    finally:
        for step in (painted, found, seen):
            step.close()


def _seen(editor: Editor, frames: Frames, face: Which) -> Generator[Seen, None, None]:
    with contextlib.closing(frames(False)) as film:
        yield from Tracker(editor.finder, face)(film)


def _found(
    editor: Editor, frames: Frames, faces: Iterable[tuple[Frame, list[Steady]]], label: int, part: str
) -> Generator[Changes, None, None]:
    """What is to be done to each face, by its track."""
    with contextlib.closing(frames(False)) as film:
        for frame, (_, here) in _together(film, faces):
            changes = {one.track: (editor.change(frame.rgb, one.face, label, part), one.share) for one in here}
            frame = frame.without_pixels()  # before the next is decoded
            yield frame.seconds, changes


def _painted(
    paint: Callable[[tuple[Frame, Done]], Made], frames: Frames, found: Iterable[Done], threads: int
) -> Generator[Made, None, None]:
    with (
        contextlib.closing(frames(True)) as film,
        contextlib.closing(in_order(paint, _together(film, found), threads)) as painted,
    ):
        yield from painted


def _together(film: Iterable[Item], others: Iterable[Other]) -> Iterator[tuple[Item, Other]]:
    """Each frame with what an earlier pass found out about it. Raises `VideoError` where passes differ."""
    rest = iter(others)
    for pair in map(lambda frame: (frame, next(rest, None)), film):
        if pair[1] is None:
            raise VideoError(_DIFFERS)
        yield pair  # type: ignore[misc]
        del pair
    if next(rest, None) is not None:
        raise VideoError(_DIFFERS)


_DIFFERS = "the video is damaged so that it does not read the same way twice; convert it first"


def _averaged(found: Generator[Changes, None, None]) -> Generator[Done, None, None]:
    """The changes, with what is steady in each a weighted mean over the frames around it in which its face is seen."""
    with contextlib.closing(found):
        for window, at in windows(found, MOST_AHEAD):
            yield _average(window, at)


def _average(window: list[Changes], at: int) -> Done:
    now, changes = window[at]
    out = []
    for track, (change, share) in changes.items():
        around = [(seconds - now, its[track][0]) for seconds, its in window if track in its]
        means: dict[str, Any] = {name: _mean(around, name, reach) for name, reach in change.steady.items()}
        out.append((dataclasses.replace(change, **means), share))
    return out


def _mean(around: list[tuple[float, EditedFace]], name: str, reach: float) -> np.ndarray:
    """A field's mean over what is less than `reach` seconds away, the nearer the weightier."""
    near = [(abs(away) / reach, getattr(change, name)) for away, change in around if abs(away) < reach]
    weights = np.array([(1 - away**3) ** 3 for away, _ in near])
    values = [value for _, value in near]
    mean: np.ndarray = np.tensordot(weights / weights.sum(), np.stack(values), 1).astype(values[0].dtype)
    return mean
