"""Equal luminance, contrast and histograms, as the SHINE toolbox makes them.

Willenbockel et al., Controlling low-level image properties: the SHINE toolbox, Behavior Research Methods 42 (2010).
Luminance is that of the pixels' levels, 0 to 255 (Rec. 601): a display has to be linearised for it to be light.
"""

from dataclasses import dataclass, field

import numpy as np

from facerelief.array_types import Bool, Float64, UInt8
from facerelief.colour import LUMA

# Of an aligned crop, shares of its side: the middle of the mean face's outline and most of its width and height, so
# that hair, ears and the background are outside.
_CENTRE, _HALF_AXES = (0.5, 0.51), (0.31, 0.4)
_TOLERANCE = 0.02  # levels
_ROUNDS = 60
_WINDOWS = (3, 5, 7)  # pixels, whose means order pixels of one level


def face_oval(size: int) -> Bool:
    """The oval (S, S) inside of which an aligned crop of S pixels shows a face.

    Example:
        >>> oval = face_oval(100)
        >>> bool(oval[50, 50]), bool(oval[5, 50])
        (True, False)
    """
    at = (np.arange(size) + 0.5) / size
    x, y = (at[None] - _CENTRE[0]) / _HALF_AXES[0], (at[:, None] - _CENTRE[1]) / _HALF_AXES[1]
    inside: Bool = x**2 + y**2 <= 1
    return inside


@dataclass
class LuminanceTarget:
    """The mean luminance and the mean contrast of pictures, which all of them are to get.

    Attributes:
        means: Of the pictures, levels.
        deviations: Of their pixels, levels.
    """

    means: list[float] = field(default_factory=list)
    deviations: list[float] = field(default_factory=list)

    def add(self, levels: UInt8) -> None:
        """Count a picture's levels (P,), inside the mask."""
        self.means.append(float(levels.mean()))
        self.deviations.append(float(levels.std()))

    @property
    def mean(self) -> float:
        """What all are to have."""
        return float(np.mean(self.means))

    @property
    def deviation(self) -> float:
        """What all are to have."""
        return float(np.mean(self.deviations))


@dataclass
class HistogramTarget:
    """The mean histogram of pictures with equally many pixels: the mean of their sorted levels.

    Attributes:
        count: Of the pictures.
    """

    count: int = 0
    _sum: Float64 = field(default_factory=lambda: np.zeros(0))

    def add(self, levels: UInt8) -> None:
        """Count a picture's levels (P,), inside the mask."""
        self._sum = (self._sum if self.count else 0.0) + np.sort(levels).astype(np.float64)
        self.count += 1

    @property
    def levels(self) -> UInt8:
        """(P,), sorted."""
        return np.round(self._sum / self.count).astype(np.uint8)


def match_luminance(luma: UInt8, mask: Bool, mean: float, deviation: float) -> UInt8:
    """Give a picture a mean luminance and a contrast, by a gain and an offset.

    Args:
        luma: (S, S).
        mask: (S, S), the pixels that count.
        mean: Of these, levels.
        deviation: Of these, levels; the contrast.

    Returns:
        (S, S). Where levels end at 0 and 255 the gain is raised until what is left has the contrast; a picture of one
        level keeps it.

    Example:
        >>> ramp = np.tile(np.arange(100, dtype=np.uint8), (100, 1))
        >>> matched = match_luminance(ramp, face_oval(100), 128.0, 30.0)[face_oval(100)]
        >>> round(float(matched.mean())), round(float(matched.std()))
        (128, 30)
    """
    # Rounding after noise of one level: else a picture of whole levels could be shifted by whole levels only.
    noise = np.random.default_rng(0).uniform(-0.5, 0.5, luma.shape)
    inside = luma[mask].astype(np.float64)
    gain = deviation / max(float(inside.std()), 1e-9)
    offset = mean - gain * float(inside.mean())
    for _ in range(_ROUNDS):
        made = _levels(gain * inside + offset + noise[mask])
        off = mean - float(made.mean()), deviation - float(made.std())
        if max(map(abs, off)) < _TOLERANCE or not made.std():
            break
        change = deviation / float(made.std())
        offset += off[0] + gain * (1 - change) * float(inside.mean())
        gain *= change
    return _levels(gain * luma.astype(np.float64) + offset + noise)


def match_histogram(luma: UInt8, mask: Bool, levels: UInt8) -> UInt8:
    """Give a picture an exact histogram (Coltuc, Bolon and Chassery, 2006).

    Pixels of one level are put in order by the means of their surroundings, and then by their place.

    Args:
        luma: (S, S).
        mask: (S, S), the pixels that count.
        levels: (P,), sorted, what these P pixels are to have.

    Returns:
        (S, S), outside the mask as before.
    """
    keys = [_local_mean(luma, window)[mask] for window in reversed(_WINDOWS)]
    order = np.lexsort(np.stack([*keys, luma[mask].astype(np.float64)]))
    inside = np.empty_like(levels)
    inside[order] = levels
    made = luma.copy()
    made[mask] = inside
    return made


def with_luma(rgb: UInt8, luma: UInt8) -> UInt8:
    """A picture (S, S, 3) with another luminance (S, S); colours keep their distance from grey as far as levels go."""
    old = rgb @ LUMA
    chroma, wanted = rgb - old[..., None], luma.astype(np.float64)[..., None]
    with np.errstate(divide="ignore", invalid="ignore"):
        room = np.where(chroma > 0, (255 - wanted) / chroma, np.where(chroma < 0, -wanted / chroma, np.inf))
    return _levels(wanted + np.minimum(1.0, room.min(axis=2, keepdims=True)) * chroma)


def _levels(values: Float64) -> UInt8:
    return np.clip(np.rint(values), 0, 255).astype(np.uint8)


def _local_mean(luma: UInt8, window: int) -> Float64:
    """The mean of each pixel's square of `window` pixels (S, S); borders are repeated."""
    half = window // 2
    sums = np.pad(luma.astype(np.float64), half, mode="edge")
    for axis in (0, 1):
        running = np.insert(np.cumsum(sums, axis=axis), 0, 0.0, axis=axis)
        ends = np.take(running, np.arange(window, running.shape[axis]), axis=axis)
        sums = ends - np.take(running, np.arange(running.shape[axis] - window), axis=axis)
    means: Float64 = sums / window**2
    return means
