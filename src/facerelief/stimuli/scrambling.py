"""Controls that show no face: the same amplitude spectrum with the phases of noise."""

import numpy as np

from facerelief.array_types import Floats, UInt8


def scramble_phase(picture: UInt8, seed: int) -> UInt8:
    """Add the phases of noise to those of a picture; mean, contrast and amplitude spectrum stay.

    Args:
        picture: (S, S) or (S, S, C); all channels get the same phases, so that colours stay related.
        seed: Of the noise.

    Returns:
        Of the same shape. Only cutting levels off at 0 and 255, and rounding them, changes the spectrum.

    Example:
        >>> rng = np.random.default_rng(0)
        >>> picture = rng.integers(100, 156, (64, 64)).astype(np.uint8)
        >>> abs(float(scramble_phase(picture, 1).mean()) - float(picture.mean())) < 0.1
        True
    """
    return np.clip(np.rint(scrambled_levels(picture, seed)), 0, 255).astype(np.uint8)


def scrambled_levels(picture: Floats | UInt8, seed: int) -> Floats:
    """As `scramble_phase`, before levels are cut off and rounded."""
    spectrum = np.fft.fft2(picture, axes=(0, 1))
    noise = np.fft.fft2(np.random.default_rng(seed).standard_normal(picture.shape[:2]))
    turn = noise / np.abs(noise)
    # Where a frequency is its own negative, a picture's spectrum is real; that of noise too, of either sign.
    turn[0, 0] = 1  # the mean
    turned = spectrum * (turn if picture.ndim == 2 else turn[..., None])
    levels: Floats = np.fft.ifft2(turned, axes=(0, 1)).real
    return levels
