"""Large pictures a strip of rows at a time: what is made of them on the way would take several times their memory."""

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray
from PIL import Image

_STRIP = 1 << 17  # pixels of a photo that are worked on at a time, so that many maps of them take little memory


def in_strips(start: int, stop: int, width: int, multiple: int = 1) -> Iterator[tuple[int, int]]:
    """The rows from `start` to `stop` of pictures `width` pixels wide, a few at a time: the first, and that after the
    last. multiple: of which each strip but the last has rows.
    """
    height = multiple * max(1, _STRIP // (multiple * width))
    for top in range(start, stop, height):
        yield top, min(top + height, stop)


def pixels_of(image: Image.Image) -> NDArray[np.uint8]:
    """The pixels (H, W, 3) of an RGB image, which numpy would copy three times over."""
    width, height = image.size
    pixels = np.empty((height, width, 3), dtype=np.uint8)
    for top, bottom in in_strips(0, height, width):
        pixels[top:bottom] = np.asarray(image.crop((0, top, width, bottom)))
    return pixels


def shrunk(rgb: np.ndarray, width: int, height: int) -> np.ndarray:
    """Pixels uint8 (H, W, 3) averaged to a smaller picture, exactly as Pillow's box filter does: first its rows, then
    its columns.
    """
    size, narrow = (len(rgb), rgb.shape[1]), np.empty((len(rgb), width, 3), dtype=np.uint8)
    for top, bottom in in_strips(0, *size):
        strip = Image.fromarray(rgb[top:bottom])
        narrow[top:bottom] = np.asarray(strip.resize((width, bottom - top), Image.Resampling.BOX))
    return np.asarray(Image.fromarray(narrow).resize((width, height), Image.Resampling.BOX))
