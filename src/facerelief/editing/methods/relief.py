"""Editing by the relief backbone: what it would move and shade in a small crop is done to the photo itself.

The flow warps the photo at its own resolution, the mask and the colour are enlarged: what is only moved stays sharp.
What is too fine for a network of a crop's resolution is left to the morphable face that it learnt from: creases,
mouths that open or shut, noses, which hardly move, and half of what is seen from the side.
"""

import functools
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from PIL import Image

from facerelief.colour import LUMA
from facerelief.easing import smoothstep
from facerelief.editing.methods.morphable import MorphableEdit, MorphableEditor
from facerelief.editing.methods.network import NetworkEditor
from facerelief.editing.regions import around_mouth, around_nose, face_mask, part_mask
from facerelief.expressions import EXPRESSIONS
from facerelief.faces.alignment import Crop, align
from facerelief.faces.detector import Face
from facerelief.faces.pose import head_pose
from facerelief.faces.warping import border, strips, warped
from facerelief.geometry.morphable.expression_transfer import LAYERS, SIZE, painted
from facerelief.geometry.morphable.model import load_face
from facerelief.geometry.morphable.shading import filled, light_of
from facerelief.networks.relief import ReliefGenerator

_MARGIN = 0.06  # of the crop's side, along which the edit fades out
_NODES = 32  # along the crop's side, between which the flow is smooth: what bends within them are the network's doubts
_SOFT = 24  # the same of its shade, whose patches would have borders
_SHADE = 0.08  # of the range 2 of an image: how far the network may shade skin
_KNOWN = 0.9  # of the morphable face's edit: as much of it as leaves the person alike (docs/training.md)
_TURNED, _DOUBT = (15.0, 30.0), 0.5  # degrees to the side, by which the network's share falls by so much


@dataclass(frozen=True, repr=False)
class ReliefEdit(MorphableEdit):
    """layers: float32 (`SIZE`, `SIZE`, 3 + C), zero at the border: where a pixel comes from (right and down, crop
    pixels), the colour's share, and the colour, in levels, times its share.
    """

    steady: ClassVar[dict[str, float]] = {**MorphableEdit.steady, "layers": 0.2}
    layers: np.ndarray


class ReliefEditor(NetworkEditor[ReliefEdit]):
    """Edits with a network whose edits are a flow, a mask and a colour, and the package's morphable face."""

    generator: ReliefGenerator

    @functools.cached_property
    def _morphable(self) -> MorphableEditor:
        return MorphableEditor(load_face())

    def _change(self, rgb: np.ndarray, face: Face, label: int) -> ReliefEdit:
        """What the network and the morphable face would do to a face's crop."""
        known = self._morphable.change(rgb, face, EXPRESSIONS.index(self.expressions[label]))
        image = self.seen(align(face.landmarks, self.config.size).cut(rgb))
        flow, mask, colour = self.run(image, label)
        share = _shading(mask, colour, np.moveaxis(image[0], 0, 2))
        shade = _enlarged(np.dstack([share, share * (colour + 1) * 127.5]), _SOFT)
        shade *= face_mask(known.crop, face)[..., None]
        layers = np.dstack([_enlarged(flow * SIZE, _NODES), shade]) * border(SIZE, _MARGIN)
        return ReliefEdit(**vars(known), layers=layers.astype(np.float32))

    def _paint(self, rgb: np.ndarray, change: ReliefEdit, strength: float) -> np.ndarray:
        """Strength scales the way that pixels move, the colour's share, and the morphable face's edit.

        What is beyond 1 is the morphable face's alone: more than all of a network's flow folds over.
        """
        known = self._morphable.layers(change, _KNOWN * strength)
        at_one = known if strength <= 1 else self._morphable.layers(change, _KNOWN)
        beyond = known[..., :2] - at_one[..., :2]
        return moved(rgb, change.crop, _joined(change, known, min(strength, 1.0) * self.config.full, beyond))


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


def _joined(change: ReliefEdit, known: np.ndarray, amount: float, beyond: np.ndarray) -> np.ndarray:
    """Layers of `moved`: the network's, `amount` times, with ways `beyond` them, and from those of the morphable face
    the creases, the way that a nose goes, and all around the mouth.
    """
    mouth, nose = (around(change.crop, change.face)[..., None] for around in (around_mouth, around_nose))
    trust = _trusted(change.face)
    share = trust * (1 - np.maximum(mouth, nose))
    own = amount * part_mask(change.crop, change.face, change.part) * change.layers
    ways = share * (own[..., :2] + beyond) + (1 - share) * known[..., :2]
    shade = trust * (1 - mouth) * own[..., 2:]
    inside = known[..., 3:] if known.shape[2] == LAYERS else np.zeros((SIZE, SIZE, LAYERS - 3))
    creased = filled(np.dstack([ways, known[..., 2:3]]), change.folds)
    return np.dstack([ways, shade, creased[..., 2:], inside]).astype(np.float32)


def _trusted(face: Face) -> float:
    """Share of the network, which saw few faces from the side and bends their brows; the rest is the morphable face."""
    yaw = abs(head_pose(face.landmarks)[0])
    return 1 - _DOUBT * float(smoothstep((yaw - _TURNED[0]) / (_TURNED[1] - _TURNED[0])))


def moved(rgb: np.ndarray, crop: Crop, layers: np.ndarray) -> np.ndarray:
    """A photo uint8 (H, W, 3) with an edit brought to its own resolution.

    layers: float32 (S, S, 3 + C + 5), zero at the border: as in `ReliefEdit`, then an `Exchange`'s from the third on.
    Shade of one channel is a change of light.
    """
    out = rgb.copy()
    for place in strips(crop, rgb.shape):
        out[place] = _shaded(*warped(rgb, crop, layers, place))
    return out


def _shaded(found: np.ndarray, spread: np.ndarray) -> np.ndarray:
    """Warped pixels (h, w, 3) under all layers but the first two, brought to them; uint8."""
    share, paint, mouth = np.split(spread, [1, spread.shape[2] - LAYERS + 2], axis=2)
    over = np.maximum(share, 1)  # strength above 1 must not paint more than all
    share, paint = share / over, paint / over
    if paint.shape[2] == 3:
        found = found + paint - share * found
    else:
        luma = (found @ LUMA.astype(np.float32))[..., None]
        mouth[..., :1] += light_of(luma + paint - share * luma) - light_of(luma)
    return painted(found, mouth)
