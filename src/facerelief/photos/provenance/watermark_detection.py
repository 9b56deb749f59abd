"""Finding the mark of `watermark` in a picture, without the original, and how likely chance would show as much.

In a picture without a mark each chip's sign is a fair coin, since chips were drawn at random. So the chance that as
many are right follows from the binomial distribution; times the number of places that were looked at, it bounds the
chance that a picture without a mark seems to have one.
"""

import functools
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from facerelief.colour import LUMA
from facerelief.expressions import EXPRESSIONS
from facerelief.faces.alignment import Crop
from facerelief.photos.provenance.watermark import TILE, chips, code, folded, in_cells, inside, levelled

Box = tuple[int, int, int, int]

CHANCE = 1e-6  # of a mark seen in a picture without one; each of the two searches may err so often
_BLOCK = TILE // 2  # cells; windows are squares of whole blocks
_WINDOWS = (2, 3, 4, 6)  # blocks a side
_MOST_CELLS = 4_000_000  # in larger pictures the smallest faces are only looked for where faces are found
_SMALLEST = 0.7  # pixels a cell: a small face's, at half size
_WRITTEN = tuple(float(size) for size in 2 ** (np.arange(-1, 14) / 2))  # pixels a cell; the first: at half size
_FINE = 1.015  # from cell size to cell size, where a picture may have been resized by any factor
_CELLS = (132, 60)  # across the crop of a marked face, at most and at least, and a little beyond
_SHIFTS = 2 * TILE  # places along an axis where the pattern may begin
_READABLE = 1e-3  # chance at which the word counts as read


@dataclass(frozen=True)
class PixelMark:
    """A mark found. `box`: x0, y0, x1, y1 of where it was read, pixels; `expression`: to which the face was edited,
    None where that cannot be read; `right`: share of its signs that are right, half by chance; `chance`: bound on the
    chance that a picture without a mark shows one as clear.
    """

    box: Box
    expression: str | None
    right: float
    chance: float


def find_marks(rgb: np.ndarray, crops: Sequence[Crop] = ()) -> list[PixelMark]:
    """The marks in a picture uint8 (H, W, 3), the clearest first.

    Marks of pictures at full, 0.7, 0.5, 0.35 ... of their size are found anywhere. Those of pictures that were cut, or
    resized by another factor, only at the faces, given as their `crops`, where all are also read better.
    """
    luma = rgb @ LUMA.astype(np.float32)
    at_faces = [mark for crop in crops if (mark := _at_face(luma, crop, len(crops)))]
    return _distinct(_as_written(luma) + at_faces)


def _as_written(luma: np.ndarray) -> list[PixelMark]:
    """Marks whose pattern begins at the picture's corner, with cells of a size that is written, or half of it."""
    sizes = [size for size in _WRITTEN if size >= _least(luma) and _fits(luma, size)]
    tests, likely = 0, []
    for size in sizes:
        for window, shown in _windows(luma, size):
            tests += len(shown)
            clear = np.flatnonzero(_chances()[_right(shown)] < CHANCE)
            likely += [(shown[k], _box(window[k], size)) for k in clear]
    return [mark for one, box in likely if (mark := _mark(one, tests, box)).chance < CHANCE]


def _at_face(luma: np.ndarray, crop: Crop, faces: int) -> PixelMark | None:
    """The mark of a face that is known, in a picture of any scale whose corner may have been cut off."""
    side = crop.size / crop.scale
    corners = crop.to_photo(np.array([(0, 0), (crop.size, 0), (0, crop.size), (crop.size, crop.size)], float))
    low, high = np.maximum(corners.min(axis=0), 0), np.minimum(corners.max(axis=0), luma.shape[::-1])
    least, most = (side / cells for cells in _CELLS)
    written = [size for size in _WRITTEN if least < size < most]
    sizes = written + _fine_sizes(least, most)
    found = []
    for size in sizes:
        first, last = np.ceil(low / size).astype(int), np.floor(high / size).astype(int)
        if (last - first < TILE // 4).any():
            continue
        picture, _ = levelled(in_cells(luma, size, first * size, last - first))
        shown = chips(folded(picture * inside(crop, first, last, size, side), first))
        box, tests = _pixels((*first, *last), size), 2 * len(sizes) * faces
        found.append(_mark(shown, tests, box) if size in written else _shifted(shown, tests, box))
    best = min(found, key=lambda mark: mark.chance, default=None)
    return best if best and best.chance < CHANCE else None


def _least(luma: np.ndarray) -> float:
    return max(_SMALLEST, math.sqrt(luma.size / _MOST_CELLS))


def _fits(luma: np.ndarray, size: float) -> bool:
    return min(luma.shape) / size >= _BLOCK


def _fine_sizes(least: float, most: float) -> list[float]:
    count = max(1, math.ceil(math.log(most / least) / math.log(_FINE)))
    return [least * _FINE**k for k in range(count + 1)]


def _windows(luma: np.ndarray, size: float) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """For each width of windows: places int (M, 3), first block across and down, and width; and chips (M, N, 2)."""
    count = (np.array(luma.shape[::-1]) / size).astype(int)
    picture, _ = levelled(in_cells(luma, size, np.zeros(2), count))
    across, down = -(-count // _BLOCK)
    picture = np.pad(picture, ((0, down * _BLOCK - count[1]), (0, across * _BLOCK - count[0])))
    shown = np.zeros((down + 1, across + 1, *code().known.shape), np.float32)
    for block in range(down):
        row = picture[block * _BLOCK : (block + 1) * _BLOCK].reshape(_BLOCK, across, _BLOCK).swapaxes(0, 1)
        tiles = np.zeros((across, TILE, TILE))
        top = block % 2 * _BLOCK
        for side in (0, 1):
            tiles[side::2, top : top + _BLOCK, side * _BLOCK : (side + 1) * _BLOCK] = row[side::2]
        shown[block + 1, 1:] = chips(tiles)
    sums = shown.cumsum(axis=0, dtype=np.float64).cumsum(axis=1)
    for width in _WINDOWS:
        w, h = min(width, across), min(width, down)
        inner = sums[h:, w:] - sums[:-h, w:] - sums[h:, :-w] + sums[:-h, :-w]
        y, x = np.divmod(np.arange(inner.shape[0] * inner.shape[1]), inner.shape[1])
        yield np.column_stack([x, y, np.full(len(x), width)]), inner.reshape(-1, *inner.shape[2:])


def _shifted(shown: np.ndarray, tests: int, box: Box) -> PixelMark:
    """What chips (N, 2) say of a pattern that may begin anywhere."""
    waves = shown[:, 0] + 1j * shown[:, 1]
    signs = np.where(code().known, code().signs[0], 0)
    agreement = np.zeros((_SHIFTS, _SHIFTS), complex)
    y, x = np.where(code().waves < TILE // 2, code().waves, code().waves - TILE).T
    agreement[y, x] = waves / np.maximum(abs(waves), 1e-9) * (signs[:, 0] - 1j * signs[:, 1])
    down, across = np.unravel_index(np.argmax(np.fft.ifft2(agreement).real), agreement.shape)
    back = waves * np.exp(2j * np.pi * (y * down + x * across) / _SHIFTS)
    there = np.stack([back.real, back.imag], axis=-1)
    return _mark(there, tests * _SHIFTS**2, box)


def _mark(shown: np.ndarray, tests: int, box: Box) -> PixelMark:
    """What chips (N, 2) say, after so many tests."""
    right = int(_right(shown[None])[0])
    free = ~code().known
    words = [int(((shown * signs)[free] > 0).sum()) for signs in code().signs]
    best = int(np.argmax(words))
    read = _tails(int(free.sum()))[words[best]] * len(words) < _READABLE
    chance = min(1.0, float(_chances()[right]) * tests)
    return PixelMark(box, EXPRESSIONS[best] if read else None, right / int(code().known.sum()), chance)


def _right(shown: np.ndarray) -> np.ndarray:
    """How many of the known signs are right in chips (M, N, 2), int (M,)."""
    known = code().known
    return (shown[:, known] * code().signs[0][known] > 0).sum(axis=1)


def _chances() -> np.ndarray:
    return _tails(int(code().known.sum()))


@functools.cache
def _tails(count: int) -> np.ndarray:
    """The chance that at least k of so many fair coins show heads, at k from 0 to count."""
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


def _distinct(marks: list[PixelMark]) -> list[PixelMark]:
    """The marks that do not overlap clearer ones, the clearest first."""
    kept: list[PixelMark] = []
    for mark in sorted(marks, key=lambda one: one.chance):
        x0, y0, x1, y1 = mark.box
        if not any(
            x0 < other.box[2] and other.box[0] < x1 and y0 < other.box[3] and other.box[1] < y1 for other in kept
        ):
            kept.append(mark)
    return kept
