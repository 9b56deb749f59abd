"""Warping: sample a photo at any points, paste maps of a crop back into the photo, warp a face by them."""

from collections.abc import Iterable, Iterator, Mapping, Sequence

import numpy as np
from PIL import Image

from facerelief.array_types import RGB, Float32, Floats
from facerelief.easing import smoothstep
from facerelief.faces.alignment import Crop
from facerelief.faces.bicubic import sample_bicubic
from facerelief.strips import in_strips

_LEAST = 1e-3  # of a map in pixels, levels, or log light, below which no level of a photo changes
_FINE = 0.75  # pixels of a map to one of the photo, from which straight lines between them are not seen
_FINER = (2, 4)  # times, at least and at most, that a map that is less fine is enlarged by cubic curves
_POINTS = 1 << 15  # of a place at a time: they stay in the processor's cache

_COARSE = 0.003  # of a crop's side, in a pixel of the photo
_SHRUNK = (1.2, 1.7)  # times, from which what a warp brings together is averaged, and is so wholly
_THIRDS = (-1 / 3, 0.0, 1 / 3)  # of a pixel

Window = tuple[slice, slice]  # rows and columns of a photo
Corners = tuple[Sequence[float], Sequence[float]]  # left and top, right and bottom, crop pixels


def crop_strips(crop: Crop, shape: tuple[int, ...], part: Corners | None = None) -> Iterator[Window]:
    """The rows and columns of a photo of a shape (height, width, ...) that hold a crop, in strips of bounded memory.

    Args:
        crop: The crop.
        shape: The photo's.
        part: What alone is wanted of the crop.
    """
    low, high = part or ((0.0, 0.0), (crop.size, crop.size))
    rows, columns = crop.window(low, high, (slice(0, shape[0]), slice(0, shape[1])))
    width = columns.stop - columns.start
    if width:
        for start, stop in in_strips(rows.start, rows.stop, width):
            yield slice(start, stop), columns


def warp_photo(
    rgb: RGB, crop: Crop, flow: Floats, maps: Mapping[str, Floats], place: Window
) -> tuple[Float32, dict[str, Float32]]:
    """Warp a region of a photo at its own resolution by the flow of a crop (side S), and enlarge other maps of it.

    Args:
        rgb: (H, W, 3), the photo.
        crop: Where the flow and the maps lie.
        flow: (S, S, 2), where each pixel comes from, right and down, in crop pixels; zero at the border.
        maps: By name, (S, S, C) each, zero at the border.
        place: Rows and columns of the photo, h of them by w.

    Returns:
        The warped pixels (h, w, 3), and the maps at the photo's resolution, by name, (h, w, C).
    """
    enlarged = {name: resample_map(crop, values, place) for name, values in maps.items()}
    return sample_bicubic(rgb, _sampled_places(crop, flow, place)), enlarged


def _sampled_places(crop: Crop, flow: Floats, place: Window) -> Floats:
    """Where the pixels of a place of a photo, h by w, come from by the flow of a crop, (h, w, 2)."""
    rows, columns = place
    points = flow_in_photo(crop, resample_map(crop, flow, place, "bilinear"))  # bicubic overshoots, which can fold
    points[..., 0] += np.arange(columns.start, columns.stop, dtype=np.float32) + 0.5
    points[..., 1] += np.arange(rows.start, rows.stop, dtype=np.float32)[:, None] + 0.5
    return points


def average_warped(pixels: Float32, rgb: RGB, crop: Crop, flow: Floats, place: Window) -> None:
    """Average, in what `warp_photo` gives for these arguments, what the warp brings together; `pixels` is written to.

    Only where a face is small: there, the line between lips may be a pixel wide, and would be dots.
    """
    if crop.scale > _COARSE * crop.size and min(pixels.shape[:2]):
        around = tuple(slice(part.start - 1, part.stop + 1) for part in place)
        average_where_shrunk(pixels, rgb, _sampled_places(crop, flow, (around[0], around[1])))


def average_where_shrunk(pixels: Float32, rgb: RGB, points: Floats) -> None:
    """Average, in sampled pixels, what is brought together where a picture shrinks.

    Args:
        pixels: (h, w, 3), as `sample_bicubic` gave them; written to.
        rgb: (H, W, 3), the photo.
        points: (h + 2, w + 2, 2), where they were sampled, and where pixels around them would be.
    """
    right, down = (points[1:-1, 2:] - points[1:-1, :-2]) / 2, (points[2:, 1:-1] - points[:-2, 1:-1]) / 2
    shrunk = np.maximum(np.linalg.norm(right, axis=2), np.linalg.norm(down, axis=2))
    some = shrunk > _SHRUNK[0]
    at, right, down = points[1:-1, 1:-1][some], right[some], down[some]
    sampled = [sample_bicubic(rgb, (at + a * right + b * down)[None])[0] for a in _THIRDS for b in _THIRDS]
    share = smoothstep((shrunk[some][:, None] - _SHRUNK[0]) / (_SHRUNK[1] - _SHRUNK[0]))
    pixels[some] += share * (np.mean(sampled, axis=0) - pixels[some])


def resample_map(crop: Crop, values: Floats, place: Window, mode: str = "bicubic") -> Floats:
    """A crop-sized map brought back to a place of the photo, float32 (h, w[, C]): `Crop.cut`'s way back.

    Args:
        crop: Where the map lies.
        values: (S, S) or (S, S, C), zero at the border; S need not be the crop's size.
        place: Rows and columns of the photo, h by w.
        mode: "bicubic" or "bilinear".

    Returns:
        (h, w) or (h, w, C).
    """
    rows, columns = place
    height, width = rows.stop - rows.start, columns.stop - columns.start
    planes = np.moveaxis(values.reshape(*values.shape[:2], -1), 2, 0)
    (left, right), (top, bottom) = ((part.start, part.stop) for part in _needed(crop, len(values), place))
    if height and width and right > left and bottom > top:
        to_map = crop.matrix * (len(values) / crop.size)  # from the photo's pixels
        fine = float(np.hypot(*to_map[:, 0]))
        finer = int(np.clip(np.ceil(1 / fine), *_FINER)) if mode == "bicubic" and fine < _FINE else 1
        to_map = finer * (to_map @ _shift(columns.start, rows.start) - ((0, 0, left), (0, 0, top)))
        if finer > 1:
            found = _enlarged(planes, (left, top, right, bottom), finer, to_map, (width, height))
        else:
            parts = [np.ascontiguousarray(plane[top:bottom, left:right], dtype=np.float32) for plane in planes]
            found = _turned(parts, to_map, height, width)
    else:
        found = np.zeros((len(planes), height, width), dtype=np.float32)
    return found.transpose(1, 2, 0).reshape((height, width, *values.shape[2:]))


def _enlarged(
    planes: Floats, box: tuple[int, int, int, int], times: int, matrix: Floats, size: tuple[int, int]
) -> Float32:
    """A box of planes (C, h, w), so many times as large by cubic curves, then as `_turned` does it, of some size."""
    found = np.empty((len(planes), size[1], size[0]), dtype=np.float32)
    finer = times * (box[2] - box[0]), times * (box[3] - box[1])
    for plane, out in zip(planes, found, strict=True):
        image = Image.fromarray(np.ascontiguousarray(plane, dtype=np.float32))
        image = image.resize(finer, Image.Resampling.BICUBIC, box)
        coefficients = tuple(map(float, matrix.ravel()))
        out[:] = np.asarray(image.transform(size, Image.Transform.AFFINE, coefficients, Image.Resampling.BILINEAR))
    return found


def _turned(planes: Sequence[Float32], matrix: Floats, height: int, width: int) -> Float32:
    """Planes (h, w) in another frame, (C, height, width): linear between pixels, 0 outside.

    Args:
        planes: All of one size.
        matrix: (2, 3), maps pixels of that frame to theirs.
        height: Of the frame.
        width: Of the frame.
    """
    found = np.empty((len(planes), height, width), dtype=np.float32)  # planar: later operations are faster
    high, wide = planes[0].shape
    right, down = np.arange(width) + 0.5, np.arange(height) + 0.5
    parts_of_x, parts_of_y = (
        [values.astype(np.float32) for values in (along * right + shift, across * down)]
        for along, across, shift in (matrix - ((0, 0, 0.5), (0, 0, 0.5))).tolist()
    )
    step = max(1, _POINTS // width)
    for start in range(0, height, step):
        part = slice(start, min(start + step, height))
        x, y = (parts[0] + parts[1][part, None] for parts in (parts_of_x, parts_of_y))
        inside = _all_inside(x, wide) and _all_inside(y, high)
        outside = None if inside else (x < -0.5) | (x >= wide - 0.5) | (y < -0.5) | (y >= high - 0.5)
        (column, across), (row, below) = (_between_pixels(v, side, inside) for v, side in ((x, wide), (y, high)))
        first = (row * np.float32(wide) + column).astype(np.int64)  # exact up to 16 million pixels
        next_column, next_row = int(wide > 1), wide * (high > 1)
        corners = [first + further for further in (0, next_column, next_row, next_row + next_column)]
        for plane, out in zip(planes, found[:, part], strict=True):
            upper, upper_right, lower, lower_right = (plane.ravel().take(at) for at in corners)
            upper += across * (upper_right - upper)
            lower += across * (lower_right - lower)
            np.add(upper, below * (lower - upper), out=out)
        if outside is not None:
            found[:, part][:, outside] = 0
    return found


def _all_inside(places: Float32, side: int) -> bool:
    """Whether places, (h, w) along lines, lie between the centres of the first and the last of `side` pixels."""
    ends = places[:: max(1, len(places) - 1), :: max(1, places.shape[1] - 1)]
    return bool(ends.min() >= 0 and ends.max() < side - 1)


def _between_pixels(places: Float32, side: int, inside: bool) -> tuple[Float32, Float32]:
    """The pixels before places, and how far on places are, 0 to 1; beyond the first and the last it is these."""
    if not inside:
        places = np.clip(places, 0, side - 1)
    first = np.floor(places)
    if not inside:
        first = np.minimum(first, max(side - 2, 0))
    return first, places - first


def _needed(crop: Crop, size: int, place: Window) -> Window:
    """Columns and rows of a map of a side that a place of the photo shows, and a pixel around them."""
    rows, columns = place
    corners = np.array([(x, y) for x in (columns.start, columns.stop) for y in (rows.start, rows.stop)], float)
    points = crop.to_crop(corners) * (size / crop.size)
    start = np.clip(np.floor(points.min(axis=0)).astype(int) - 1, 0, size)
    stop = np.clip(np.ceil(points.max(axis=0)).astype(int) + 1, start, size)
    return slice(int(start[0]), int(stop[0])), slice(int(start[1]), int(stop[1]))


def _shift(right: float, down: float) -> Floats:
    """The matrix (3, 3) of a shift."""
    return np.array([(1.0, 0, right), (0, 1, down), (0, 0, 1)])


def changed_box(maps: Iterable[Floats], size: int) -> Corners:
    """What part of a crop some maps (S, S, C) change; values below a thousandth change nothing.

    Args:
        maps: The maps; S may differ.
        size: The crop's side.
    """
    low, high = np.full(2, float(size)), np.zeros(2)
    for values in maps:
        changes = np.asarray((np.abs(values) > _LEAST).any(axis=2))
        for axis in (0, 1):
            if len(places := np.flatnonzero(changes.any(axis=axis))):
                ends = np.array((places[0] - 1, places[-1] + 2)) * (size / len(values))  # between pixels it goes over
                low[axis], high[axis] = min(low[axis], ends[0]), max(high[axis], ends[1])
    return np.clip(low, 0, size).tolist(), np.clip(np.maximum(low, high), 0, size).tolist()


def flow_in_photo(crop: Crop, flow: Floats) -> Floats:
    """A flow (..., 2), right and down, in crop pixels, in the photo's pixels."""
    turned: Floats = flow @ crop.inverse[:, :2].T.astype(np.float32)
    return turned


def border_fade(size: int, margin: float) -> Floats:
    """(S, S, 1): 1 inside, falling to 0 along the border, over `margin` of the side."""
    edge = np.minimum(np.arange(size), np.arange(size)[::-1]) / (margin * size)
    return smoothstep(np.minimum(edge[:, None], edge[None, :]))[..., None]
