"""Face alignment: the crop that all networks use, and its exact inverse.

A similarity transform is fitted to points that expressions hardly move (eye corners, nose bridge and base). It puts the
eyes level and a third of the crop apart, so that a wide open mouth still fits.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from PIL import Image

from facerelief.array_types import RGB, Float32, Float64, Floats
from facerelief.colour import LUMA
from facerelief.strips import in_strips

# MediaPipe vertices.
EYE_OUTER = (33, 263)
EYE_INNER = (133, 362)
INTER_OCULAR = 0.33  # distance of the eye centres, fraction of the crop's side
EYES_AT = (0.5, 0.36)  # the point between the eyes, fractions of the crop's side
_RIGID = (33, 133, 362, 263, 168, 6, 2)
# In inter-ocular distances from the point between the eyes, measured as medians over near-frontal photos.
_TEMPLATE = np.array(
    [(-0.72, -0.01), (-0.28, 0.01), (0.28, 0.01), (0.72, -0.01), (0.0, -0.065), (0.0, 0.06), (0.0, 0.73)]
)


@dataclass(frozen=True)
class Crop:
    """A square crop of a photo.

    Args:
        matrix: (2, 3), maps pixels of the photo to pixels of the crop.
        size: Side in pixels.

    Example:
        >>> crop = Crop(np.array([[0.5, 0.0, 0.0], [0.0, 0.5, 0.0]]), 64)
        >>> crop.to_photo(np.array([[32.0, 32.0]])).tolist()
        [[64.0, 64.0]]
        >>> crop.cut(np.zeros((100, 100, 3), np.uint8)).shape
        (64, 64, 3)
    """

    matrix: Float64
    size: int

    @property
    def scale(self) -> float:
        """Crop pixels per photo pixel."""
        return float(np.hypot(self.matrix[0, 0], self.matrix[1, 0]))

    @property
    def inverse(self) -> Float64:
        """(2, 3), maps pixels of the crop to pixels of the photo."""
        (a, b, x), (c, d, y) = self.matrix
        linear = np.array([[d, -b], [-c, a]]) / (a * d - b * c)
        return np.column_stack([linear, -linear @ (x, y)])

    def to_crop(self, points: Floats) -> Floats:
        """Map points (N, 2) or (N, 3) of the photo to the crop; z is scaled by `scale`."""
        return _transform(self.matrix, points)

    def to_photo(self, points: Floats) -> Floats:
        """Map points (N, 2) or (N, 3) of the crop to the photo; z is scaled by 1 / `scale`."""
        return _transform(self.inverse, points)

    def cut(self, rgb: RGB) -> RGB:
        """Crop a photo (H, W, 3) to (size, size, 3); beyond the photo its border is repeated."""
        return np.asarray(self._resampled(rgb, lambda region: region))

    def cut_luma(self, rgb: RGB) -> Float32:
        """The luminance alone, 0 to 255, (size, size), in a third of the time; neither rounded nor clipped."""
        return np.asarray(self._resampled(rgb, lambda region: region.astype(np.float32) @ LUMA.astype(np.float32)))

    def _resampled(self, rgb: RGB, seen: Callable[[RGB], RGB | Float32]) -> Image.Image:
        """What is seen of the photo's pixels, cropped."""
        corners = self.to_photo(np.array([(0, 0), (self.size, 0), (0, self.size), (self.size, self.size)], float))
        x0, y0 = np.floor(corners.min(axis=0)).astype(int) - 2
        x1, y1 = np.ceil(corners.max(axis=0)).astype(int) + 2
        shrink = max(1, int(1 / self.scale))
        region = Image.fromarray(seen(_reduced(rgb, (x0, y0, x1, y1), shrink)))
        to_region = self.inverse - ((0, 0, x0), (0, 0, y0))
        return _resample(region, to_region / shrink, (self.size, self.size))

    def covers(self, shape: tuple[int, int]) -> tuple[slice, slice]:
        """Rows and columns that the crop covers in a photo of a shape (height, width); empty if it lies outside."""
        return self.window((0.0, 0.0), (self.size, self.size), (slice(0, shape[0]), slice(0, shape[1])))

    def window(self, low: Sequence[float], high: Sequence[float], within: tuple[slice, slice]) -> tuple[slice, slice]:
        """Rows and columns that a part of the crop covers in a part of the photo; empty if it lies outside.

        Args:
            low: Left and top of the part, crop pixels.
            high: Its right and bottom.
            within: Rows and columns of the photo.
        """
        corners = self.to_photo(np.array([(x, y) for x in (low[0], high[0]) for y in (low[1], high[1])], float))
        first = np.array([part.start for part in within[::-1]])
        last = np.array([part.stop for part in within[::-1]])
        start = np.clip(np.floor(corners.min(axis=0)).astype(int), first, last)
        stop = np.clip(np.ceil(corners.max(axis=0)).astype(int), start, last)
        return slice(int(start[1]), int(stop[1])), slice(int(start[0]), int(stop[0]))


def align(landmarks: Floats, size: int = 256) -> Crop:
    """Align a face.

    Args:
        landmarks: (468, 2 or 3), in pixels of the photo.
        size: Side of the crop in pixels.

    Returns:
        The crop in which the face is in its standard place.
    """
    target = (np.array(EYES_AT) + _TEMPLATE * INTER_OCULAR) * size
    return Crop(_similarity(landmarks[list(_RIGID), :2].astype(np.float64), target), size)


def align_eyes(landmarks: Floats, size: int = 256) -> Crop:
    """As `align`, with the eyes' centres alone in their standard places, exactly.

    Example:
        >>> points = np.random.default_rng(0).uniform(0, 100, (468, 2))
        >>> left, right = align_eyes(points, 100).to_crop(points)[[[33, 133], [362, 263]]].mean(axis=1)
        >>> left.round(3).tolist(), right.round(3).tolist()
        ([33.5, 36.0], [66.5, 36.0])
    """
    eyes = np.array([landmarks[list(pair), :2].mean(axis=0) for pair in zip(EYE_OUTER, EYE_INNER, strict=True)])
    half = np.array([(-INTER_OCULAR / 2, 0.0), (INTER_OCULAR / 2, 0.0)])
    return Crop(_similarity(eyes.astype(np.float64), (np.array(EYES_AT) + half) * size), size)


def inter_ocular(landmarks: Floats) -> float:
    """Distance of the eye centres (midpoints of the corners) in the image plane, in the unit of the landmarks."""
    left, right = (landmarks[list(pair), :2].mean(axis=0) for pair in zip(EYE_OUTER, EYE_INNER, strict=True))
    return float(np.linalg.norm(right - left))


def _similarity(source: Floats, target: Floats) -> Float64:
    """Least-squares rotation, scale and shift (2, 3) that takes source (N, 2) to target (N, 2); Umeyama, 1991."""
    mean_s, mean_t = source.mean(axis=0), target.mean(axis=0)
    s, t = (points @ (1, 1j) for points in (source - mean_s, target - mean_t))
    turn = np.vdot(s, t) / np.vdot(s, s).real
    linear = np.array([[turn.real, -turn.imag], [turn.imag, turn.real]])
    return np.column_stack([linear, mean_t - linear @ mean_s])


def _transform(matrix: Float64, points: Floats) -> Floats:
    xy = points[:, :2] @ matrix[:, :2].T + matrix[:, 2]
    return np.column_stack([xy, points[:, 2:] * np.hypot(matrix[0, 0], matrix[1, 0])])


def _resample(image: Image.Image, matrix: Float64, size: tuple[int, int]) -> Image.Image:
    """Resample: output (x, y) takes the value of `image` at matrix @ (x, y, 1), pixel centres at + 0.5."""
    coefficients = tuple(float(value) for value in matrix.ravel())
    return image.transform(size, Image.Transform.AFFINE, coefficients, Image.Resampling.BICUBIC)


def _reduced(rgb: RGB, box: tuple[int, int, int, int], shrink: int) -> RGB:
    """`_window` averaged over squares of `shrink` pixels, in strips to bound memory."""
    x0, y0, x1, y1 = box
    if shrink == 1:
        return _window(rgb, x0, y0, x1, y1)
    parts = (_window(rgb, x0, top, x1, bottom) for top, bottom in in_strips(y0, y1, x1 - x0, shrink))
    return np.concatenate([np.asarray(Image.fromarray(part).reduce(shrink)) for part in parts])


def _window(rgb: RGB, x0: int, y0: int, x1: int, y1: int) -> RGB:
    """rgb[y0:y1, x0:x1]; beyond the photo its border is repeated."""
    height, width = rgb.shape[:2]
    if min(x0, y0) >= 0 and x1 <= width and y1 <= height:
        return rgb[y0:y1, x0:x1]
    rows, columns = np.clip(np.arange(y0, y1), 0, height - 1), np.clip(np.arange(x0, x1), 0, width - 1)
    return rgb[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1][rows - rows[0]][:, columns - columns[0]]
