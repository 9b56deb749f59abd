"""Videos on disk that are written: frames in, and sound and subtitles copied packet by packet.

All that knows about PyAV (FFmpeg) is here, in `reader` and in `photos.video_container`.
"""

import contextlib
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np

from facerelief.editing.video.reader import VideoSource
from facerelief.editing.video.yuv_frames import ColourFormat, Frame, plane_views
from facerelief.errors import VideoError
from facerelief.photos.video_container import import_pyav, open_video


class VideoTarget:
    """A video file that is written: frames of one size, and the sound and subtitles of `source`, bit for bit, in the
    order of its tracks. What cannot be taken along is in the source's notes.

    Sides that are odd get one more pixel, a repeated one, since H.264 needs even ones.
    """

    def __init__(self, path: Path, source: VideoSource, comment: str | None = None) -> None:
        """Begin a file.

        Args:
            path: Its name; the suffix names the container.
            source: What its sound, subtitles and colours are taken from.
            comment: For its metadata.

        Raises:
            VideoError: The container takes no such sound.
        """
        import av

        self.path, self._source = path, source
        self._container = av.open(str(path), "w", container_options=_MUXER.get(path.suffix.lower(), {}))
        self._container.metadata.update({k: v for k, v in source.container.metadata.items() if k in _KEPT})
        if comment:
            self._container.metadata["comment"] = comment
        self._others = open_video(source.path)
        self._left_out: list[str] = []
        self._copies: dict[int, Any] = {}
        try:
            for one in self._others.streams:
                self._add(one)
            self._add_chapters()
        except BaseException:
            self.abandon()
            raise
        self._note_what_is_lost()
        self._packets = self._copied_packets()
        self._next = next(self._packets, None)

    def _add(self, one: Any) -> None:
        """Add a track of the source's, or say that it is left out. Raises `VideoError`."""
        import av

        if one.index == self._source.stream.index:
            self._video = self._add_video()
        elif one.type not in ("audio", "subtitle"):
            self._left_out.append(_named(one))
        elif one.codec_context is None:
            self._left_out.append(f"{_named(one)} of a kind that is not known here")
        else:
            try:
                copy = self._container.add_stream_from_template(one)
            except (ValueError, av.error.FFmpegError) as reason:
                if one.type == "audio":
                    raise VideoError(_no_sound(self.path, self._others)) from reason
                self._left_out.append(f"{_named(one)}, which {self.path.suffix} does not take")
            else:
                copy.metadata.update({k: v for k, v in one.metadata.items() if k in ("language", "title")})
                self._copies[one.index] = copy

    def _add_chapters(self) -> None:
        if hasattr(self._container, "set_chapters") and self._others.chapters():  # PyAV 15
            self._container.set_chapters(self._others.chapters())

    def _note_what_is_lost(self) -> None:
        width, height = self._source.width, self._source.height
        if (width, height) != (self._video.width, self._video.height):
            self._source.notes.append(f"{width}x{height} written as {self._video.width}x{self._video.height}")
        if self._left_out:
            self._source.notes.append(f"left out: {', '.join(self._left_out)}")

    def _copied_packets(self) -> Iterator[tuple[float, Any]]:
        """Packets with their times, in the order of the file."""
        import av

        if not self._copies:
            return
        with contextlib.suppress(av.error.FFmpegError):  # a file that breaks off
            for packet in self._others.demux([self._others.streams[index] for index in self._copies]):
                if packet.dts is None:
                    continue
                seconds = float(packet.dts * packet.time_base)
                packet.stream = self._copies[packet.stream.index]
                yield seconds, packet

    def write(self, frame: Frame) -> None:
        """Add a frame as its planes are, and the sound up to it. Raises `VideoError`."""
        import av

        try:
            self._copy_until(float(frame.pts * self._source.stream.time_base))
            for packet in self._video.encode(self._picture(frame)):
                self._container.mux(packet)
        except av.error.FFmpegError as reason:
            raise VideoError(_not_written(self.path, reason)) from reason

    def close(self) -> None:
        """Write what is left. Raises `VideoError`."""
        import av

        try:
            for packet in self._video.encode():
                self._container.mux(packet)
            self._copy_until(float("inf"))
            self._container.close()
        except av.error.FFmpegError as reason:
            raise VideoError(_not_written(self.path, reason)) from reason
        finally:
            self._others.close()

    def abandon(self) -> None:
        """Give up; what was written is of no use."""
        import av

        with contextlib.suppress(av.error.FFmpegError):
            self._container.close()
        self._others.close()

    def _copy_until(self, until: float) -> None:
        while self._next is not None and self._next[0] <= until:
            self._container.mux(self._next[1])
            self._next = next(self._packets, None)

    def _add_video(self) -> Any:
        source, colours = self._source.stream, self._source.colours
        width, height = self._source.width, self._source.height
        codec, options = _encoder(self.path.suffix.lower(), colours.deep, width * height)
        rate = Fraction(self._source.fps).limit_denominator(1_001_000)
        stream = self._container.add_stream(codec, rate=rate, options=options)
        stream.width, stream.height = width + width % 2, height + height % 2
        stream.pix_fmt, stream.time_base = colours.stored, source.time_base
        context, old = stream.codec_context, source.codec_context
        context.time_base = source.time_base
        context.colorspace, context.color_range = colours.space, colours.range
        context.color_primaries, context.color_trc = old.color_primaries, old.color_trc
        ratio = old.sample_aspect_ratio
        if ratio:
            context.sample_aspect_ratio = 1 / ratio if self._source.turn.transposed else ratio
        if codec == "libx265":
            context.codec_tag = "hvc1"  # as Apple's players want it
        return stream

    def _picture(self, frame: Frame) -> Any:
        import av

        colours = self._source.colours
        height, width = frame.planes[0].shape
        picture = av.VideoFrame(width, height, colours.stored)
        for k, plane in plane_views(picture):
            plane[:] = frame.planes[k]
        picture.pts, picture.time_base = frame.pts, self._source.stream.time_base
        picture.colorspace, picture.color_range = colours.space, colours.range
        return picture


def write_frames(target: Path | BinaryIO, frames: Iterator[np.ndarray], fps: float, comment: str | None = None) -> int:
    """Write frames uint8 (H, W, 3), sides even, as a video without sound, into a stream as MP4; returns how many.

    Raises `VideoError`.
    """
    av = import_pyav()
    suffix = target.suffix.lower() if isinstance(target, Path) else ""
    count = 0
    where = {"file": str(target)} if isinstance(target, Path) else {"file": target, "format": "mp4"}
    try:
        with av.open(mode="w", container_options=_MUXER.get(suffix, {}), **where) as container:
            container.metadata.update({"comment": comment} if comment else {})
            codec, options = _encoder(suffix, False, 0)
            stream = container.add_stream(codec, rate=Fraction(fps).limit_denominator(1001), options=options)
            stream.pix_fmt = "yuv420p"
            for rgb in frames:
                if not count:
                    stream.height, stream.width = rgb.shape[:2]
                    colours = ColourFormat.usual(len(rgb))
                    stream.codec_context.colorspace, stream.codec_context.color_range = colours.space, colours.range
                picture = av.VideoFrame.from_ndarray(rgb, format="rgb24").reformat(
                    format=colours.stored, dst_colorspace=colours.space, dst_color_range=colours.range
                )
                picture.colorspace, picture.color_range = colours.space, colours.range
                container.mux(stream.encode(picture))
                count += 1
            container.mux(stream.encode())
    except av.error.FFmpegError as reason:
        raise VideoError(_not_written(target if isinstance(target, Path) else "the film", reason)) from reason
    return count


# (webm, deep): FFmpeg's encoder and how it is set: visually lossless, and fast.
_CODECS: dict[tuple[bool, bool], tuple[str, dict[str, str]]] = {
    (False, False): ("libx264", {"crf": "17", "preset": "veryfast"}),
    (False, True): ("libx265", {"crf": "18", "preset": "veryfast", "x265-params": "log-level=error"}),
    (True, False): ("libvpx-vp9", {"crf": "24", "b": "0", "cpu-used": "6", "row-mt": "1", "deadline": "realtime"}),
    (True, True): ("libvpx-vp9", {"crf": "24", "b": "0", "cpu-used": "6", "row-mt": "1", "deadline": "realtime"}),
}
_LARGE = 4_000_000  # pixels, from which an encoder's frames that wait would take most of the memory
_SPARING = {
    "libx264": {"x264-params": "rc-lookahead=2:bframes=1:weightp=0"},
    "libx265": {"x265-params": "log-level=error:rc-lookahead=4:bframes=1:frame-threads=1"},
    "libvpx-vp9": {"lag-in-frames": "0"},
}
_MUXER = {suffix: {"movflags": "+faststart"} for suffix in (".mp4", ".m4v", ".mov")}
_KEPT = ("title", "artist", "date", "creation_time", "location", "copyright", "description")


def _encoder(suffix: str, deep: bool, pixels: int) -> tuple[str, dict[str, str]]:
    """FFmpeg's encoder for frames of so many pixels, and how it is set."""
    codec, options = _CODECS[suffix == ".webm", deep]
    return codec, {**options, **(_SPARING.get(codec, {}) if pixels > _LARGE else {})}


def _named(stream: Any) -> str:
    kind = {"audio": "sound", "subtitle": "subtitle", "video": "further video"}.get(stream.type, stream.type)
    import av

    if stream.type == "video" and stream.disposition & av.stream.Disposition.attached_pic:
        return "a cover picture"
    return f"{'an' if kind == 'attachment' else 'a'} {kind}{'' if kind == 'attachment' else ' track'}"


def _no_sound(path: Path, sound: Any) -> str:
    codecs = ", ".join(one.codec_context.name for one in sound.streams.audio if one.codec_context)
    return f"{path.suffix} takes no {codecs} sound; name the output .mkv or .mov"


def _not_written(path: Path | str, reason: Exception) -> str:
    return f"cannot write {path} ({reason}); free space, or name the output .mkv"
