"""Videos: every frame edited, without flicker, the sound copied as it is.

Four steps run at once: tracking the faces, planning their edits, rendering, encoding. Landmarks are smoothed over time;
and what an edit departs from (the face's own expression, or what a network paints) is a mean over neighbouring frames,
so that the edit hardly changes from frame to frame, while speech and blinks are kept. For that a step looks up to
half a second ahead of the next. What waits in between are landmarks and plans, not pixels: each step but the last
decodes the frames for itself, which takes less than keeping dozens of them.
"""

import contextlib
import dataclasses
import functools
from collections import Counter
from collections.abc import Callable, Generator, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeAlias, TypeVar

import numpy as np

from facerelief.array_types import RGB, Floats
from facerelief.editing.edit import EditPlan, cautions_of, no_effect
from facerelief.editing.editor import Editor
from facerelief.editing.face_choice import FaceChoice
from facerelief.editing.regions import WHOLE
from facerelief.editing.strength import Strength
from facerelief.editing.video.face_tracking import (
    MAX_LOOKAHEAD,
    SmoothedFace,
    TrackedFrame,
    Tracker,
    no_face,
    smooth_tracks,
)
from facerelief.editing.video.frame_steps import (
    CHANGED,
    SAME,
    FrameEdit,
    FramePlans,
    Stage,
    TrackPlans,
    steps_here,
    steps_in_processes,
)
from facerelief.editing.video.pipeline import ahead, in_order, windows
from facerelief.editing.video.reader import VideoSource
from facerelief.editing.video.writer import VideoTarget
from facerelief.editing.video.yuv_frames import ColourFormat, Frame, add_change
from facerelief.errors import VideoError
from facerelief.files import atomic
from facerelief.processes.cores import available_cores
from facerelief.progress import Progress, no_progress

# Starts a pass over all frames of a film; whether with planes.
Frames: TypeAlias = Callable[[bool], Generator[Frame, None, None]]
_Item = TypeVar("_Item")
_Other = TypeVar("_Other")
_AT_ONCE = 10_000_000  # pixels of frames that are rendered at a time, or wait to be encoded; each takes some 20 bytes
_QUEUED = 4  # edited frames that wait to be encoded
_MANY = 60  # frames, from which it pays to start processes


@dataclass(frozen=True)
class VideoEdit:
    """What was done to a video.

    Attributes:
        frames: How many it has.
        edited: How many of them show a face that was edited.
        notes: What was lost or odd, a line each.
    """

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
    face: FaceChoice = "largest",
    part: str = WHOLE,
    comment: str | None = None,
    make_editor: Callable[[], Editor] | None = None,
    workers: int | None = None,
    progress: Progress = no_progress,
) -> VideoEdit:
    """Edit a video; the file is written whole or not at all.

    Args:
        editor: What edits each frame.
        source: The video.
        target: Where the edited video goes; its suffix names the container.
        to: The expression.
        strength: May change with time; by default 1.
        face: As `Editor.__call__` takes it; a face at a point is the one that is there when it is first seen.
        part: As `Editor.__call__` takes it.
        comment: For the metadata.
        make_editor: Makes the same editor in other processes, which edit a video that is not short; picklable. Without
            it, threads of this process do.
        workers: How many processes or threads; by default one a core.
        progress: Called with the number of frames that are done, and of all as far as it is known.

    Raises:
        VideoError: The video cannot be read or written, or the edit changes no pixel of it at a strength above 0.
        NoFaceFound: No frame shows a face that can be edited.
        WorkerLost: A process died.
    """
    what = FrameEdit(editor.target(to), strength or Strength(), face, part)
    frames, became, cautions = 0, Counter[int](), Counter[str]()
    with VideoSource(source) as video, atomic(target) as file:
        out = VideoTarget(file, video, comment)
        finish = functools.partial(_finished, video.colours)
        room = max(1, _AT_ONCE // (video.width * video.height))
        count = min(room, workers or available_cores())
        apart = make_editor if video.count >= _MANY and count > 1 else None
        steps = steps_in_processes(apart, what, finish, count) if apart else steps_here(editor, what, finish, count)
        made = edited_frames(editor, video.frames, video.fps, what.face, steps, min(room, _QUEUED), cautions)
        try:
            for frame, state in made:
                out.write(frame)
                frames += 1
                became[state] += 1
                progress(frames, max(frames, video.count))
            if not became[SAME] + became[CHANGED]:
                raise no_face(str(source), face)
            if not became[CHANGED] and what.strength.most(video.seconds):
                raise VideoError(f"{source}: {no_effect(what.to, part)}; choose another part or expression")
            out.close()
        except BaseException:
            out.abandon()
            raise
        finally:
            made.close()
    progress(frames, frames)
    notes = video.notes + [f"{line} (in {count} of {frames} frames)" for line, count in cautions.items()]
    return VideoEdit(frames, became[SAME] + became[CHANGED], tuple(f"{source}: {note}" for note in notes))


def _finished(colours: ColourFormat, frame: Frame, rgb: RGB) -> Frame:
    """A frame as it is encoded, of its edited pixels."""
    return frame.without_pixels(add_change(frame, rgb, colours))


def edited_frames(
    editor: Editor,
    frames: Frames,
    fps: float,
    face: FaceChoice,
    steps: contextlib.AbstractContextManager[tuple[Stage, Stage]],
    room: int = _QUEUED,
    cautions: Counter[str] | None = None,
) -> Generator[tuple[Any, int], None, None]:
    """Edit the frames of a video. Closing the generator ends all that was begun.

    Args:
        editor: Finds the faces.
        frames: Starts another pass over the frames.
        fps: Frames a second.
        face: Which faces, as `Editor.__call__` takes it.
        steps: `steps_here` or `steps_in_processes`.
        room: How many edited frames may wait.
        cautions: Counts the frames in which something cannot be done, by what that is.

    Yields:
        What the steps' `finish` made of each frame, in order, and of `NO_FACE`, `SAME`, `CHANGED` what became of it.
    """
    with steps as (plan, render):
        tracked = ahead(_tracked(editor, frames, face))
        each = _planned(plan, frames, smooth_tracks(tracked, fps))
        planned = ahead(_smoothed(each if cautions is None else _counted(each, cautions)))
        rendered = ahead(_rendered(render, frames, planned), room)
        try:
            yield from rendered
        finally:
            for step in (rendered, planned, tracked):
                step.close()


def _tracked(editor: Editor, frames: Frames, face: FaceChoice) -> Generator[TrackedFrame, None, None]:
    with contextlib.closing(frames(False)) as film:
        yield from Tracker(editor.finder, face)(film)


def _planned(
    plan: Stage, frames: Frames, faces: Iterable[tuple[Frame, list[SmoothedFace]]]
) -> Generator[TrackPlans, None, None]:
    with contextlib.closing(frames(False)) as film:
        pairs = map(_frame_and_faces, _together(film, faces))  # which keeps no frame while the next is decoded
        yield from in_order(plan.submit, pairs, plan.lookahead)


def _counted(planned: Generator[TrackPlans, None, None], cautions: Counter[str]) -> Generator[TrackPlans, None, None]:
    """The plans as they are; counts the frames with each of their cautions."""
    with contextlib.closing(planned):
        for seconds, plans in planned:
            cautions.update(cautions_of(plan for plan, _ in plans.values()))
            yield seconds, plans


def _frame_and_faces(pair: tuple[Frame, tuple[Frame, list[SmoothedFace]]]) -> tuple[Frame, list[SmoothedFace]]:
    frame, (_, faces) = pair
    return frame, faces


def _rendered(render: Stage, frames: Frames, planned: Iterable[FramePlans]) -> Generator[tuple[Any, int], None, None]:
    with contextlib.closing(frames(True)) as film:
        yield from in_order(render.submit, _together(film, planned), render.lookahead)


def _together(film: Iterable[_Item], others: Iterable[_Other]) -> Iterator[tuple[_Item, _Other]]:
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


def _smoothed(planned: Generator[TrackPlans, None, None]) -> Generator[FramePlans, None, None]:
    """The plans, with the fields of their `smoothing_windows` averaged over the frames that show the same face."""
    with contextlib.closing(planned):
        for window, at in windows(planned, MAX_LOOKAHEAD):
            yield _smoothed_frame(window, at)


def _smoothed_frame(window: list[TrackPlans], at: int) -> FramePlans:
    now, plans = window[at]
    out = []
    for track, (plan, share) in plans.items():
        around = [(seconds - now, its[track][0]) for seconds, its in window if track in its]
        means: dict[str, Any] = {name: _mean(around, name, reach) for name, reach in plan.smoothing_windows.items()}
        out.append((dataclasses.replace(plan, **means), share))
    return out


def _mean(around: list[tuple[float, EditPlan]], name: str, reach: float) -> Floats:
    """A field's mean over what is less than `reach` seconds away, the nearer the weightier."""
    near = [(abs(away) / reach, getattr(plan, name)) for away, plan in around if abs(away) < reach]
    weights = [(1 - away**3) ** 3 for away, _ in near]
    mean: Floats = np.zeros_like(near[0][1])
    for weight, (_, values) in zip(weights, near, strict=True):
        mean += weight / sum(weights) * values
    return mean
