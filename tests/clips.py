"""Videos for tests, written with PyAV: pans over a portrait, with a tone for sound."""

import hashlib
import struct
from collections.abc import Iterable, Iterator
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
from photos import astronaut
from PIL import Image


def view(photo: Image.Image, left: float, top: float, side: float, size: tuple[int, int]) -> np.ndarray:
    """A window of a photo, its height `side`, enlarged to size (width, height); parts of pixels count."""
    width, height = size
    scale = side / height
    box = (left, top, left + width * scale, top + side)
    return np.asarray(photo.resize(size, Image.Resampling.BICUBIC, box=box))


def head_pan(count: int, size: tuple[int, int] = (320, 240), still: bool = False) -> Iterator[np.ndarray]:
    """A window that glides over the astronaut's head; still: always the first."""
    photo = Image.fromarray(astronaut())
    for k in range(count):
        t = 0 if still else k / max(1, count - 1)
        yield view(photo, 60 + 40 * t, 5 + 10 * t, 225 + 20 * t, size)


def write_clip(
    path: Path,
    frames: Iterable[np.ndarray],
    fps: int = 25,
    *,
    sound: bool = True,
    codec: str = "libx264",
    pixels: str = "yuv420p",
    times: list[int] | None = None,
    flags: str = "",
    colours: dict[str, int] | None = None,
    encoder: dict[str, str] | None = None,
    muxer: dict[str, str] | None = None,
) -> Path:
    """Write a video.

    times: when each frame is shown, in thousandths of a second, where the rate varies. flags, encoder, muxer: FFmpeg's
    options. colours: of the encoder, by FFmpeg's names and numbers.
    """
    import av

    options = {"crf": "16", "x265-params": "log-level=none", **({"flags": flags} if flags else {}), **(encoder or {})}
    with av.open(str(path), "w", options=muxer or {}) as container:
        video, audio = None, None
        if sound:
            audio = container.add_stream("libopus" if path.suffix == ".webm" else "aac", rate=48000, layout="mono")
        for number, rgb in enumerate(frames):
            if video is None:
                video = container.add_stream(codec, rate=fps, options=options)
                for name, value in (colours or {}).items():
                    setattr(video.codec_context, name, value)
                video.width, video.height, video.pix_fmt = rgb.shape[1], rgb.shape[0], pixels
                video.codec_context.time_base = Fraction(1, 1000 if times else fps)
            frame = av.VideoFrame.from_ndarray(rgb, format="rgb24").reformat(format=pixels)
            frame.pts, frame.time_base = (times[number] if times else number), video.codec_context.time_base
            container.mux(video.encode(frame))
        if audio is not None:
            seconds = times[-1] / 1000 if times else (number + 1) / fps
            for packet in tone(audio, seconds):
                container.mux(packet)
            container.mux(audio.encode())
        container.mux(video.encode())
    return path


def tone(audio: Any, seconds: float) -> Iterator[Any]:
    import av

    length = 960
    for start in range(0, int(seconds * 48000), length):
        wave = np.sin(np.arange(start, start + length) * 2 * np.pi * 440 / 48000) * 0.3
        frame = av.AudioFrame.from_ndarray(wave[None].astype(np.float32), format="fltp", layout="mono")
        frame.sample_rate, frame.pts, frame.time_base = 48000, start, Fraction(1, 48000)
        yield from audio.encode(frame)


def read_frames(path: Path) -> tuple[list[np.ndarray], list[float]]:
    """The frames as stored, uint8 (H, W, 3), and their times in seconds."""
    import av

    with av.open(str(path)) as container:
        frames = list(container.decode(video=0))
        return [frame.to_ndarray(format="rgb24") for frame in frames], [float(frame.time) for frame in frames]


def sound_packets(path: Path) -> list[tuple[float, str]]:
    """Time and digest of each packet of sound."""
    import av

    with av.open(str(path)) as container:
        packets = [one for one in container.demux(audio=0) if one.size]
        return [(float(one.pts * one.time_base), hashlib.sha256(bytes(one)).hexdigest()) for one in packets]


def turn_clip(path: Path, matrix: tuple[int, int, int, int] = (0, 1, -1, 0)) -> None:
    """Make an MP4 say how its pictures are to be shown, by default a quarter turn clockwise, as phones do.

    matrix: a, b, c, d; what is stored at (x, y) is shown at (a x + c y, b x + d y).
    """
    a, b, c, d = (value << 16 for value in matrix)
    data = bytearray(path.read_bytes())
    at = data.find(b"tkhd")
    while at >= 0:
        assert data[at + 4] == 0  # the version whose layout follows
        place = at + 4 + 40
        if any(data[place + 36 : place + 44]):  # width and height, which sound has not
            data[place : place + 36] = struct.pack(">9i", a, b, 0, c, d, 0, 0, 0, 1 << 30)
        at = data.find(b"tkhd", at + 1)
    path.write_bytes(data)


def pixels(frame: Any, rgb: np.ndarray) -> np.ndarray:
    """What becomes of an edited frame: its pixels; in a module that other processes can import."""
    return rgb
