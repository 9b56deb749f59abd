"""An invisible mark in the pixels of an edited face, which says that it was edited, and to which expression.

A pattern of sine waves, periodic over `TILE` cells and anchored at the photo's corner, is added to the face's luma.
Each wave's cosine and sine part is a chip: its sign is known, and says one bit of "edited" or of the expression. The
host picture is no noise to us: waves that it already shows cost nothing, those that it shows the other way round are
turned where that is cheap (informed embedding, after Miller, Doerr and Cox, 2004). `find_marks` in `watermark_search`
reads the signs without the original, and knows by how many of them are right how likely chance is.
"""

import functools
import hashlib
import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from PIL import Image

from facerelief.colour import LUMA
from facerelief.easing import smoothstep
from facerelief.expressions import EXPRESSIONS
from facerelief.faces.alignment import Crop
from facerelief.strips import in_strips

TILE = 64  # cells, the pattern's period
_BAND = (5.0, 21.0)  # waves in a tile: from 3 to 13 cells long
_WORD_SHARE = 6  # one chip in so many says the expression
_SEED = b"facerelief mark 1"
_LARGE = 362  # pixels of a crop from which its face counts as large: it has more cells, and bears a fainter mark
_CELLS = (64, 90)  # across the crop of a small and a large face, at least
_LOUDNESS = (3.0, 2.3)  # root mean square of the mark, in levels
_MASKING = 0.3  # how much more is hidden where the picture is busy
_SURE = 0.5  # how far past zero a chip that has been turned is brought, against what is turned at all
_FADE = 0.1  # of the crop's side
_ROUND = 3  # of its outline, a superellipse: the corners show no face


@dataclass(frozen=True)
class Code:
    """The pattern's chips. `waves`: int (N, 2), down and across a tile; `known`: bool (N, 2), those that every mark has
    alike, for cosine and sine; `signs`: float (W, N, 2), -1 or 1, the chips of each word.
    """

    waves: np.ndarray
    known: np.ndarray
    signs: np.ndarray


@functools.cache
def code() -> Code:
    """The one code of this version: a word for each expression."""
    across = np.fft.fftfreq(TILE, 1 / TILE)
    y, x = np.meshgrid(across, across, indexing="ij")
    length = np.hypot(y, x)
    waves = np.argwhere(((y > 0) | ((y == 0) & (x > 0))) & (length >= _BAND[0]) & (length <= _BAND[1]))
    shape = (2 + len(EXPRESSIONS), len(waves), 2)
    drawn = hashlib.shake_256(_SEED).digest(math.prod(shape))  # numpy's generators may change from version to version
    which, common, *words = np.frombuffer(drawn, np.uint8).reshape(shape)
    known = which % _WORD_SHARE > 0
    return Code(waves, known, np.where(known, common, words) % 2 * 2.0 - 1)


def imprint_image(image: Image.Image, faces: Sequence[tuple[Crop, str]]) -> None:
    """Put the mark in each face of an RGB image, given as its crop and the expression that it was edited to.

    Nothing outside the crops changes. Where a crop shows too little of the photo to hold a mark, it gets none.
    """
    for crop, expression in faces:
        _imprint_one(image, crop, code().signs[EXPRESSIONS.index(expression)])


def _imprint_one(image: Image.Image, crop: Crop, signs: np.ndarray) -> None:
    """Add a word's mark to one crop of an image, in place."""
    side = crop.size / crop.scale
    cell = cell_size(side)
    corners = crop.to_photo(np.array([(0, 0), (crop.size, 0), (0, crop.size), (crop.size, crop.size)], float))
    first = np.ceil(np.maximum(corners.min(axis=0), 0) / cell).astype(int)
    last = np.floor(np.minimum(corners.max(axis=0), image.size) / cell).astype(int)
    if (last - first < TILE // 4).any():
        return
    start, end = np.floor(first * cell).astype(int), np.ceil(last * cell).astype(int)
    picture, loudness = levelled(_cells_of(image, cell, first, last))
    mask = inside(crop, first, last, cell, side)
    gain = loudness**_MASKING
    gain *= mask / np.sqrt(np.square(gain * mask).sum() / max(np.square(mask).sum(), 1e-9))
    response = float((gain * mask / loudness).sum())
    if response <= 0:
        return
    shown = chips(folded(picture * mask, first)) * signs / response
    pattern = _tile(_cheapest(shown, _LOUDNESS[side >= _LARGE]) * signs)
    rows, columns = (np.arange(first[k], last[k]) % TILE for k in (1, 0))
    added = np.pad(pattern[np.ix_(rows, columns)] * gain, 1, mode="edge").astype(np.float32)
    box = (*(start / cell - first + 1).tolist(), *(end / cell - first + 1).tolist())
    _add(image, Image.fromarray(added), (*start.tolist(), *end.tolist()), box)


def _cells_of(image: Image.Image, cell: float, first: np.ndarray, last: np.ndarray) -> np.ndarray:
    """`in_cells` of the luma of an image between the cells `first` and `last` (x, y), in strips: large faces have
    many pixels, but few cells.
    """
    (x0, y0), (x1, y1) = np.floor(first * cell).astype(int), np.ceil(last * cell).astype(int)
    (left, above), (across, down) = first * cell - (x0, y0), last - first
    right, below = min(left + across * cell, x1 - x0), min(above + down * cell, y1 - y0)
    narrow = []
    for top, bottom in in_strips(y0, y1, x1 - x0):
        luma = np.asarray(image.crop((x0, top, x1, bottom))) @ LUMA.astype(np.float32)
        box = (left, 0, right, bottom - top)
        strip = Image.fromarray(luma).resize((across, bottom - top), Image.Resampling.BICUBIC, box=box)
        narrow.append(np.asarray(strip))
    whole = Image.fromarray(np.concatenate(narrow))
    return np.asarray(whole.resize((across, down), Image.Resampling.BICUBIC, box=(0, above, across, below)))


def _add(image: Image.Image, levels: Image.Image, place: tuple[int, int, int, int], box: tuple[float, ...]) -> None:
    """Add the part `box` of levels, enlarged to a place of an image (left, top, right, bottom), to its pixels."""
    x0, y0, x1, y1 = place
    rows = (box[3] - box[1]) / (y1 - y0)  # of `levels`, for each of the image
    for top, bottom in in_strips(y0, y1, x1 - x0):
        part = (box[0], box[1] + (top - y0) * rows, box[2], box[1] + (bottom - y0) * rows)
        large = levels.resize((x1 - x0, bottom - top), Image.Resampling.BICUBIC, box=part)
        before = np.asarray(image.crop((x0, top, x1, bottom)))
        after = np.clip(before + np.rint(np.asarray(large)).astype(np.int16)[..., None], 0, 255).astype(np.uint8)
        image.paste(Image.fromarray(after), (x0, top))


def cell_size(side: float) -> float:
    """Pixels of a cell in a crop of `side` pixels: a power of the square root of 2, so that few need to be tried."""
    return float(2 ** (max(0, np.floor(2 * np.log2(side / _CELLS[side >= _LARGE]))) / 2))


def in_cells(luma: np.ndarray, cell: float, start: np.ndarray, count: np.ndarray) -> np.ndarray:
    """A picture float32 (H, W) at one value a cell, float32 (count y, count x), from `start` (x, y) in pixels."""
    image = Image.fromarray(luma)
    end = np.minimum(start + count * cell, image.size)
    box = (float(start[0]), float(start[1]), float(end[0]), float(end[1]))
    return np.asarray(image.resize((int(count[0]), int(count[1])), Image.Resampling.BICUBIC, box=box))


def levelled(picture: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """A picture (H, W) freed of what is wide, and everywhere as loud; and how loud it was, in levels, at least 1."""
    fine = picture - _mean(_mean(picture, 2), 2)
    loudness = np.sqrt(np.maximum(_mean(_mean(fine * fine, 4), 4), 0)) + 1
    return np.clip(fine / loudness, -2, 2), loudness


def folded(picture: np.ndarray, first: np.ndarray) -> np.ndarray:
    """A picture (h, w) whose corner is the cell `first` (x, y), summed over tiles: (TILE, TILE)."""
    x, y = first % TILE
    height, width = picture.shape
    whole = np.pad(picture, ((y, -(y + height) % TILE), (x, -(x + width) % TILE)))
    summed: np.ndarray = whole.reshape(len(whole) // TILE, TILE, -1, TILE).sum(axis=(0, 2))
    return summed


def chips(tiles: np.ndarray) -> np.ndarray:
    """How much of each wave's cosine and sine tiles (..., TILE, TILE) show, (..., N, 2)."""
    waves = np.fft.fft2(tiles)[..., code().waves[:, 0], code().waves[:, 1]]
    return np.stack([waves.real, waves.imag], axis=-1)


def _tile(parts: np.ndarray) -> np.ndarray:
    """The tile of which `chips` shows `parts` (N, 2) for each of its cells."""
    waves = np.zeros((TILE, TILE), complex)
    y, x = code().waves.T
    waves[y, x] = parts[:, 0] + 1j * parts[:, 1]
    waves[-y, -x] = waves[y, x].conj()
    return np.fft.ifft2(waves).real * TILE**2


def _cheapest(shown: np.ndarray, loudness: float) -> np.ndarray:
    """What to add to each chip, at a given loudness of all, so that the most have the right sign.

    shown: (N, 2), what the picture shows of each already, right is positive. All down to some depth are turned; the
    depth is found by halving, since loudness grows with it.
    """
    low, high = 0.0, float(abs(shown).max()) + loudness
    for _ in range(24):
        depth = (low + high) / 2
        added = np.where(shown < -depth, 0, np.maximum(_SURE * depth - shown, 0))
        low, high = (depth, high) if 2 * np.square(added).sum() < loudness**2 else (low, depth)
    return added


def inside(crop: Crop, first: np.ndarray, last: np.ndarray, cell: float, side: float) -> np.ndarray:
    """The mask of a crop, rounded off, at the cells from `first` to `last`: it fades along the border, and is 0 so far
    inside of it that enlarging the cells to pixels reaches none outside.
    """
    x, y = ((np.arange(first[k], last[k]) + 0.5) * cell for k in (0, 1))
    points = crop.to_crop(np.stack(np.meshgrid(x, y), axis=-1).reshape(-1, 2)) / crop.size
    edge = 0.5 - (abs(points - 0.5) ** _ROUND).sum(axis=1).reshape(len(y), len(x)) ** (1 / _ROUND)
    return smoothstep((edge - 2.5 * cell / side) / _FADE)


def _mean(picture: np.ndarray, radius: int) -> np.ndarray:
    """Mean over squares of 2 radius + 1, the border repeated."""
    size = 2 * radius + 1
    sums = np.pad(picture.astype(np.float64), ((radius + 1, radius), (radius + 1, radius)), mode="edge")
    sums[0] = sums[:, 0] = 0
    sums = sums.cumsum(axis=0).cumsum(axis=1)
    return (sums[size:, size:] - sums[:-size, size:] - sums[size:, :-size] + sums[:-size, :-size]) / size**2
