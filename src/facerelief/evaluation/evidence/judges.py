"""Judges of expressions, each with another blindness: classifiers of this project, face-api's, and landmarks alone."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from PIL import Image

from facerelief.array_types import Float64, Int64
from facerelief.data.arrays import Arrays
from facerelief.evaluation.evidence.meter import LandmarkMeter, aligned_shape
from facerelief.evaluation.outside.face_api_weights import load_tfjs
from facerelief.network_input import from_levels
from facerelief.networks.face_api import EXPRESSION_SIZE, FACE_API_EXPRESSIONS, FaceApiExpressions
from facerelief.training.classifier import load_classifier, log_probabilities

LANDMARK_COMPONENTS = 40  # principal components of landmarks that the linear judge sees
_SHRINKAGE = 0.05  # of its covariance, towards the mean variance
FACE_API_JUDGE = "face_expression"  # the name of its weights
_FACE = (0.1, 0.2, 0.9, 1.0)  # the part of an aligned crop that face-api's judge sees, shares of its side

# Pictures (N, C, S, S), uint8, to indices (N,) of the expressions.
Judge = Callable[[np.ndarray], Int64]


def as_rgb(levels: np.ndarray) -> np.ndarray:
    """Pictures (N, C, S, S), uint8, C = 1 or 3, as (N, S, S, 3)."""
    return np.ascontiguousarray(np.broadcast_to(levels, (len(levels), 3, *levels.shape[2:])).transpose(0, 2, 3, 1))


def own_judge(run: Path, expressions: Sequence[str], batch: int = 256, device: torch.device | str = "cpu") -> Judge:
    """A classifier of `train judge`, among the expressions. Raises `CheckpointError` where it cannot be read."""
    network, settings = load_classifier(run)
    network.to(device)
    columns = torch.tensor([settings.expressions.index(name) for name in expressions])

    @torch.inference_mode()
    def judge(levels: np.ndarray) -> Int64:
        parts = (torch.from_numpy(np.array(levels[at : at + batch])) for at in range(0, len(levels), batch))
        images = (from_levels(part.to(device).float()) for part in parts)
        return torch.cat([log_probabilities(network, x).cpu()[:, columns].argmax(1) for x in images]).numpy()

    return judge


def face_api_judge(
    folder: Path, expressions: Sequence[str], batch: int = 64, device: torch.device | str = "cpu"
) -> Judge:
    """face-api's judge, among the expressions that it knows: an index of another is never given.

    Args:
        folder: `model` of the npm package @vladmandic/face-api.
        expressions: The K classes.
        batch: Pictures at a time.
        device: Where it runs.

    Raises:
        CheckpointError: The weights are missing or damaged.
    """
    network = load_tfjs(FaceApiExpressions(), folder, FACE_API_JUDGE).to(device)
    shared = [name for name in expressions if name in FACE_API_EXPRESSIONS]
    known = [(expressions.index(name), FACE_API_EXPRESSIONS.index(name)) for name in shared]
    ours, theirs = (np.array(column) for column in zip(*known, strict=True))

    @torch.inference_mode()
    def judge(levels: np.ndarray) -> Int64:
        found = []
        for start in range(0, len(levels), batch):
            seen = np.stack([_face(crop) for crop in as_rgb(levels[start : start + batch])]).transpose(0, 3, 1, 2)
            shares = network(torch.from_numpy(seen).to(device).float()).cpu().numpy()[:, theirs]
            found.append(ours[shares.argmax(axis=1)])
        return np.concatenate(found)

    return judge


def _face(crop: np.ndarray) -> np.ndarray:
    left, top, right, bottom = (place * len(crop) for place in _FACE)
    size = (EXPRESSION_SIZE, EXPRESSION_SIZE)
    return np.asarray(Image.fromarray(crop).resize(size, Image.Resampling.BICUBIC, box=(left, top, right, bottom)))


@dataclass(frozen=True)
class LandmarkJudge:
    """Linear discriminant analysis of the principal components of aligned landmarks; it sees no pixel.

    Attributes:
        mean: Of the shapes, (F,).
        axes: Principal components, (F, D).
        weights: (D, K).
        bias: (K,).
    """

    mean: Float64
    axes: Float64
    weights: Float64
    bias: Float64

    def __call__(self, shapes: Float64) -> Int64:
        """The expression (N,) of shapes (N, F)."""
        return np.argmax((shapes - self.mean) @ self.axes @ self.weights + self.bias, axis=1)


def fit_landmark_judge(shapes: Float64, label: Int64, classes: int) -> LandmarkJudge:
    """The discriminant of shapes (N, F) with labels (N,), with equal priors; each class needs a shape."""
    mean = shapes.mean(axis=0)
    _, _, rows = np.linalg.svd(shapes - mean, full_matrices=False)
    axes = rows[:LANDMARK_COMPONENTS].T
    x = (shapes - mean) @ axes
    centres = np.stack([x[label == k].mean(axis=0) for k in range(classes)])
    within = np.cov((x - centres[label]).T)
    size = len(within)  # one photo a class has no spread: then the nearest centre counts
    within = (1 - _SHRINKAGE) * within + np.eye(size) * (_SHRINKAGE * np.trace(within) / size + 1e-9)
    weights = np.linalg.solve(within, centres.T)
    return LandmarkJudge(mean, axes, weights, -0.5 * (centres.T * weights).sum(axis=0))


def landmark_judge(train: Arrays, meter: LandmarkMeter, a_class: int = 400) -> Judge:
    """A judge by landmarks, fitted to the meter's landmarks of so many training photos of each expression."""
    rows = np.concatenate([np.flatnonzero(train.label == k)[:a_class] for k in range(len(train.expressions))])
    shapes = aligned_shape(meter(as_rgb(np.asarray(train.image[rows]))))
    fitted = fit_landmark_judge(shapes, train.label[rows], len(train.expressions))
    return lambda levels: fitted(aligned_shape(meter(as_rgb(levels))))
