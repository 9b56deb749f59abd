"""Warping: sample a photo at any points, paste maps of a crop back into the photo, warp a face by them."""

from collections.abc import Iterable, Iterator, Mapping, Sequence

import numpy as np
import torch
import torch.nn.functional as F

from facerelief.array_types import RGB, Float32, Floats, UInt8
from facerelief.easing import smoothstep
from facerelief.faces.alignment import Crop
from facerelief.strips import in_strips

_LEAST = 1e-3  # of a map in pixels, levels, or log light, below which no level of a photo changes

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
    enlarged = resample_maps(crop, maps, place)
    points = flow_in_photo(crop, resample_map(crop, flow, place, "bilinear"))  # bicubic overshoots, which can fold
    points[..., 0] += np.arange(columns.start, columns.stop, dtype=np.float32) + 0.5
    points[..., 1] += np.arange(rows.start, rows.stop, dtype=np.float32)[:, None] + 0.5
    return sample_bicubic(rgb, points), enlarged


def resample_maps(crop: Crop, maps: Mapping[str, Floats], place: Window) -> dict[str, Float32]:
    """Several maps (S, S, C), by name, as `resample_map` brings one to a place of the photo, (h, w, C) each.

    Those of one size are brought at once.
    """
    found: dict[str, Float32] = {}
    for size in {len(values) for values in maps.values()}:
        alike = {name: values for name, values in maps.items() if len(values) == size}
        brought = resample_map(crop, np.dstack([*alike.values()]), place)
        ends = np.cumsum([values.shape[2] for values in alike.values()])
        found |= dict(zip(alike, np.split(brought, ends[:-1], axis=2), strict=True))
    return found


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
    x, y = (np.arange(part.start, part.stop) + 0.5 for part in (columns, rows))
    right, down = crop.matrix * 2 / crop.size - ((0, 0, 1), (0, 0, 1))  # in torch's coordinates, from -1 to 1
    to_right, to_down = (row[0] * x + (row[1] * y + row[2])[:, None] for row in (right, down))
    grid = np.stack([to_right, to_down], axis=2)
    if not grid.size:
        return np.zeros(grid.shape[:2] + values.shape[2:], dtype=np.float32)
    planes = np.asarray(values, dtype=np.float32).reshape(*values.shape[:2], -1)
    found = _sampled(planes.transpose(2, 0, 1), grid, mode)
    found[(abs(to_right) > 1) | (abs(to_down) > 1)] = 0
    return found.reshape(found.shape[:2] + values.shape[2:])


def changed_box(maps: Iterable[Floats], size: int) -> Corners:
    """What part of a crop some maps (S, S, C) change; values below a thousandth change nothing.

    Args:
        maps: The maps; S may differ.
        size: The crop's side.
    """
    low, high = np.full(2, float(size)), np.zeros(2)
    for values in maps:
        changes = (np.abs(values) > _LEAST).any(axis=2)
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


def sample_bicubic(rgb: RGB, points: Floats) -> Float32:
    """Cubic values float32 (h, w, 3) of a photo at points (h, w, 2) in its pixels."""
    x, y = points[..., 0], points[..., 1]  # each by itself: ten times as fast as min(axis=(0, 1))
    last = np.array(rgb.shape[1::-1]) - 1
    low = np.clip(np.floor((x.min(), y.min())).astype(int) - 3, 0, last)  # all points of a strip may lie outside
    high = np.maximum(np.ceil((x.max(), y.max())).astype(int) + 3, low + 1)
    region: RGB = rgb[low[1] : high[1], low[0] : high[0]].transpose(2, 0, 1)
    size = np.array(region.shape[:0:-1], dtype=np.float32)
    return _sampled(region, np.asarray((points - low.astype(np.float32)) * (2 / size) - 1, dtype=np.float32))


def _sampled(image: Floats | UInt8, grid: Floats, mode: str = "bicubic") -> Float32:
    """Cubic or bilinear values (h, w, C) of an image (C, H, W), its border repeated, at a grid (h, w, 2) from -1 to 1.

    The result is planar in memory, which makes later numpy operations several times as fast as interleaved pixels.
    """
    planes, places = (torch.from_numpy(np.ascontiguousarray(x, dtype=np.float32))[None] for x in (image, grid))
    found = F.grid_sample(planes, places, mode=mode, padding_mode="border", align_corners=False)
    values: Float32 = found[0].numpy().transpose(1, 2, 0)
    return values
