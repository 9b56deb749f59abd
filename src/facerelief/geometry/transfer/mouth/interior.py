"""Drawing the inside of a mouth into a photo, at the photo's own resolution.

What the photo shows between the lips stays: upper teeth where they are, since the skull does not move, and lower ones
as the jaw moves. What was hidden is rendered from the mouth model, lit through the opening of the lips.
"""

import numpy as np

from facerelief.array_types import RGB, Bool, Floats, Int64
from facerelief.colour import LUMA
from facerelief.easing import smoothstep
from facerelief.faces.alignment import align, inter_ocular
from facerelief.faces.bicubic import sample_bicubic
from facerelief.geometry.depth_maps import polygon_mask
from facerelief.geometry.filters import gaussian
from facerelief.geometry.topology import INNER_LIPS
from facerelief.geometry.transfer.lips import lip_curves, lip_outline, mouth_opening, trim_gap
from facerelief.geometry.transfer.mouth.appearance import thin_corners
from facerelief.geometry.transfer.mouth.frame import MouthFrame
from facerelief.geometry.transfer.mouth.model import MouthModel
from facerelief.geometry.transfer.mouth.motion import Mouth, MouthMotion
from facerelief.geometry.transfer.mouth.renderer import MouthRenderer
from facerelief.geometry.transfer.mouth.seen_teeth import upper_teeth_end
from facerelief.geometry.transfer.photo_look import clear_teeth, edge_blur, grain, tooth_colour

_OPENS = (0.015, 0.04)  # inter-ocular distances between the lips over which the inside appears
_SHOWN = (0.03, 0.06)  # the same, over which a photo's own inside is used
_RIM, _RIM_PIXELS = 0.014, 2.5  # inter-ocular distances, and at least pixels, at the lips that landmarks miss, where a
# photo's own inside is not trusted
_WIDER = 1.3  # times wider than it was, from which a mouth shows teeth only if the photo shows them clearly
_FRONT = 0.2  # inter-ocular distances from the middle, within which are the front teeth
_SOFT = 0.008  # inter-ocular distances over which what was seen goes over into what is rendered
# Times longer that a photo's upper teeth get, to reach a lip that rises, over which the model's take their place: drawn
# out more, the little that a photo shows of them is a smear.
_LONGER = (1.25, 1.5)
_BITE = 0.08  # inter-ocular distances below the model's upper teeth to which a photo's own may reach
_APART = (0.05, 0.1)  # inter-ocular distances that the chin has dropped, over which jaws are seen apart
# Grain of teeth beyond that of cheeks, in levels, in a photo that is sharp: in 9 smiles of the London set the median is
# 1.2 on teeth and 0.8 on cheeks. And the share of noise that `grain` finds after a blur by half a pixel.
_ENAMEL, _KEPT = 0.9, 0.55
_SUBPIXEL = 0.3  # pixels: blur of what is rendered


class MouthInterior:
    """Draws the inside of mouths."""

    def __init__(self, model: MouthModel) -> None:
        self._model, self._renderer = model, MouthRenderer(model)
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
        frame = MouthFrame.around(outline, motion.after)
        corner, side = frame.window()
        rows, columns = (slice(max(0, c), max(0, c + side)) for c in corner[::-1])
        target = edited[rows, columns]
        if not visible or not target.size:
            return
        inside, opacity = self._inside(photo, motion, outline, frame)
        y, x = np.maximum(-corner[::-1], 0)
        here = slice(y, y + target.shape[0]), slice(x, x + target.shape[1])
        levels = target + visible * opacity[here] * (255 * inside[here] - target)
        edited[rows, columns] = np.clip(np.rint(levels), 0, 255).astype(np.uint8)

    def _inside(self, photo: RGB, motion: MouthMotion, outline: Floats, frame: MouthFrame) -> tuple[Floats, Floats]:
        """In the frame's window: the mouth's inside, levels in [0, 1] (S, S, 3), and its opacity (S, S, 1)."""
        own, (corner, side) = motion.before, frame.window()
        mask = polygon_mask(frame.place(outline), frame.side)
        unit = own.fit.scale * frame.side / frame.width
        drawn = self._renderer.render(photo, motion, mask, frame)
        enlarged = frame.to_photo(np.dstack([drawn, thin_corners(mask, unit)]))
        blur = edge_blur(photo, own.landmarks)
        softened = _blurred(enlarged, np.sqrt(blur**2 - _SUBPIXEL**2))  # as sharp as the photo, and as grainy
        deviation = np.hypot(grain(photo, own.landmarks), _ENAMEL / blur) / _KEPT
        noise = _blurred(deviation * np.random.default_rng(0).normal(size=(side, side, 1)), 0.5).astype(np.float32)
        inside, opacity = softened[..., :3] + noise / 255, np.clip(softened[..., 3:], 0, 1)
        for source, seen in (*([motion.teeth] if motion.teeth else ()), (photo, own)):  # its own teeth over all others
            shown = float(smoothstep((seen.opening - _SHOWN[0]) / (_SHOWN[1] - _SHOWN[0])))
            wider = float(smoothstep(mouth_opening(motion.after) / max(own.opening, 1e-3) - _WIDER))
            if shown and seen is own and wider:
                shown *= 1 - wider * (1 - clear_teeth(photo, own.landmarks))
            if shown:
                gain = 1.0 if seen is own else _teeth_level(photo, own) / _teeth_level(source, seen)
                share, levels = self._seen(source, seen, motion, corner, side)
                inside = inside + shown * share * (np.clip(gain * levels, 0, 1) - inside)
        return inside, opacity

    def _seen(self, photo: RGB, seen: Mouth, motion: MouthMotion, corner: Int64, side: int) -> tuple[Floats, Floats]:
        """What a photo shows of the inside: share (side, side, 1), and levels in [0, 1] (side, side, 3).

        The upper part is fixed to the skull, the lower moves as the jaw does.
        """
        rows, columns = np.indices((side, side)) + 0.5
        places = np.dstack([columns + corner[0], rows + corner[1]])
        unit = inter_ocular(seen.landmarks)
        margin = max(_RIM, _RIM_PIXELS / unit)
        trusted = trim_gap(seen.landmarks, margin)
        outline, lowest = (
            lip_outline(trusted[list(INNER_LIPS), :2]),
            self._upper_edge(seen) + np.array((0, _BITE * unit)),
        )
        edge = upper_teeth_end(photo, seen.landmarks, lowest)
        softness = max(0.7, _SOFT * motion.before.fit.scale)
        share, levels, lower = np.zeros((side, side, 1)), np.zeros((side, side, 3)), self._lower_share(seen, motion)
        kept = 1.0
        for upper in (False, True):
            matrix = self._carry(seen, motion, upper)
            points = places @ matrix[:2] + matrix[2]
            if upper:
                lip = lip_curves(motion.after)[0][0] @ matrix[:2] + matrix[2]
                points, longer = _reaching(points, edge, lip_curves(trusted)[0][0], lip, margin * unit)
                kept = 1 - float(smoothstep((longer - _LONGER[0]) / (_LONGER[1] - _LONGER[0])))
            below = (points[..., 1] - np.interp(points[..., 0], *edge.T)) / softness
            part = (kept * smoothstep(0.5 - below) if upper else lower * smoothstep(0.5 + below))[..., None]
            mask = part * _blurred(_within(outline, points).astype(np.float32)[..., None], softness)
            levels += mask * sample_bicubic(photo, points.astype(np.float32)) / 255
            share += mask
        return np.minimum(share, 1), levels / np.maximum(share, 1e-6)

    def _lower_share(self, seen: Mouth, motion: MouthMotion) -> float:
        """Whether, 0 to 1, what is below the upper teeth goes along with the jaw.

        Between jaws that are closed it is as likely an upper tooth in the shade, which does not go along.
        """
        moves = self._jaw_shift(motion.before, motion.drop)[1] / motion.before.fit.scale
        moves -= self._jaw_shift(seen, seen.drop)[1] / seen.fit.scale
        apart = float(smoothstep((seen.drop - _APART[0]) / (_APART[1] - _APART[0])))
        return max(apart, 1 - float(smoothstep(abs(moves) / _APART[0])))

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
        closed, opened = (
            self._renderer.placed(mouth, amount)[0][self._front, :2].mean(axis=0) for amount in (0.0, drop)
        )
        shift: Floats = opened - closed
        return shift

    def _upper_edge(self, seen: Mouth) -> Floats:
        """Points (8, 2) in a photo along the edges of the model's upper teeth, from left to right."""
        vertices, _ = self._renderer.placed(seen, 0.0)
        upper = vertices[(self._model.jaw < 0.01) & (self._model.tooth > 0), :2]
        bins = np.linspace(upper[:, 0].min(), upper[:, 0].max(), 9)
        which = np.clip(np.digitize(upper[:, 0], bins), 1, 8)
        lowest = [upper[which == k, 1].max(initial=upper[:, 1].min()) for k in range(1, 9)]
        return np.column_stack([(bins[:-1] + bins[1:]) / 2, lowest])


def _reaching(points: Floats, edge: Floats, before: Floats, after: Floats, margin: float) -> tuple[Floats, float]:
    """Seen teeth get longer so that they reach a lip that rises.

    What a photo does not show above them is hardly like the model's: teeth differ in height, and some show gums.

    Args:
        points: Places (S, S, 2) in a photo.
        edge: Points (N, 2) along the edges of its upper teeth.
        before: Points (N, 2) along its upper lip, below a margin at which it is not trusted.
        after: Points (N, 2) along the upper lip of the edit, brought into the photo.
        margin: In its pixels.

    Returns:
        Where in the photo these places are then, and how many times longer the front teeth get.
    """

    def lengths(x: Floats) -> tuple[Floats, Floats]:
        bottom, old, new = (np.interp(x, *line.T) for line in (edge, before, after))
        rises = np.maximum(old - new - margin, 0)
        reach = rises + np.minimum(rises, margin)  # over the margin, too
        return bottom, np.clip(1 + reach / np.maximum(bottom - old, 1e-3), 1, _LONGER[1])

    bottom, longer = lengths(points[..., 0])
    y = np.where(points[..., 1] < bottom, bottom - (bottom - points[..., 1]) / longer, points[..., 1])
    front = np.quantile(edge[:, 0], np.linspace(0.25, 0.75, 16))
    return np.dstack([points[..., 0], y]), float(np.median(lengths(front)[1]))


def _teeth_level(photo: RGB, mouth: Mouth) -> float:
    """How bright teeth are in a photo."""
    return max(0.05, float(tooth_colour(photo, mouth.landmarks, mouth.opening) @ LUMA))


def _blurred(values: Floats, deviation: float) -> Floats:
    """Maps (H, W, C) blurred."""
    return gaussian(values, (deviation, deviation, 0))


def _within(outline: Floats, points: Floats) -> Bool:
    """Whether points (S, S, 2) are within an outline (N, 2)."""
    low = np.floor(points.min(axis=(0, 1)))
    side = int(np.ceil((points.max(axis=(0, 1)) - low).max())) + 1
    columns, rows = np.moveaxis((points - low).astype(int), 2, 0)
    return polygon_mask(outline - low, side)[rows, columns]
