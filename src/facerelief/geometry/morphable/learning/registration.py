"""The mean picture of an expression, brought into register with the neutral one.

Detectors of landmarks shorten movements, most of all eyebrows', and more the smaller a photo is. In the UV map, which
follows the landmarks, the rest is then seen as a shift of features, and would be taken for a change of light.
"""

import numpy as np

from facerelief.array_types import Float32, Floats
from facerelief.geometry.filters import binomial_blur, box_blur
from facerelief.geometry.morphable.uv_map import sample_bilinear

_ROUNDS = 8
_RIDGE = 0.02  # of the mean squared gradient along a mode
_DETAIL = 20  # what is wider than the map's side divided by this is light
_SMOOTH = 4  # times a binomial filter, so that features overlap before they are in register


def register(neutral: Floats, shown: Floats, moves: Floats, weight: Floats) -> Floats:
    """Take back the movement between two mean pictures in the UV map, in modes, by least squares (Gauss-Newton).

    Args:
        neutral: (A, A), log albedo.
        shown: (A, A), log albedo of the same faces with an expression.
        moves: (E, A, A, 2), what each mode moves at the map's pixels, right and down, in pixels.
        weight: (A, A), how much each pixel counts.

    Returns:
        `shown` in register with `neutral`, (A, A).
    """
    still, moved = _detail(neutral), _detail(shown)
    grid = np.dstack(np.meshgrid(*(np.arange(len(neutral)) + 0.5,) * 2))

    def taken_back(picture: Floats, coefficients: Floats) -> Floats:
        found: Floats = sample_bilinear(picture[..., None], grid + np.tensordot(coefficients, moves, 1))[..., 0]
        return found

    found = np.zeros(len(moves))
    for _ in range(_ROUNDS):
        now = taken_back(moved, found)
        down, right = np.gradient(now)
        slope = (right * moves[..., 0] + down * moves[..., 1]).reshape(len(moves), -1)
        weighted = slope * weight.ravel()
        square = weighted @ slope.T
        ridge = _RIDGE * np.trace(square) / len(square)
        away = weighted @ (still - now).ravel() - ridge * found
        found = found + np.linalg.solve(square + max(ridge, 1e-12) * np.eye(len(square)), away)
    return taken_back(shown, found)


def _detail(picture: Floats) -> Float32:
    smooth = picture
    for _ in range(_SMOOTH):
        smooth = binomial_blur(smooth)
    detail = smooth - box_blur(smooth[..., None], max(1, len(picture) // _DETAIL))[..., 0]
    return np.asarray(detail, dtype=np.float32)
