"""Videos: every frame edited, without flicker, the sound copied as it is.

Four steps run at once, each a few frames ahead of the next: decoding, following the faces, editing, encoding. Landmarks
are smoothed over time; and what an edit departs from (the face's own expression, or what a network paints) is a mean
over neighbouring frames, so that the edit hardly changes from frame to frame, while speech and blinks go on under it.
"""

import dataclasses
import os
from collections.abc import Callable, Generator, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from facerelief.editing.editor import EditedFace, Editor, Which
from facerelief.editing.mask import WHOLE
from facerelief.editing.pipeline import ahead, in_order, windows
from facerelief.editing.strength import Strength
from facerelief.editing.video_faces import MOST_AHEAD, Steady, Tracker, no_face, steadied
from facerelief.editing.video_file import VideoSource, VideoTarget
from facerelief.editing.video_pixels import Frame
from facerelief.files import atomic

Progress = Callable[[int, int], None]
Changes = tuple[Frame, dict[int, tuple[EditedFace, float]]]  # a frame, and by track what is to be done, and its share


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
    progress: Progress = lambda done, total: None,
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
        made = edited_frames(editor, video.frames(), video.fps, label, strength, face, part)
        try:
            for frame, rgb, changed in made:
                out.write(frame, rgb)
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
    frames: Iterator[Frame],
    fps: float,
    label: int,
    strength: Strength,
    face: Which = "largest",
    part: str = WHOLE,
) -> Generator[tuple[Frame, np.ndarray, bool], None, None]:
    """Frames in their order, each with its edited pixels and whether it has a face that is edited.

    Closing it ends all that was begun.
    """
    decoded = ahead(frames)
    seen = ahead(Tracker(editor.finder, face)(decoded))
    painted = ahead(_painted(editor, steadied(seen, fps), label, strength, part))
    try:
        yield from painted
    finally:
        for step in (painted, seen, decoded):
            step.close()


def _painted(
    editor: Editor, frames: Iterable[tuple[Frame, list[Steady]]], label: int, strength: Strength, part: str
) -> Generator[tuple[Frame, np.ndarray, bool], None, None]:
    """The frames with their new pixels, and whether they have a face. Several are painted at once."""

    def paint(item: tuple[Frame, list[tuple[EditedFace, float]]]) -> tuple[Frame, np.ndarray, bool]:
        frame, changes = item
        rgb = frame.rgb
        for change, share in changes:
            amount = share * strength.at(frame.seconds)
            rgb = editor.paint(rgb, change, amount) if amount else rgb
        return frame, rgb, bool(changes)

    found = ((frame, _changes(editor, frame, faces, label, part)) for frame, faces in frames)
    yield from in_order(paint, _averaged(found), os.cpu_count() or 1)


def _changes(
    editor: Editor, frame: Frame, faces: list[Steady], label: int, part: str
) -> dict[int, tuple[EditedFace, float]]:
    """What is to be done to each face, by its track."""
    return {one.track: (editor.change(frame.rgb, one.face, label, part), one.share) for one in faces}


def _averaged(found: Iterable[Changes]) -> Iterator[tuple[Frame, list[tuple[EditedFace, float]]]]:
    """The changes, with what is steady in each a weighted mean over the frames around it in which its face is seen."""
    for window, at in windows(found, MOST_AHEAD):
        yield _average(window, at)


def _average(window: list[Changes], at: int) -> tuple[Frame, list[tuple[EditedFace, float]]]:
    frame, changes = window[at]
    out = []
    for track, (change, share) in changes.items():
        around = [(other.seconds - frame.seconds, its[track][0]) for other, its in window if track in its]
        means: dict[str, Any] = {name: _mean(around, name, reach) for name, reach in change.steady.items()}
        out.append((dataclasses.replace(change, **means), share))
    return frame, out


def _mean(around: list[tuple[float, EditedFace]], name: str, reach: float) -> np.ndarray:
    """A field's mean over what is less than `reach` seconds away, the nearer the weightier."""
    near = [(abs(away) / reach, getattr(change, name)) for away, change in around if abs(away) < reach]
    weights = np.array([(1 - away**3) ** 3 for away, _ in near])
    values = [value for _, value in near]
    mean: np.ndarray = np.tensordot(weights / weights.sum(), np.stack(values), 1).astype(values[0].dtype)
    return mean
