"""Pictures as files, for the page's tests."""

from pathlib import Path

import numpy as np
from PIL import Image


def png(folder: Path, rgb: np.ndarray, name: str = "photo.png") -> Path:
    """A picture as a file."""
    path = folder / name
    Image.fromarray(rgb).save(path)
    return path
