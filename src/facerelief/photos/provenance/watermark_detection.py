"""Detection of the watermark without the original, with a bound on the probability of a false positive.

In a picture without a watermark each chip's sign is a fair coin, since the chips were drawn at random. So the
probability that as many are right follows from the binomial distribution; times the number of places that were tested,
it bounds the probability of a false positive.
"""

import functools
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from facerelief.array_types import RGB
from facerelief.colour import LUMA
from facerelief.expressions import EXPRESSIONS
from facerelief.faces.alignment import Crop
from facerelief.photos.provenance.watermark import (
    TILE_CELLS,
    chip_values,
    crop_mask,
    fold_tiles,
    normalize_contrast,
    sample_cells,
    watermark_code,
)

Box = tuple[int, int, int, int]

FALSE_POSITIVE_RATE = 1e-6  # of each of the two searches
_BLOCK = TILE_CELLS // 2  # cells; windows are squares of whole blocks
_WINDOWS = (2, 3, 4, 6)  # blocks a side
_MAX_CELLS = 4_000_000  # in larger pictures the smallest faces are only searched at detected faces
_MIN_CELL = 0.7  # pixels a cell: a small face's, at half size
_WRITTEN = tuple(float(size) for size in 2 ** (np.arange(-1, 14) / 2))  # pixels a cell; the first: at half size
_FINE = 1.015  # from cell size to cell size, where a picture may have been resized by any factor
_CELLS = (132, 60)  # across the crop of a marked face, at most and at least, and a little beyond
_SHIFTS = 2 * TILE_CELLS  # places along an axis where the pattern may begin
_READABLE = 1e-3  # probability of chance below which the expression counts as read


@dataclass(frozen=True)
class Watermark:
    """A detected watermark.

    Args:
        box: x0, y0, x1, y1 in pixels.
        expression: To which the face was edited; None if that cannot be read, or is none of the eight.
        right: Share of right signs, 0.5 by chance.
        chance: Bound on the probability of a false positive.
    """

    box: Box
    expression: str | None
    right: float
    chance: float


def detect_watermarks(rgb: RGB, crops: Sequence[Crop] = ()) -> list[Watermark]:
    """Detect watermarks in a picture (H, W, 3), the clearest first.

    Args:
        rgb: The picture. At 1, 0.7, 0.5, 0.35 ... of its original size watermarks are found anywhere.
        crops: Crops of its faces, at which watermarks of cropped and arbitrarily resized pictures are found too.

    Example:
        >>> detect_watermarks(np.full((200, 200, 3), 128, np.uint8))
        []
    """
    luma = rgb @ LUMA.astype(np.float32)
    at_faces = [mark for crop in crops if (mark := _at_face(luma, crop, len(crops)))]
    return _distinct(_as_written(luma) + at_faces)


def _as_written(luma: np.ndarray) -> list[Watermark]:
    """Watermarks anchored at the picture's corner, with cells of an embedded size or half of it."""
    sizes = [size for size in _WRITTEN if size >= _least(luma) and _fits(luma, size)]
    tests, likely = 0, []
    for size in sizes:
        for window, shown in _windows(luma, size):
            tests += len(shown)
            clear = np.flatnonzero(_chances()[_right(shown)] < FALSE_POSITIVE_RATE)
            likely += [(shown[k], _box(window[k], size)) for k in clear]
    return [mark for one, box in likely if (mark := _mark(one, tests, box)).chance < FALSE_POSITIVE_RATE]


def _at_face(luma: np.ndarray, crop: Crop, faces: int) -> Watermark | None:
    """The watermark of a detected face, in a picture of any scale that may have been cropped."""
    side = crop.size / crop.scale
    corners = crop.to_photo(np.array([(0, 0), (crop.size, 0), (0, crop.size), (crop.size, crop.size)], float))
    low, high = np.maximum(corners.min(axis=0), 0), np.minimum(corners.max(axis=0), luma.shape[::-1])
    least, most = (side / cells for cells in _CELLS)
    written = [size for size in _WRITTEN if least < size < most]
    sizes = written + _fine_sizes(least, most)
    found = []
    for size in sizes:
        first, last = np.ceil(low / size).astype(int), np.floor(high / size).astype(int)
        if (last - first < TILE_CELLS // 4).any():
            continue
        picture, _ = normalize_contrast(sample_cells(luma, size, first * size, last - first))
        shown = chip_values(fold_tiles(picture * crop_mask(crop, first, last, size, side), first))
        box, tests = _pixels((*first, *last), size), 2 * len(sizes) * faces
        found.append(_mark(shown, tests, box) if size in written else _shifted(shown, tests, box))
    best = min(found, key=lambda mark: mark.chance, default=None)
    return best if best and best.chance < FALSE_POSITIVE_RATE else None


def _least(luma: np.ndarray) -> float:
    return max(_MIN_CELL, math.sqrt(luma.size / _MAX_CELLS))


def _fits(luma: np.ndarray, size: float) -> bool:
    return min(luma.shape) / size >= _BLOCK


def _fine_sizes(least: float, most: float) -> list[float]:
    count = max(1, math.ceil(math.log(most / least) / math.log(_FINE)))
    return [least * _FINE**k for k in range(count + 1)]


def _windows(luma: np.ndarray, size: float) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """For each width of windows: places int (M, 3), first block across and down, and width; and chips (M, N, 2)."""
    count = (np.array(luma.shape[::-1]) / size).astype(int)
    picture, _ = normalize_contrast(sample_cells(luma, size, np.zeros(2), count))
    across, down = -(-count // _BLOCK)
    picture = np.pad(picture, ((0, down * _BLOCK - count[1]), (0, across * _BLOCK - count[0])))
    shown = np.zeros((down + 1, across + 1, *watermark_code().known.shape), np.float32)
    for block in range(down):
        row = picture[block * _BLOCK : (block + 1) * _BLOCK].reshape(_BLOCK, across, _BLOCK).swapaxes(0, 1)
        tiles = np.zeros((across, TILE_CELLS, TILE_CELLS))
        top = block % 2 * _BLOCK
        for side in (0, 1):
            tiles[side::2, top : top + _BLOCK, side * _BLOCK : (side + 1) * _BLOCK] = row[side::2]
        shown[block + 1, 1:] = chip_values(tiles)
    sums = shown.cumsum(axis=0, dtype=np.float64).cumsum(axis=1)
    for width in _WINDOWS:
        w, h = min(width, across), min(width, down)
        inner = sums[h:, w:] - sums[:-h, w:] - sums[h:, :-w] + sums[:-h, :-w]
        y, x = np.divmod(np.arange(inner.shape[0] * inner.shape[1]), inner.shape[1])
        yield np.column_stack([x, y, np.full(len(x), width)]), inner.reshape(-1, *inner.shape[2:])


def _shifted(shown: np.ndarray, tests: int, box: Box) -> Watermark:
    """What chips (N, 2) say of a pattern that may begin anywhere."""
    waves = shown[:, 0] + 1j * shown[:, 1]
    signs = np.where(watermark_code().known, watermark_code().signs[0], 0)
    agreement = np.zeros((_SHIFTS, _SHIFTS), complex)
    y, x = np.where(
        watermark_code().waves < TILE_CELLS // 2, watermark_code().waves, watermark_code().waves - TILE_CELLS
    ).T
    agreement[y, x] = waves / np.maximum(abs(waves), 1e-9) * (signs[:, 0] - 1j * signs[:, 1])
    down, across = np.unravel_index(np.argmax(np.fft.ifft2(agreement).real), agreement.shape)
    back = waves * np.exp(2j * np.pi * (y * down + x * across) / _SHIFTS)
    there = np.stack([back.real, back.imag], axis=-1)
    return _mark(there, tests * _SHIFTS**2, box)


def _mark(shown: np.ndarray, tests: int, box: Box) -> Watermark:
    """Decode chips (N, 2) after so many tests."""
    right = int(_right(shown[None])[0])
    free = ~watermark_code().known
    words = [int(((shown * signs)[free] > 0).sum()) for signs in watermark_code().signs]
    best = int(np.argmax(words))
    read = _tails(int(free.sum()))[words[best]] * len(words) < _READABLE
    chance = min(1.0, float(_chances()[right]) * tests)
    return Watermark(box, EXPRESSIONS[best] if read else None, right / int(watermark_code().known.sum()), chance)


def _right(shown: np.ndarray) -> np.ndarray:
    """The number of right known signs in chips (M, N, 2), int (M,)."""
    known = watermark_code().known
    return (shown[:, known] * watermark_code().signs[0][known] > 0).sum(axis=1)


def _chances() -> np.ndarray:
    return _tails(int(watermark_code().known.sum()))


@functools.cache
def _tails(count: int) -> np.ndarray:
    """P(at least k heads of `count` fair coins) for k from 0 to count."""
    ways = [math.comb(count, k) for k in range(count + 1)]
    tails, total = [], 0
    for one in reversed(ways):
        total += one
        tails.append(total / 2**count)
    return np.array(tails[::-1])


def _box(window: np.ndarray, size: float) -> Box:
    x, y, width = window * _BLOCK
    return _pixels((x, y, x + width, y + width), size)


def _pixels(cells: Sequence[int], size: float) -> Box:
    x0, y0, x1, y1 = (round(edge * size) for edge in cells)
    return x0, y0, x1, y1


def _distinct(marks: list[Watermark]) -> list[Watermark]:
    """Non-maximum suppression, the clearest first."""
    kept: list[Watermark] = []
    for mark in sorted(marks, key=lambda one: one.chance):
        x0, y0, x1, y1 = mark.box
        if not any(
            x0 < other.box[2] and other.box[0] < x1 and y0 < other.box[3] and other.box[1] < y1 for other in kept
        ):
            kept.append(mark)
    return kept
