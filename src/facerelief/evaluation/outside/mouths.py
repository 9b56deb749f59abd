"""Mouths: how far they are open, what share of their inside shows teeth, and cut out at the photo's own resolution."""

from dataclasses import dataclass

import numpy as np
from PIL import Image, ImageDraw, ImageFilter

from facerelief.array_types import RGB, Bool, Floats, Landmarks
from facerelief.colour import LUMA
from facerelief.faces.alignment import INTER_OCULAR, align, inter_ocular
from facerelief.geometry.topology import INNER_LIPS, LIPS, eye_outlines
from facerelief.geometry.transfer.lips import CLOSED_MOUTH, mouth_opening

_WINDOW = ((0.57, 0.89), (0.24, 0.76))  # rows and columns of an aligned crop that hold a mouth, also a wide open one
_DARKEST = 0.5  # of the eye white's luma: what is darker is the mouth's cavity
_WHITEST = 0.7  # share of an eye's pixels that are iris, lids and shade; the brighter rest is its white
_RIM = 2  # pixels along borders that do not count
_COLOURED = 0.06  # between the lips' redness and the eye white's; below it the photo is as good as grey


@dataclass(frozen=True)
class MouthMeasures:
    """One mouth.

    Attributes:
        opening: Distance between the lips, in inter-ocular distances.
        teeth: Share of the pixels between the inner lips that show teeth; NaN where the mouth is closed.
        detail: Mean gradient of luma between the inner lips, as a share of that on the lips: a smooth patch, whatever
            its colour, has little; NaN where the mouth is closed.
    """

    opening: float
    teeth: float
    detail: float

    @property
    def is_open(self) -> bool:
        """Whether there is an inside to be seen."""
        return self.opening > CLOSED_MOUTH


def look_at_mouth(rgb: RGB, landmarks: Landmarks) -> MouthMeasures:
    """Measure the mouth of a face in a photo (H, W, 3) with landmarks (468, 3) in its pixels."""
    opening = mouth_opening(landmarks)
    if opening <= CLOSED_MOUTH:
        return MouthMeasures(opening, float("nan"), float("nan"))
    rgb, landmarks = _around_face(rgb, landmarks)
    shown, inside = teeth_mask(rgb, landmarks)
    return MouthMeasures(opening, float(shown.sum() / max(int(inside.sum()), 1)), _detail(rgb, landmarks))


def teeth_mask(rgb: RGB, landmarks: Landmarks) -> tuple[Bool, Bool]:
    """Where a photo (H, W, 3) shows teeth, (H, W), and the inside of the mouth, (H, W).

    Teeth are nearly as bright as the same person's eye whites, and not as red as lips, gums and tongue: a pixel counts
    if its luma is above half of the eye white's and its redness, log(R / G), is nearer to the eye white's than to the
    lips'. In a grey photo it must instead be nearer to the eye white's luma than to the lips'.
    """
    points = landmarks[:, :2]
    inside = _polygon(points[list(INNER_LIPS)], rgb.shape)
    lips = _polygon(points[list(LIPS)], rgb.shape) & ~inside
    eyes = np.logical_or.reduce([_polygon(points[list(eye)], rgb.shape) for eye in eye_outlines()])
    if not (inside.any() and lips.any() and eyes.any()):
        return np.zeros_like(inside), inside
    white, white_redness = _bright_part(rgb[eyes])
    lip, lip_redness = np.median(rgb[lips] @ LUMA), np.median(_redness(rgb[lips]))
    luma, redness = rgb[inside] @ LUMA, _redness(rgb[inside])
    if lip_redness - white_redness > _COLOURED:
        found = (luma > _DARKEST * white) & (redness < (lip_redness + white_redness) / 2)
    else:
        found = luma > (lip + white) / 2
    teeth = np.zeros_like(inside)
    teeth[inside] = found
    return teeth, inside


def _detail(rgb: RGB, landmarks: Landmarks) -> float:
    """See `MouthMeasures.detail`; NaN where a mouth is too small for it."""
    inside = _polygon(landmarks[list(INNER_LIPS), :2], rgb.shape)
    lips = _polygon(landmarks[list(LIPS), :2], rgb.shape) & ~inside
    down, right = np.gradient(rgb @ LUMA)
    steps = np.hypot(down, right)
    within, on_lips = (steps[_eroded(mask)] for mask in (inside, lips))
    return float(within.mean() / max(on_lips.mean(), 1e-6)) if within.size and on_lips.size else float("nan")


def _around_face(rgb: RGB, landmarks: Landmarks) -> tuple[RGB, Landmarks]:
    """The part of a photo that holds a face, and the landmarks in its pixels: a large photo takes no longer."""
    low = np.maximum(landmarks[:, :2].min(axis=0).astype(int) - _RIM, 0)
    high = np.maximum(landmarks[:, :2].max(axis=0).astype(int) + _RIM, low + 1)
    return rgb[low[1] : high[1], low[0] : high[0]], landmarks - np.array((*low, 0), dtype=landmarks.dtype)


def cut_mouth(rgb: RGB, landmarks: Landmarks, side: int | None = None) -> RGB:
    """The mouth, upright, from a photo (H, W, 3).

    Args:
        rgb: The photo.
        landmarks: (468, 3), in its pixels.
        side: Of the aligned crop that it is cut from; by default that of the photo's own resolution.
    """
    crop = align(landmarks, side or own_side(landmarks))
    (top, bottom), (left, right) = ([round(share * crop.size) for share in shares] for shares in _WINDOW)
    return crop.cut(rgb)[top:bottom, left:right]


def own_side(landmarks: Landmarks) -> int:
    """Side of the aligned crop that has the photo's own resolution."""
    return max(16, round(inter_ocular(landmarks) / INTER_OCULAR))


def _bright_part(pixels: RGB) -> tuple[float, float]:
    """Luma and redness of the brightest of an eye's pixels (N, 3)."""
    luma = pixels @ LUMA
    bright = luma >= np.quantile(luma, _WHITEST)
    return float(np.median(luma[bright])), float(np.median(_redness(pixels[bright])))


def _redness(pixels: RGB) -> Floats:
    """log(R / G) of pixels (N, 3), whatever the light's brightness; softened where it is dark."""
    red, green = pixels[:, 0].astype(float), pixels[:, 1].astype(float)
    return np.log((red + 4) / (green + 4))


def _eroded(mask: Bool) -> Bool:
    """A mask (H, W) without its outermost pixels, where a border's own edge would count."""
    return np.asarray(Image.fromarray(mask).convert("L").filter(ImageFilter.MinFilter(2 * _RIM + 1))) > 0


def _polygon(points: Floats, shape: tuple[int, ...]) -> Bool:
    """(H, W): the inside of a polygon of points (N, 2) in pixels of a photo of a shape (H, W, ...)."""
    image = Image.new("1", (shape[1], shape[0]))
    ImageDraw.Draw(image).polygon([(float(x) - 0.5, float(y) - 0.5) for x, y in points], fill=1)
    return np.asarray(image)
