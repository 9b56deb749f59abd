"""Editing by a network that repaints the whole crop.

It works on a small aligned crop. What it changed there, not what it painted, is brought to the photo's own resolution
and added under a soft mask of the face, so that all else stays as it was, bit for bit.
"""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from facerelief.array_types import RGB, Float32
from facerelief.colour import LUMA, to_luma
from facerelief.editing.edit import EditPlan
from facerelief.editing.methods.network import NetworkEditor
from facerelief.editing.regions import face_mask, part_mask
from facerelief.faces.alignment import align
from facerelief.faces.detector import Face
from facerelief.faces.warping import crop_strips, resample_map
from facerelief.geometry.filters import blurred_mask

FADE_FROM, FADE_TO = 8.0, 24.0  # levels of change between which the photo's own detail fades out


@dataclass(frozen=True, repr=False)
class StarGANPlan(EditPlan):
    """What the network is to change.

    Attributes:
        change: (S, S, C), in levels: added to the crop, or for C = 1 to its luminance.
    """

    smoothing_windows: ClassVar[dict[str, float]] = {"change": 0.07}
    change: Float32


class StarGANEditor(NetworkEditor[StarGANPlan]):
    """Edits with a network whose edits are whole crops."""

    def _render(self, rgb: RGB, plan: StarGANPlan, strength: float) -> RGB:
        """The network does not know strength: its change is scaled."""
        return paste_back(rgb, plan, strength * self.config.edit_gain)

    def _plan(self, rgb: RGB, face: Face, to: str) -> StarGANPlan:
        """What the network makes of a face's crop."""
        crop = align(face.landmarks, self.config.size)
        before = crop.cut(rgb)
        image = self.prepare(before)
        (out,) = self.run(image, to, crop.to_crop(face.landmarks.astype(np.float64)))
        change = (out - np.moveaxis(image[0], 0, 2)) * 127.5
        return StarGANPlan(face, crop, before, change)


def paste_back(rgb: RGB, plan: StarGANPlan, strength: float) -> RGB:
    """Bring an edit of a crop back to the photo's own resolution, under the face's soft mask.

    The change is added to the photo, which keeps its detail; where the change is strong, as where a mouth was, the
    detail of the old expression fades out, else both would be visible. A change of one channel keeps the chroma.

    Args:
        rgb: (H, W, 3), the photo; it is not written to.
        plan: What is to be done.
        strength: Factor of the plan's change.

    Returns:
        The edited photo (H, W, 3).
    """
    crop, change = plan.crop, plan.change * strength
    luma_only = change.shape[2] == 1
    coarse = to_luma(plan.before)[..., None] if luma_only else plan.before
    mask = face_mask(crop, plan.face)[..., None] * part_mask(crop, plan.face, plan.part)
    maps = {"change": change * mask, "fading": _faded(change) * mask, "coarse": coarse.astype(np.float32)}
    out = rgb.copy()
    for place in crop_strips(crop, rgb.shape):
        enlarged = {name: resample_map(crop, values, place) for name, values in maps.items()}
        photo = rgb[place].astype(np.float32)
        detail = (photo @ LUMA[:, None] if luma_only else photo) - enlarged["coarse"]
        levels = photo + enlarged["change"] - enlarged["fading"] * detail
        out[place] = np.clip(np.rint(levels), 0, 255).astype(np.uint8)
    return out


def _faded(change: Float32) -> Float32:
    """Share (S, S, 1) of the photo's own detail that gives way, from the change (S, S, C) in levels around a pixel."""
    amount = np.clip((np.abs(change).mean(axis=2) - FADE_FROM) / (FADE_TO - FADE_FROM), 0, 1)
    return blurred_mask(amount, change.shape[0] * 0.02)[..., None]
