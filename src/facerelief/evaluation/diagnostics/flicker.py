"""How much the edit of a video flickers, and how fast it is made.

A still photo is filmed by a camera whose path is known. What an edit adds to each frame is brought back along that
path; there nothing moves, so that whatever still changes from frame to frame is flicker.
"""

import time
from collections.abc import Generator, Iterable, Iterator
from dataclasses import dataclass

import numpy as np
from PIL import Image

from facerelief.editing.editor import Editor
from facerelief.editing.face_choice import choose_faces
from facerelief.editing.strength import Strength
from facerelief.editing.video.edit import edited_frames
from facerelief.editing.video.frame_steps import FrameEdit, steps_here
from facerelief.editing.video.yuv_frames import Frame
from facerelief.faces.detector import Face
from facerelief.photos.photo import Photo
from facerelief.processes.cores import available_cores
from facerelief.progress import Progress, no_progress

_PERIOD = 4.0  # seconds in which the camera comes round
_VIEW = 2.2  # height of what the camera sees, in sizes of the face


@dataclass(frozen=True)
class Flicker:
    """How much the edit of a video flickers.

    The edit's difference from the video is aligned from frame to frame, in levels of 0 to 255.

    Attributes:
        levels: Mean absolute change of the difference from one frame to the next.
        added: Mean absolute difference.
        fps: Frames edited per second, without reading and writing files.
    """

    levels: float
    added: float
    fps: float


class SyntheticVideo:
    """A photo filmed by a camera that pans and zooms smoothly around its largest face."""

    def __init__(
        self, photo: Photo, box: tuple[float, float, float, float], seconds: float, fps: float, height: int = 720
    ) -> None:
        """Make one.

        Args:
            photo: The photo. Where the camera looks beyond it, its border is repeated.
            box: Of the face, x0, y0, x1, y1, in pixels.
            seconds: Length.
            fps: Frames per second.
            height: Of the frames, in pixels; they are 16:9.
        """
        self.fps, self.count = fps, max(2, round(seconds * fps))
        self.size = (height * 16 // 9, height)
        x0, y0, x1, y1 = box
        self._face = max(x1 - x0, y1 - y0)
        around = int(2.5 * self._face)
        self._centre = ((x0 + x1) / 2 + around, (y0 + y1) / 2 + around)
        self._picture = Image.fromarray(np.pad(photo.rgb, ((around, around), (around, around), (0, 0)), mode="edge"))

    def view(self, k: int) -> tuple[float, float, float, float]:
        """What frame k shows of the padded photo, in its pixels."""
        turn = 2 * np.pi * k / (self.fps * _PERIOD)
        height = _VIEW * self._face * (1 + 0.15 * np.sin(2 * turn))
        width = height * self.size[0] / self.size[1]
        x = self._centre[0] + 0.35 * self._face * np.sin(turn)
        y = self._centre[1] + 0.12 * self._face * np.cos(turn)
        return x - width / 2, y - height / 2, x + width / 2, y + height / 2

    def frames(self) -> Generator[Frame, None, None]:
        """The frames."""
        for k in range(self.count):
            rgb = np.asarray(self._picture.resize(self.size, Image.Resampling.BICUBIC, box=self.view(k)))
            yield Frame(rgb, (), k, k / self.fps)

    def moved(self, landmarks: np.ndarray, first: int, then: int) -> np.ndarray:
        """Landmarks (468, 3) of one frame where they are in another."""
        (x, y, right, _), (to_x, to_y, to_right, _) = self.view(first), self.view(then)
        photo = landmarks * ((right - x) / self.size[0]) + (x, y, 0)
        there: np.ndarray = (photo - (to_x, to_y, 0)) * (self.size[0] / (to_right - to_x))
        return there.astype(np.float32)

    def in_place(self, added: np.ndarray, k: int) -> np.ndarray:
        """What was added to frame k, float32 (H, W, 3), brought to where the face always is, (S, S, 3)."""
        x0, y0, x1, _ = self.view(k)
        scale = self.size[0] / (x1 - x0)
        left, top = ((c - self._face * 0.75 - low) * scale for c, low in zip(self._centre, (x0, y0), strict=True))
        side = 1.5 * self._face * scale
        box = (left, top, left + side, top + side)
        planes = [Image.fromarray(np.ascontiguousarray(added[..., c])) for c in range(3)]
        found = [one.resize((256, 256), Image.Resampling.BILINEAR, box=box) for one in planes]
        return np.stack([np.asarray(one) for one in found], axis=2)


def edit_frames_separately(editor: Editor, frames: Iterable[Frame], to: str) -> Iterator[tuple[Frame, np.ndarray]]:
    """Edit every frame as a photo: the baseline."""
    for frame in frames:
        photo = Photo(frame.rgb, name=f"frame {frame.pts}")
        face = choose_faces(editor.find(photo), "largest", photo.name)[0]
        yield frame, editor.apply(frame.rgb, face, to, 1.0).photo


def edit_with_known_motion(editor: Editor, film: SyntheticVideo, to: str) -> Iterator[tuple[Frame, np.ndarray]]:
    """Edit every frame by itself, with the landmarks of the first, moved as the camera moves.

    What flicker remains comes from resampling, and from networks, which see other pixels in each frame.
    """
    face: Face | None = None
    for frame in film.frames():
        if face is None:
            face = choose_faces(editor.find(Photo(frame.rgb)), "largest", "the first frame")[0]
        there = Face(film.moved(face.landmarks, 0, frame.pts))
        yield frame, editor.apply(frame.rgb, there, to, 1.0).photo


def edit_as_video(editor: Editor, film: SyntheticVideo, to: str) -> Iterator[tuple[Frame, np.ndarray]]:
    """Edit as `edit_video` does."""

    def both(frame: Frame, rgb: np.ndarray) -> tuple[Frame, np.ndarray]:
        return frame, rgb

    steps = steps_here(editor, FrameEdit(to, Strength()), both, available_cores())
    for pair, _ in edited_frames(editor, lambda _: film.frames(), film.fps, "largest", steps):
        yield pair


def measure_flicker(
    film: SyntheticVideo, edited: Iterable[tuple[Frame, np.ndarray]], progress: Progress = no_progress
) -> Flicker:
    """Measure the flicker and speed of a video's edited frames.

    Args:
        film: The video.
        edited: Each frame and its edit, uint8 (H, W, 3), made while they are iterated.
        progress: Called with the number of frames measured and the total.
    """
    changes, amounts, before = [], [], None
    spent, start = 0.0, time.perf_counter()
    for frame, rgb in edited:
        spent += time.perf_counter() - start
        added = film.in_place(rgb.astype(np.float32) - frame.rgb, frame.pts)
        amounts.append(np.abs(added).mean())
        progress(len(amounts), film.count)
        if before is not None:
            changes.append(np.abs(added - before).mean())
        before, start = added, time.perf_counter()
    return Flicker(float(np.mean(changes)), float(np.mean(amounts)), film.count / spent)
