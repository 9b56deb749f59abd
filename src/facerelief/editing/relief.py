"""Editing by the relief backbone: what it would move and shade in a small crop is done to the photo itself.

The flow warps the photo at its own resolution, the mask and the colour are enlarged: what is only moved stays sharp.
What is too fine for a network of a crop's resolution is left to the morphable face that it learnt from: creases, and
mouths that open or shut.
"""

import dataclasses
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from PIL import Image

from facerelief.editing.editor import EditedFace
from facerelief.editing.mask import around_mouth, face_mask
from facerelief.editing.network import NetworkEditor
from facerelief.expressions import EXPRESSIONS
from facerelief.faces.align import Crop, align
from facerelief.faces.colour import LUMA
from facerelief.faces.detect import Face
from facerelief.faces.warp import border, warped
from facerelief.geometry.morphable.exchange import LAYERS, SIZE, Exchange, painted
from facerelief.geometry.morphable.fit import Fit, fit_face
from facerelief.geometry.morphable.model import load_face
from facerelief.networks.backbones import Relief

_MARGIN = 0.06  # of the crop's side, along which the edit fades out
_NODES = 32  # along the crop's side, between which the flow is smooth: what bends within them are the network's doubts
_SHADE = 0.08  # of the range 2 of an image: how far the network may shade skin
_KNOWN = 0.9  # of the morphable face's edit: as much of it as leaves the person alike (docs/training.md)
_LIGHTER = 0.1  # change of log light: where creases go, more of it would glow


@dataclass(frozen=True)
class ReliefEdit(EditedFace):
    """layers: float32 (`SIZE`, `SIZE`, 3 + C), zero at the border: where a pixel comes from (right and down, crop
    pixels), the colour's share, and the colour, in levels, times its share. fit, label, expression: as in
    `MorphableEdit`.
    """

    steady: ClassVar[dict[str, float]] = {"layers": 0.2, "expression": 0.4}
    layers: np.ndarray
    fit: Fit
    label: int
    expression: np.ndarray


class ReliefEditor(NetworkEditor[ReliefEdit]):
    """Edits with a network whose edits are a flow, a mask and a colour, and the package's morphable face."""

    generator: Relief

    def __init__(self, *what: Any, **more: Any) -> None:
        """As `NetworkEditor`."""
        super().__init__(*what, **more)
        self._exchange = Exchange(load_face())

    def change(self, rgb: np.ndarray, face: Face, label: int) -> ReliefEdit:
        """What the network and the morphable face would do to a face's crop."""
        crop = align(face.landmarks, SIZE)
        image = self.seen(align(face.landmarks, self.config.size).cut(rgb))
        flow, mask, colour = self.run(image, label)
        share = _shading(mask, colour, np.moveaxis(image[0], 0, 2))
        shade = _enlarged(np.dstack([share, share * (colour + 1) * 127.5]), self.config.size)
        layers = np.dstack([_enlarged(flow * SIZE, _NODES), shade * face_mask(crop, face)[..., None]])
        before, fit = crop.cut(rgb), fit_face(self._exchange.face, face.landmarks)
        own = EXPRESSIONS.index(self.expressions[label])
        layers = (layers * border(SIZE, _MARGIN)).astype(np.float32)
        return ReliefEdit(face, crop, before, before, layers, fit, own, fit.expression)

    def _paint(self, rgb: np.ndarray, change: ReliefEdit, strength: float) -> np.ndarray:
        """Strength scales the way that pixels move, the colour's share, and the morphable face's edit."""
        fit = dataclasses.replace(change.fit, expression=change.expression)
        face = change.face.landmarks
        known = self._exchange(change.before, change.crop, face, fit, change.label, _KNOWN * strength)
        return moved(rgb, change.crop, _joined(change, known, strength * self.config.full))


def _shading(mask: np.ndarray, colour: np.ndarray, image: np.ndarray) -> np.ndarray:
    """The share (S, S, 1) of a mask that shades an image (S, S, C) with a colour by `_SHADE` at most.

    What a network paints on skin beyond that are the marks that its critics take for an expression.
    """
    most = (_SHADE / np.maximum(np.abs(colour - image), 1e-3)).min(axis=2, keepdims=True)
    share: np.ndarray = np.minimum(mask, most)
    return share


def _enlarged(maps: np.ndarray, nodes: int) -> np.ndarray:
    """Maps (S, S, K) at `SIZE`, smooth between so many nodes along a side."""
    planes = [Image.fromarray(np.ascontiguousarray(maps[..., k], dtype=np.float32)) for k in range(maps.shape[2])]
    coarse = [plane.resize((nodes, nodes), Image.Resampling.BILINEAR) for plane in planes]
    return np.dstack([np.asarray(plane.resize((SIZE, SIZE), Image.Resampling.BICUBIC)) for plane in coarse])


def _joined(change: ReliefEdit, known: np.ndarray, amount: float) -> np.ndarray:
    """Layers of `moved`: the network's, and from those of the morphable face the creases and all that is around the
    mouth.
    """
    near = around_mouth(change.crop, change.face)[..., None]
    ways = (1 - near) * amount * change.layers[..., :2] + near * known[..., :2]
    shade = (1 - near) * amount * change.layers[..., 2:]
    inside = known[..., 3:] if known.shape[2] == LAYERS else np.zeros((SIZE, SIZE, LAYERS - 3))
    return np.dstack([ways, shade, np.minimum(known[..., 2:3], _LIGHTER), inside]).astype(np.float32)


def moved(rgb: np.ndarray, crop: Crop, layers: np.ndarray) -> np.ndarray:
    """A photo uint8 (H, W, 3) with an edit brought to its own resolution.

    layers: float32 (S, S, 3 + C + 5), zero at the border: as in `ReliefEdit`, then an `Exchange`'s from the third on.
    Shade of one channel keeps the hue.
    """
    found, spread, place = warped(rgb, crop, layers)
    share, paint, mouth = np.split(spread, [1, spread.shape[2] - LAYERS + 2], axis=2)
    over = np.maximum(share, 1)  # strength above 1 must not paint more than all
    share, paint = share / over, paint / over
    if paint.shape[2] == 3:
        shade = paint - share * found
    else:
        luma = (found @ LUMA.astype(np.float32))[..., None]
        shade = (paint - share * luma) * found / np.maximum(luma, 1)
    out = rgb.copy()
    out[place] = painted(found + shade, mouth)
    return out
