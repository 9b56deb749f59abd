"""How a photo looks around a face: how sharp it is, how grainy, and how bright white would be. What is drawn into it
is to look alike.
"""

import numpy as np

from facerelief.array_types import RGB, Bool, Float32, Floats, Landmarks
from facerelief.colour import GREY, LUMA, chroma
from facerelief.easing import smoothstep
from facerelief.faces.alignment import inter_ocular
from facerelief.geometry.depth_maps import polygon_mask
from facerelief.geometry.filters import box_mean, largest, smallest
from facerelief.geometry.topology import INNER_LIPS, eye_outlines
from facerelief.geometry.transfer.lips import TRIM, close_lips, lip_colour, lip_curves

_NEAR_EYES = 0.45  # inter-ocular distances around the eyes in which the sharpest edges are looked for
_STRONG = 0.5  # of the largest contrast
_SHARPEST, _LEAST = 0.05, 0.6  # share of the edges; pixels
_STEP = 1 / 3  # square pixels, by which the difference of two pixels seems to blur
_LIDS = 0.0085  # inter-ocular distances: how soft the edges of lids and irises are by themselves
_WINDOW = 0.08  # inter-ocular distances
_CHEEKS, _PATCH = (50, 280), 0.12  # landmarks; half of the side of the skin that is looked at, inter-ocular distances
_WHITES = 80.0  # percentile of an eye's brightness above which is the white of it
# Of teeth over that of the whites of the same people's eyes: luminance, and hue over the square root of theirs, because
# eyes can be red in a light that is not. Set so that front teeth in the edits of 7 people of the London set with open
# smiles (none held out) are as bright beside their skin, and as yellow, as in these smiles.
_TEETH_TO_WHITES, _TEETH_HUE = 1.38, np.array((0.992, 1.005, 0.99))
_USUAL, _TRUST = 0.82, 0.5  # luminance of teeth where nothing is known; weight of what the eyes say
SHOWN_TEETH = 0.07  # inter-ocular distances between the lips from which a mouth's own teeth tell their colour
_BRIGHTEST = 75.0  # percentile
_WELL_EXPOSED = 0.7  # the brightest hundredth in and around a face; of 300 photos, 19 in 20 have 0.69 or more
_GLARING = (0.95, 0.99)  # luminance over which skin becomes a white surface on which a fold would be a grey patch
_BELOW_SKIN = 0.12  # luminance by which lit teeth are darker than lit skin at most, as in overexposed photos
# Luminance of the teeth that a photo shows over what its eyes tell, over which they become clear. Of 43 smiles it is at
# least 0.85 in three quarters; the others are narrow, and redder than teeth are.
_CLEAR = (0.7, 0.9)
_LIPS_NEAR = 0.4  # share of what is between the lips, beside them, that is not looked at
_BRIGHTER, _LESS_RED, _DARKER = 1.25, 0.6, 0.45  # than lips
_LIT = 0.6  # of the lips' luminance; what is darker has no colour that tells
_ALIKE = 0.95  # cosine of colours, below which something is neither lips nor teeth
# Of what is between the lips: at most 0.07 in 77 closed mouths of the London set, but for two whose slit is dark; at
# least 0.35 in 38 that show teeth.
_SOME, _MOST = 0.1, 0.22
# Deviation of the luminance between the lips over that of lips, in the same photos without colour: at most 0.21 in nine
# of ten closed mouths, at least 0.3 in nine of ten that show teeth; in a fifth of the size 0.18 and 0.22.
_SMOOTH, _ROUGH = 0.19, 0.26
_FAR, _BEYOND, _PLACES = 0.6, 0.12, 15  # shares of a lip's height; places across it that are looked at
_COLOURED = 12.0  # mean distance from grey, levels, of a face in full colour


def edge_blur(rgb: RGB, landmarks: Landmarks) -> float:
    """Blur of a photo around a face, as the deviation of a Gaussian in pixels, from its sharpest strong edges.

    A step of contrast A, blurred, is A / (sqrt(2 pi) deviation) steep.

    Args:
        rgb: (H, W, 3).
        landmarks: (468, 3), pixels of the photo.
    """
    unit = inter_ocular(landmarks)
    lids = landmarks[[*eye_outlines()[0], *eye_outlines()[1]], :2]
    luma = _window(rgb, lids.min(axis=0), lids.max(axis=0), 0.3 * _NEAR_EYES * unit) @ LUMA
    if min(luma.shape) < 4:
        return _LEAST
    size = max(5, round(_WINDOW * unit)) | 1
    contrast = largest(luma, (size, size)) - smallest(luma, (size, size))
    down, right = np.gradient(luma)
    steep = np.maximum(np.hypot(down, right), 1e-3)
    strong = contrast > _STRONG * np.percentile(contrast, 95)
    widths = contrast[strong] / steep[strong] / np.sqrt(2 * np.pi)
    width = float(np.quantile(widths, _SHARPEST)) if widths.size else 0.0
    return float(np.sqrt(max(_LEAST**2, width**2 - (_LIDS * unit) ** 2 - _STEP)))


def grain(rgb: RGB, landmarks: Landmarks) -> float:
    """Deviation of a photo's noise, in levels, on the smoother cheek (Immerkaer, 1996: what a Laplacian leaves)."""
    found = []
    for cheek in landmarks[list(_CHEEKS), :2]:
        luma = _window(rgb, cheek, cheek, _PATCH * inter_ocular(landmarks)) @ LUMA
        if min(luma.shape) > 4:
            across = luma[:, :-2] - 2 * luma[:, 1:-1] + luma[:, 2:]
            both = across[:-2] - 2 * across[1:-1] + across[2:]
            found.append(float(np.sqrt(np.pi / 2) * np.abs(both).mean() / 6))
    return min(found, default=0.0)


def seen_lips(rgb: RGB, landmarks: Landmarks) -> Landmarks:
    """Landmarks (468, 3) with the inner lips together where the photo shows lips between them.

    Detectors draw the inner lips of a closed mouth up to 0.13 inter-ocular distances apart. What is between is taken
    for the inside of a mouth where it is much darker than the lips, brighter and less red, as teeth are, or of another
    hue; in a grey photo also where its brightness varies much.

    Args:
        rgb: (H, W, 3).
        landmarks: (468, 3), pixels of the photo.
    """
    between = _inside(rgb, close_lips(landmarks, _LIPS_NEAR)[list(INNER_LIPS), :2])
    if not len(between):
        return close_lips(landmarks, 1.0)
    lips = lip_colour(rgb, landmarks)
    teeth, dark = _unlike_lips(between, lips)
    alike = between @ lips / np.maximum(np.linalg.norm(between, axis=1) * np.linalg.norm(lips), 1e-3)
    share = float((teeth | dark | (alike < _ALIKE)).mean())
    opened = float(smoothstep((share - _SOME) / (_MOST - _SOME)))
    if chroma(rgb[::8, ::8]) < GREY:
        contrast = float((between @ LUMA).std() / max(lips @ LUMA, 0.05))
        opened = max(opened, float(smoothstep((contrast - _SMOOTH) / (_ROUGH - _SMOOTH))))
    return close_lips(landmarks, 1.0 - opened)


def lip_rims(rgb: RGB, landmarks: Landmarks) -> Floats:
    """Where lips begin, beside what is seen between them, as shares (2, 41) of their height, along `lip_curves`.

    Landmarks miss the rim of a lip by a fifth of its height, and more beside thin lips and crooked teeth.

    Args:
        rgb: (H, W, 3).
        landmarks: (468, 3), pixels of the photo.
    """
    inner, outer = lip_curves(landmarks)
    steps = np.linspace(0, _FAR, _PLACES)
    x, y = np.moveaxis(inner[:, :, None] + steps[:, None] * (outer - inner)[:, :, None], -1, 0).astype(int)
    levels = rgb[np.clip(y, 0, rgb.shape[0] - 1), np.clip(x, 0, rgb.shape[1] - 1)] / 255
    teeth, dark = _unlike_lips(levels, lip_colour(rgb, landmarks))
    last = (steps * np.logical_and.accumulate(teeth | dark, axis=2)).max(axis=2)
    shares = box_mean(largest(np.maximum(last + _BEYOND, TRIM), (1, 3)), 3, axis=1)
    return np.minimum(shares, _FAR)


def _unlike_lips(levels: Floats, lips: Floats) -> tuple[Bool, Bool]:
    """Whether pixels (..., 3) are bright and not as red as lips of a colour (3,), as teeth are; and whether dark."""
    level, luma = float(lips @ LUMA), levels @ LUMA
    red = (levels[..., 0] - levels[..., 1]) / np.maximum(luma, 0.05)
    of_lips = _LESS_RED * (lips[0] - lips[1]) / max(level, 0.05)
    teeth = (luma > _BRIGHTER * level) & (red < of_lips + 0.02) | (luma > _LIT * level) & (red < of_lips)
    return teeth, luma < _DARKER * level


def tooth_colour(rgb: RGB, landmarks: Landmarks, opening: float) -> Floats:
    """The colour (3,) of lit teeth, levels in [0, 1]: of those that a photo shows, else what the eyes' whites tell.

    Args:
        rgb: (H, W, 3).
        landmarks: (468, 3), pixels of the photo.
        opening: Distance between the lips, in inter-ocular distances.
    """
    expected = _expected_teeth(rgb, landmarks)
    if opening <= SHOWN_TEETH:
        return expected
    own, clear = _own_teeth(rgb, landmarks, expected)
    colour: Floats = expected + clear * (own - expected)
    return colour


def clear_teeth(rgb: RGB, landmarks: Landmarks) -> float:
    """How well a photo (H, W, 3) shows the teeth of a mouth with landmarks (468, 3), 0 to 1.

    In a narrow opening they are in the shade of the lips, and in a small photo mixed with them.
    """
    return _own_teeth(rgb, landmarks, _expected_teeth(rgb, landmarks))[1]


def _own_teeth(rgb: RGB, landmarks: Landmarks, expected: Floats) -> tuple[Floats, float]:
    """The colour (3,) of the teeth that a photo shows, and how clear they are, by the colour that is expected."""
    shown = _inside(rgb, landmarks[list(INNER_LIPS), :2])
    luma = shown @ LUMA
    if not luma.size or np.percentile(luma, _BRIGHTEST) <= 0.3 * exposure(rgb, landmarks):
        return expected, 0.0
    own: Floats = np.median(shown[luma >= np.percentile(luma, _BRIGHTEST)], axis=0)
    share = (own @ LUMA) / (expected @ LUMA)
    return own, float(smoothstep((share - _CLEAR[0]) / (_CLEAR[1] - _CLEAR[0])))


def _expected_teeth(rgb: RGB, landmarks: Landmarks) -> Floats:
    """The colour (3,) of lit teeth, by the whites of the eyes."""
    whites = [np.full(3, _USUAL)]
    for outline in eye_outlines():
        eye = _inside(rgb, landmarks[list(outline), :2])
        if len(eye):
            whites.append(np.median(eye[eye @ LUMA >= np.percentile(eye @ LUMA, _WHITES)], axis=0))
    white = max(whites[1:] or whites, key=lambda colour: float(colour @ LUMA))
    luma, exposed = max(float(white @ LUMA), 1e-3), exposure(rgb, landmarks)
    seen = np.clip(_TEETH_TO_WHITES * luma, 0.35 * exposed, 0.95)
    level = max(seen**_TRUST * (_USUAL * exposed) ** (1 - _TRUST), _face_luma(rgb, landmarks, 50) - _BELOW_SKIN)
    hue = _TEETH_HUE * np.sqrt(np.clip(white / luma, 0.5, 2))
    colour: Floats = level * hue ** face_colour(rgb, landmarks)
    return colour


def exposure(rgb: RGB, landmarks: Landmarks) -> float:
    """How bright a photo is beside a well exposed one, 0 to 1: by the brightest in and around the face, not by skin.

    Args:
        rgb: (H, W, 3).
        landmarks: (468, 3), pixels of the photo.
    """
    return min(1.0, _face_luma(rgb, landmarks, 99) / _WELL_EXPOSED)


def exposed_skin(pixels: RGB) -> Float32:
    """Where (H, W), 1 to 0, a picture (H, W, 3) is not so overexposed that it shows no shading at all."""
    luma: Floats = pixels @ LUMA.astype(np.float32) / 255
    luma = box_mean(box_mean(luma, 5, axis=0), 5, axis=1)
    return np.asarray(1 - smoothstep((luma - _GLARING[0]) / (_GLARING[1] - _GLARING[0])), dtype=np.float32)


def _face_luma(rgb: RGB, landmarks: Landmarks, percentile: float) -> float:
    """A percentile of the luminance in and around a face, in [0, 1]; 1 where nothing of it is in the photo."""
    low, high = landmarks[:, :2].min(axis=0), landmarks[:, :2].max(axis=0)
    step = max(1, round(float((high - low).max()) / 100))
    seen = _window(rgb, low, high, 0.25 * float((high - low).max()))[::step, ::step] @ LUMA
    return float(np.percentile(seen, percentile)) / 255 if seen.size else 1.0


def face_colour(rgb: RGB, landmarks: Landmarks) -> float:
    """How far a face is in colour: 0 in a grey photo, 1 in one in full colour, whatever its background.

    Args:
        rgb: (H, W, 3).
        landmarks: (468, 3), pixels of the photo.
    """
    face = _window(rgb, landmarks[:, :2].min(axis=0), landmarks[:, :2].max(axis=0), 0.0)[::8, ::8]
    return min(1.0, chroma(face) / _COLOURED) if face.size else 0.0


def _window(rgb: RGB, low: Floats, high: Floats, margin: float) -> Floats:
    """The part of a photo from `low` to `high` (x, y) with a margin, as far as it is in the photo."""
    x0, y0 = np.maximum(np.floor(low - margin).astype(int), 0)
    x1, y1 = np.maximum(np.ceil(high + margin).astype(int), 0)
    part: Floats = rgb[y0:y1, x0:x1].astype(np.float32)
    return part


def _inside(rgb: RGB, points: Floats) -> Floats:
    """The pixels (N, 3), levels in [0, 1], of a photo within a polygon (M, 2)."""
    x0, y0 = np.floor(points.min(axis=0)).astype(int)
    side = int(np.ceil(np.ptp(points, axis=0).max())) + 1
    mask = polygon_mask(points - (x0, y0), side)
    rows, columns = np.nonzero(mask)
    rows, columns = rows + y0, columns + x0
    within = (rows >= 0) & (rows < rgb.shape[0]) & (columns >= 0) & (columns < rgb.shape[1])
    levels: Floats = rgb[rows[within], columns[within]] / 255
    return levels
