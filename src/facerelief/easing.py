"""How a share goes from 0 to 1 where a sudden start or end would be seen."""

import numpy as np


def smoothstep(t: np.ndarray | float) -> np.ndarray:
    """3 t^2 - 2 t^3 of t clipped to [0, 1], in t's shape and type: flat at both ends."""
    t = np.clip(t, 0, 1)
    eased: np.ndarray = t * t * (3 - 2 * t)
    return eased
