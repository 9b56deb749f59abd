"""Filters of scipy, which comes with the extra `faces`."""

from typing import Any

from facerelief.errors import MissingExtra


def ndimage() -> Any:
    """The module scipy.ndimage. Raises `MissingExtra` where scipy is not installed."""
    try:
        from scipy import ndimage as found
    except ImportError as reason:
        raise MissingExtra("scipy", "faces") from reason
    return found
