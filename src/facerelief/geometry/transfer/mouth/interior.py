"""Drawing the inside of a mouth into a photo, at the photo's own resolution.

What the photo shows between the lips stays: upper teeth where they are, since the skull does not move, and lower ones
as the jaw moves. What was hidden is rendered from the mouth model, lit through the opening of the lips.
"""

from dataclasses import dataclass

import numpy as np

from facerelief.array_types import RGB, Bool, Floats, Landmarks
from facerelief.colour import LUMA, chroma
from facerelief.easing import smoothstep
from facerelief.faces.alignment import align, inter_ocular
from facerelief.faces.warping import sample_bicubic
from facerelief.geometry.depth_maps import polygon_mask
from facerelief.geometry.filters import ndimage
from facerelief.geometry.morphable.fitting import Fit
from facerelief.geometry.rasterizer import interpolate, rasterise
from facerelief.geometry.topology import INNER_LIPS
from facerelief.geometry.transfer.lips import lip_colour, lip_outline, lips_depth, mouth_axis, mouth_opening, trim_gap
from facerelief.geometry.transfer.mouth.appearance import Surface, lit, shaded_by_lips
from facerelief.geometry.transfer.mouth.maps import cheeks_depth, gaussian, scaled_map, through_opening, without_gaps
from facerelief.geometry.transfer.mouth.model import MouthModel
from facerelief.geometry.transfer.mouth.tooth_variety import ToothVariety
from facerelief.geometry.transfer.photo_look import SHOWN_TEETH, edge_blur, grain, tooth_colour

_SIDE = 320  # pixels, of the picture that is rendered
_OPENS = (0.015, 0.04)  # inter-ocular distances between the lips over which the inside appears
_SHOWN = (0.03, 0.06)  # the same, over which a photo's own inside is used
_RIM = 0.014  # inter-ocular distances at the lips that landmarks miss: there a photo's own inside is not trusted
_FRONT = 0.2  # inter-ocular distances from the middle, within which are the front teeth
_SOFT = 0.008  # inter-ocular distances over which what was seen goes over into what is rendered
_BITE = 0.05  # inter-ocular distances below the model's upper teeth to which a photo's own may reach
_APART = 0.035  # inter-ocular distances by which the chin is lower than with teeth that touch: they do not at rest
_UNEVEN = 0.02  # deviation of a tooth's brightness from point to point
_LOBES = (6.0, 1.8)  # pixels of the render: height and width of enamel's lobes
_TEXTURE, _ROUGH = 0.014, 0.012  # their deviations in brightness, and in the cosine that makes gloss
_LIGHT = np.array([0.0, -0.25, 1.0]) / np.hypot(0.25, 1.0)  # y down
_SHINE = np.array([0.0, -0.3, 1.0]) / np.hypot(0.3, 1.0)  # where normals point that reflect the light to the camera
_SUBPIXEL = 0.3  # pixels: blur of what is rendered


@dataclass(frozen=True, eq=False)
class Mouth:
    """A mouth that a photo shows.

    Attributes:
        landmarks: (468, 3), photo pixels, with the lips as the photo shows them.
        fit: The morphable model as it fits them.
        closed: (2, 3), the corners of that person's closed mouth, in the frame of the model.
        drop: By how much the chin is lower than in a closed mouth, in inter-ocular distances.
    """

    landmarks: Landmarks
    fit: Fit
    closed: Floats
    drop: float

    @property
    def opening(self) -> float:
        """Distance between the lips, in inter-ocular distances."""
        return mouth_opening(self.landmarks)


@dataclass(frozen=True, eq=False)
class MouthMotion:
    """What a mouth does.

    Attributes:
        before: The mouth in the photo.
        after: (468, 3), landmarks of the edit, photo pixels.
        drop: By how much the chin is then lower than in a closed mouth, in inter-ocular distances.
        teeth: Another photo (H, W, 3) of that person, and the mouth in it, from which hidden teeth are taken.
    """

    before: Mouth
    after: Landmarks
    drop: float
    teeth: tuple[RGB, Mouth] | None = None


class MouthInterior:
    """Draws the inside of mouths."""

    def __init__(self, model: MouthModel) -> None:
        self._model = model
        self._varied = ToothVariety(model)
        self._aside, self._edge = np.abs(model.vertices[:, 0]), self._varied.from_edge
        random = np.random.default_rng(0)
        self._uneven = 1 + _UNEVEN * random.normal(size=len(model.vertices))
        texture = ndimage().gaussian_filter(random.normal(size=(_SIDE, _SIDE)), _LOBES)
        self._lobes = texture / texture.std()
        self._front = (model.tooth > 0.99) & (model.jaw > 0.99) & (np.abs(model.vertices[:, 0]) < _FRONT)

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
        inside, opacity = self._inside(photo, motion, outline, corner, side)
        y, x = np.maximum(-corner[::-1], 0)
        here = slice(y, y + target.shape[0]), slice(x, x + target.shape[1])
        levels = target + visible * opacity[here] * (255 * inside[here] - target)
        edited[rows, columns] = np.clip(np.rint(levels), 0, 255).astype(np.uint8)

    def _inside(
        self, photo: RGB, motion: MouthMotion, outline: Floats, corner: Floats, side: int
    ) -> tuple[Floats, Floats]:
        """The mouth's inside, levels in [0, 1] (side, side, 3), and its opacity (side, side, 1), from `corner` on."""
        scale, own = _SIDE / side, motion.before
        mask = polygon_mask((outline - corner) * scale, _SIDE)
        rendered = self._render(photo, motion, mask, corner, scale)
        maps = np.dstack([rendered, mask])
        enlarged = np.dstack([scaled_map(maps[..., k], side) for k in range(4)])
        blur = np.sqrt(edge_blur(photo, own.landmarks) ** 2 - _SUBPIXEL**2)
        softened = gaussian(enlarged, blur)  # as sharp as the photo, and as grainy
        noise = np.random.default_rng(0).normal(size=(side, side, 1)) * grain(photo, own.landmarks)
        inside, opacity = softened[..., :3] + gaussian(noise, 0.5) / 255, np.clip(softened[..., 3:], 0, 1)
        for source, seen in (*([motion.teeth] if motion.teeth else ()), (photo, own)):  # its own teeth over all others
            shown = float(smoothstep((seen.opening - _SHOWN[0]) / (_SHOWN[1] - _SHOWN[0])))
            if shown:
                gain = 1.0 if seen is own else _teeth_level(photo, own) / _teeth_level(source, seen)
                share, levels = self._seen(source, seen, motion, corner, side)
                inside = inside + shown * share * (np.clip(gain * levels, 0, 1) - inside)
        return inside, opacity

    def _render(self, photo: RGB, motion: MouthMotion, mask: Bool, corner: Floats, scale: float) -> Floats:
        """The model, levels in [0, 1] (`_SIDE`, `_SIDE`, 3), lit through the opening `mask`."""
        own, model = motion.before, self._model
        vertices, normals = self._placed(own, motion.drop)
        placed, unit = (vertices - (*corner, 0)) * scale, own.fit.scale * scale
        turned = normals @ own.fit.rotation.T
        lights = (turned @ _LIGHT, turned @ _SHINE)
        level = self._uneven * self._varied.brightness(own.fit.identity)
        shown = [placed[:, 2], *lights, model.exposure, model.tooth, self._aside, self._edge]
        attributes = np.column_stack([*shown, model.jaw, level])
        index, weights = rasterise(placed, model.triangles, _SIDE)
        z, facing, gloss, exposure, tooth, aside, edge, jaw, level = np.moveaxis(
            interpolate(attributes, model.triangles, index, weights), -1, 0
        )
        behind = np.maximum(0, (lips_depth(motion.after, corner, scale, _SIDE) - z) / unit)
        cheeks = cheeks_depth(mask, unit)
        lining = (index < 0) | (behind > cheeks)
        reached, tooth = through_opening(mask, np.where(lining, cheeks, behind), unit), tooth * ~lining
        surface = Surface(np.clip(facing, 0, 1), exposure, tooth, aside, edge, jaw, level * (1 + _TEXTURE * self._lobes), gloss + _ROUGH * self._lobes, reached, unit)
        coloured = min(1.0, chroma(photo[::8, ::8]) / 12)
        teeth = tooth_colour(photo, own.landmarks, own.opening)
        if own.opening < SHOWN_TEETH: teeth=teeth*self._varied.tint(own.fit.identity)
        colours = lit(surface, teeth, coloured)
        colours = without_gaps(colours, tooth[..., None], unit, mouth_axis(motion.after))
        return shaded_by_lips(colours, mask, unit, lip_colour(photo, own.landmarks), coloured)

    def _placed(self, mouth: Mouth, drop: float) -> tuple[Floats, Floats]:
        """The model's vertices in the photo, pixels, and its normals in the face's frame, (V, 3) each."""
        vertices, normals = self._model.opened(drop + _APART)
        vertices = self._varied.moved(vertices, mouth.fit.identity)
        scale, shift = self._model.fitted(mouth.closed)
        return mouth.fit.to_image(vertices * scale + shift), normals

    def _seen(self, photo: RGB, seen: Mouth, motion: MouthMotion, corner: Floats, side: int) -> tuple[Floats, Floats]:
        """What a photo shows of the inside: share (side, side, 1), and levels in [0, 1] (side, side, 3).

        The upper part is fixed to the skull, the lower moves as the jaw does.
        """
        rows, columns = np.indices((side, side)) + 0.5
        places = np.dstack([columns + corner[0], rows + corner[1]])
        outline = lip_outline(trim_gap(seen.landmarks, _RIM)[list(INNER_LIPS), :2])
        edge = self._upper_edge(seen) + np.array((0.0, _BITE * inter_ocular(seen.landmarks)))
        softness = max(0.7, _SOFT * motion.before.fit.scale)
        share, levels = np.zeros((side, side, 1)), np.zeros((side, side, 3))
        for upper in (False, True):
            matrix = self._carry(seen, motion, upper)
            points = places @ matrix[:2] + matrix[2]
            below = (points[..., 1] - np.interp(points[..., 0], *edge.T)) / softness
            part = smoothstep(0.5 - below if upper else 0.5 + below)[..., None]
            mask = part * gaussian(_within(outline, points).astype(np.float32)[..., None], softness)
            levels += mask * sample_bicubic(photo, points.astype(np.float32)) / 255
            share += mask
        return np.minimum(share, 1), levels / np.maximum(share, 1e-6)

    def _carry(self, seen: Mouth, motion: MouthMotion, upper: bool) -> Floats:
        """The affine map (3, 2) from places of the edit to those of a photo that show the same tooth.

        Skulls are brought together by the points that expressions hardly move, jaws by how far theirs are open.
        """
        here, there = (align(landmarks, 1) for landmarks in (motion.before.landmarks, seen.landmarks))
        linear = here.matrix[:, :2].T @ there.inverse[:, :2].T
        shift = there.inverse[:, :2] @ here.matrix[:, 2] + there.inverse[:, 2]
        if not upper:
            shift = shift - self._jaw_shift(motion.before, motion.drop) @ linear + self._jaw_shift(seen, seen.drop)
        return np.concatenate([linear, shift[None]])

    def _jaw_shift(self, mouth: Mouth, drop: float) -> Floats:
        """How far a jaw that opens carries the front lower teeth, (2,), in the photo."""
        closed, opened = (self._placed(mouth, amount)[0][self._front, :2].mean(axis=0) for amount in (0.0, drop))
        shift: Floats = opened - closed
        return shift

    def _upper_edge(self, seen: Mouth) -> Floats:
        """Points (8, 2) in a photo along the edges of the model's upper teeth, from left to right."""
        vertices, _ = self._placed(seen, 0.0)
        upper = vertices[(self._model.jaw < 0.01) & (self._model.tooth > 0), :2]
        bins = np.linspace(upper[:, 0].min(), upper[:, 0].max(), 9)
        which = np.clip(np.digitize(upper[:, 0], bins), 1, 8)
        lowest = [upper[which == k, 1].max(initial=upper[:, 1].min()) for k in range(1, 9)]
        return np.column_stack([(bins[:-1] + bins[1:]) / 2, lowest])


def _teeth_level(photo: RGB, mouth: Mouth) -> float:
    """How bright teeth are in a photo."""
    return max(0.05, float(tooth_colour(photo, mouth.landmarks, mouth.opening) @ LUMA))


def _within(outline: Floats, points: Floats) -> Bool:
    """Whether points (S, S, 2) are within an outline (N, 2)."""
    low = np.floor(points.min(axis=(0, 1)))
    side = int(np.ceil((points.max(axis=(0, 1)) - low).max())) + 1
    columns, rows = np.moveaxis((points - low).astype(int), 2, 0)
    return polygon_mask(outline - low, side)[rows, columns]
