"""BlazeFace's boxes: anchors, decoding, and weighted non-maximum suppression, as MediaPipe does them.

Bazarevsky et al., BlazeFace: Sub-millisecond Neural Face Detection on Mobile GPUs, 2019.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from facerelief.array_types import Float32, Floats, UInt8
from facerelief.faces.landmarks.networks import FULL_RANGE, SHORT_RANGE, load_network

_SUPPRESSED = 0.3  # intersection over union from which two boxes are one face
_RIGHT_EYE, _LEFT_EYE = 4, 6  # columns of their x; the other four points (nose, mouth, ears) are not used


@dataclass(frozen=True, eq=False)
class Detection:
    """A detected face, in fractions of a square picture's side.

    Attributes:
        box: x0, y0, x1, y1.
        eyes: (2, 2), x and y of the eye at the picture's left, then of the other one, where the head is upright.
        score: In [0, 1].
    """

    box: Floats
    eyes: Floats
    score: float


class Detector:
    """A detector of faces in square pictures of its side. Thread-safe."""

    def __init__(self, name: str, side: int, grids: tuple[tuple[int, int], ...]) -> None:
        """Load a detector.

        Args:
            name: The network's file.
            side: Of its input, pixels.
            grids: Cells a side, and boxes a cell, of each of its grids.

        Raises:
            CheckpointError: The network's file is missing or damaged.
        """
        self.side, self._network, self._anchors = side, load_network(name), anchors(grids)

    def __call__(self, picture: UInt8, *thresholds: float) -> Iterator[list[Detection]]:
        """Detect faces in a picture (side, side, 3).

        Args:
            picture: The picture.
            thresholds: Least scores.

        Yields:
            For each threshold the faces, the surest first.
        """
        raw, scores = (values[0] for values in self._network(picture[None]))
        sure = 1 / (1 + np.exp(-np.clip(scores, -80, 80)))
        for least in thresholds:
            yield self._above(raw, sure, least)

    def _above(self, raw: Float32, scores: Float32, least: float) -> list[Detection]:
        chosen = np.flatnonzero((scores >= least) & (raw[:, 2:4] >= 0).all(axis=1))
        merged, best = merge_boxes(decode_boxes(raw[chosen], self._anchors[chosen], self.side), scores[chosen])
        eyes = merged[:, [[_RIGHT_EYE, _RIGHT_EYE + 1], [_LEFT_EYE, _LEFT_EYE + 1]]]
        return [Detection(*one) for one in zip(merged[:, :4], eyes, best.tolist(), strict=True)]


def short_range() -> Detector:
    """For faces of a sixth of the picture and more; see `Detector`."""
    return Detector(SHORT_RANGE, 128, ((16, 2), (8, 6)))


def full_range() -> Detector:
    """For faces of a tenth of the picture and more; see `Detector`."""
    return Detector(FULL_RANGE, 192, ((48, 1),))


def anchors(grids: tuple[tuple[int, int], ...]) -> Float32:
    """The centres (N, 2) of the cells of grids (cells a side, boxes a cell), x and y in fractions of the picture.

    Example:
        >>> anchors(((2, 1), (1, 2))).tolist()
        [[0.25, 0.25], [0.75, 0.25], [0.25, 0.75], [0.75, 0.75], [0.5, 0.5], [0.5, 0.5]]
    """
    found = []
    for cells, boxes in grids:
        y, x = np.divmod(np.arange(cells * cells), cells)
        found.append(np.repeat((np.column_stack([x, y]) + 0.5) / cells, boxes, axis=0))
    return np.concatenate(found).astype(np.float32)


def decode_boxes(raw: Floats, centres: Floats, side: int) -> Floats:
    """Boxes and points from a detector's numbers.

    Args:
        raw: (N, 16): the box's centre, width and height, then the points, all in pixels; places from the anchor.
        centres: (N, 2), `anchors`.
        side: Of the picture, pixels.

    Returns:
        (N, 16): x0, y0, x1, y1, then x and y of each point, in fractions of the picture.
    """
    found = raw / np.float32(side)
    found[:, :2] += centres
    found[:, 4:] += np.tile(centres, 6)
    half = found[:, 2:4] / 2
    return np.column_stack([found[:, :2] - half, found[:, :2] + half, found[:, 4:]])


def merge_boxes(boxes: Floats, scores: Floats) -> tuple[Floats, Floats]:
    """Weighted non-maximum suppression: boxes that overlap the best one become one, their mean by score.

    Args:
        boxes: (N, 4 or more): x0, y0, x1, y1, and what goes with them.
        scores: (N,).

    Returns:
        The merged boxes, the best first, and the best score of each.

    Example:
        >>> boxes = np.array([[0.0, 0, 1, 1], [0.0, 0, 1, 0.5], [2.0, 0, 3, 1]])
        >>> merge_boxes(boxes, np.array([0.75, 0.25, 0.5]))[0].tolist()
        [[0.0, 0.0, 1.0, 0.875], [2.0, 0.0, 3.0, 1.0]]
    """
    order = np.argsort(-scores, kind="stable")
    merged, best = [], []
    while len(order):
        same = intersection_over_union(boxes[order, :4], boxes[order[0], :4]) > _SUPPRESSED
        same[0] = True  # also where it is empty
        weights = scores[order[same]]
        merged.append(weights @ boxes[order[same]] / weights.sum())
        best.append(weights[0])
        order = order[~same]
    return np.array(merged).reshape(-1, boxes.shape[1]), np.array(best)


def intersection_over_union(boxes: Floats, other: Floats) -> Floats:
    """Of boxes (N, 4) with one box (4,), x0, y0, x1, y1 each: (N,) in [0, 1], 0 for empty ones."""
    sides = np.minimum(boxes[:, 2:], other[2:]) - np.maximum(boxes[:, :2], other[:2])
    shared = np.clip(sides, 0, None).prod(axis=1)
    whole = (boxes[:, 2:] - boxes[:, :2]).prod(axis=1) + (other[2:] - other[:2]).prod() - shared
    share: Floats = np.divide(shared, whole, out=np.zeros_like(shared), where=whole > 0)
    return share
