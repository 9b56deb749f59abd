"""What an expression adds of light and dark to a photo's face: creases, drawn and taken away.

Light is log luminance, log(a + FLOOR) of a in [0, 1], so that a change of it is a ratio, which fits any skin.
"""

import functools

import numpy as np

from facerelief.colour import LUMA
from facerelief.geometry.morphable.log_albedo import FLOOR, smoothed, softened
from facerelief.geometry.morphable.model import MorphableFace, whole
from facerelief.geometry.morphable.uv_map import beside_face, feathered, mouth_inside, sample

_WIDE = 8  # pixels of the atlas; a change that is wider is light that was not taken out
_VALLEY = 11  # pixels of a crop or the atlas, within which folds, brows and irises are darker than what is around them
_EVERYONES = 0.12  # depth of a valley that every neutral face has
# Folds lie a little elsewhere in each face: an average's are shallow and wide where one's own are deep and narrow.
_DEEPER = 4.0
_STRONGEST = 0.6


class Creases:
    """Changes of light in the atlas, limited to what an average can know."""

    def __init__(self, face: MorphableFace) -> None:
        # Averages smear what is beside the face, and in its mouth, which opens differently from photo to photo.
        blurred = mouth_inside(face.atlas) | beside_face(face.atlas)
        self._clear = 1 - feathered(blurred, face.atlas.size // 20)
        own = np.clip(1 - valleys(whole(face.texture)) / _EVERYONES, 0, 1)
        self._lighter = 1 + (_DEEPER - 1) * own

    def __call__(self, change: np.ndarray) -> np.ndarray:
        """The creases in a change of light (A, A); what takes folds away is for `filled` to limit."""
        clear = change * self._clear
        creases = clear - smoothed(clear[..., None], _WIDE)[..., 0]
        limited: np.ndarray = np.clip(np.maximum(creases, self._lighter * creases), -_STRONGEST, _STRONGEST)
        return limited * self._clear


def folds(pixels: np.ndarray) -> np.ndarray:
    """The valleys (S, S) of a crop's pixels uint8 (S, S, 3)."""
    return valleys(light_of(pixels @ LUMA))


def filled(layers: np.ndarray, depth: np.ndarray) -> np.ndarray:
    """Layers (S, S, 3 + ...) of an edit in which light fills a crop's folds, `depth` (S, S), to the brim.

    More of it would glow. The folds lie where the ways, the first two layers, lead.
    """
    rows, columns = np.indices(layers.shape[:2]) + 0.5
    found = layers[..., :2] + np.dstack([columns, rows])
    most = sample(depth[..., None], found)
    return np.dstack([layers[..., :2], np.minimum(layers[..., 2:3], most), layers[..., 3:]]).astype(np.float32)


def valleys(light: np.ndarray) -> np.ndarray:
    """How much darker than the shores of a valley light (H, W) is: by a bottom-hat, its closing less itself."""
    light = light.astype(np.float32)
    depth: np.ndarray = softened(-_highest(-_highest(light)) - light)
    return depth


def _highest(values: np.ndarray) -> np.ndarray:
    """The highest of the `_VALLEY` x `_VALLEY` values around each, (H, W)."""
    for _ in range(2):  # down, then, turned over, along
        padded = np.pad(values, ((_VALLEY // 2, _VALLEY // 2), (0, 0)), mode="edge")
        values = functools.reduce(np.maximum, (padded[k : k + len(values)] for k in range(_VALLEY))).T
    return values


def light_of(luma: np.ndarray) -> np.ndarray:
    """Light of a luminance in levels of 0 to 255."""
    return np.log(np.maximum(luma, 0) / np.float32(255) + np.float32(FLOOR))


def lit(pixels: np.ndarray, change: np.ndarray) -> np.ndarray:
    """Pixels (h, w, 3), in levels, whose light changes by (h, w, 1).

    Colour deepens where light falls, as skin's does: over 117 colour photos of faces its red falls as the 0.80th power
    of luminance, green as the 1.12th, blue as the 1.28th. Grey stays grey.
    """
    luma = (pixels @ LUMA.astype(np.float32))[..., None]
    floor, gain = np.float32(FLOOR * 255), np.exp(change)
    changed: np.ndarray = (luma + floor) * gain - floor + (pixels - luma) * (gain * np.clip(1 - change, 0.5, 1.6))
    return changed
