"""Editing by the relief backbone: what it would move and paint in a small crop is done to the photo itself.

The flow warps the photo at its own resolution, the mask and the colour are enlarged: what is only moved stays sharp.
"""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from facerelief.editing.editor import EditedFace
from facerelief.editing.mask import face_mask, mouth_mask
from facerelief.editing.network import NetworkEditor
from facerelief.faces.align import align
from facerelief.faces.colour import LUMA
from facerelief.faces.detect import Face
from facerelief.faces.warp import border, warped
from facerelief.networks.backbones import Relief

_MARGIN = 0.06  # of the crop's side, along which the edit fades out
_SHADE = 0.08  # of the range 2 of an image: how far skin may be shaded
_BRIGHTEST = 0.99  # quantile of the face; beyond it are glints


@dataclass(frozen=True)
class ReliefEdit(EditedFace):
    """layers: float32 (S, S, 3 + C), zero at the border: where a pixel comes from (right and down, crop pixels), the
    colour's share, and the colour, in levels, times its share.
    """

    steady: ClassVar[str] = "layers"
    layers: np.ndarray


class ReliefEditor(NetworkEditor[ReliefEdit]):
    """Edits with a network whose edits are a flow, a mask and a colour."""

    generator: Relief

    def _paint(self, rgb: np.ndarray, change: ReliefEdit, strength: float) -> np.ndarray:
        """Strength scales the way that pixels move and the colour's share."""
        return moved(rgb, change, strength * self.config.full)

    def change(self, rgb: np.ndarray, face: Face, label: int) -> ReliefEdit:
        """What the network would do to a face's crop."""
        crop = align(face.landmarks, self.config.size)
        before = crop.cut(rgb)
        image, inside = self.seen(before), face_mask(crop, face)
        flow, mask, colour = self.run(image, label)
        mask = _restrained(mask, colour, np.moveaxis(image[0], 0, 2), inside, mouth_mask(crop, face))
        painted = np.dstack([mask, mask * (colour + 1) * 127.5]) * inside[..., None]
        layers = np.dstack([flow * crop.size, painted]) * border(crop.size, _MARGIN)
        return ReliefEdit(face, crop, before, before, layers.astype(np.float32))


def _restrained(
    mask: np.ndarray, colour: np.ndarray, image: np.ndarray, inside: np.ndarray, mouth: np.ndarray
) -> np.ndarray:
    """A mask (S, S, 1) that shades an image (S, S, C) rather than paints it, but for the mouth.

    What a network paints on skin are the marks that its critics take for an expression. And nothing gets lighter than
    the face is: teeth in the shade are grey. inside, mouth: (S, S), the face and its mouth.
    """
    lights = np.quantile(image[inside >= inside.max() / 2], _BRIGHTEST, axis=0)
    change = colour - image
    room = np.minimum(_SHADE + 2 * mouth[..., None], np.where(change > 0, np.maximum(lights - image, 0), np.inf))
    most = (room / np.maximum(np.abs(change), 1e-3)).min(axis=2, keepdims=True)
    return np.minimum(mask, most.astype(np.float32))


def moved(rgb: np.ndarray, done: ReliefEdit, strength: float) -> np.ndarray:
    """A photo uint8 (H, W, 3) with an edit brought to its own resolution.

    Paint of one channel keeps the hue where it darkens; what it lightens gets as pale as teeth are.
    """
    scale = np.full(done.layers.shape[2], strength, dtype=np.float32)
    found, spread, place = warped(rgb, done.crop, done.layers * scale)
    share, paint = spread[..., :1], spread[..., 1:]
    over = np.maximum(share, 1)  # strength above 1 must not paint more than all
    share, paint = share / over, paint / over
    if paint.shape[2] == 3:
        change = paint - share * found
    else:
        luma = (found @ LUMA.astype(np.float32))[..., None]
        change = paint - share * luma
        change = np.where(change < 0, change * found / np.maximum(luma, 1), change)
    out = rgb.copy()
    out[place] = np.clip(np.rint(found + change), 0, 255).astype(np.uint8)
    return out
