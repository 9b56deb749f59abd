"""An invisible watermark in an edited face, which encodes that it was edited and to which expression.

A pattern of sine waves, periodic over `TILE_CELLS` cells and anchored at the photo's corner, is added to the luma.
Each wave's cosine and sine part is a chip, whose sign encodes one bit of "edited" or of the expression. Embedding is
informed by the host picture (Miller, Doerr and Cox, 2004): chips that already have the right sign cost nothing, others
are flipped where that is cheap. `watermark_detection` reads the signs without the original; how many are right bounds
the probability that they are by chance.
"""

import functools
import hashlib
import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from PIL import Image

from facerelief.array_types import Bool, Float64, Floats, Int64
from facerelief.colour import LUMA
from facerelief.easing import smoothstep
from facerelief.expressions import EXPRESSIONS
from facerelief.faces.alignment import Crop
from facerelief.strips import in_strips

TILE_CELLS = 64  # cells, the pattern's period
_BAND = (5.0, 21.0)  # waves per tile: wavelengths of 3 to 13 cells
_WORD_SHARE = 6  # one chip in 6 encodes the expression
_SEED = b"facerelief mark 1"
_LARGE = 362  # crops of more pixels have more cells and a fainter watermark
_CELLS = (64, 90)  # across the crop of a small and a large face, at least
_LOUDNESS = (3.0, 2.0)  # root mean square of the watermark, in levels
_MASKING = 0.7  # exponent by which it is stronger in textured regions
_EDGE = 3  # cells to each side of an edge in which the plainer side counts
_ROUGH = 12.0  # levels of contrast beyond which a pattern is as strong as it gets
_PLAIN = 0.3  # levels of contrast of a region without any, such as a studio's backdrop
_DARK = 32.0  # levels: what is as dark as this and less is seen as well as this
_SURE = 0.5  # how far past zero a flipped chip is moved, relative to the depth from which chips are flipped
_FADE = 0.1  # of the crop's side
_ROUND = 3  # exponent of its outline, a superellipse: the corners show no face


@dataclass(frozen=True)
class WatermarkCode:
    """The code: which waves carry which signs.

    Args:
        waves: (N, 2), frequencies down and across a tile.
        known: (N, 2), cosine and sine chips that are the same in every watermark.
        signs: (W, N, 2), -1 or 1, the chips of each word.
        other: (N, 2), the chips of an edit to something else, such as a blend; no expression is read of it.
    """

    waves: Int64
    known: Bool
    signs: Float64
    other: Float64


@functools.cache
def watermark_code() -> WatermarkCode:
    """The code of this version: one word per expression."""
    across = np.fft.fftfreq(TILE_CELLS, 1 / TILE_CELLS)
    y, x = np.meshgrid(across, across, indexing="ij")
    length = np.hypot(y, x)
    waves = np.argwhere(((y > 0) | ((y == 0) & (x > 0))) & (length >= _BAND[0]) & (length <= _BAND[1]))
    shape = (3 + len(EXPRESSIONS), len(waves), 2)  # a longer digest begins as a shorter one
    drawn = hashlib.shake_256(_SEED).digest(math.prod(shape))  # numpy's generators may change between versions
    which, common, *words = np.frombuffer(drawn, np.uint8).reshape(shape)
    known = which % _WORD_SHARE > 0
    *signs, other = np.where(known, common, words) % 2 * 2.0 - 1
    return WatermarkCode(waves, known, np.stack(signs), other)


def embed_watermark(image: Image.Image, faces: Sequence[tuple[Crop, str]]) -> None:
    """Embed a watermark in each face of an RGB image, in place. Nothing outside the crops changes.

    Args:
        image: The image.
        faces: Crops with what they were edited to, an expression or other words. Crops too small for a watermark get
            none.
    """
    for crop, expression in faces:
        code = watermark_code()
        word = code.signs[EXPRESSIONS.index(expression)] if expression in EXPRESSIONS else code.other
        _imprint_one(image, crop, word)


def _imprint_one(image: Image.Image, crop: Crop, signs: np.ndarray) -> None:
    """Embed a word in one crop of an image, in place."""
    side = crop.size / crop.scale
    cell = cell_size(side)
    corners = crop.to_photo(np.array([(0, 0), (crop.size, 0), (0, crop.size), (crop.size, crop.size)], float))
    first = np.ceil(np.maximum(corners.min(axis=0), 0) / cell).astype(int)
    last = np.floor(np.minimum(corners.max(axis=0), image.size) / cell).astype(int)
    if (last - first < TILE_CELLS // 4).any():
        return
    start, end = np.floor(first * cell).astype(int), np.ceil(last * cell).astype(int)
    luma = _cells_of(image, cell, first, last)
    picture, loudness = normalize_contrast(luma)
    mask = crop_mask(crop, first, last, cell, side)
    gain = hidden_by(luma)
    gain *= mask / np.sqrt(np.square(gain * mask).sum() / max(np.square(mask).sum(), 1e-9))
    response = float((gain * mask / loudness).sum())
    if response <= 0:
        return
    shown = chip_values(fold_tiles(picture * mask, first)) * signs / response
    pattern = _tile(_cheapest(shown, _LOUDNESS[side >= _LARGE]) * signs)
    rows, columns = (np.arange(first[k], last[k]) % TILE_CELLS for k in (1, 0))
    added = np.pad(pattern[np.ix_(rows, columns)] * gain, 1, mode="edge").astype(np.float32)
    box = (*(start / cell - first + 1).tolist(), *(end / cell - first + 1).tolist())
    _add(image, Image.fromarray(added), (*start.tolist(), *end.tolist()), box)


def hidden_by(luma: Floats) -> Floats:
    """How strong a pattern may be at each place so that it is seen nowhere sooner than elsewhere.

    Texture hides a pattern in proportion to its contrast, and eyes see relative differences of light (Weber's law): on
    a plain backdrop and on dark skin it is weak. Beside an edge only the texture of the plainer side counts.

    Args:
        luma: (H, W), levels.
    """
    fine = luma - _mean(luma, 2)
    contrast = np.sqrt(np.maximum(_mean(fine * fine, 1), 0))
    plainest = np.minimum(_mean(_least(contrast, _EDGE), _EDGE), _ROUGH)
    bright = np.clip((luma + _DARK) / (128 + _DARK), 0, 1)
    return (plainest + _PLAIN) ** _MASKING * bright


def _cells_of(image: Image.Image, cell: float, first: np.ndarray, last: np.ndarray) -> np.ndarray:
    """`sample_cells` of the luma of an image between the cells `first` and `last` (x, y), in strips: large faces have
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


def sample_cells(luma: Floats, cell: float, start: Floats, count: Int64) -> Floats:
    """Resample a picture float32 (H, W) to one value per cell, (count y, count x), from `start` (x, y) in pixels."""
    image = Image.fromarray(luma)
    end = np.minimum(start + count * cell, image.size)
    box = (float(start[0]), float(start[1]), float(end[0]), float(end[1]))
    return np.asarray(image.resize((int(count[0]), int(count[1])), Image.Resampling.BICUBIC, box=box))


def normalize_contrast(picture: Floats) -> tuple[Floats, Floats]:
    """High-pass filter a picture (H, W) and divide it by its local contrast; also returns the contrast, at least 1."""
    fine = picture - _mean(_mean(picture, 2), 2)
    loudness = np.sqrt(np.maximum(_mean(_mean(fine * fine, 4), 4), 0)) + 1
    return np.clip(fine / loudness, -2, 2), loudness


def fold_tiles(picture: Floats, first: Int64) -> Floats:
    """Sum a picture (h, w), whose corner is the cell `first` (x, y), over tiles: (TILE_CELLS, TILE_CELLS)."""
    x, y = first % TILE_CELLS
    height, width = picture.shape
    whole = np.pad(picture, ((y, -(y + height) % TILE_CELLS), (x, -(x + width) % TILE_CELLS)))
    summed: Floats = whole.reshape(len(whole) // TILE_CELLS, TILE_CELLS, -1, TILE_CELLS).sum(axis=(0, 2))
    return summed


def chip_values(tiles: Floats) -> Floats:
    """Cosine and sine parts of each wave in tiles (..., TILE_CELLS, TILE_CELLS), (..., N, 2)."""
    waves = np.fft.fft2(tiles)[..., watermark_code().waves[:, 0], watermark_code().waves[:, 1]]
    return np.stack([waves.real, waves.imag], axis=-1)


def _tile(parts: np.ndarray) -> np.ndarray:
    """The inverse of `chip_values`, per cell: the tile with these parts (N, 2)."""
    waves = np.zeros((TILE_CELLS, TILE_CELLS), complex)
    y, x = watermark_code().waves.T
    waves[y, x] = parts[:, 0] + 1j * parts[:, 1]
    waves[-y, -x] = waves[y, x].conj()
    return np.fft.ifft2(waves).real * TILE_CELLS**2


def _cheapest(shown: np.ndarray, loudness: float) -> np.ndarray:
    """What to add to each chip so that as many as possible have the right sign at a given total strength.

    shown: (N, 2), the chips of the host, positive where right. Chips down to some depth are flipped; the depth is found
    by bisection, since strength grows with it.
    """
    low, high = 0.0, float(abs(shown).max()) + loudness
    for _ in range(24):
        depth = (low + high) / 2
        added = np.where(shown < -depth, 0, np.maximum(_SURE * depth - shown, 0))
        low, high = (depth, high) if 2 * np.square(added).sum() < loudness**2 else (low, depth)
    return added


def crop_mask(crop: Crop, first: Int64, last: Int64, cell: float, side: float) -> Floats:
    """The mask of a crop's face at the cells from `first` to `last`: a superellipse with a soft border.

    It is 0 so far inside the crop that enlarging the cells to pixels changes none outside.
    """
    x, y = ((np.arange(first[k], last[k]) + 0.5) * cell for k in (0, 1))
    points = crop.to_crop(np.stack(np.meshgrid(x, y), axis=-1).reshape(-1, 2)) / crop.size
    edge = 0.5 - (abs(points - 0.5) ** _ROUND).sum(axis=1).reshape(len(y), len(x)) ** (1 / _ROUND)
    return smoothstep((edge - 2.5 * cell / side) / _FADE)


def _least(picture: np.ndarray, radius: int) -> np.ndarray:
    """The least of squares of 2 radius + 1, the border repeated."""
    padded = np.pad(picture, radius, mode="edge")
    windows = np.lib.stride_tricks.sliding_window_view(padded, 2 * radius + 1, axis=0).min(axis=-1)
    return np.lib.stride_tricks.sliding_window_view(windows, 2 * radius + 1, axis=1).min(axis=-1)


def _mean(picture: np.ndarray, radius: int) -> np.ndarray:
    """Mean over squares of 2 radius + 1, the border repeated."""
    size = 2 * radius + 1
    sums = np.pad(picture.astype(np.float64), ((radius + 1, radius), (radius + 1, radius)), mode="edge")
    sums[0] = sums[:, 0] = 0
    sums = sums.cumsum(axis=0).cumsum(axis=1)
    return (sums[size:, size:] - sums[:-size, size:] - sums[size:, :-size] + sums[:-size, :-size]) / size**2
