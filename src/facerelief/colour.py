"""Luminance and colour of 8-bit pictures."""

import numpy as np

LUMA = np.array((0.299, 0.587, 0.114))  # Rec. 601
GREY = 3.0  # `chroma` below which a picture is grey


def to_luma(rgb: np.ndarray) -> np.ndarray:
    """Luma (Rec. 601, as JPEG and Pillow's "L") of rgb (..., 3), uint8 to uint8."""
    return np.round(rgb @ LUMA).astype(np.uint8)


def chroma(rgb: np.ndarray) -> float:
    """Mean distance of a crop's pixels from grey: the largest less the smallest of their three levels."""
    r, g, b = rgb[..., 0], rgb[..., 1], rgb[..., 2]
    return float((np.maximum(np.maximum(r, g), b) - np.minimum(np.minimum(r, g), b)).mean())
