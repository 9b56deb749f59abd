"""Another expression for a photo's face, without training: the morphable face is fitted, and its expression exchanged.

The photo itself is warped, at its own resolution, from where its landmarks are to where the new expression has them;
what the expression adds of light and dark (`shading.py`) is multiplied in; and a mouth that opens gets an inside.
"""

import numpy as np

from facerelief.colour import LUMA, chroma
from facerelief.easing import smoothstep
from facerelief.faces.alignment import Crop
from facerelief.faces.warping import border, strips, warped
from facerelief.geometry.morphable.fitting import Fit
from facerelief.geometry.morphable.log_albedo import FLOOR, SKIN, softened
from facerelief.geometry.morphable.model import MorphableFace, whole
from facerelief.geometry.morphable.mouth import (
    SHUT,
    breadth,
    closes,
    joined,
    lip_colour,
    opening,
    seam,
    shutting,
    trimmed,
)
from facerelief.geometry.morphable.shading import Creases, lit
from facerelief.geometry.morphable.uv_map import mouth_inside, picture_triangles, sample, with_apron
from facerelief.geometry.rasterizer import interpolate, rasterise
from facerelief.geometry.topology import face_triangles

SIZE = 160  # side of the crop in which the change is computed; it is smooth, and is enlarged
LAYERS = 7  # of a change that paints the inside of a mouth
_MARGIN = 0.08  # of the crop's side, along which the change fades out
_COLOURED = 12.0  # mean distance from grey, levels, of a photo in full colour
_SHOWS_TEETH = 0.06  # inter-ocular distances between the lips
_TEETH = (0.4, 0.65)  # of a mouth's inside, from the upper lip down, where a smile's upper teeth end


class Exchange:
    """Exchanges expressions by a fitted morphable face."""

    def __init__(self, face: MorphableFace) -> None:
        self.face = face
        self._creases = Creases(face)
        self._inside = mouth_inside(face.atlas)
        self._below = self._inside * below_teeth(self._inside)
        self._closed = [closes(face, full) for full in face.classes]
        self._shutting = shutting(face)

    def __call__(
        self, pixels: np.ndarray, crop: Crop, landmarks: np.ndarray, fit: Fit, label: int, strength: float
    ) -> np.ndarray:
        """What is to change so that a photo's face shows another expression, the layers of `changed`.

        pixels: uint8 (S, S, 3), the face's `crop` of S = `SIZE` pixels. landmarks: (468, 3), photo pixels, of which
        `fit` is the fit. label: of the eight expressions. strength: share of the way from the fit's expression to the
        new one.

        Returns float32 (S, S, 3 or `LAYERS`), zero at the border: where a pixel comes from (2: right and down, crop
        pixels), the change of light, still to be `filled`, and where a mouth opens, its inside (3, levels in [0, 1]
        times opacity) and opacity.
        """
        landmarks = landmarks.astype(np.float64)
        difference = strength * (_aim(self.face.classes[label], fit.expression) - fit.expression)
        moved = landmarks + self._change(fit, difference)
        shut = min(1.0, strength) * self._shows(landmarks) if self._closed[label] else 0.0
        if shut:
            left = max(0.0, opening(moved) - (1 - shut) * opening(landmarks))
            moved = joined(moved + self._change(fit, left * self._shutting), shut)
        source, target = crop.to_crop(landmarks), crop.to_crop(moved)
        opens = _newly_open(source, target)
        found, index = ways_back(trimmed(source, max(shut, opens)), target, SIZE, self.face.atlas.points)
        maps = np.dstack([*self._maps(fit, label), self.face.tint]).astype(np.float32)
        light, albedo, inside, below, tint = np.split(sample(maps, found[..., 2:]), [1, 2, 3, 4], axis=2)
        opacity = np.maximum(inside * opens, below * _drops(source, target))
        paint = albedo * _brightness(pixels, index) * tint ** min(1.0, chroma(pixels) / _COLOURED)
        shade, hidden = seam(target, shut, SIZE)
        light = strength * light + shade
        opacity = np.maximum(opacity, hidden)
        paint = paint + hidden * (lip_colour(pixels, source) * np.exp(shade) - paint)
        # Softened, else the rim of a mouth would show this crop's pixels as steps in a large photo.
        painted = [softened(np.dstack([paint * opacity, opacity]))] if opacity.any() else []
        layers = np.dstack([found[..., :2], light, *painted]) * border(SIZE, _MARGIN)
        return layers.astype(np.float32)

    def _change(self, fit: Fit, coefficients: np.ndarray) -> np.ndarray:
        """What coefficients (E,) of the expression modes move, (468, 3), in pixels."""
        return fit.change(np.tensordot(coefficients, self.face.expression_modes, 1))

    def _shows(self, landmarks: np.ndarray) -> float:
        """Share, 0 to 1, to which a mouth is open."""
        return float(np.clip(opening(landmarks) / SHUT - 0.5, 0, 1))

    def _maps(self, fit: Fit, label: int) -> tuple[np.ndarray, ...]:
        """In the atlas: change of log light, new albedo, the mouth's inside, and of that what is below the teeth."""
        texture = self.face.texture_classes[label]
        change = whole(texture - np.tensordot(fit.expression, self.face.texture_expression, 1))
        albedo = np.exp(whole(self.face.texture + texture)) - FLOOR
        return self._creases(change), albedo, self._inside, self._below


def ways_back(
    source: np.ndarray, target: np.ndarray, size: int, attributes: np.ndarray | None = None
) -> tuple[np.ndarray, np.ndarray]:
    """From where a face's pixels come when its landmarks move from `source` to `target`, both (468, 3), crop pixels.

    attributes: (540, A), others of the vertices to be carried along. Returns float (S, S, 2 + A), 0 beside the face:
    right and down, then the attributes; and the triangle at each pixel (S, S), as `rasterise` gives it.
    """
    before, after = with_apron(source, source), with_apron(target, source)
    index, weights = rasterise(after, picture_triangles(), size)
    ways = before[:, :2] - after[:, :2]
    carried = ways if attributes is None else np.column_stack([ways, attributes])
    return interpolate(carried, picture_triangles(), index, weights), index


def _aim(full: np.ndarray, shown: np.ndarray) -> np.ndarray:
    """What a photo that shows the coefficients `shown` (E,) is to show of an expression whose clear form is `full`.

    At least as much of it as the photo shows already, and who shows it keeps the way in which: a smile stays one's own.
    """
    length = float(full @ full)
    if not length:
        return full
    along = max(0.0, float(full @ shown) / length)
    alike = along * np.sqrt(length / max(float(shown @ shown), 1e-9))  # the cosine of the two
    own = min(1.0, along) * min(1.0, alike) * (shown - along * full)
    aim: np.ndarray = full * max(1.0, along) + own
    return aim


def changed(rgb: np.ndarray, crop: Crop, layers: np.ndarray) -> np.ndarray:
    """A photo uint8 (H, W, 3) with the `layers` of an `Exchange` brought to its own resolution."""
    out = rgb.copy()
    for place in strips(crop, rgb.shape):
        out[place] = painted(*warped(rgb, crop, layers, place))
    return out


def painted(pixels: np.ndarray, layers: np.ndarray) -> np.ndarray:
    """Pixels (h, w, 3), in levels, under an `Exchange`'s layers but the first two, at their resolution; uint8."""
    mixed = lit(pixels, layers[..., :1])
    if layers.shape[2] > 1:
        mixed = mixed * (1 - layers[..., 4:]) + 255 * layers[..., 1:4]
    levels: np.ndarray = np.clip(np.rint(mixed), 0, 255).astype(np.uint8)
    return levels


def _brightness(pixels: np.ndarray, index: np.ndarray) -> float:
    """How bright the skin of a crop (S, S, 3) is against the average's albedo; index: as `rasterise` gives it."""
    skin = pixels[(index >= 0) & (index < len(face_triangles()))] @ LUMA
    return float(np.median(skin)) / 255 / SKIN if skin.size else 1.0


def _newly_open(source: np.ndarray, target: np.ndarray) -> float:
    """Share, 0 to 1, of a mouth's opening that the photo (landmarks `source`) does not show and `target` needs."""
    was, becomes = (max(0.0, opening(points)) for points in (source, target))
    opens = (becomes - was) / max(_SHOWS_TEETH, 0.5 * was)
    return float(np.clip((opens - 0.55) / 0.25, 0, 1))  # steep: teeth half hidden look grey


def _drops(source: np.ndarray, target: np.ndarray) -> float:
    """Share, 0 to 1, to which a mouth is wide open and no longer as broad, as a smile's that becomes surprise.

    Its teeth, stretched, would laugh; so they end where the upper ones do.
    """
    narrower = breadth(source) - breadth(target)
    return float(np.clip((opening(target) - 0.15) / 0.05, 0, 1) * np.clip((narrower - 0.04) / 0.06, 0, 1))


def below_teeth(inside: np.ndarray) -> np.ndarray:
    """How far a pixel of a mouth's inside, bool (A, A), is below the upper teeth: 0 along the upper lip, 1 far down."""
    rows = np.arange(len(inside))[:, None]
    top = np.where(inside.any(axis=0), inside.argmax(axis=0), 0)
    depth = (rows - top + 0.5) / np.maximum(inside.sum(axis=0), 1)
    return smoothstep((depth - _TEETH[0]) / (_TEETH[1] - _TEETH[0]))
