"""Videos that are read: which of a file's tracks is the film, how it is to be shown, and its frames."""

import contextlib
from collections.abc import Generator, Iterator
from pathlib import Path
from typing import Any

import numpy as np

from facerelief.editing.video.yuv_frames import (
    EXACT,
    ColourFormat,
    Frame,
    Orientation,
    pad_even,
    plane_views,
    rgb_view,
)
from facerelief.errors import VideoError
from facerelief.photos.video_container import open_video

MOST_PIXELS = 16_000_000  # of a frame: 5.3K; some 100 bytes of memory for each
_MISSING = -1
_FROM_NOUGHT = ("matroska", "avi", "flv", "ogg")  # containers whose length counts from 0, not from the first frame


class VideoSource:
    """A video file that is read. Use it in a `with` block.

    Attributes:
        stream: The film's, whose `time_base` times are in.
        width: Of upright frames.
        height: Of upright frames.
        turn: How stored frames become upright.
        fps: Mean frames a second.
        count: Frames, estimated where the file does not tell.
        notes: What is lost, a line each.
    """

    def __init__(self, path: Path) -> None:
        """Raises `VideoError` where there is no video to be had, `MissingExtra` without PyAV."""
        self.path = path
        self.notes: list[str] = []
        self.container = open_video(path)
        try:
            self._look()
        except BaseException:
            self.container.close()
            raise

    def _look(self) -> None:
        self.stream, self.others = _film(self.path, self.container)
        context = self.stream.codec_context
        self.fps = float(self.stream.average_rate or self.stream.guessed_rate or 25)
        self.seconds = _seconds(self.stream, self.container)
        self.count = self.stream.frames or round(self.seconds * self.fps)
        if context.width * context.height > MOST_PIXELS:
            most = f"over the limit of {MOST_PIXELS // 1_000_000} million; shrink it to 4K"
            raise VideoError(f"{self.path} has frames of {context.width}x{context.height} pixels, {most}")
        if min(context.width, context.height) < 16:
            raise VideoError(f"{self.path} has frames of {context.width}x{context.height} pixels; give another video")
        self.colours = ColourFormat.of(context)
        first = self._first()
        self.turn, odd = _turn(first)
        self.width, self.height = self.turn.size(first.width, first.height)
        self.notes += (
            ["its pictures lean by less than a quarter turn; they are written as they are stored"] if odd else []
        )
        if self.stream.metadata.get("alpha_mode") == "1" or any(part.is_alpha for part in first.format.components):
            self.notes.append("transparency is left out")
        if first.interlaced_frame:
            self.notes.append("interlaced; written as whole frames")

    def __enter__(self) -> "VideoSource":
        return self

    def __exit__(self, *reason: object) -> None:
        self.container.close()

    def frames(self, stored: bool = True) -> Generator[Frame, None, None]:
        """All frames in order, decoded anew. Damage ends them or leaves some out.

        Args:
            stored: With `Frame.planes`; such a pass tells of damage in `notes`.

        Raises:
            VideoError: No frame can be read, or their size changes.
        """
        size, last, first = None, _MISSING, None
        damaged = 0
        for one, broken in self._decoded():
            damaged += broken
            if one is None:
                continue
            size = size or (one.width, one.height)
            if (one.width, one.height) != size:
                raise VideoError(f"{self.path} changes its size in the middle; cut it there")
            pts = one.pts if one.pts is not None else last + self._tick
            if first is None:
                first = pts
            elif pts <= last:
                pts = last + 1
            last = pts
            yield self._frame(one, pts, float((pts - first) * self.stream.time_base), stored)
        if first is None:
            raise VideoError(f"{self.path} has no frame that can be read; copy or download it again")
        reached = float((last - first) * self.stream.time_base) + 1 / self.fps
        if stored and (damaged or reached < self.seconds - max(0.5, 2 / self.fps)):
            self.notes.append(f"damaged: {damaged} packets, {reached:.1f} of {self.seconds:.1f} s could be read")

    @property
    def _tick(self) -> int:
        return max(1, round(1 / (self.fps * float(self.stream.time_base))))

    def _first(self) -> Any:
        """The first frame that can be decoded."""
        decoded = self._decoded()
        with contextlib.closing(decoded):
            first = next((one for one, _ in decoded if one is not None), None)
        if first is None:
            raise VideoError(f"{self.path} has no frame that can be read; copy or download it again")
        return first

    def _decoded(self) -> Generator[tuple[Any, bool], None, None]:
        """The decoder's frames, each with False; (None, True) for each packet that is damaged."""
        import av

        with open_video(self.path) as container:
            stream = container.streams[self.stream.index]
            stream.thread_type = "SLICE"  # threads of whole frames would each keep some
            with contextlib.suppress(av.error.FFmpegError):  # a file that breaks off: what was read counts
                for packet in container.demux(stream):
                    yield from _of(packet)

    def _frame(self, one: Any, pts: int, seconds: float, stored: bool) -> Frame:
        converted = one.reformat(format="rgb24", src_colorspace=self.colours.space)
        rgb = np.ascontiguousarray(self.turn(rgb_view(converted)))
        return Frame(rgb, self._planes(one) if stored else (), pts, seconds)

    def _planes(self, one: Any) -> tuple[np.ndarray, ...]:
        kept = one.reformat(
            format=self.colours.stored,
            src_colorspace=self.colours.space,
            dst_colorspace=self.colours.space,
            dst_color_range=self.colours.range,
            interpolation=EXACT,
        )
        turned = [self.turn(plane) for _, plane in plane_views(kept)]
        return pad_even(turned[0]), *turned[1:]


def _of(packet: Any) -> Iterator[tuple[Any, bool]]:
    import av

    try:
        decoded = packet.decode()
    except av.error.FFmpegError:
        yield None, True
    else:
        for one in decoded:
            yield one, False


def _film(path: Path, container: Any) -> tuple[Any, list[Any]]:
    """The track that is the film, and the other video tracks: those that are no pictures of a cover."""
    import av

    covers = av.stream.Disposition.attached_pic | av.stream.Disposition.timed_thumbnails
    films = [one for one in container.streams.video if not one.disposition & covers]
    if not films:
        raise VideoError(f"{path} holds no video; give a video file")
    known = [one for one in films if one.codec_context is not None and one.codec_context.format is not None]
    if not known:
        raise VideoError(f"{path} holds video of a kind that cannot be decoded here; convert it to H.264 or HEVC")
    best = container.streams.best("video")  # of pictures that do not say that they are covers, those that move
    film = next((one for one in known if best is not None and one.index == best.index), known[0])
    return film, [one for one in films if one is not film]


def _seconds(stream: Any, container: Any) -> float:
    """How long a track is, as far as the file tells."""
    if stream.duration:
        return float(stream.duration * stream.time_base)
    late = max(0, container.start_time or 0) if container.format.name.startswith(_FROM_NOUGHT) else 0
    whole = (container.duration or 0) / 1_000_000  # of the longest of the tracks
    with contextlib.suppress(ValueError):
        hours, minutes, seconds = stream.metadata.get("DURATION", "").split(":")  # as Matroska's writers tell
        whole = int(hours) * 3600 + int(minutes) * 60 + float(seconds)
    return max(0.0, whole - late / 1_000_000)


def _turn(picture: Any) -> tuple[Orientation, bool]:
    """How a decoder's frame is to be shown, and whether that is but nearly so."""
    data = picture.side_data.get("DISPLAYMATRIX")
    if data is None:
        return Orientation(), False
    matrix = np.frombuffer(bytes(data), np.int32)
    return Orientation.of(matrix), Orientation.leans(matrix)
