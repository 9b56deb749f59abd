"""Expressions as far as the modes have them, in which a fit finds the expression of a photo."""

import numpy as np

from facerelief.geometry.morphable.model import MorphableFace


def in_modes(face: MorphableFace, expression: str, strength: float = 1.0) -> np.ndarray:
    """Coefficients (E,) of the expression modes whose movement is nearest to that of an expression."""
    flat = face.expression_modes.reshape(len(face.expression_modes), -1)
    found: np.ndarray = np.linalg.lstsq(flat.T, face.expression(expression, strength).ravel(), rcond=None)[0]
    return found
