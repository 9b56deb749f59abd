"""Drawing the inside of a mouth into a photo, at the photo's own resolution.

What the photo shows between the lips stays: upper teeth where they are, since the skull does not move, and lower ones
as the jaw moves. What was hidden is rendered from the mouth model, lit through the opening of the lips.
"""

from dataclasses import dataclass

import numpy as np
from PIL import Image

from facerelief.array_types import RGB, Bool, Float32, Floats, Landmarks
from facerelief.colour import chroma
from facerelief.easing import smoothstep
from facerelief.errors import MissingExtra
from facerelief.faces.alignment import inter_ocular
from facerelief.geometry.depth_maps import polygon_mask
from facerelief.geometry.morphable.fitting import Fit
from facerelief.geometry.morphable.model import MorphableFace
from facerelief.geometry.rasterizer import interpolate, rasterise
from facerelief.geometry.topology import INNER_LIPS
from facerelief.geometry.transfer.lips import lip_colour, mouth_opening
from facerelief.geometry.transfer.mouth_model import MouthModel
from facerelief.geometry.transfer.photo_look import edge_blur, grain, tooth_colour

_LIPS, _CHIN, _CORNERS = [13, 14], 152, (78, 308)
_SIDE = 320  # pixels, of the picture that is rendered
_SMALL = 48  # of the maps of light
_OPENS = (0.015, 0.04)  # inter-ocular distances between the lips over which the inside appears
_SHOWN = (0.03, 0.06)  # the same, over which a photo's own inside is used
_RIM = 0.014  # inter-ocular distances at the lips that landmarks miss: there a photo's own inside is not trusted
_BITE = 0.05  # inter-ocular distances below the model's upper teeth to which a photo's own may reach
_DEPTHS = (0.02, 0.06, 0.14, 0.3, 0.6)  # inter-ocular distances behind the lips at which light is computed
_SPREAD, _FROM_ABOVE = 0.45, 0.2  # of light through the opening: deviation, and how far it comes from above, per depth
_GAIN = 1.35  # of light, so that front teeth are fully lit
_SHADED = 0.3  # light that is left where a tooth is in the shadow of its neighbours
_GLOSS, _SHARP = 0.12, 30  # of a wet surface: strength and exponent (Phong, 1975)
_AMBIENT, _LIGHT = 0.6, np.array([0.0, -0.25, 1.0]) / np.hypot(0.25, 1.0)  # y down
_FLESH = np.array((0.8, 0.55, 0.55))  # of the lips' colour: gums and tongue
_SUBPIXEL = 0.3  # pixels: blur of what is rendered


@dataclass(frozen=True, eq=False)
class MouthMotion:
    """What a mouth does.

    Attributes:
        fit: The morphable model as it fits the face.
        before: (468, 3), landmarks, photo pixels.
        after: (468, 3), those of the edit.
        drops: By how much the chin is lower than in a closed mouth, in inter-ocular distances, before and after.
    """

    fit: Fit
    before: Landmarks
    after: Landmarks
    drops: tuple[float, float]


class MouthInterior:
    """Draws the inside of mouths."""

    def __init__(self, face: MorphableFace, model: MouthModel) -> None:
        self._face, self._model = face, model

    def draw(self, edited: RGB, photo: RGB, motion: MouthMotion) -> None:
        """Draw the inside of the mouth between the lips of an edited photo.

        Args:
            edited: (H, W, 3), written to.
            photo: (H, W, 3), before the edit.
            motion: What the mouth does in it.
        """
        opening = mouth_opening(motion.after)
        visible = float(smoothstep((opening - _OPENS[0]) / (_OPENS[1] - _OPENS[0])))
        outline = lip_outline(motion.after[list(INNER_LIPS), :2])
        corner = np.floor(outline.min(axis=0)).astype(int) - 4
        side = int(np.ceil(np.ptp(outline, axis=0).max())) + 8
        rows, columns = (slice(max(0, c), max(0, c + side)) for c in corner[::-1])
        target = edited[rows, columns]
        if not visible or not target.size:
            return
        blur = edge_blur(photo, motion.before)
        inside, opacity = self._inside(photo, motion, outline, corner, side)
        softened = _gaussian(np.dstack([inside * opacity, opacity]), np.sqrt(max(0.0, blur**2 - _SUBPIXEL**2)))
        noise = np.random.default_rng(0).normal(size=(side, side, 1)) * grain(photo, motion.before)
        softened[..., :3] += softened[..., 3:] * _gaussian(noise, 0.5) / 255
        y, x = np.maximum(-corner[::-1], 0)
        softened = visible * softened[y : y + target.shape[0], x : x + target.shape[1]]
        levels = target * (1 - softened[..., 3:]) + 255 * softened[..., :3]
        edited[rows, columns] = np.clip(np.rint(levels), 0, 255).astype(np.uint8)

    def _inside(
        self, photo: RGB, motion: MouthMotion, outline: Floats, corner: Floats, side: int
    ) -> tuple[Floats, Floats]:
        """The mouth's inside, levels in [0, 1] (side, side, 3), and its opacity (side, side, 1), from `corner` on."""
        scale = _SIDE / side
        mask = polygon_mask((outline - corner) * scale, _SIDE)
        rendered = self._render(photo, motion, mask, corner, scale)
        maps = np.dstack([rendered, mask])
        enlarged = np.dstack([_resized(maps[..., k], side) for k in range(4)])
        inside, opacity = enlarged[..., :3], np.clip(enlarged[..., 3:], 0, 1)
        shown = float(smoothstep((mouth_opening(motion.before) - _SHOWN[0]) / (_SHOWN[1] - _SHOWN[0])))
        if shown:
            inside = inside + shown * (self._with_own(inside, photo, motion, corner) - inside)
        return inside, opacity

    def _render(self, photo: RGB, motion: MouthMotion, mask: Bool, corner: Floats, scale: float) -> Floats:
        """The model, levels in [0, 1] (`_SIDE`, `_SIDE`, 3), lit through the opening `mask`."""
        vertices, normals = self._placed(motion.fit, motion.drops[1])
        placed = (vertices - (*corner, 0)) * scale
        turned = normals @ motion.fit.rotation.T
        facing = np.clip(turned @ _LIGHT, 0, 1)
        free = np.minimum(_SHADED + self._model.exposure, 1)
        light = (_AMBIENT + (1 - _AMBIENT) * facing) * free
        attributes = np.column_stack([placed[:, 2], light, self._model.tooth, _GLOSS * facing**_SHARP * free])
        index, weights = rasterise(placed, self._model.triangles, _SIDE)
        values = interpolate(attributes, self._model.triangles, index, weights)
        unit = motion.fit.scale * scale
        lips = float(motion.after[_LIPS, 2].mean()) * scale
        depth = np.where(index >= 0, np.maximum(0, (lips - values[..., 0]) / unit), _DEPTHS[-1])
        reached = np.minimum(_GAIN * _through_opening(mask, depth, unit), 1)[..., None]
        teeth = tooth_colour(photo, motion.before, mouth_opening(motion.before))
        flesh = _FLESH ** min(1.0, chroma(photo[::8, ::8]) / 12) * lip_colour(photo, motion.before)
        share = values[..., 2:3]
        colours: Floats = reached * (values[..., 1:2] * (share * teeth + (1 - share) * flesh) + values[..., 3:] * teeth)
        return colours

    def _placed(self, fit: Fit, drop: float) -> tuple[Floats, Floats]:
        """The model's vertices in the photo, pixels, and its normals in the face's frame, (V, 3) each."""
        neutral, mean = self._face.shape(fit.identity, np.zeros(len(self._face.expression_modes))), self._face.mean
        breadths = [float(np.linalg.norm(np.subtract(*shape[list(_CORNERS)]))) for shape in (neutral, mean)]
        vertices, normals = self._model.opened(drop)
        broader = np.array([np.sqrt(breadths[0] / breadths[1]), 1.0, 1.0])
        shift = (neutral[_LIPS] - mean[_LIPS]).mean(axis=0) * (0, 1, 1)
        return fit.to_image(vertices * broader + shift), normals

    def _with_own(self, inside: Floats, photo: RGB, motion: MouthMotion, corner: Floats) -> Floats:
        """`inside` with what the photo shows of it: the upper part where it was, the lower as the jaw moves."""
        side, unit = len(inside), inter_ocular(motion.before)
        jaw = self._jaw_shift(motion)
        outline = lip_outline(motion.before[list(INNER_LIPS), :2])
        edge = self._upper_edge(motion, corner, side) + _BITE * unit
        rows = np.arange(side)[:, None] + corner[1] + 0.5
        softness = max(1.0, 0.01 * unit)
        for shift, part in ((jaw, rows - jaw[1] > edge), (np.zeros(2), rows < edge)):
            moved = np.round(shift).astype(int)
            shown = _eroded(outline + moved, corner, side, _RIM * unit)
            share = _gaussian((shown & part).astype(np.float32)[..., None], softness)
            inside = inside + share * (_cut(photo, corner - moved, side) / 255 - inside)
        return inside

    def _jaw_shift(self, motion: MouthMotion) -> Floats:
        """How far the edges of the lower teeth move in the photo, (2,)."""
        lower = self._model.jaw > 0.99
        front = np.flatnonzero(lower & (self._model.tooth > 0) & (np.abs(self._model.vertices[:, 0]) < 0.1))
        before, after = (self._placed(motion.fit, drop)[0][front, :2].mean(axis=0) for drop in motion.drops)
        shift: Floats = after - before
        return shift

    def _upper_edge(self, motion: MouthMotion, corner: Floats, side: int) -> Floats:
        """The row in the photo down to which the model's upper teeth reach, for each column of the picture, (side,)."""
        vertices, _ = self._placed(motion.fit, 0.0)
        upper = vertices[(self._model.jaw < 0.01) & (self._model.tooth > 0)]
        columns = np.arange(side) + corner[0] + 0.5
        bins = np.linspace(columns[0], columns[-1], 9)
        which = np.clip(np.digitize(upper[:, 0], bins), 1, 8)
        lowest = np.array([upper[which == k, 1].max(initial=upper[:, 1].min()) for k in range(1, 9)])
        edge: Floats = np.interp(columns, (bins[:-1] + bins[1:]) / 2, lowest)
        return edge


def lip_outline(points: Floats, steps: int = 8) -> Floats:
    """A smooth outline through the inner lips: a Catmull-Rom curve along each lip, with corners where they meet.

    Args:
        points: (20, 2), in the order of `INNER_LIPS`.
        steps: Points of the outline to each of these.

    Returns:
        (20 * steps, 2).
    """
    corners = INNER_LIPS.index(78), INNER_LIPS.index(308)
    turned = np.roll(points, -corners[0], axis=0)
    half = (corners[1] - corners[0]) % len(points)
    closed = np.concatenate([turned, turned[:1]])
    return np.concatenate([_curve(closed[: half + 1], steps), _curve(closed[half:], steps)])


def _curve(points: Floats, steps: int) -> Floats:
    """A Catmull-Rom curve through points (N, 2), without its last."""
    ends = 2 * points[[0, -1]] - points[[1, -2]]
    p = np.concatenate([ends[:1], points, ends[1:]])
    t = np.arange(steps)[:, None] / steps
    before, start, end, after = (p[k : len(p) - 3 + k, None] for k in range(4))
    found = start + t / 2 * (end - before + t * (2 * before - 5 * start + 4 * end - after))
    found = found + t**3 / 2 * (3 * (start - end) + after - before)
    return found.reshape(-1, 2)


def _through_opening(mask: Bool, depth: Floats, unit: float) -> Floats:
    """Share of light (S, S) that reaches a depth, inter-ocular distances, through an opening; unit: their pixels."""
    small = _resized(mask.astype(np.float32), _SMALL)
    step = len(mask) / _SMALL
    levels = []
    for distance in _DEPTHS:
        spread = distance * unit / step
        seen = _gaussian_matrix(_SMALL, _SPREAD * spread, _FROM_ABOVE * spread) @ small
        levels.append(_resized(seen @ _gaussian_matrix(_SMALL, _SPREAD * spread).T, len(mask)))
    stack = np.stack(levels)
    place = np.interp(depth, _DEPTHS, np.arange(len(_DEPTHS)))
    below = np.minimum(place.astype(int), len(_DEPTHS) - 2)
    rows, columns = np.indices(depth.shape)
    share = place - below
    light: Floats = (1 - share) * stack[below, rows, columns] + share * stack[below + 1, rows, columns]
    return np.clip(light, 0, 1)


def _gaussian_matrix(size: int, deviation: float, shift: float = 0.0) -> Floats:
    """(size, size): what blurs a column of values by a Gaussian, and shifts it down; nothing comes from outside."""
    away = np.arange(size)[:, None] - np.arange(size) - shift
    weights = np.exp(-0.5 * (away / max(deviation, 0.4)) ** 2)
    whole = np.exp(-0.5 * (np.arange(-size, size + 1) / max(deviation, 0.4)) ** 2).sum()
    matrix: Floats = weights / whole
    return matrix


def _eroded(outline: Floats, corner: Floats, side: int, margin: float) -> Bool:
    """Whether pixels (side, side) are within an outline, and `margin` away from it up and down."""
    mask = polygon_mask(outline - corner, side)
    rows = max(1, round(margin))
    padded = np.pad(mask, ((rows, rows), (0, 0)))
    return padded[: -2 * rows] & padded[2 * rows :] & mask


def _cut(photo: RGB, corner: Floats, side: int) -> RGB:
    """The pixels (side, side, 3) of a photo from `corner` (x, y) on; beyond it its border is repeated."""
    x, y = corner
    rows = np.clip(np.arange(side) + y, 0, photo.shape[0] - 1)
    columns = np.clip(np.arange(side) + x, 0, photo.shape[1] - 1)
    return photo[rows[:, None], columns]


def _resized(values: Floats, side: int) -> Float32:
    """A map (S, S) at another size; where it shrinks, averaged."""
    plane = Image.fromarray(np.ascontiguousarray(values, dtype=np.float32))
    return np.asarray(plane.resize((side, side), Image.Resampling.BILINEAR))


def _gaussian(values: Floats, deviation: float) -> Floats:
    """Maps (H, W, C) blurred."""
    try:
        from scipy.ndimage import gaussian_filter
    except ImportError as reason:
        raise MissingExtra("scipy", "faces") from reason
    blurred: Floats = gaussian_filter(values, (deviation, deviation, 0))
    return blurred
