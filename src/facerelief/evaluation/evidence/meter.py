"""Landmarks of aligned crops by face-api's network, which took no part in any depth map, loss or alignment.

The depth maps come from MediaPipe's landmarks; a meter that made them could favour editors that learnt from them.
"""

from pathlib import Path

import numpy as np
import torch
from PIL import Image
from torch import nn

from facerelief.array_types import RGB, Float64
from facerelief.evaluation.outside.face_api_weights import load_tfjs
from facerelief.networks.face_api import EXPRESSION_SIZE, FaceApiLandmarks

FACE_API_METER = "face_landmark_68"  # the name of its weights
# The square of an aligned crop that the network sees, shares of its side: on the London photos at 256 px its eyes, lip
# corners, nose and chin are then 0.042 inter-ocular distances from MediaPipe's, and 0.046 at 48 px.
_CENTRE, _SIDE = (0.5, 0.6), 0.8
INNER = slice(17, 68)  # brows, nose, eyes and mouth; the outline before them is uncertain
_RIGID = (27, 28, 29, 30, 33, 36, 39, 42, 45)  # nose and eye corners, which expressions hardly move
_EYES = (slice(36, 42), slice(42, 48))


class LandmarkMeter:
    """Finds the 68 landmarks of aligned crops."""

    def __init__(self, folder: Path, device: torch.device | str = "cpu") -> None:
        """Load the network.

        Args:
            folder: `model` of the npm package @vladmandic/face-api.
            device: Where it runs.

        Raises:
            CheckpointError: The weights are missing or damaged.
        """
        self._network: nn.Module = load_tfjs(FaceApiLandmarks(), folder, FACE_API_METER).to(device)
        self._device = device

    def __call__(self, crops: np.ndarray, batch: int = 64) -> Float64:
        """Landmarks (N, 68, 2) of aligned crops (N, S, S, 3), uint8, in shares of the crop's side."""
        seen = np.stack([_seen(crop) for crop in crops]).transpose(0, 3, 1, 2)
        with torch.inference_mode():
            parts = [
                self._network(torch.from_numpy(seen[k : k + batch]).to(self._device).float()).cpu().numpy()
                for k in range(0, len(seen), batch)
            ]
        points: Float64 = np.concatenate(parts).astype(np.float64) * _SIDE + np.array(_CENTRE) - _SIDE / 2
        return points


def _seen(crop: RGB) -> RGB:
    size = len(crop)
    box = tuple((place + sign * _SIDE / 2) * size for sign in (-1, 1) for place in _CENTRE)
    way = Image.Resampling.BICUBIC if size * _SIDE < EXPRESSION_SIZE else Image.Resampling.BILINEAR
    shrunk = Image.fromarray(crop)
    if size * _SIDE > 2 * EXPRESSION_SIZE:  # or a coarse sampling of a large crop would alias
        shrunk = shrunk.reduce(int(size * _SIDE / EXPRESSION_SIZE))
        box = tuple(value * shrunk.width / size for value in box)
    return np.asarray(shrunk.transform((EXPRESSION_SIZE,) * 2, Image.Transform.EXTENT, box, way))


def landmark_error(found: Float64, true: Float64) -> Float64:
    """How far landmarks are from the true ones, in inter-ocular distances: the mean over brows, nose, eyes and mouth.

    Each face is first laid over the true one by nose and eye corners (rotation, scale and shift), so that how the two
    photos were cropped does not count.

    Args:
        found: (N, 68, 2).
        true: (N, 68, 2).

    Returns:
        (N,).
    """
    laid = np.stack([_laid_over(a, b) for a, b in zip(found, true, strict=True)])
    eyes = [true[:, eye].mean(axis=1) for eye in _EYES]
    unit = np.linalg.norm(eyes[1] - eyes[0], axis=1)
    error: Float64 = np.linalg.norm(laid[:, INNER] - true[:, INNER], axis=2).mean(axis=1) / unit
    return error


def _laid_over(points: Float64, goal: Float64) -> Float64:
    """Points (68, 2) after the similarity that takes their rigid ones to the goal's, by least squares."""
    z, w = points @ (1, 1j), goal @ (1, 1j)
    rigid = list(_RIGID)
    from_, to = z[rigid] - z[rigid].mean(), w[rigid] - w[rigid].mean()
    turned = (z - z[rigid].mean()) * (np.vdot(from_, to) / np.vdot(from_, from_).real) + w[rigid].mean()
    return np.stack([turned.real, turned.imag], axis=1)


def aligned_shape(points: Float64) -> Float64:
    """Landmarks (N, 68, 2) with the eyes' centres level, one apart, and their middle at 0; flattened inner ones (N, F).

    Example:
        >>> shape = aligned_shape(np.random.default_rng(0).uniform(size=(1, 68, 2))).reshape(-1, 2)
        >>> np.abs(shape[25:31].mean(axis=0) - shape[19:25].mean(axis=0)).round(6).tolist()
        [1.0, 0.0]
    """
    z = points @ (1, 1j)
    left, right = (z[:, eye].mean(axis=1, keepdims=True) for eye in _EYES)
    z = (z - (left + right) / 2) / (right - left)
    inner = z[:, INNER]
    shape: Float64 = np.stack([inner.real, inner.imag], axis=2).reshape(len(z), -1)
    return shape
