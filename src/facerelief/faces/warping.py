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
_FINER = (2, 4)  # times, at least and at most, that a map is enlarged by cubic curves before it is turned

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
    rows, columns = place
    enlarged = {name: resample_map(crop, values, place) for name, values in maps.items()}
    points = flow_in_photo(crop, resample_map(crop, flow, place, "bilinear"))  # bicubic overshoots, which can fold
    points[..., 0] += np.arange(columns.start, columns.stop, dtype=np.float32) + 0.5
    points[..., 1] += np.arange(rows.start, rows.stop, dtype=np.float32)[:, None] + 0.5
    return sample_bicubic(rgb, points), enlarged


def average_where_shrunk(pixels: Float32, rgb: RGB, crop: Crop, flow: Floats, place: Window) -> None:
    """Average, in warped pixels, what a warp that shrinks brings together: a thin dark line would be dots.

    Args:
        pixels: (h, w, 3), as `warp_photo` made them; written to.
        rgb: The other arguments, as it was given them.
        crop: As above.
        flow: As above.
        place: As above.
    """
    rows, columns = place
    if min(pixels.shape[:2]) < 2:
        return
    points = flow_in_photo(crop, resample_map(crop, flow, place, "bilinear"))
    points[..., 0] += np.arange(columns.start, columns.stop, dtype=np.float32) + 0.5
    points[..., 1] += np.arange(rows.start, rows.stop, dtype=np.float32)[:, None] + 0.5
    steps = np.stack(np.gradient(points, axis=(1, 0)))
    shrunk = np.linalg.norm(steps, axis=3).max(axis=0)
    y, x = np.nonzero(shrunk > _SHRUNK[0])
    right, down = steps[:, y, x]
    sampled = [sample_bicubic(rgb, (points[y, x] + a * right + b * down)[None])[0] for a in _THIRDS for b in _THIRDS]
    share = smoothstep((shrunk[y, x, None] - _SHRUNK[0]) / (_SHRUNK[1] - _SHRUNK[0]))
    pixels[y, x] += share * (np.mean(sampled, axis=0) - pixels[y, x])


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
    height, width, planes = rows.stop - rows.start, columns.stop - columns.start, values.reshape(*values.shape[:2], -1)
    found = np.zeros((planes.shape[2], height, width), dtype=np.float32)  # planar: later operations are faster
    (left, right), (top, bottom) = ((part.start, part.stop) for part in _needed(crop, len(values), place))
    if found.size and right > left and bottom > top:
        to_map = crop.matrix * (len(values) / crop.size)  # from the photo's pixels
        finer = int(np.clip(np.ceil(1 / np.hypot(*to_map[:, 0])), *_FINER)) if mode == "bicubic" else 1
        to_map = finer * (to_map @ _shift(columns.start, rows.start) - ((0, 0, left), (0, 0, top)))
        for k, plane in enumerate(found):
            image = Image.fromarray(np.ascontiguousarray(planes[..., k], dtype=np.float32))
            size, box = (finer * (right - left), finer * (bottom - top)), (left, top, right, bottom)
            part = image.crop(box) if finer == 1 else image.resize(size, Image.Resampling.BICUBIC, box)
            plane[:] = part.transform(
                (width, height), Image.Transform.AFFINE, tuple(map(float, to_map.ravel())), Image.Resampling.BILINEAR
            )
    return found.transpose(1, 2, 0).reshape((height, width, *values.shape[2:]))


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
