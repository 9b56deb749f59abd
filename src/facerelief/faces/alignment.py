"""The aligned crop that every network sees, and its exact way back into the photo.

A similarity transform, fitted to points that expressions hardly move (eye corners, nose bridge and base), puts the
eyes level, a third of the crop apart, so that a mouth wide open still fits.
"""

from dataclasses import dataclass

import numpy as np
from PIL import Image

from facerelief.strips import in_strips

# MediaPipe vertices and their place in the crop (fractions of its side): the average of near-frontal faces.
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
    """A square crop. `matrix`: float64 (2, 3), photo pixels to crop pixels; `size`: its side in pixels."""

    matrix: np.ndarray
    size: int

    @property
    def scale(self) -> float:
        """Crop pixels for each photo pixel."""
        return float(np.hypot(self.matrix[0, 0], self.matrix[1, 0]))

    @property
    def inverse(self) -> np.ndarray:
        """float64 (2, 3), crop pixels to photo pixels."""
        (a, b, x), (c, d, y) = self.matrix
        linear = np.array([[d, -b], [-c, a]]) / (a * d - b * c)
        return np.column_stack([linear, -linear @ (x, y)])

    def to_crop(self, points: np.ndarray) -> np.ndarray:
        """Points (N, 2) or (N, 3) of the photo in crop pixels; z is scaled alike."""
        return _transform(self.matrix, points)

    def to_photo(self, points: np.ndarray) -> np.ndarray:
        """Points (N, 2) or (N, 3) of the crop in photo pixels; z is scaled alike."""
        return _transform(self.inverse, points)

    def cut(self, rgb: np.ndarray) -> np.ndarray:
        """The crop, uint8 (size, size, 3); what lies outside the photo repeats its border."""
        corners = self.to_photo(np.array([(0, 0), (self.size, 0), (0, self.size), (self.size, self.size)], float))
        x0, y0 = np.floor(corners.min(axis=0)).astype(int) - 2
        x1, y1 = np.ceil(corners.max(axis=0)).astype(int) + 2
        shrink = max(1, int(1 / self.scale))
        region = Image.fromarray(_reduced(rgb, (x0, y0, x1, y1), shrink))
        to_region = self.inverse - ((0, 0, x0), (0, 0, y0))
        return np.asarray(_pull(region, to_region / shrink, (self.size, self.size)))

    def covers(self, shape: tuple[int, int]) -> tuple[slice, slice]:
        """Rows and columns of a photo of a shape (height, width) that hold the crop; none where it lies outside."""
        corners = self.to_photo(np.array([(0, 0), (self.size, 0), (0, self.size), (self.size, self.size)], float))
        low = np.maximum(np.floor(corners.min(axis=0)).astype(int), 0)
        high = np.maximum(np.minimum(np.ceil(corners.max(axis=0)).astype(int), shape[::-1]), low)
        return slice(int(low[1]), int(high[1])), slice(int(low[0]), int(high[0]))


def align(landmarks: np.ndarray, size: int = 256) -> Crop:
    """The crop that puts a face, landmarks (468, 2 or 3) in photo pixels, in its standard place."""
    target = (np.array(EYES_AT) + _TEMPLATE * INTER_OCULAR) * size
    return Crop(_similarity(landmarks[list(_RIGID), :2].astype(np.float64), target), size)


def inter_ocular(landmarks: np.ndarray) -> float:
    """Distance between the eye centres (midpoints of the corners), in the landmarks' unit, in the image plane."""
    left, right = (landmarks[list(pair), :2].mean(axis=0) for pair in zip(EYE_OUTER, EYE_INNER, strict=True))
    return float(np.linalg.norm(right - left))


def _similarity(source: np.ndarray, target: np.ndarray) -> np.ndarray:
    """Least-squares rotation, scale and shift (2, 3) that takes source (N, 2) to target (N, 2); Umeyama, 1991."""
    mean_s, mean_t = source.mean(axis=0), target.mean(axis=0)
    s, t = (points @ (1, 1j) for points in (source - mean_s, target - mean_t))
    turn = np.vdot(s, t) / np.vdot(s, s).real
    linear = np.array([[turn.real, -turn.imag], [turn.imag, turn.real]])
    return np.column_stack([linear, mean_t - linear @ mean_s])


def _transform(matrix: np.ndarray, points: np.ndarray) -> np.ndarray:
    xy = points[:, :2] @ matrix[:, :2].T + matrix[:, 2]
    return np.column_stack([xy, points[:, 2:] * np.hypot(matrix[0, 0], matrix[1, 0])])


def _pull(image: Image.Image, matrix: np.ndarray, size: tuple[int, int]) -> Image.Image:
    """Resample: output (x, y) takes the value of `image` at matrix @ (x, y, 1), pixel centres at + 0.5."""
    coefficients = tuple(float(value) for value in matrix.ravel())
    return image.transform(size, Image.Transform.AFFINE, coefficients, Image.Resampling.BICUBIC)


def _reduced(rgb: np.ndarray, box: tuple[int, int, int, int], shrink: int) -> np.ndarray:
    """`_window`, each square of `shrink` pixels averaged to one; in strips, since the window of a large face is."""
    x0, y0, x1, y1 = box
    if shrink == 1:
        return _window(rgb, x0, y0, x1, y1)
    parts = (_window(rgb, x0, top, x1, bottom) for top, bottom in in_strips(y0, y1, x1 - x0, shrink))
    return np.concatenate([np.asarray(Image.fromarray(part).reduce(shrink)) for part in parts])


def _window(rgb: np.ndarray, x0: int, y0: int, x1: int, y1: int) -> np.ndarray:
    """rgb[y0:y1, x0:x1], also beyond its borders, which are repeated."""
    height, width = rgb.shape[:2]
    if min(x0, y0) >= 0 and x1 <= width and y1 <= height:
        return rgb[y0:y1, x0:x1]
    rows, columns = np.clip(np.arange(y0, y1), 0, height - 1), np.clip(np.arange(x0, x1), 0, width - 1)
    return rgb[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1][rows - rows[0]][:, columns - columns[0]]
