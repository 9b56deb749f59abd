"""Whether a face wears glasses: a linear classifier of histograms of gradients around the eyes.

Rims that are thin, light or missing hardly differ from skin in brightness, but their edges have places and directions
that skin's have not (as in Fernández et al., Glasses detection on real images, 2015, who use local binary patterns).
"""

import functools
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from facerelief.array_types import RGB, Bool, Float32, Float64, Floats, Int64
from facerelief.checkpoint import half, load_checkpoint, save_checkpoint
from facerelief.colour import LUMA
from facerelief.errors import CheckpointError
from facerelief.files import packaged_file
from facerelief.geometry.filters import binomial_blur
from facerelief.geometry.transfer.shading import log_luminance

GLASSES_FILE = "glasses.safetensors"  # in its folder
CROP_SIDE = 160  # of the aligned crops that are looked at
_ROWS, _COLUMNS = (30, 102), (8, 152)  # of a crop: from the brows to the cheeks, from temple to temple
_RIM = 3  # pixels around them that blur and gradient look at
_CELL, _DIRECTIONS = 8, 8  # pixels a side; over half a turn
_SHAPE = (_DIRECTIONS, 9, 18)
_PENALTY = 60.0  # of the squared weights, a photo having a weight of 1 on average
_FALSE, _FOUND = 0.01, 0.75  # shares of the faces without glasses above score 0, and of those with above score 1


@dataclass(frozen=True, eq=False)
class GlassesClassifier:
    """Scores aligned crops.

    Attributes:
        weights: (8, 9, 18), of `gradient_histograms`.
        bias: Added to the weighted sum.
    """

    weights: Float32
    bias: float

    def __call__(self, pixels: RGB) -> float:
        """0 or less where an aligned crop (160, 160, 3) shows no glasses, 1 or more where it shows them clearly."""
        return float((self.weights * gradient_histograms(pixels)).sum()) + self.bias


def gradient_histograms(pixels: RGB) -> Float32:
    """How much the edges around the eyes of an aligned crop (160, 160, 3) have each direction, (8, 9, 18).

    Eight directions over half a turn, in cells of 8 x 8 pixels, each relative to the cell's contrast (histograms of
    oriented gradients: Dalal and Triggs, 2005). Of log luminance: brightness does not count.
    """
    rows, columns = (slice(first - _RIM, last + _RIM) for first, last in (_ROWS, _COLUMNS))
    light = log_luminance((pixels[rows, columns] @ LUMA).astype(np.float32))
    down, right = (np.asarray(steps)[_RIM:-_RIM, _RIM:-_RIM] for steps in np.gradient(binomial_blur(light)))
    length, angle = np.hypot(down, right), np.arctan2(down, right) % np.pi * (_DIRECTIONS / np.pi)
    half = _DIRECTIONS / 2
    away = np.abs((angle - np.arange(_DIRECTIONS, dtype=np.float32)[:, None, None] + half) % _DIRECTIONS - half)
    parts = np.maximum(0, 1 - away) * length
    cells = parts.reshape(_DIRECTIONS, _SHAPE[1], _CELL, _SHAPE[2], _CELL).mean(axis=(2, 4))
    contrast = np.linalg.norm(cells, axis=0)
    return np.sqrt(cells / (contrast + contrast.mean() / 2 + 1e-6)).astype(np.float32)


def learn_glasses(
    histograms: Floats, mirrored: Floats, glasses: Bool, groups: Int64
) -> tuple[GlassesClassifier, Float64]:
    """Learn a classifier by ridge regression, faces with and without glasses counting alike.

    Args:
        histograms: (N, 8, 9, 18), of faces.
        mirrored: (N, 8, 9, 18), of the same faces in the mirror.
        glasses: (N,), who wears glasses.
        groups: (N,), numbers from 0 up; what is in one is held out together.

    Returns:
        The classifier, and the score (N,) of each face by one that has not learned from its group.
    """
    faces, turned = (some.reshape(len(some), -1).astype(np.float64) for some in (histograms, mirrored))
    scores = np.zeros(len(faces))
    for group in np.unique(groups):
        out = groups == group
        weights, bias = _ridge(np.concatenate([faces[~out], turned[~out]]), np.tile(glasses[~out], 2))
        scores[out] = faces[out] @ weights + bias
    none, clear = np.quantile(scores[~glasses], 1 - _FALSE), np.quantile(scores[glasses], 1 - _FOUND)
    weights, bias = _ridge(np.concatenate([faces, turned]), np.tile(glasses, 2))
    scale = 1 / max(clear - none, 1e-6)
    learned = GlassesClassifier((scale * weights).reshape(_SHAPE).astype(np.float32), float(scale * (bias - none)))
    return learned, scale * (scores - none)


def _ridge(features: Float64, positive: Bool) -> tuple[Float64, float]:
    """Weights (F,) and bias that give 1 for features (N, F) that are `positive` (N,), and -1 for others."""
    share = np.where(positive, 0.5 / positive.mean(), 0.5 / (1 - positive.mean()))
    mean = np.average(features, axis=0, weights=share)
    centred = features - mean
    gram = (centred * share[:, None]).T @ centred + _PENALTY * np.eye(features.shape[1])
    weights = np.linalg.solve(gram, centred.T @ (share * np.where(positive, 1.0, -1.0)))
    return weights, float(-mean @ weights)


def save_glasses(path: Path, classifier: GlassesClassifier, facts: dict[str, Any]) -> None:
    """Write a classifier, in half precision.

    Args:
        path: The file.
        classifier: The classifier.
        facts: What the file records of its source; JSON.
    """
    tensors = half({"weights": classifier.weights})
    save_checkpoint(path, "glasses", tensors, facts | {"bias": classifier.bias})


@functools.lru_cache(maxsize=2)
def load_glasses(path: Path | None = None) -> GlassesClassifier:
    """Load a classifier; it is kept in memory.

    Args:
        path: The file; by default the package's own.

    Raises:
        CheckpointError: It is absent, damaged or of another version.

    Example:
        >>> load_glasses()(np.full((160, 160, 3), 128, np.uint8)) < 0
        True
    """
    saved = load_checkpoint(path or packaged_file("weights", "glasses", GLASSES_FILE), "glasses")
    if "weights" not in saved.specs or saved.specs["weights"].shape != _SHAPE:
        raise CheckpointError(f"{saved.path}: weights does not fit; get the file again")
    return GlassesClassifier(saved.read("weights"), float(saved.fact("bias", float)))
