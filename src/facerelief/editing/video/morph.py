"""A photo that moves into an expression, as a video or an animation."""

import io
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO, Protocol

import numpy as np
from PIL import Image

from facerelief.array_types import RGB
from facerelief.easing import smoothstep
from facerelief.editing.edit import EditPlan, cautions_of, no_effect
from facerelief.editing.editor import Editor
from facerelief.editing.face_choice import FaceChoice, choose_faces, notes_on_choice, parse_face_choice
from facerelief.editing.regions import WHOLE
from facerelief.editing.strength import check_range
from facerelief.editing.video.writer import write_frames
from facerelief.errors import FacereliefError, NoFaceFound, VideoError
from facerelief.faces.detector import Face
from facerelief.files import atomic
from facerelief.photos.color_modes import to_srgb
from facerelief.photos.photo import Photo
from facerelief.photos.provenance.content_credentials import can_sign, sign, sign_file
from facerelief.photos.provenance.file_kinds import MANIFEST_SUFFIXES as SIGNED
from facerelief.photos.provenance.xmp import EditMark, pack_xmp, to_comment

MORPH_SUFFIXES = (".mp4", ".mov", ".mkv", ".webm", ".gif", ".webp")
_PICTURES, _MOST_FRAMES = (".gif", ".webp"), 600  # all of whose frames are in memory at a time
_SMALLEST, _LONGEST, _FASTEST = 32, 60.0, 60.0  # pixels; seconds; frames a second
_FASTEST_GIF = 50.0  # frames a second: browsers take delays below 20 ms for 100 ms


class Timed(Protocol):
    """How far each frame of a film is on its way, and how fast they follow each other."""

    @property
    def fps(self) -> float:
        """Frames a second."""
        ...

    def shares(self) -> list[float]:
        """The share of the way for each frame."""
        ...


@dataclass(frozen=True)
class Morph:
    """How a photo moves into an expression. Raises `FacereliefError` for what is out of range.

    Attributes:
        seconds: From the photo to the expression.
        fps: Frames a second.
        hold: Seconds that it stays there, and at the start on the way back.
        back: Whether it returns.
        size: The longer side at most, in pixels.
        strength: At the end.
        part: Of a face, as `Editor.__call__` takes it.

    Example:
        >>> [round(share, 2) for share in Morph(seconds=0.2, fps=20, hold=0.1).shares()]
        [0.0, 0.26, 0.74, 1.0, 1.0, 1.0]
    """

    seconds: float = 1.5
    fps: float = 25.0
    hold: float = 0.5
    back: bool = False
    size: int = 720
    strength: float = 1.0
    part: str = WHOLE

    def __post_init__(self) -> None:
        if not (0 < self.seconds <= _LONGEST and 0 <= self.hold <= _LONGEST and 1 <= self.fps <= _FASTEST):
            times = f"{self.seconds:g} seconds, held for {self.hold:g}, at {self.fps:g} frames a second"
            most = f"above 0 to {_LONGEST:.0f} seconds, held for at most that, at 1 to {_FASTEST:.0f} frames"
            raise VideoError(f"no morph takes {times}; choose {most}")
        if self.size < _SMALLEST:
            raise VideoError(f"a morph of {self.size} pixels is too small; choose {_SMALLEST} or more")
        check_range(self.strength)

    def shares(self) -> list[float]:
        """The share of the way for each frame, eased at both ends."""
        steps, still = max(2, round(self.seconds * self.fps)), round(self.hold * self.fps)
        there = [*smoothstep(np.linspace(0, 1, steps)).tolist(), *([1.0] * still)]
        if not self.back:
            return there
        return there + there[: steps - 1][::-1] + [0.0] * still


def notes_on_loss(photo: Photo, path: Path, provenance: bool = True) -> list[str]:
    """What a photo has, and a morph of it that is saved as `path` does not carry on, in a line each."""
    found, kind = [], path.suffix.lower()
    if photo.alpha is not None and photo.alpha.min() < 255:
        found.append("what is transparent is not so in a morph")
    if provenance and photo.history and can_sign() and kind not in SIGNED:
        found.append(f"its C2PA manifest is not carried on, since {kind} files hold none; save the morph as .mp4")
    return [f"{photo.name}: {one}" for one in found]


def morph_frames(
    editor: Editor, photo: Photo, to: str, how: Morph, face: FaceChoice = "largest", notes: list[str] | None = None
) -> Iterator[RGB]:
    """The frames of a morph. The face is found, and its edit planned, once.

    Args:
        editor: What edits the photo.
        photo: The photo.
        to: The expression.
        how: How it moves.
        face: As `Editor.__call__` takes it; a point is in pixels of the photo, not of the frames.
        notes: Gets a line where a choice was made for the user, and for what cannot be done.

    Yields:
        Frames (H, W, 3), sides even.

    Raises:
        FacereliefError: As `Editor.__call__`.
    """
    wanted = editor.target(to)
    small = Photo(fit_size(to_srgb(photo.rgb, photo.icc), how.size), name=photo.name)  # a morph has no profile
    try:
        chosen = _chosen(editor, photo, small, face, [] if notes is None else notes)
    except NoFaceFound as reason:
        if small.rgb.shape[0] >= photo.rgb.shape[0] - 1:  # it was not shrunk
            raise
        raise NoFaceFound(f"shrunk to {how.size} pixels (choose a larger size), {reason}") from reason
    plans = [editor.plan(small.rgb, one, wanted, how.part) for one in chosen]
    ends = (editor.carry_out(small.rgb, plan, wanted, how.strength) for plan in plans)
    if how.strength and not any(changed for _, changed in ends):
        raise FacereliefError(f"{photo.name}: {no_effect(wanted, how.part)}; choose another part or expression")
    if notes is not None and how.strength:
        notes += [f"{photo.name}: {line}" for line in cautions_of(plans)]
    yield from render_morph(editor, small.rgb, [(plan, how.strength) for plan in plans], how)


def _chosen(editor: Editor, photo: Photo, small: Photo, face: FaceChoice, notes: list[str]) -> list[Face]:
    """The faces of a shrunk photo; a point is in pixels of the photo itself. Raises `NoFaceFound`."""
    found, which = editor.find(small), parse_face_choice(face)
    notes += notes_on_choice(found, which, photo.name)
    if isinstance(which, tuple):
        scale = np.array([*(np.array(photo.rgb.shape[1::-1]) / small.rgb.shape[1::-1]), 1], np.float32)
        large = [Face(one.landmarks * scale) for one in found]
        which = 1 + large.index(choose_faces(large, which, photo.name)[0])
    return choose_faces(found, which, photo.name)


def render_morph(editor: Editor, rgb: RGB, plans: Sequence[tuple[EditPlan, float]], how: Morph) -> Iterator[RGB]:
    """The frames of a picture (H, W, 3) whose plans are carried out more and more, each up to a strength of its own."""
    last, frame = -1.0, rgb
    for share in how.shares():
        if share != last:
            frame = rgb
            for plan, strength in plans:
                frame = editor.render(frame, plan, share * strength)
        last = share
        yield frame


def save_morph(
    path: Path, frames: Iterator[RGB], how: Timed, mark: EditMark | None, history: bytes | None = None
) -> int:
    """Write a morph, whole or not at all.

    Args:
        path: Where it goes; its suffix, of `MORPH_SUFFIXES`, names the format.
        frames: Its frames.
        how: How it moves.
        mark: Says in the file that it was edited; None for no provenance.
        history: That of the photo, whose manifest the morph's then includes.

    Returns:
        The number of frames.

    Raises:
        VideoError: The suffix is unknown, or there are too many frames for the format, in all or in a second.
    """
    check_suffix(path)
    _check_rate(path.suffix.lower(), how)
    if path.suffix.lower() in _PICTURES and len(how.shares()) > _MOST_FRAMES:
        raise VideoError(f"{path} would have more than {_MOST_FRAMES} frames, which is for films; name it .mp4")
    with atomic(path) as part:
        count = _write(part, frames, how, mark)
        if mark:
            sign_file(part, mark, parent=history)
    return count


def encode_morph(
    kind: str, frames: Iterator[RGB], how: Morph, mark: EditMark | None, history: bytes | None = None
) -> bytes:
    """A morph as the bytes of a file, none of which is on disk on the way; `kind`: "GIF", "WEBP" or "MP4".

    The other arguments are those of `save_morph`.

    Raises:
        VideoError: There are too many frames a second for the format.
    """
    _check_rate(f".{kind.lower()}", how)
    stream = io.BytesIO()
    if kind == "MP4":
        write_frames(stream, frames, how.fps, to_comment(mark) if mark else None)
    else:
        _save_pictures(stream, f".{kind.lower()}", frames, how, mark)
    return sign(stream.getvalue(), kind, mark, parent=history) if mark else stream.getvalue()


def _write(part: Path, frames: Iterator[RGB], how: Timed, mark: EditMark | None) -> int:
    kind = part.suffix.lower()
    if kind not in _PICTURES:
        return write_frames(part, frames, how.fps, to_comment(mark) if mark else None)
    return _save_pictures(part, kind, frames, how, mark)


def _save_pictures(target: Path | BinaryIO, kind: str, frames: Iterator[RGB], how: Timed, mark: EditMark | None) -> int:
    pictures = [Image.fromarray(rgb) for rgb in frames]
    options: dict[str, Any] = {"save_all": True, "loop": 0, "duration": _delays(len(pictures), how.fps, kind)}
    if kind == ".gif":
        pictures = _with_one_palette(pictures)
        options |= {"comment": to_comment(mark).encode()} if mark else {}
    else:
        options |= {"quality": 90, "method": 2} | ({"xmp": pack_xmp(mark)} if mark else {})
    pictures[0].save(target, kind[1:], append_images=pictures[1:], **options)
    return len(pictures)


def _delays(count: int, fps: float, kind: str) -> list[int]:
    """Milliseconds that each frame stands: whole ones, of a GIF whole tens of them, which do not add up to a drift."""
    unit = 10 if kind == ".gif" else 1
    starts = np.round(np.arange(count + 1) * (1000 / fps / unit)) * unit
    delays: list[int] = np.diff(starts).astype(int).tolist()
    return delays


def _check_rate(kind: str, how: Timed) -> None:
    if kind == ".gif" and how.fps > _FASTEST_GIF:
        raise VideoError(f"a GIF has at most {_FASTEST_GIF:.0f} frames a second; name it .webp or .mp4")


def check_suffix(path: Path) -> None:
    """Raise `VideoError` for a name that a morph cannot be saved under."""
    if path.suffix.lower() not in MORPH_SUFFIXES:
        raise VideoError(f"cannot save {path}: unknown suffix {path.suffix!r}; choose from {', '.join(MORPH_SUFFIXES)}")


def _with_one_palette(pictures: Sequence[Image.Image]) -> list[Image.Image]:
    """In 256 colours that are those of all frames, undithered: else what does not move would flicker."""
    width, height = pictures[0].size
    ends = Image.new("RGB", (width, 2 * height))
    ends.paste(pictures[0], (0, 0))
    ends.paste(pictures[len(pictures) // 2], (0, height))
    palette = ends.quantize(256)
    return [picture.quantize(palette=palette, dither=Image.Dither.NONE) for picture in pictures]


def fit_size(rgb: RGB, size: int) -> RGB:
    """Pixels (H, W, 3) shrunk to a longer side of `size`, with even sides."""
    scale = min(1.0, size / max(rgb.shape[:2]))
    height, width = (max(2, int(side * scale) // 2 * 2) for side in rgb.shape[:2])
    if scale == 1.0:
        return np.ascontiguousarray(rgb[:height, :width])
    return np.asarray(Image.fromarray(rgb).resize((width, height), Image.Resampling.LANCZOS))
