"""Where a photo's lids are. Detectors draw the upper lid up to 0.06 inter-ocular distances too low."""

from dataclasses import dataclass

import numpy as np

from facerelief.array_types import Floats
from facerelief.easing import smoothstep
from facerelief.geometry.filters import ndimage

_HIGHEST, _LOWEST = 0.085, 0.012  # inter-ocular distances above and below the landmarks, between which a lid is sought
_USUAL, _SPREAD, _TRUST = 0.035, 0.04, 0.35  # where it mostly is, and how much that counts
_FINE, _SMOOTH = 0.006, 0.022  # deviations of Gaussians: over the picture, along a lid
_LASHES = 0.016  # height of the lashes' dark line
_CORNER = 0.09  # from a corner, within which lids are where landmarks are
_BEND = 0.06  # what a step of one pixel up or down costs


@dataclass(frozen=True, eq=False)
class Lids:
    """The edges of an eye's opening, in each column of its frame; beside the corners both are at the corner's height.

    Attributes:
        upper: (S,), frame pixels.
        lower: (S,), the same.
        corners: The columns of the left and the right corner.
    """

    upper: Floats
    lower: Floats
    corners: tuple[float, float]

    @property
    def gap(self) -> Floats:
        """(S,), from the upper to the lower lid."""
        gap: Floats = np.maximum(self.lower - self.upper, 0)
        return gap

    def within(self, height: float) -> Floats:
        """(S, S, 1): 1 between the lids, falling to 0 over `height` pixels around their edges."""
        rows = np.arange(len(self.upper))[:, None] + 0.5
        inside = np.minimum(rows - self.upper, self.lower - rows) / height
        share: Floats = np.clip(inside + 0.5, 0, 1)[..., None]
        return share


def landmark_lids(upper: Floats, lower: Floats, size: int) -> Lids:
    """Lids through landmarks (9, 2) each, from the left to the right corner, frame pixels."""
    columns = np.arange(size) + 0.5
    first, last = float(upper[0, 0]), float(upper[-1, 0])
    edges = []
    for points in (upper, lower):
        order = np.argsort(points[:, 0])
        edges.append(np.interp(columns, points[order, 0], points[order, 1]))
    return Lids(edges[0], np.maximum(*edges), (first, last))


def seen_lids(luma: Floats, drawn: Lids, unit: float) -> Lids:
    """Lids as a photo shows them: the upper one where skin begins above dark lashes.

    Args:
        luma: (S, S), luminance of the frame, 0 to 255.
        drawn: Lids through landmarks.
        unit: Pixels to an inter-ocular distance.
    """
    first, last = (int(np.clip(round(x), 1, len(luma) - 2)) for x in drawn.corners)
    columns = np.arange(first, last)
    offsets = np.arange(-round(_LOWEST * unit), round(_HIGHEST * unit) + 1)
    if len(columns) < 3:
        return drawn
    smooth = ndimage().gaussian_filter(luma, _FINE * unit)
    down = ndimage().sobel(smooth, axis=0) / 8
    rows = np.clip(np.rint(drawn.upper[columns] - offsets[:, None]).astype(int), 0, len(luma) - 1)
    edge = np.maximum(-down[rows, columns], 0)
    aside = np.minimum(columns - first, last - columns) / (_CORNER * unit)
    usual = _USUAL * unit * smoothstep(aside)
    gain = edge / max(float(np.percentile(edge, 95)), 1e-3)
    gain = gain - _TRUST * ((offsets[:, None] - usual) / (_SPREAD * unit)) ** 2
    gain = np.where(np.abs(offsets[:, None]) > np.maximum(aside, 0.15) * _HIGHEST * unit + 1, -9.0, gain)
    lifted = np.zeros(len(luma))
    lifted[columns] = offsets[_best_path(gain, _BEND)] - _LASHES * unit * smoothstep(aside)
    lifted = ndimage().gaussian_filter1d(lifted, _SMOOTH * unit)
    lifted[: first + 1] = lifted[last:] = 0
    return Lids(np.minimum(drawn.upper - lifted, drawn.lower), drawn.lower, drawn.corners)


def _best_path(gain: Floats, bend: float) -> Floats:
    """The row in each column of a path of largest gain (K, N) that steps by one row at most; a step costs `bend`."""
    count, length = gain.shape
    total, came = gain[:, 0], np.zeros(gain.shape, dtype=int)
    rows = np.arange(count)
    for column in range(1, length):
        padded = np.pad(total, 1, constant_values=-np.inf)
        ways = np.stack([padded[:-2] - bend, total, padded[2:] - bend])
        came[:, column] = rows + np.argmax(ways, axis=0) - 1
        total = ways.max(axis=0) + gain[:, column]
    path = np.empty(length, dtype=int)
    path[-1] = int(np.argmax(total))
    for column in range(length - 1, 0, -1):
        path[column - 1] = came[path[column], column]
    return path
