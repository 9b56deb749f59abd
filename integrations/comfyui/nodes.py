"""Two nodes: one edits faces in images, one writes with sliders what faces are to show.

ComfyUI's interface: an IMAGE is a tensor (B, H, W, C), float in [0, 1]; inputs are declared by `INPUT_TYPES`; the
method that `FUNCTION` names gets them by keyword and returns a tuple of what `RETURN_TYPES` declares.
"""

import functools
from typing import Any, ClassVar

import numpy as np
import torch

from facerelief.editing import load_editor
from facerelief.editing.editor import Editor
from facerelief.editing.regions import PARTS
from facerelief.editing.strength import MAX_STRENGTH
from facerelief.errors import FacereliefError
from facerelief.geometry.morphable.action_units import ACTION_UNITS, SIDES
from facerelief.geometry.morphable.controls import MOST, parse_control
from facerelief.geometry.morphable.model import load_face
from facerelief.photos.decoding import MIN_SIDE
from facerelief.photos.photo import Photo

UNITS = (1, 2, 4, 5, 43, 6, 9, 10, 12, 15, 18, 26)  # brows, eyes, cheeks and nose, mouth, jaw
_SIDES = ("both", "left", "right")  # the person's own
_GRAMMAR = "An expression, action unit, blendshape or preset, or a blend: happiness:0.6+AU12L:0.4"


@functools.cache
def _editor() -> Editor:
    """Loaded at the first edit; ComfyUI runs one node at a time."""
    return load_editor()


class FaceReliefEdit:
    """Edits the expression of faces in images. An image without a face stops the workflow and is named."""

    CATEGORY = "image/facerelief"
    DESCRIPTION = "Edits the expression of faces. Pixels that the edit does not change keep their exact values."
    FUNCTION = "edit"
    RETURN_TYPES: ClassVar[tuple[str, ...]] = ("IMAGE",)
    RETURN_NAMES: ClassVar[tuple[str, ...]] = ("image",)

    @classmethod
    def INPUT_TYPES(cls) -> dict[str, Any]:
        """The inputs, as ComfyUI wants them declared."""
        strength = {"default": 1.0, "min": 0.0, "max": MAX_STRENGTH, "step": 0.05, "display": "slider"}
        return {
            "required": {
                "image": ("IMAGE", {"tooltip": "One image or a batch."}),
                "to": ("STRING", {"default": "happiness", "tooltip": _GRAMMAR}),
                "strength": ("FLOAT", {**strength, "tooltip": "Share of the full change."}),
                "part": (list(PARTS), {"tooltip": "What may change: all, eyes and brows, or all below them."}),
                "faces": (["largest", "all"], {"tooltip": "Of each image."}),
            }
        }

    @classmethod
    def VALIDATE_INPUTS(cls, to: str | None = None) -> bool | str:
        """Check `to` before the workflow runs; it is None where it comes from another node."""
        try:
            return to is None or bool(parse_control(to, load_face().rig).parts)
        except FacereliefError as problem:
            return str(problem)

    def edit(self, image: torch.Tensor, to: str, strength: float, part: str, faces: str) -> tuple[torch.Tensor]:
        """Edit each image of a batch.

        Args:
            image: (B, H, W, 3 or 4), in [0, 1]; the fourth channel is kept.
            to: What faces are to show.
            strength: Share of the full change, 0 to 1.5.
            part: What may change, of `PARTS`.
            faces: "largest" or "all".

        Returns:
            The edited images, of the same shape and type.

        Raises:
            NoFaceFound: There is none in an image; the message has its number.
            FacereliefError: An argument is wrong.
        """
        if image.ndim != 4 or image.shape[3] not in (3, 4) or min(image.shape[1:3]) < MIN_SIDE:
            shape = tuple(image.shape)
            raise FacereliefError(
                f"images of shape {shape} cannot be edited; give (batch, height, width, 3), {MIN_SIDE} pixels or more"
            )
        edited = image.clone()
        for number, one in enumerate(image, 1):
            pixels = (one[..., :3].clamp(0, 1) * 255).round().to(torch.uint8).cpu().numpy()
            photo = Photo(np.ascontiguousarray(pixels), name=f"image {number} of {len(image)}")
            done = _editor()(photo, to, strength=strength, face=faces, part=part).photo.rgb
            changed = torch.from_numpy((done != pixels).any(axis=2, keepdims=True)).to(image.device)
            after = torch.from_numpy(done).to(image) / 255
            edited[number - 1, ..., :3] = torch.where(changed, after, one[..., :3])
        return (edited,)


class FaceReliefControls:
    """Sliders for action units; writes the text that `FaceReliefEdit` takes as `to`."""

    CATEGORY = "image/facerelief"
    DESCRIPTION = "Action units (FACS) by sliders: what faces are to show. Connect it to `to` of facerelief edit."
    FUNCTION = "write"
    RETURN_TYPES: ClassVar[tuple[str, ...]] = ("STRING",)
    RETURN_NAMES: ClassVar[tuple[str, ...]] = ("to",)

    @classmethod
    def INPUT_TYPES(cls) -> dict[str, Any]:
        """The inputs, as ComfyUI wants them declared: a slider for each of `UNITS`."""
        slider = {"default": 0.0, "min": 0.0, "max": MOST, "step": 0.05, "display": "slider"}
        return {
            "required": {
                **{_label(unit): ("FLOAT", {**slider, "tooltip": f"FACS action unit {unit}"}) for unit in UNITS},
                "side": (list(_SIDES), {"tooltip": "Of the face, the person's own; jaw and pucker have none."}),
            },
            "optional": {
                "also": ("STRING", {"default": "", "tooltip": f"Added to the sliders. {_GRAMMAR}"}),
            },
        }

    def write(self, side: str, also: str = "", **amounts: float) -> tuple[str]:
        """Write what sliders say.

        Args:
            side: "both", "left" or "right", the person's own.
            also: Further parts, such as another node's.
            amounts: Of each unit, by its label; 0 to 2.

        Returns:
            As `parse_control` reads it: `AU12L:0.5+AU6L:0.3`. `neutral` where nothing is asked for.

        Raises:
            FacereliefError: A unit is named twice, or `also` names nothing that there is.
        """
        rig = load_face().rig
        parts = []
        for unit in UNITS:
            if amount := amounts.get(_label(unit), 0.0):
                one_side = side != "both" and ACTION_UNITS[unit][1] + SIDES[0] in rig.names
                parts.append(f"AU{unit}{side[0].upper() if one_side else ''}:{amount:g}")
        text = "+".join([*parts, *([also] if also.strip() else [])]) or "neutral"
        return (str(parse_control(text, rig)),)


def _label(unit: int) -> str:
    """A slider's name: `AU12_lip_corner_puller`."""
    return f"AU{unit}_{ACTION_UNITS[unit][0].replace(' ', '_')}"
