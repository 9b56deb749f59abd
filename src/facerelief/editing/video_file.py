"""Videos on disk: frames in and out, sound copied packet by packet.

All that knows about PyAV (FFmpeg) is here and in `faces.film`.
"""

import contextlib
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np

from facerelief.editing.video_pixels import EXACT, Colours, Frame, changed_planes, even, planes_of
from facerelief.errors import VideoError
from facerelief.faces.film import film_library, open_film
from facerelief.faces.photo import MAX_PIXELS

_MISSING = -1


class VideoSource:
    """A video file that is read. Use it in a `with` block.

    width, height: of upright frames. fps: mean frames a second. count: frames, estimated where the file does not tell.
    """

    def __init__(self, path: Path) -> None:
        """Raises `VideoError` where there is no video to be had, `MissingExtra` without PyAV."""
        self.path = path
        self.notes: list[str] = []
        self.container = open_film(path)
        if not self.container.streams.video:
            self.container.close()
            raise VideoError(f"{path} holds no video; give a video file")
        self.stream = self.container.streams.video[0]
        self.stream.thread_type = "AUTO"
        self.fps = float(self.stream.average_rate or self.stream.guessed_rate or 25)
        self.seconds = _seconds(self.stream, self.container)
        self.count = self.stream.frames or round(self.seconds * self.fps)
        self.colours = Colours.of(self.stream.codec_context)
        self.rotation = 0  # known from the first frame on
        context = self.stream.codec_context
        if context.width * context.height > MAX_PIXELS or min(context.width, context.height) < 16:
            self.container.close()
            raise VideoError(f"{path} has frames of {context.width}x{context.height} pixels; give another video")

    def __enter__(self) -> "VideoSource":
        return self

    def __exit__(self, *reason: object) -> None:
        self.container.close()

    def frames(self) -> Iterator[Frame]:
        """All frames in order. Damage ends them or leaves some out, as `notes` tells; none at all is an error."""
        size, last, first = None, _MISSING, None
        damaged = 0
        for packet in self._packets():
            decoded, broken = _decoded(packet)
            damaged += broken
            for one in decoded:
                size = size or (one.width, one.height)
                if (one.width, one.height) != size:
                    raise VideoError(f"{self.path} changes its size in the middle; cut it there")
                pts = one.pts if one.pts is not None else last + self._tick
                if first is None:
                    first = pts
                elif pts <= last:
                    pts = last + 1
                last = pts
                yield self._frame(one, pts, float((pts - first) * self.stream.time_base))
        if first is None:
            raise VideoError(f"{self.path} has no frame that can be read; copy or download it again")
        reached = float((last - first) * self.stream.time_base) + 1 / self.fps
        if damaged or reached < self.seconds - max(0.5, 2 / self.fps):
            self.notes.append(f"damaged: {damaged} packets, {reached:.1f} of {self.seconds:.1f} s could be read")

    @property
    def _tick(self) -> int:
        return max(1, round(1 / (self.fps * float(self.stream.time_base))))

    def _packets(self) -> Iterator[Any]:
        import av

        with contextlib.suppress(av.error.FFmpegError):  # a file that breaks off: what was read counts
            yield from self.container.demux(self.stream)

    def _frame(self, one: Any, pts: int, seconds: float) -> Frame:
        self.rotation = int(one.rotation) % 360
        turns, space = self.rotation // 90, self.colours.space
        rgb = one.to_ndarray(format="rgb24", src_colorspace=space)
        stored = one.reformat(
            format=self.colours.stored,
            src_colorspace=space,
            dst_colorspace=space,
            dst_color_range=self.colours.range,
            interpolation=EXACT,
        )
        planes = [even(np.rot90(plane, turns)) if k == 0 else np.rot90(plane, turns) for k, plane in planes_of(stored)]
        return Frame(np.ascontiguousarray(np.rot90(rgb, turns)), tuple(planes), pts, seconds)


class VideoTarget:
    """A video file that is written: frames of one size, and the sound of `source`, bit for bit.

    Sides that are odd get one more pixel, a repeated one, since H.264 needs even ones.
    """

    def __init__(self, path: Path, source: VideoSource, comment: str | None = None) -> None:
        """comment: for the file's metadata. Raises `VideoError` where the container takes no such sound."""
        import av

        self.path, self._source = path, source
        self._container = av.open(str(path), "w", container_options=_MUXER.get(path.suffix.lower(), {}))
        self._container.metadata.update({k: v for k, v in source.container.metadata.items() if k in _KEPT})
        if comment:
            self._container.metadata["comment"] = comment
        self._video: Any = None
        self._sound = open_film(source.path)
        try:
            pairs = [(one, self._container.add_stream_from_template(one)) for one in self._sound.streams.audio]
        except (ValueError, av.error.FFmpegError) as reason:
            said = _no_sound(path, self._sound)
            self.abandon()
            raise VideoError(said) from reason
        self._packets = self._sound_packets({one.index: copy for one, copy in pairs})
        self._next = next(self._packets, None)

    def _sound_packets(self, copies: dict[int, Any]) -> Iterator[tuple[float, Any]]:
        """Packets with their times, in the order of the file."""
        import av

        if not copies:
            return
        with contextlib.suppress(av.error.FFmpegError):  # a file that breaks off
            for packet in self._sound.demux([self._sound.streams[index] for index in copies]):
                if packet.dts is None:
                    continue
                seconds = float(packet.dts * packet.time_base)
                packet.stream = copies[packet.stream.index]
                yield seconds, packet

    def write(self, frame: Frame, edited: np.ndarray) -> None:
        """Add a frame with other pixels, uint8 (H, W, 3), and the sound up to it. Raises `VideoError`."""
        import av

        try:
            if self._video is None:
                self._video = self._add_video(frame.rgb)
            self._copy_sound(float(frame.pts * self._source.stream.time_base))
            for packet in self._video.encode(self._picture(frame, edited)):
                self._container.mux(packet)
        except av.error.FFmpegError as reason:
            raise VideoError(_not_written(self.path, reason)) from reason

    def close(self) -> None:
        """Write what is left. Raises `VideoError`."""
        import av

        try:
            for packet in self._video.encode() if self._video else ():
                self._container.mux(packet)
            self._copy_sound(float("inf"))
            self._container.close()
        except av.error.FFmpegError as reason:
            raise VideoError(_not_written(self.path, reason)) from reason
        finally:
            self._sound.close()

    def abandon(self) -> None:
        """Give up; what was written is of no use."""
        import av

        with contextlib.suppress(av.error.FFmpegError):
            self._container.close()
        self._sound.close()

    def _copy_sound(self, until: float) -> None:
        while self._next is not None and self._next[0] <= until:
            self._container.mux(self._next[1])
            self._next = next(self._packets, None)

    def _add_video(self, rgb: np.ndarray) -> Any:
        source, colours = self._source.stream, self._source.colours
        web = self.path.suffix.lower() == ".webm"
        codec, options = _CODECS[web, colours.deep]
        rate = Fraction(self._source.fps).limit_denominator(1_001_000)
        stream = self._container.add_stream(codec, rate=rate, options=options)
        height, width = rgb.shape[:2]
        stream.width, stream.height = width + width % 2, height + height % 2
        if (width, height) != (stream.width, stream.height):
            self._source.notes.append(f"{width}x{height} written as {stream.width}x{stream.height}")
        stream.pix_fmt, stream.time_base = colours.stored, source.time_base
        context, old = stream.codec_context, source.codec_context
        context.time_base = source.time_base
        context.colorspace, context.color_range = colours.space, colours.range
        context.color_primaries, context.color_trc = old.color_primaries, old.color_trc
        ratio = old.sample_aspect_ratio
        if ratio:
            context.sample_aspect_ratio = 1 / ratio if self._source.rotation % 180 else ratio
        if codec == "libx265":
            context.codec_tag = "hvc1"  # as Apple's players want it
        return stream

    def _picture(self, frame: Frame, edited: np.ndarray) -> Any:
        import av

        colours = self._source.colours
        planes = frame.planes if edited is frame.rgb else changed_planes(frame, edited, colours)
        height, width = planes[0].shape
        picture = av.VideoFrame(width, height, colours.stored)
        for k, plane in planes_of(picture):
            plane[:] = planes[k]
        picture.pts, picture.time_base = frame.pts, self._source.stream.time_base
        picture.colorspace, picture.color_range = colours.space, colours.range
        return picture


def write_frames(target: Path | BinaryIO, frames: Iterator[np.ndarray], fps: float, comment: str | None = None) -> int:
    """Write frames uint8 (H, W, 3), sides even, as a video without sound, into a stream as MP4; returns how many.

    Raises `VideoError`.
    """
    av = film_library()
    suffix = target.suffix.lower() if isinstance(target, Path) else ""
    count, codec = 0, _CODECS[suffix == ".webm", False]
    where = {"file": str(target)} if isinstance(target, Path) else {"file": target, "format": "mp4"}
    try:
        with av.open(mode="w", container_options=_MUXER.get(suffix, {}), **where) as container:
            container.metadata.update({"comment": comment} if comment else {})
            stream = container.add_stream(codec[0], rate=Fraction(fps).limit_denominator(1001), options=codec[1])
            stream.pix_fmt = "yuv420p"
            for rgb in frames:
                if not count:
                    stream.height, stream.width = rgb.shape[:2]
                container.mux(stream.encode(av.VideoFrame.from_ndarray(rgb, format="rgb24")))
                count += 1
            container.mux(stream.encode())
    except av.error.FFmpegError as reason:
        raise VideoError(_not_written(target if isinstance(target, Path) else "the film", reason)) from reason
    return count


# (webm, deep): FFmpeg's encoder and how it is set: hardly to be told from the source, and fast.
_CODECS: dict[tuple[bool, bool], tuple[str, dict[str, str]]] = {
    (False, False): ("libx264", {"crf": "17", "preset": "veryfast"}),
    (False, True): ("libx265", {"crf": "18", "preset": "veryfast", "x265-params": "log-level=error"}),
    (True, False): ("libvpx-vp9", {"crf": "24", "b": "0", "cpu-used": "6", "row-mt": "1", "deadline": "realtime"}),
    (True, True): ("libvpx-vp9", {"crf": "24", "b": "0", "cpu-used": "6", "row-mt": "1", "deadline": "realtime"}),
}
_MUXER = {suffix: {"movflags": "+faststart"} for suffix in (".mp4", ".m4v", ".mov")}
_KEPT = ("title", "artist", "date", "creation_time", "location", "copyright", "description")


def _decoded(packet: Any) -> tuple[list[Any], int]:
    """The frames of a packet, and 1 where it is damaged."""
    import av

    try:
        return packet.decode(), 0
    except av.error.FFmpegError:
        return [], 1


def _seconds(stream: Any, container: Any) -> float:
    if stream.duration:
        return float(stream.duration * stream.time_base)
    return (container.duration or 0) / 1_000_000


def _no_sound(path: Path, sound: Any) -> str:
    codecs = ", ".join(one.codec_context.name for one in sound.streams.audio)
    return f"{path.suffix} takes no {codecs} sound; name the output .mkv or .mov"


def _not_written(path: Path | str, reason: Exception) -> str:
    return f"cannot write {path} ({reason}); free space, or name the output .mkv"
