"""A face of which only the eyes are drawn: irises of one colour between lids, so that what an edit does is measured."""

import numpy as np
from PIL import Image, ImageDraw

from facerelief.faces.detector import Face
from facerelief.geometry.morphable.model import load_face
from facerelief.geometry.topology import lid_curves

UNIT, SIDE = 200.0, 700  # pixels to an inter-ocular distance; of the picture's side
SKIN, WHITE, LASHES, IRIS = (200, 150, 125), (235, 235, 240), (50, 35, 30), (40, 90, 160)
RADIUS = 0.093 * UNIT
_FINER = 4
_HIGHER = 0.035  # inter-ocular distances by which upper lids lie above their landmarks, as detectors draw them


def drawn_eyes() -> tuple[np.ndarray, Face]:
    """A photo (SIDE, SIDE, 3) and its face, the mean one."""
    points = load_face().mean.astype(np.float64) * UNIT + (SIDE / 2, 0.4 * SIDE, 0)
    picture = Image.new("RGB", (SIDE * _FINER,) * 2, SKIN)
    draw = ImageDraw.Draw(picture)
    for number, (upper, lower) in enumerate(lid_curves()):
        edge = points[list(upper), :2] - np.outer(np.sin(np.linspace(0, np.pi, 9)), (0, _HIGHER * UNIT))
        outline = [tuple(p) for p in _FINER * np.concatenate([edge, points[list(lower)][::-1, :2]])]
        eye = Image.new("RGB", picture.size, WHITE)
        x, y = _FINER * iris_centre(points, number)
        r = _FINER * RADIUS
        ImageDraw.Draw(eye).ellipse((x - r, y - r, x + r, y + r), fill=IRIS)
        mask = Image.new("L", picture.size)
        ImageDraw.Draw(mask).polygon(outline, fill=255)
        picture.paste(eye, mask=mask)
        draw.line(outline[: len(edge)], fill=LASHES, width=round(_FINER * 0.02 * UNIT), joint="curve")
    small = picture.resize((SIDE, SIDE), Image.Resampling.BOX)
    return np.asarray(small), Face(points.astype(np.float32))


def iris_centre(points: np.ndarray, eye: int) -> np.ndarray:
    """The centre (2,) of a drawn iris, in the photo: a little above the middle of the landmarks."""
    upper, lower = lid_curves()[eye]
    return (points[upper[4], :2] + points[lower[4], :2]) / 2 - (0, 0.015 * UNIT)


def iris_pixels(rgb: np.ndarray, eye: int) -> np.ndarray:
    """(H, W): pixels of a photo that show the colour of the left or right iris, in the shade too."""
    levels = rgb.astype(np.float64)
    found = (levels[..., 2] - levels[..., 0] > 0.35 * levels[..., 2]) & (levels[..., 2] > 25)
    left = np.arange(rgb.shape[1]) < rgb.shape[1] / 2
    return found & (left if eye == 0 else ~left)


def fitted_circle(mask: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The centre (2,) of the circle that fits the left and right border of a mask best, and how far these are from it.

    A least-squares fit (Kasa, 1976) to the first and last pixel of each row of the middle half of the mask.
    """
    rows = np.flatnonzero(mask.any(axis=1))
    rows = rows[len(rows) // 4 : -len(rows) // 4]
    ends = np.array([(x, y + 0.5) for y in rows for x in (mask[y].argmax(), mask.shape[1] - mask[y][::-1].argmax())])
    unknowns = np.column_stack([2 * ends, np.ones(len(ends))])
    x, y, _ = np.linalg.lstsq(unknowns, (ends**2).sum(axis=1), rcond=None)[0]
    return np.array([x, y]), np.hypot(*(ends - (x, y)).T)
