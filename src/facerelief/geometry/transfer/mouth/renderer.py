"""Renders the model of a mouth's inside as a photo would show it between the lips."""

import dataclasses
import functools

import numpy as np

from facerelief.array_types import RGB, Bool, Float32, Floats
from facerelief.easing import smoothstep
from facerelief.geometry.filters import gaussian, scaled_map
from facerelief.geometry.rasterizer import interpolate, rasterise
from facerelief.geometry.transfer.lips import lip_colour, lips_depth
from facerelief.geometry.transfer.mouth.appearance import Surface, between_edges, lit, shaded_by_lips
from facerelief.geometry.transfer.mouth.frame import MouthFrame
from facerelief.geometry.transfer.mouth.maps import cheeks_depth, through_opening, without_gaps
from facerelief.geometry.transfer.mouth.model import MouthModel
from facerelief.geometry.transfer.mouth.motion import Mouth, MouthMotion
from facerelief.geometry.transfer.mouth.tooth_variety import ToothVariety
from facerelief.geometry.transfer.photo_look import SHOWN_TEETH, face_colour, tooth_colour

_KEPT = 16  # mouths: one edit looks at the same ones again and again
_MARGIN = 0.05  # of the picture's side, beside the opening, that is drawn too: blur reaches it
_APART = 0.035  # inter-ocular distances by which the chin is lower than with teeth that touch: they do not at rest
# Inter-ocular distances by which lower teeth lie lower behind the lip of an open mouth, which stays nearer to them than
# the chin's skin does; drop of the chin from which they do so wholly.
_SUNK, _SUNK_AT = 0.035, 0.2
_RAISED = 0.008  # by which upper teeth end higher than the model's: in 14 open smiles of the London set 0.016
# A tongue rises behind the lower teeth of an open mouth: by how much, from which drop of the chin it does so wholly,
# over which depths behind the lips it begins, and over which distances from the middle it ends; inter-ocular distances.
_TONGUE, _TONGUE_AT, _TONGUE_FROM, _TONGUE_TO = 0.08, 0.15, (-0.02, -0.18), (0.27, 0.17)
_UNEVEN = 0.02  # deviation of a tooth's brightness from point to point
# Height and width of enamel's lobes in a picture of a side; patterns that are blended.
_LOBES, _LOBES_SIDE, _FIELDS = (6.0, 1.8), 320, 4
_TEXTURE, _ROUGH = 0.014, 0.008  # their deviations in brightness, and in the cosine that makes gloss
# The same of a tongue, and deviation of the round patterns of its papillae, in such a picture.
_PAPILLAE, _BUMPS, _PAPILLA = 0.025, 0.01, 2.2
_LIGHT = np.array([0.0, -0.25, 1.0]) / np.hypot(0.25, 1.0)  # of a level face, y down
_SHINE = np.array([0.0, -0.3, 1.0]) / np.hypot(0.3, 1.0)  # where normals point that reflect the light to the camera
_WET = np.array([0.0, -0.85, 0.55]) / np.hypot(0.85, 0.55)  # the same of a tongue: of what falls in from above


class MouthRenderer:
    """Renders a mouth's inside from its model.

    Attributes:
        placed: Gives the model's vertices in the photo, pixels, and its normals in the face's frame, (V, 3) each, of a
            mouth whose chin has dropped by so many inter-ocular distances; kept for a while, not to be written to.
    """

    def __init__(self, model: MouthModel) -> None:
        self._model = model
        self._varied = ToothVariety(model)
        random = np.random.default_rng(0)
        uneven = 1 + _UNEVEN * random.normal(size=len(model.vertices))
        varied = self._varied
        aside, forwards = np.abs(model.vertices[:, 0]), model.vertices[:, 2]
        behind, within = (
            smoothstep((places - near) / (far - near))
            for places, (near, far) in ((forwards, _TONGUE_FROM), (aside, _TONGUE_TO))
        )
        self._tongue = model.jaw * (1 - model.tooth) * behind * within
        fixed = (model.exposure, model.tooth, aside, varied.from_edge, varied.from_side, model.jaw, uneven)
        self._fixed = np.column_stack(fixed)
        self._lobes = [gaussian(random.normal(size=(_LOBES_SIDE, _LOBES_SIDE)), _LOBES) for _ in range(_FIELDS)]
        self._lobes.append(gaussian(random.normal(size=(_LOBES_SIDE, _LOBES_SIDE)), _PAPILLA))
        self._patterns = functools.cache(self._scaled_lobes)
        self.placed = functools.lru_cache(_KEPT)(self._placed)

    def render(self, photo: RGB, motion: MouthMotion, mask: Bool, frame: MouthFrame) -> Floats:
        """The mouth's inside after an edit, lit through the opening of the lips.

        Args:
            photo: (H, W, 3), before the edit.
            motion: What the mouth does in it.
            mask: (S, S), the opening.
            frame: The picture, of side S, and its place in the photo.

        Returns:
            Levels in [0, 1], (S, S, 3).
        """
        own = motion.before
        known = np.flatnonzero(mask.any(axis=1))
        margin = round(_MARGIN * frame.side)
        rows = slice(max(0, known[0] - margin), known[-1] + 1 + margin) if len(known) else slice(0, 1)
        coloured = face_colour(photo, own.landmarks)
        surface = self._surface(motion, mask, frame, rows)
        teeth = tooth_colour(photo, own.landmarks, own.opening)
        if own.opening < SHOWN_TEETH:
            teeth = teeth * self._varied.tint(own.fit.identity) ** coloured
        colours = lit(surface, teeth, coloured)
        colours = without_gaps(colours, surface.tooth[..., None], surface.unit)
        colours = between_edges(colours, surface, coloured)
        colours = shaded_by_lips(
            colours, mask[rows], surface.tooth, surface.unit, lip_colour(photo, own.landmarks), coloured
        )
        return np.pad(colours, ((rows.start, len(mask) - rows.start - len(colours)), (0, 0), (0, 0)), mode="edge")

    def _surface(self, motion: MouthMotion, mask: Bool, frame: MouthFrame, rows: slice) -> Surface:
        """What some rows of the picture show."""
        own, triangles = motion.before, self._model.triangles
        vertices, normals = self.placed(own, motion.drop)
        placed, unit = frame.place(vertices), own.fit.scale * frame.side / frame.width
        turned = normals @ own.fit.rotation.T
        turned[:, :2] = turned[:, :2] @ frame.turn.T
        shines = np.where(self._tongue > 0, turned @ _WET, turned @ _SHINE)
        attributes = np.column_stack([placed[:, 2], turned @ _LIGHT, shines, self._fixed])
        attributes[:, -1] *= self._varied.brightness(own.fit.identity)
        heights = placed[:, 1].take(triangles)
        triangles = triangles[(heights.max(axis=1) >= rows.start) & (heights.min(axis=1) <= rows.stop)]
        index, weights = rasterise(placed, triangles, frame.side)
        index, weights = index[rows], weights[rows].astype(np.float32)
        values = interpolate(attributes.astype(np.float32), triangles, index, weights)
        z, facing, gloss, exposure, tooth, aside, edge, side, jaw, level = np.moveaxis(values, -1, 0)
        blend = self._varied.blend(own.fit.identity, _FIELDS).astype(np.float32)
        patterns = self._patterns(frame.side)[:, rows]
        lobes, papillae = np.einsum("k,khw->hw", blend, patterns[:_FIELDS]), patterns[_FIELDS]
        lips = lips_depth(frame.place(motion.after), frame.side).astype(np.float32)
        behind = np.maximum(0, (lips - z) / np.float32(unit))
        cheeks = cheeks_depth(mask, unit).astype(np.float32)
        lining = (index < 0) | (behind > cheeks)
        return Surface(
            facing=np.clip(facing, 0, 1),
            exposure=exposure,
            tooth=tooth * ~lining,
            aside=aside,
            edge=edge,
            side=side,
            jaw=jaw,
            level=level * (1 + np.where(tooth > 0.5, _TEXTURE * lobes, _PAPILLAE * papillae)),
            gloss=gloss + np.where(tooth > 0.5, _ROUGH * lobes, _BUMPS * papillae),
            reached=through_opening(mask, np.where(lining, cheeks, behind), unit, rows),
            unit=unit,
        )

    def _scaled_lobes(self, side: int) -> Float32:
        """Patterns of enamel and, the last, of a tongue, (`_FIELDS` + 1, side, side), of deviation 1."""
        fields = np.stack([scaled_map(field, side) for field in self._lobes])
        return fields / fields.std(axis=(1, 2), keepdims=True)

    def _placed(self, mouth: Mouth, drop: float) -> tuple[Floats, Floats]:
        """The model's vertices in the photo, pixels, and its normals in the face's frame, (V, 3) each."""
        varied = self._varied.moved(self._model.vertices, mouth.fit.identity)
        teeth = dataclasses.replace(self._model, vertices=varied.astype(np.float32))
        vertices, normals = teeth.opened(np.hypot(max(0.0, drop), _APART))
        sunk, risen = (smoothstep(max(0.0, drop) / wholly) for wholly in (_SUNK_AT, _TONGUE_AT))
        vertices[:, 1] += _SUNK * sunk * self._model.jaw - _TONGUE * risen * self._tongue
        vertices[:, 1] -= _RAISED * (1 - self._model.jaw)
        scale, shift = self._model.fitted(mouth.closed)
        return mouth.fit.to_image(vertices * scale + shift), normals
