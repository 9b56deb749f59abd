"""The face's landmarks as they would be with an expression, drawn as an edge map: GANnotation's conditions.

The paper takes them from another frame of the same person's video. Without videos, the morphable face says where this
face's landmarks would be. Edge maps are those of the authors' `--use_edge`: the outline of the face in the first
channel, brows and eyes in the second, nose and lips in the third, with lines of 3 pixels at 128.
"""

import dataclasses
import functools
from pathlib import Path

import numpy as np
import torch
from PIL import Image, ImageDraw
from torch import Tensor

from facerelief.array_types import Float32, Floats
from facerelief.data.arrays import Arrays
from facerelief.data.batches import Batch, to_device
from facerelief.data.conditions.condition import CONDITIONS, Condition
from facerelief.data.conditions.per_photo import LandmarkMeasure, measure_landmarks
from facerelief.data.crops import read_alignment
from facerelief.data.manifest import Sample
from facerelief.expressions import EXPRESSIONS
from facerelief.geometry.morphable.fitting import APART, fit_face
from facerelief.geometry.morphable.model import carried_face, load_face
from facerelief.geometry.topology import BROWS, INNER_LIPS, LIPS, OUTLINE, eye_outlines
from facerelief.geometry.transfer.expression_transfer import ExpressionTransfer
from facerelief.progress import Progress, no_progress

_EARS = (356, 127)  # where the outline's lower half begins and ends
_NOSE = ((168, 6, 197, 195, 4), (98, 97, 2, 326, 327))  # bridge, base
_LINE = 3 / 128  # width, of the side
_NAME = "landmarks-2"  # of the file of landmarks; another version of how they are made gets another


def _closed(curve: tuple[int, ...]) -> tuple[int, ...]:
    return (*curve, curve[0])


@functools.cache
def edge_curves() -> tuple[tuple[tuple[int, ...], int], ...]:
    """Curves of vertices, each with the channel that it is drawn in."""
    first, last = (OUTLINE.index(ear) for ear in _EARS)
    green = (*(brow[:5] for brow in BROWS), *map(_closed, eye_outlines()))
    blue = (*_NOSE, _closed(LIPS), _closed(INNER_LIPS))
    return ((OUTLINE[first : last + 1], 0), *((curve, 1) for curve in green), *((curve, 2) for curve in blue))


@functools.cache
def edge_vertices() -> tuple[int, ...]:
    """The vertices that edge maps show, in order."""
    return tuple(sorted({vertex for curve, _ in edge_curves() for vertex in curve}))


def draw_edges(points: Floats, size: int) -> Float32:
    """An edge map.

    Args:
        points: (P, 2), of `edge_vertices`, in sides of the crop.
        size: S, its side in pixels.

    Returns:
        (3, S, S) in [0, 1].

    Example:
        >>> points = load_face().mean[list(edge_vertices()), :2] / 4 + 0.5
        >>> edges = draw_edges(points, 64)
        >>> edges.shape, [bool(channel.any()) for channel in edges]
        ((3, 64, 64), [True, True, True])
    """
    pixels, place = points * size, {vertex: number for number, vertex in enumerate(edge_vertices())}
    channels = [Image.new("L", (size, size)) for _ in range(3)]
    pens, width = [ImageDraw.Draw(channel) for channel in channels], max(1, round(_LINE * size))
    for curve, channel in edge_curves():
        pens[channel].line([tuple(map(float, pixels[place[vertex]])) for vertex in curve], fill=255, width=width)
    drawn = np.stack([np.asarray(channel) for channel in channels]).astype(np.float32)
    return np.asarray(drawn / 255, dtype=np.float32)


def move_landmarks() -> LandmarkMeasure:
    """A function from landmarks (468, 3) to those that edge maps show: (1 + 8, P, 2) in sides of the crop.

    The first are the face's own; the others what they would be with each of the eight `EXPRESSIONS`.
    """
    transfer, chosen = ExpressionTransfer(load_face()), list(edge_vertices())
    aims = [transfer.targets(name) for name in EXPRESSIONS]

    def moved(landmarks: Floats, size: int) -> Float32:
        fit = fit_face(transfer.face, landmarks, APART)
        all_of_them = [landmarks, *(transfer.moved_landmarks(landmarks, fit, aim, 1.0) for aim in aims)]
        return np.stack([one[chosen, :2] / size for one in all_of_them]).astype(np.float32)

    return moved


@CONDITIONS.add("landmarks")
class TargetLandmarks(Condition):
    """Edge maps (N, 3, S, S) in [0, 1] of the face's landmarks with the target expression."""

    meaning = "edge map (N, 3, size, size) of the target's landmarks, [0, 1]: outline; brows and eyes; nose and lips"

    def check(self, dataset: Path, sample: Sample) -> None:
        """As `Condition.check`: meshes."""
        read_alignment(dataset / sample.mesh)

    def measure(self, dataset: Path, arrays: Arrays, progress: Progress = no_progress) -> Arrays:
        """As `Condition.measure`: "landmarks", (N, 9, P, 2)."""
        if "landmarks" in arrays.measured:
            return arrays
        shape = (1 + len(EXPRESSIONS), len(edge_vertices()), 2)
        found = measure_landmarks(dataset, arrays, _NAME, move_landmarks, shape, [carried_face()], progress)
        return dataclasses.replace(arrays, measured={**arrays.measured, "landmarks": found})

    @property
    def shape(self) -> tuple[int, ...]:
        """As `Condition.shape`."""
        return (3, self.input.size, self.input.size)

    def own(self, arrays: Arrays, batch: Batch) -> Tensor:
        """As `Condition.own`."""
        return self._drawn(arrays.measured["landmarks"][batch.rows, 0], batch)

    def towards(self, arrays: Arrays, batch: Batch, y_t: Tensor, draws: Tensor | None = None) -> Tensor:
        """As `Condition.towards`."""
        places = [1 + self._number(label) for label in y_t.tolist()]
        return self._drawn(arrays.measured["landmarks"][batch.rows, places], batch)

    def of_face(self, landmarks: Floats, to: int) -> Float32:
        """As `Condition.of_face`."""
        moved = _mover()(landmarks, self.input.size)[1 + self._number(to)]
        return draw_edges(moved, self.input.size)[None]

    def _number(self, label: int) -> int:
        return EXPRESSIONS.index(self.expressions[label])

    def _drawn(self, points: Floats, batch: Batch) -> Tensor:
        """Edge maps of points (N, P, 2); mirrored where the batch is."""
        maps = np.stack([draw_edges(one, self.input.size) for one in points])
        maps[batch.flips] = maps[batch.flips, ..., ::-1]
        return to_device(torch.from_numpy(maps), batch.image.device)


@functools.cache
def _mover() -> LandmarkMeasure:
    return move_landmarks()
