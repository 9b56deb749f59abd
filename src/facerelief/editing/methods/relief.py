"""Editing by the relief backbone: what it would move and shade in a small crop is done to the photo itself.

The flow warps the photo at its own resolution, the mask and the colour are enlarged: what is only moved stays sharp.
What is too fine for a network of a crop's resolution is left to the morphable face that it learnt from: wrinkles,
mouths that open or shut, noses, which hardly move, and half of what is seen from the side.
"""

import dataclasses
import functools
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from PIL import Image

from facerelief.array_types import RGB, Float32, Floats
from facerelief.easing import smoothstep
from facerelief.editing.methods.morphable import MorphableEditor, MorphablePlan
from facerelief.editing.methods.network import NetworkEditor
from facerelief.editing.regions import around_mouth, around_nose, face_mask, part_mask
from facerelief.faces.alignment import align
from facerelief.faces.detector import Face
from facerelief.faces.pose import head_pose
from facerelief.faces.warping import border_fade
from facerelief.geometry.morphable.model import load_face
from facerelief.geometry.transfer.expression_transfer import STANDARD_SIZE, with_room
from facerelief.geometry.transfer.warp_layers import WarpLayers, apply_layers
from facerelief.photos.photo import Photo

_MARGIN = 0.06  # of the aligned crop's side, along which the edit fades out
_NODES = 32  # along the crop's side, between which the flow is smooth: what bends within them are the network's doubts
_SOFT = 24  # the same of its shade, whose patches would have borders
_SHADE = 0.08  # of the range 2 of an image: how far the network may shade skin
_TURNED, _DOUBT = (15.0, 30.0), 0.5  # degrees to the side, by which the network's share falls by so much


@dataclass(frozen=True, repr=False)
class ReliefPlan(MorphablePlan):
    """What the network and the morphable face are to do to a face. The network's maps are zero beside the aligned crop.

    Attributes:
        flow: (`TRANSFER_SIZE`, `TRANSFER_SIZE`, 2), the network's, as in `WarpLayers`.
        shade: (`TRANSFER_SIZE`, `TRANSFER_SIZE`, C), the network's colour, as in `WarpLayers`.
        shade_opacity: (`TRANSFER_SIZE`, `TRANSFER_SIZE`, 1), that of the colour.
    """

    smoothing_windows: ClassVar[dict[str, float]] = {
        **MorphablePlan.smoothing_windows,
        **dict.fromkeys(("flow", "shade", "shade_opacity"), 0.2),
    }
    flow: Float32
    shade: Float32
    shade_opacity: Float32


class ReliefEditor(NetworkEditor[ReliefPlan]):
    """Edits with a network whose edits are a flow, a mask and a colour, and the package's morphable face."""

    @functools.cached_property
    def _morphable(self) -> MorphableEditor:
        return MorphableEditor(load_face(), self._finder)

    def take_teeth(self, photo: Photo) -> None:
        """As `Editor.take_teeth`."""
        self._morphable.take_teeth(photo)

    def _plan(self, rgb: RGB, face: Face, to: str) -> ReliefPlan:
        """What the network and the morphable face would do to a face's crop."""
        known = self._morphable.plan(rgb, face, to)
        crop = align(face.landmarks, self.config.size)
        image = self.prepare(crop.cut(rgb))
        flow, mask, colour = self.run(image, to, crop.to_crop(face.landmarks.astype(np.float64)))
        share = _limited_opacity(mask, colour, np.moveaxis(image[0], 0, 2))
        shade = _enlarged(np.dstack([share, share * (colour + 1) * 127.5]), _SOFT)
        shade *= face_mask(align(face.landmarks, STANDARD_SIZE), face)[..., None]
        fade = border_fade(STANDARD_SIZE, _MARGIN)
        return ReliefPlan(
            **vars(known),
            flow=with_room(_enlarged(flow * STANDARD_SIZE, _NODES) * fade).astype(np.float32),
            shade=with_room(shade[..., 1:] * fade).astype(np.float32),
            shade_opacity=with_room(shade[..., :1] * fade).astype(np.float32),
        )

    def _render(self, rgb: RGB, plan: ReliefPlan, strength: float) -> RGB:
        return apply_layers(rgb, plan.crop, self._final_layers(plan, strength))

    def warps(self, plan: ReliefPlan, strength: float) -> list[Floats]:
        """As `Editor.warps`."""
        return self._final_layers(plan, strength).warps(plan.crop)

    def _final_layers(self, plan: ReliefPlan, strength: float) -> WarpLayers:
        """Strength scales how far pixels move, the colour's opacity, and the morphable face's edit.

        What is beyond 1 is the morphable face's alone: more than all of a network's flow would fold the face over.
        """
        known = self._morphable.layers(plan, strength)
        at_one = known if strength <= 1 else self._morphable.layers(plan, 1.0)
        beyond = known.flow - at_one.flow
        return _blended(plan, known, min(strength, 1.0) * self.config.edit_gain, beyond)


def _limited_opacity(mask: Float32, colour: Float32, image: Float32) -> Float32:
    """What of a mask (S, S, 1) shades an image (S, S, C) with a colour by `_SHADE` at most.

    What a network shades beyond that are marks that its discriminators take for an expression.
    """
    most = (_SHADE / np.maximum(np.abs(colour - image), 1e-3)).min(axis=2, keepdims=True)
    return np.minimum(mask, most)


def _enlarged(maps: Float32, nodes: int) -> Float32:
    """Maps (S, S, K) at `STANDARD_SIZE`, smooth between so many nodes along a side."""
    planes = [Image.fromarray(np.ascontiguousarray(maps[..., k], dtype=np.float32)) for k in range(maps.shape[2])]
    coarse = [plane.resize((nodes, nodes), Image.Resampling.BILINEAR) for plane in planes]
    return np.dstack(
        [np.asarray(plane.resize((STANDARD_SIZE, STANDARD_SIZE), Image.Resampling.BICUBIC)) for plane in coarse]
    )


def _blended(plan: ReliefPlan, known: WarpLayers, amount: float, beyond: Floats) -> WarpLayers:
    """The network's layers, `amount` times, with a flow `beyond` them; and from those of the morphable face the light,
    the flow of the nose, and all around the mouth.
    """
    mouth, nose = (around(plan.crop, plan.face)[..., None] for around in (around_mouth, around_nose))
    trust = _trusted(plan.face)
    share = trust * (1 - np.maximum(mouth, nose))
    own = amount * part_mask(plan.crop, plan.face, plan.part)
    flow = share * (own * plan.flow + beyond) + (1 - share) * known.flow
    flow = (flow * (1 - plan.rims)).astype(np.float32)
    shading = trust * (1 - mouth)
    layers = dataclasses.replace(
        known,
        eyes=None,  # the network moves an eyeball along with its lids
        flow=flow,
        shade=shading * (own * plan.shade),
        shade_opacity=shading * (own * plan.shade_opacity),
    )
    return layers.filled(plan.wrinkles * np.float32(min(1.0, amount)))


def _trusted(face: Face) -> float:
    """Share of the network, which saw few faces from the side and bends their brows; the rest is the morphable face."""
    yaw = abs(head_pose(face.landmarks)[0])
    return 1 - _DOUBT * float(smoothstep((yaw - _TURNED[0]) / (_TURNED[1] - _TURNED[0])))
