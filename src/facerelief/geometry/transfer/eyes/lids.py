"""Where a photo's lids are. Detectors draw the upper lid up to 0.06 inter-ocular distances too low."""

from dataclasses import dataclass

import numpy as np

from facerelief.array_types import Float32, Floats
from facerelief.easing import smoothstep
from facerelief.geometry.filters import gaussian, steepness


@dataclass(frozen=True)
class _Search:
    """Where a lid is sought, inter-ocular distances from its landmarks, outwards: how far, where it mostly is, how far
    from there it mostly lies, and how much that counts.
    """

    inwards: float
    outwards: float
    usual: float
    spread: float
    trust: float


_UPPER = _Search(0.012, 0.085, 0.032, 0.035, 0.45)
_LOWER = _Search(0.012, 0.025, 0.004, 0.015, 0.8)
_EYE = 0.4  # weight of the step from lashes to the eye below
_FINE, _SMOOTH = 0.006, 0.022  # deviations of Gaussians: over the picture, along a lid
_LASHES, _BAND = 0.016, (0.01, 0.04)  # height of the lashes' dark line: mostly, and the least and the most
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

    @property
    def middle(self) -> Floats:
        """(S,), the rows halfway between the lids."""
        middle: Floats = (self.upper + self.lower) / 2
        return middle

    def within(self, height: float) -> Float32:
        """(S, S, 1): 1 between the lids, falling to 0 over `height` pixels around their edges."""
        rows = np.arange(len(self.upper), dtype=np.float32)[:, None] + np.float32(0.5)
        inside = np.minimum(rows - self.upper.astype(np.float32), self.lower.astype(np.float32) - rows)
        share: Float32 = np.clip(inside / np.float32(height) + np.float32(0.5), 0, 1)[..., None]
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
    """Lids as a photo shows them: the upper one where skin begins above dark lashes, the lower one where the eye ends.

    Args:
        luma: (S, S), luminance of the frame, 0 to 255.
        drawn: Lids through landmarks.
        unit: Pixels to an inter-ocular distance.
    """
    first, last = (int(np.clip(round(x), 1, len(luma) - 2)) for x in drawn.corners)
    columns = np.arange(first, last)
    if len(columns) < 3:
        return drawn
    down = steepness(gaussian(luma, _FINE * unit)) / 8
    inside = smoothstep(np.minimum(columns - first, last - columns) / (_CORNER * unit))
    edges = []
    for edge, search, side in ((drawn.upper, _UPPER, -1), (drawn.lower, _LOWER, 1)):
        offsets = np.arange(-round(search.inwards * unit), round(search.outwards * unit) + 1)
        rows = np.clip(np.rint(edge[columns] + side * offsets[:, None]).astype(int), 0, len(luma) - 1)
        steps = down[rows, columns]
        gain = _upper_gain(steps, unit) if side < 0 else _scaled(np.maximum(-steps, 0))
        usual = search.usual * unit * inside
        gain = gain - search.trust * ((offsets[:, None] - usual) / (search.spread * unit)) ** 2
        gain[np.abs(offsets[:, None]) > np.maximum(inside, 0.15) * search.outwards * unit + 1] = -9.0
        moved: Floats = np.zeros(len(luma))
        moved[columns] = offsets[_best_path(gain, _BEND)] - (_LASHES * unit * inside if side < 0 else 0)
        moved = gaussian(moved, _SMOOTH * unit * (1 if side < 0 else 1.6))
        moved[: first + 1] = moved[last:] = 0
        edges.append(edge + side * moved)
    return Lids(np.minimum(*edges), edges[1], drawn.corners)


def _upper_gain(steps: Floats, unit: float) -> Floats:
    """How likely lashes begin below skin (K, N), by the steps of luminance downwards; rows go from the eye upwards."""
    eye = _scaled(np.maximum(steps, 0))
    low, high = (round(height * unit) for height in _BAND)
    below = [np.pad(eye, ((step, 0), (0, 0)))[: len(eye)] for step in range(low, high + 1)]
    gain: Floats = (_scaled(np.maximum(-steps, 0)) + _EYE * np.stack(below).max(axis=0)) / (1 + _EYE)
    return gain


def _scaled(edges: Floats) -> Floats:
    scaled: Floats = edges / max(float(np.percentile(edges, 95)), 1e-3)
    return scaled


def _best_path(gain: Floats, bend: float) -> Floats:
    """The row in each column of a path of largest gain (K, N) that steps by one row at most; a step costs `bend`."""
    count, length = gain.shape
    total, came = gain[:, 0], np.zeros(gain.shape, dtype=int)
    rows, ways = np.arange(count), np.full((3, count), -np.inf)
    for column in range(1, length):
        ways[0, 1:], ways[1], ways[2, :-1] = total[:-1] - bend, total, total[1:] - bend
        came[:, column] = rows + np.argmax(ways, axis=0) - 1
        total = ways.max(axis=0) + gain[:, column]
    path = np.empty(length, dtype=int)
    path[-1] = int(np.argmax(total))
    for column in range(length - 1, 0, -1):
        path[column - 1] = came[path[column], column]
    return path
