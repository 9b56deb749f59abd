"""Editing without training: a morphable face is fitted to the photo's face, and its expression replaced."""

import dataclasses
import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

from facerelief.array_types import RGB, Float32, Floats, Landmarks
from facerelief.editing.editor import Editor, EditPlan
from facerelief.editing.face_choice import choose_faces
from facerelief.editing.regions import part_mask
from facerelief.errors import FacereliefError
from facerelief.expressions import EXPRESSIONS
from facerelief.faces.alignment import align
from facerelief.faces.detector import Face, FaceFinder
from facerelief.geometry.morphable.fitting import Fit, fit_face
from facerelief.geometry.morphable.model import MorphableFace
from facerelief.geometry.transfer.expression_transfer import TRANSFER_SIZE, ExpressionTransfer
from facerelief.geometry.transfer.glasses import rim_map
from facerelief.geometry.transfer.mouth.motion import Mouth
from facerelief.geometry.transfer.photo_look import seen_lips
from facerelief.geometry.transfer.shading import limit_to_wrinkles, wrinkle_map
from facerelief.geometry.transfer.warp_layers import WarpLayers, apply_layers
from facerelief.photos.photo import Photo

_FINE = 3  # times finer than the rest of an edit are wrinkles
_MOST_LEARNED = 32  # 200 kB each
_SHOWS_TEETH = 0.05  # inter-ocular distances between the lips


@dataclass(frozen=True, repr=False)
class MorphablePlan(EditPlan):
    """What the morphable face is to do to a face.

    Attributes:
        landmarks: (468, 3), photo pixels, with the lips as the photo shows them.
        fit: The morphable face as it fits them.
        to: What it is to show, as `target` gives it.
        expression: (E,), coefficients of the photo's own expression, as fitted.
        wrinkles: (3 `TRANSFER_SIZE`, 3 `TRANSFER_SIZE`), the `wrinkle_map` of the crop.
        rims: (`TRANSFER_SIZE`, `TRANSFER_SIZE`, 1), its `rim_map`: what stays where it is.
    """

    # Faster movements, as in speech, are kept.
    smoothing_windows: ClassVar[dict[str, float]] = {"expression": 0.4, "wrinkles": 0.2, "rims": 0.2}
    landmarks: Landmarks
    fit: Fit
    to: str
    expression: Floats
    wrinkles: Float32
    rims: Float32


class MorphableEditor(Editor[MorphablePlan]):
    """Edits with a fitted morphable face; knows all eight expressions, action units and blendshapes."""

    method = "morphable"

    def __init__(
        self, face: MorphableFace, finder: FaceFinder | None = None, presets: Mapping[str, str] | None = None
    ) -> None:
        """presets: Names and what they stand for; by default the package's."""
        super().__init__(EXPRESSIONS, finder)
        self._transfer = ExpressionTransfer(face, presets)
        self.learned = self._transfer.targets.learned
        self._teeth: tuple[RGB, Mouth] | None = None

    def take_teeth(self, photo: Photo) -> None:
        """As `Editor.take_teeth`."""
        mouth = self._transfer.seen_mouth(photo.rgb, self.find(photo)[0].landmarks)
        if mouth.opening < _SHOWS_TEETH:
            raise FacereliefError(f"{photo.name} shows no teeth; choose a photo with an open smile for --teeth-from")
        self._teeth = photo.rgb, mouth

    def take_expression(self, photo: Photo, neutral: Photo | None = None) -> str:
        """As `Editor.take_expression`."""
        shown = self._shown(photo) - (self._shown(neutral) if neutral else 0)
        pixels = hashlib.sha256(photo.rgb.tobytes() + (neutral.rgb.tobytes() if neutral else b""))
        name = f"like-photo-{pixels.hexdigest()[:8]}"
        while len(self.learned) >= _MOST_LEARNED:
            self.learned.pop(next(iter(self.learned)))
        self.learned[name] = self._transfer.targets.of_modes(shown)
        return name

    def _shown(self, photo: Photo) -> Floats:
        """Coefficients (E,) of what a photo's largest face shows."""
        (face,) = choose_faces(self.find(photo), "largest", photo.name)
        return fit_face(self._transfer.face, seen_lips(photo.rgb, face.landmarks)).expression

    def target(self, to: str) -> str:
        """As `Editor.target`; also action units, blendshapes, presets and blends, as `parse_control` reads them."""
        return str(self._transfer.targets.control(to))

    def _plan(self, rgb: RGB, face: Face, to: str) -> MorphablePlan:
        """The face, fitted."""
        crop = align(face.landmarks, TRANSFER_SIZE)
        before, landmarks = crop.cut(rgb), seen_lips(rgb, face.landmarks)
        fit = fit_face(self._transfer.face, landmarks)
        rims = rim_map(before, crop.to_crop(landmarks))
        fine = align(face.landmarks, _FINE * TRANSFER_SIZE)
        wrinkles = wrinkle_map(fine.cut(rgb), fine.to_crop(landmarks)) * (1 - rims).repeat(_FINE, 0).repeat(_FINE, 1)
        return MorphablePlan(face, crop, before, landmarks, fit, to, fit.expression, wrinkles, rims[..., None])

    def layers(self, plan: MorphablePlan, strength: float) -> WarpLayers:
        """What a plan does to its crop; strength: the share of the way from the photo's expression to the new one."""
        fit = dataclasses.replace(plan.fit, expression=plan.expression)
        target = self._transfer.targets(plan.to)
        layers = self._transfer(plan.before, plan.crop, plan.landmarks, fit, target, strength)
        mouth = layers.mouth and dataclasses.replace(layers.mouth, teeth=self._teeth)
        layers = dataclasses.replace(layers, mouth=None if plan.part == "eyes" else mouth)
        return layers.masked(part_mask(plan.crop, plan.face, plan.part))

    def _render(self, rgb: RGB, plan: MorphablePlan, strength: float) -> RGB:
        return apply_layers(rgb, plan.crop, self._final_layers(plan, strength))

    def warps(self, plan: MorphablePlan, strength: float) -> list[Floats]:
        """As `Editor.warps`."""
        return self._final_layers(plan, strength).warps()

    def _final_layers(self, plan: MorphablePlan, strength: float) -> WarpLayers:
        """As `layers`, with rims that stay and light limited to the face's wrinkles."""
        layers = self.layers(plan, strength)
        flow = layers.flow * (1 - plan.rims)
        light = limit_to_wrinkles(layers.light, flow, plan.wrinkles)
        return dataclasses.replace(layers, flow=flow, light=light)
