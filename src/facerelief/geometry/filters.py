"""Filters of scipy, imported when the first of them is used: that takes a tenth of a second."""

from typing import Any


def ndimage() -> Any:
    """The module scipy.ndimage."""
    from scipy import ndimage as found

    return found
