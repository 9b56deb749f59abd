"""Frames of videos as they are stored (brightness and colour apart, colour at half the resolution) and as pixels.

What an edit changed is added to the frame as it was decoded: nothing else changes before it is encoded again, and ten
bits stay ten bits.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from facerelief.array_types import RGB
from facerelief.strips import in_strips

_UNSPECIFIED, _BT601, _BT709 = 2, 5, 1  # FFmpeg's colour spaces
_LIMITED, _FULL = 1, 2  # and ranges
EXACT = 4 | 0x40000 | 0x2000  # bicubic, and rounded exactly
_HD = 720  # rows from which a video that does not tell its colour space is taken for BT.709, as players do


@dataclass(frozen=True, eq=False)
class Frame:
    """One frame, upright.

    Attributes:
        rgb: (H, W, 3).
        planes: Y (H', W') and Cb, Cr (H' / 2, W' / 2) as they were decoded, uint8, or uint16 of 10 bits, sides even;
            none where they are not needed.
        pts: Presentation time in the stream's time base.
        seconds: From the start.
    """

    rgb: RGB
    planes: tuple[np.ndarray, ...]
    pts: int
    seconds: float

    def without_pixels(self, planes: tuple[np.ndarray, ...] = ()) -> "Frame":
        """When it is shown, alone, or with other planes."""
        return Frame(_NONE, planes, self.pts, self.seconds)


_NONE = np.empty((0, 0, 3), dtype=np.uint8)


@dataclass(frozen=True)
class Orientation:
    """How stored pictures become upright ones: rows for columns first, then mirrored: all eight orientations."""

    transposed: bool = False
    mirrored: bool = False  # left for right
    upturned: bool = False  # upside down

    @classmethod
    def of(cls, matrix: np.ndarray) -> "Orientation":
        """That of a display matrix, nine numbers by rows, or the nearest: what is stored at (x, y), x to the right and
        y down, is shown at (matrix[0] x + matrix[3] y, matrix[1] x + matrix[4] y).
        """
        a, b, _, c, d = (int(value) for value in matrix[:5])
        if abs(a) + abs(d) >= abs(b) + abs(c):
            return cls(False, a < 0, d < 0)
        return cls(True, c < 0, b < 0)

    @staticmethod
    def leans(matrix: np.ndarray) -> bool:
        """Whether a display matrix turns by other than quarters."""
        a, b, _, c, d = (abs(int(value)) for value in matrix[:5])
        return min(a + d, b + c) > 0.01 * max(a + d, b + c)

    def __call__(self, plane: np.ndarray) -> np.ndarray:
        """A stored picture (H, W, ...) as it is to be shown; a view of it."""
        plane = plane.swapaxes(0, 1) if self.transposed else plane
        plane = plane[:, ::-1] if self.mirrored else plane
        return plane[::-1] if self.upturned else plane

    def size(self, width: int, height: int) -> tuple[int, int]:
        """Width and height as shown."""
        return (height, width) if self.transposed else (width, height)


@dataclass(frozen=True)
class ColourFormat:
    """How a video's frames are stored.

    Attributes:
        space: Colour space, FFmpeg's number.
        range: Colour range, FFmpeg's number.
        deep: Whether a value has 10 bits.
    """

    space: int
    range: int
    deep: bool

    @classmethod
    def usual(cls, height: int) -> "ColourFormat":
        """What players take a video of so many rows for that does not tell."""
        return cls(_BT709 if height >= _HD else _BT601, _LIMITED, False)

    @classmethod
    def of(cls, context: Any) -> "ColourFormat":
        """Those of a decoder; what is missing is guessed as players do."""
        space = int(context.colorspace)
        if space in (0, _UNSPECIFIED):  # 0: RGB
            space = cls.usual(context.height).space
        full = int(context.color_range) == _FULL or context.format.name.startswith("yuvj")
        deep = max((part.bits for part in context.format.components), default=8) > 8
        return cls(space, _FULL if full else _LIMITED, deep)

    @property
    def stored(self) -> str:
        """FFmpeg's pixel format, as it is encoded too."""
        if self.deep:
            return "yuv420p10le"
        return "yuvj420p" if self.range == _FULL else "yuv420p"


def add_change(frame: Frame, edited: RGB, colours: ColourFormat) -> tuple[np.ndarray, ...]:
    """A frame's planes with what an edit changed added to them, so that all else stays as it was decoded."""
    if edited is frame.rgb:
        return frame.planes
    rows, columns = _differing(edited, frame.rgb)
    if not len(rows):
        return frame.planes
    y0, x0 = rows[0] // 2 * 2, columns[0] // 2 * 2
    box = slice(y0, rows[-1] // 2 * 2 + 2), slice(x0, columns[-1] // 2 * 2 + 2)
    before, after = (to_yuv(pad_even(rgb[box]), colours) for rgb in (frame.rgb, edited))
    factor, most = (4, 1023) if colours.deep else (1, 255)
    out = []
    for k, plane in enumerate(frame.planes):
        step = 2 if k else 1
        part = tuple(
            slice(one.start // step, one.start // step + size) for one, size in zip(box, before[k].shape, strict=True)
        )
        new = plane.copy()
        for top, bottom in in_strips(0, len(after[k]), after[k].shape[1]):
            rows = new[part][top:bottom]
            change = (after[k][top:bottom].astype(np.int32) - before[k][top:bottom]) * factor
            rows[:] = np.clip(rows + change, 0, most)
        out.append(new)
    return tuple(out)


def _differing(one: np.ndarray, other: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The rows and the columns in which pixels (H, W, 3) differ."""
    height, width = one.shape[:2]
    rows, columns = np.zeros(height, bool), np.zeros(width * 3, bool)
    for top, bottom in in_strips(0, height, width):
        differs = (one[top:bottom] != other[top:bottom]).reshape(bottom - top, -1)  # rows of levels: the fastest way
        rows[top:bottom] = differs.any(axis=1)
        columns |= differs.any(axis=0)
    return np.flatnonzero(rows), np.flatnonzero(columns) // 3


def to_yuv(rgb: RGB, colours: ColourFormat) -> list[np.ndarray]:
    """Y, Cb and Cr, 8 bits, of pixels with even sides."""
    import av

    picture = av.VideoFrame.from_ndarray(np.ascontiguousarray(rgb), format="rgb24").reformat(
        format="yuvj420p" if colours.range == _FULL else "yuv420p",
        dst_colorspace=colours.space,
        dst_color_range=colours.range,
        interpolation=EXACT,
    )
    return [plane.copy() for _, plane in plane_views(picture)]


def rgb_view(picture: Any) -> RGB:
    """The pixels (H, W, 3) of a picture in rgb24, as an array that shares its memory."""
    (plane,) = picture.planes
    rows = np.frombuffer(plane, np.uint8).reshape(-1, plane.line_size)[: picture.height, : picture.width * 3]
    return rows.reshape(picture.height, picture.width, 3)


def plane_views(picture: Any) -> Iterator[tuple[int, np.ndarray]]:
    """The planes of a picture, numbered, as arrays that share its memory."""
    kind = np.uint16 if "10" in picture.format.name else np.uint8
    for k, plane in enumerate(picture.planes):
        rows = np.frombuffer(plane, np.uint8).reshape(-1, plane.line_size).view(kind)
        yield k, rows[: plane.height, : plane.width]


def pad_even(plane: np.ndarray) -> np.ndarray:
    """Pixels (H, W, ...) with sides made even by repeating the last row and column."""
    odd = [(0, side % 2) for side in plane.shape[:2]] + [(0, 0)] * (plane.ndim - 2)
    return np.pad(plane, odd, mode="edge") if any(more for _, more in odd) else plane
