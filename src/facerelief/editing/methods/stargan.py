"""Editing by a network that repaints the whole crop.

It works on a small aligned crop. What it changed there, not what it painted, is brought to the photo's own resolution
and added under a soft mask of the face, so that all else stays as it was, bit for bit.
"""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from facerelief.colour import LUMA, to_luma
from facerelief.editing.editor import EditedFace
from facerelief.editing.methods.network import NetworkEditor
from facerelief.editing.regions import blurred, face_mask, part_mask
from facerelief.faces.alignment import align
from facerelief.faces.detector import Face
from facerelief.faces.warping import bring_back, strips

FADE_FROM, FADE_TO = 8.0, 24.0  # levels of change between which the photo's own detail fades out


@dataclass(frozen=True, repr=False)
class NetworkEdit(EditedFace):
    """change: float32 (S, S, C), what the network changed, in levels."""

    steady: ClassVar[dict[str, float]] = {"change": 0.07}
    change: np.ndarray


class StarGANEditor(NetworkEditor[NetworkEdit]):
    """Edits with a network whose edits are whole crops."""

    def _paint(self, rgb: np.ndarray, change: NetworkEdit, strength: float) -> np.ndarray:
        """The network does not know strength: its change is scaled."""
        return paste(rgb, change, strength * self.config.edit_gain)

    def _change(self, rgb: np.ndarray, face: Face, label: int) -> NetworkEdit:
        """What the network makes of a face's crop."""
        crop = align(face.landmarks, self.config.size)
        before = crop.cut(rgb)
        image = self.seen(before)
        (out,) = self.run(image, label)
        change = (out - np.moveaxis(image[0], 0, 2)) * 127.5
        return NetworkEdit(face, crop, before, before, change)


def paste(rgb: np.ndarray, done: NetworkEdit, strength: float) -> np.ndarray:
    """The photo with an edit brought back to its own resolution, under the face's soft mask.

    The change is added to the photo, which keeps its detail; where the change is strong, as where a mouth was, the
    detail of the old expression fades out, else both would be seen. A change of one channel keeps the chroma.
    """
    crop, change = done.crop, done.change * strength
    seen = to_luma(done.before)[..., None] if change.shape[2] == 1 else done.before
    fading = _faded(change)
    mask = face_mask(crop, done.face)[..., None] * part_mask(crop, done.face, done.part)
    layers = np.concatenate([change * mask, fading * mask, seen.astype(np.float32)], axis=2)
    channels = change.shape[2]
    out = rgb.copy()
    for place in strips(crop, rgb.shape):
        brought = bring_back(crop, layers, place)
        change_up, fading_up, seen_up = np.split(brought, [channels, channels + 1], axis=2)
        photo = rgb[place].astype(np.float32)
        detail = (photo @ LUMA[:, None] if channels == 1 else photo) - seen_up
        out[place] = np.clip(np.rint(photo + change_up - fading_up * detail), 0, 255).astype(np.uint8)
    return out


def _faded(change: np.ndarray) -> np.ndarray:
    """Share (S, S, 1) of the photo's own detail that gives way, from the change (S, S, C) in levels around a pixel."""
    amount = np.clip((np.abs(change).mean(axis=2) - FADE_FROM) / (FADE_TO - FADE_FROM), 0, 1)
    return blurred(amount, change.shape[0] * 0.02)[..., None]
