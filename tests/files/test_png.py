"""What `write_png` writes, read by Pillow."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from facerelief.files.png import write_png

RANDOM = np.random.default_rng(0)


@pytest.mark.parametrize(
    ("levels", "mode"),
    [
        (RANDOM.integers(0, 256, (7, 5, 3), dtype=np.uint8), "RGB"),
        (RANDOM.integers(0, 256, (5, 7), dtype=np.uint8), "L"),
        (RANDOM.integers(0, 65536, (6, 3), dtype=np.uint16), "I;16"),
        (np.moveaxis(RANDOM.integers(0, 256, (3, 4, 6), dtype=np.uint8), 0, 2), "RGB"),  # not contiguous
        (np.array([[0, 65535]], dtype=np.uint16), "I;16"),
    ],
)
def test_pillow_reads_the_same_pixels(levels: np.ndarray, mode: str, tmp_path: Path) -> None:
    write_png(tmp_path / "levels.png", levels)
    with Image.open(tmp_path / "levels.png") as image:
        image.verify()  # checksums of all parts
    with Image.open(tmp_path / "levels.png") as image:
        assert (image.mode, image.size) == (mode, levels.shape[1::-1])
        np.testing.assert_array_equal(np.asarray(image), levels)
