"""Photos for tests: variants of scikit-image's astronaut, a public-domain portrait that the face finder knows."""

from pathlib import Path

import numpy as np
from PIL import Image, ImageEnhance


def astronaut() -> np.ndarray:
    """uint8 (512, 512, 3), one face."""
    from skimage import data

    return np.ascontiguousarray(data.astronaut())


def variant(seed: int, size: int = 256, grey: bool = False) -> Image.Image:
    """The head turned, scaled, shifted, mirrored and lit anew, all by `seed`; size pixels a side."""
    random = np.random.default_rng(seed)
    head = _warped(Image.fromarray(astronaut()).crop((110, 0, 340, 230)), random)
    if random.random() < 0.5:
        head = head.transpose(Image.Transpose.FLIP_LEFT_RIGHT)
    scale = random.uniform(0.85, 1.1) * size / 230
    side = round(230 * scale)
    head = head.resize((side, side), Image.Resampling.BICUBIC)
    head = head.rotate(random.uniform(-15, 15), Image.Resampling.BICUBIC, fillcolor=(128, 128, 128))
    canvas = Image.new("RGB", (size, size), tuple(int(v) for v in random.integers(60, 200, 3)))
    canvas.paste(head, tuple(int(v) for v in random.integers(-10, 10, 2) + (size - side) // 2))
    canvas = ImageEnhance.Brightness(canvas).enhance(random.uniform(0.8, 1.2))
    canvas = ImageEnhance.Contrast(canvas).enhance(random.uniform(0.8, 1.2))
    return canvas.convert("L").convert("RGB") if grey else canvas


def _warped(head: Image.Image, random: np.random.Generator) -> Image.Image:
    """Another face: a smooth random warp, so that no two of them are the same picture."""
    grid = random.normal(0, 5, (2, 4, 4)).astype(np.float32)
    dx, dy = (np.asarray(Image.fromarray(plane).resize(head.size, Image.Resampling.BICUBIC)) for plane in grid)
    y, x = np.mgrid[: head.height, : head.width]
    columns = np.clip(np.rint(x + dx), 0, head.width - 1).astype(int)
    rows = np.clip(np.rint(y + dy), 0, head.height - 1).astype(int)
    return Image.fromarray(np.asarray(head)[rows, columns])


def write_tree(folder: Path, classes: tuple[str, ...], people: int, grey: bool = False) -> None:
    """folder/<class>/<person>_0001.jpg: one variant a class and person."""
    for k, name in enumerate(classes):
        (folder / name).mkdir(parents=True, exist_ok=True)
        for person in range(people):
            picture = variant(1000 * k + person, grey=grey)
            picture.save(folder / name / f"Person{chr(65 + person)}_0001.jpg", quality=95)
