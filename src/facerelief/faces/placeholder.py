"""A face of a few ellipses that MediaPipe's models detect, to trigger what they print at their first face."""

import numpy as np
from PIL import Image, ImageDraw, ImageFilter

from facerelief.array_types import RGB

_SKIN, _SHADE, _DARK, _WHITE, _LIP = (215, 165, 140), (190, 130, 110), (60, 40, 30), (245, 245, 245), (170, 80, 80)
_ELLIPSES = (  # left, top, right, bottom in pixels of 192
    ((44, 20, 148, 110), _DARK),  # hair
    ((78, 120, 114, 212), _SHADE),  # neck
    ((50, 30, 142, 166), _SKIN),
    *(((x - 16, 68, x + 16, 74), _DARK) for x in (75, 117)),  # brows
    *(((x - 12, 80, x + 12, 94), _WHITE) for x in (75, 117)),
    *(((x - 6, 80, x + 6, 94), _DARK) for x in (75, 117)),
    ((84, 110, 108, 122), _SHADE),  # nose
    ((76, 132, 116, 146), _LIP),
)


def placeholder_face() -> RGB:
    """Draw the face, (192, 192, 3)."""
    image = Image.new("RGB", (192, 192), (150, 160, 170))
    pen = ImageDraw.Draw(image)
    for box, colour in _ELLIPSES:
        pen.ellipse(box, fill=colour)
    return np.asarray(image.filter(ImageFilter.GaussianBlur(1.5)))
