"""A drawn face with an open mouth of known parts, and the landmarks of it."""

import numpy as np
from PIL import Image, ImageDraw

from facerelief.geometry.morphable.model import load_face
from facerelief.geometry.topology import INNER_LIPS, LIPS, OUTLINE, eye_outlines

SKIN, LIP, WHITE, TOOTH, DARK, TONGUE = (
    (190, 140, 120),
    (170, 90, 90),
    (215, 205, 200),
    (200, 190, 170),
    (40, 20, 20),
    (160, 80, 80),
)
Colour = tuple[int, int, int]


def landmarks(expression: str = "happiness", unit: float = 200.0, at: tuple[float, float] = (300, 220)) -> np.ndarray:
    """The package's mean face with an expression, (468, 3): unit pixels between the eyes, their middle at a place."""
    face = load_face()
    shape = face.mean + face.expression(expression)
    return (shape * unit + (*at, 0)).astype(np.float32)


def draw(points: np.ndarray, upper: Colour = TOOTH, lower: Colour = DARK, grey: bool = False) -> np.ndarray:
    """uint8 (640, 600, 3). The mouth shows `upper` above the middle of its lips, and `lower` below."""
    image = Image.new("RGB", (600, 640), (90, 90, 90))
    pen = ImageDraw.Draw(image)

    def fill(vertices: tuple[int, ...], colour: Colour) -> None:
        pen.polygon([(float(x), float(y)) for x, y in points[list(vertices), :2]], fill=colour)

    fill(OUTLINE, SKIN)
    for eye in eye_outlines():
        fill(eye, WHITE)
        (x, y), radius = points[list(eye), :2].mean(axis=0), 10
        pen.ellipse((x - radius, y - radius, x + radius, y + radius), fill=(60, 40, 30))
    fill(LIPS, LIP)
    pixels = np.array(image)
    inside, above = halves(points)
    pixels[inside & above], pixels[inside & ~above] = upper, lower
    return np.asarray(Image.fromarray(pixels).convert("L").convert("RGB")) if grey else pixels


def halves(points: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Bool (640, 600): between the inner lips, and above their middle."""
    mask = Image.new("1", (600, 640))
    ImageDraw.Draw(mask).polygon([(float(x), float(y)) for x, y in points[list(INNER_LIPS), :2]], fill=1)
    inside = np.asarray(mask)
    return inside, np.broadcast_to(np.arange(640)[:, None] < points[[13, 14], 1].mean(), inside.shape)
