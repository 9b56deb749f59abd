"""Editing without training: a morphable face is fitted to the photo's face, and its expression replaced."""

import contextlib
import copy
import dataclasses
import hashlib
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any, ClassVar, Self

import numpy as np

from facerelief.array_types import RGB, Float32, Floats, Int64, Landmarks
from facerelief.editing.edit import EditPlan
from facerelief.editing.editor import Editor
from facerelief.editing.face_choice import choose_faces
from facerelief.editing.regions import WHOLE, part_mask
from facerelief.errors import FacereliefError
from facerelief.expressions import EXPRESSIONS
from facerelief.faces.alignment import align
from facerelief.faces.detector import Face, FaceFinder
from facerelief.geometry.morphable.control_list import list_controls
from facerelief.geometry.morphable.fitting import APART, Fit, fit_face
from facerelief.geometry.morphable.measuring import looked_at_again, match_movement
from facerelief.geometry.morphable.model import MorphableFace
from facerelief.geometry.morphable.uv_map import sample_bilinear
from facerelief.geometry.topology import INNER_LIPS, LIPS, eye_outlines, lid_curves
from facerelief.geometry.transfer.expression_transfer import (
    STANDARD_SIZE,
    ExpressionTransfer,
    transfer_crop,
    with_room,
)
from facerelief.geometry.transfer.eyes.eyeball import known_share
from facerelief.geometry.transfer.eyes.motion import EyeMotion
from facerelief.geometry.transfer.eyes.seen import EYE_MEASURES, Eye, eye_measures, seen_eyes, with_measures
from facerelief.geometry.transfer.glasses import rim_map
from facerelief.geometry.transfer.lips import mouth_opening
from facerelief.geometry.transfer.mouth.motion import Mouth
from facerelief.geometry.transfer.mouth_corners import corner_reach, leaves_corners, with_reach
from facerelief.geometry.transfer.photo_look import seen_lips
from facerelief.geometry.transfer.shading import wrinkle_map
from facerelief.geometry.transfer.targets import Target, Targets
from facerelief.geometry.transfer.warp_layers import WarpLayers, apply_layers
from facerelief.photos.photo import Photo

_FINE = 3  # times finer than the rest of an edit are wrinkles
_MOST_LEARNED = 64  # 200 kB each; an edit may name tens of them
_SHOWS_TEETH = 0.05  # inter-ocular distances between the lips
_OPENS = 0.03  # inter-ocular distances by which an expression opens eyes that is mostly seen by them
_INVERSION_ROUNDS = 12  # of a fixed point: the last one moves no landmark by a hundredth of the crop's side


@dataclass(frozen=True, repr=False)
class MorphablePlan(EditPlan):
    """What the morphable face is to do to a face.

    Attributes:
        landmarks: (468, 3), photo pixels, with the lips as the photo shows them.
        fit: The morphable face as it fits them.
        to: What it is to show, as `target` gives it.
        target: The same as a movement, which no other edit can change or drop.
        expression: (E,), coefficients of the photo's own expression, as fitted.
        wrinkles: (3 `TRANSFER_SIZE`, 3 `TRANSFER_SIZE`), the `wrinkle_map`; 0 beside the aligned crop.
        rims: (`TRANSFER_SIZE`, `TRANSFER_SIZE`, 1), the `rim_map`: what stays where it is.
        corners: (2, 2), the `corner_reach` of its mouth.
        eyes: The photo's eyes; they may be absent where the edit does not open, close or turn them.
        eye_measures: (2, `EYE_MEASURES`), where their lids and irises are; NaN without eyes.
    """

    # Faster movements, as in speech, are kept.
    smoothing_windows: ClassVar[dict[str, float]] = {
        "expression": 0.4,
        "wrinkles": 0.2,
        "rims": 0.2,
        "corners": 0.2,
        "eye_measures": 0.2,
    }
    landmarks: Landmarks
    fit: Fit
    to: str
    target: Target
    expression: Floats
    wrinkles: Float32
    rims: Float32
    corners: Floats
    eyes: tuple[Eye, ...] = dataclasses.field(default=(), kw_only=True)
    eye_measures: Floats = dataclasses.field(default_factory=lambda: np.full((2, EYE_MEASURES), np.nan), kw_only=True)


class MorphableEditor(Editor[MorphablePlan]):
    """Edits with a fitted morphable face; knows all eight expressions, action units and blendshapes."""

    method = "morphable"

    def __init__(
        self, face: MorphableFace, finder: FaceFinder | None = None, presets: Mapping[str, str] | None = None
    ) -> None:
        """presets: Names and what they stand for; by default the package's."""
        super().__init__(EXPRESSIONS, finder)
        self._transfer = ExpressionTransfer(face, presets)
        self._use(self._transfer.targets)
        self._measured: OrderedDict[str, Target] = OrderedDict()  # of photos, by digest; also by users apart
        self._teeth: tuple[RGB, Mouth] | None = None

    def _use(self, targets: Targets) -> None:
        self._targets, self.learned = targets, targets.learned

    def private(self) -> Self:
        """As `Editor.private`. A photo that several users take an expression from is measured once."""
        other = copy.copy(self)
        other._use(self._targets.apart())
        return other

    def take_teeth(self, photo: Photo) -> None:
        """As `Editor.take_teeth`."""
        mouth = self._transfer.seen_mouth(photo.rgb, self.find(photo)[0].landmarks)
        if mouth.opening < _SHOWS_TEETH:
            raise FacereliefError(f"{photo.name} shows no teeth; choose a photo with an open smile for --teeth-from")
        self._teeth = photo.rgb, mouth

    def take_expression(self, photo: Photo, neutral: Photo | None = None) -> str:
        """As `Editor.take_expression`."""
        pixels = hashlib.sha256(photo.rgb.tobytes() + (neutral.rgb.tobytes() if neutral else b"")).hexdigest()
        name = f"like-photo-{pixels[:8]}"
        with contextlib.suppress(KeyError):  # not there, or another thread has just dropped it
            self._targets.learned.move_to_end(name)
            return name
        key = f"{pixels} {photo.rgb.shape} {neutral.rgb.shape if neutral else None}"  # a name is too short to be one
        found = self._measured.get(key) or self._measure(photo, neutral)
        _keep(self._measured, key, found)
        _keep(self._targets.learned, name, found)
        return name

    def _measure(self, photo: Photo, neutral: Photo | None) -> Target:
        """What a photo's face shows; neutral: as of `take_expression`."""
        shows = self._seen_landmarks(photo)
        if neutral:
            still = self._seen_landmarks(neutral)
        else:
            fit = fit_face(self.model, shows, APART)
            still = fit.to_image(self.model.shape(fit.identity))
            shows = still + fit.displacement(self.model.movement(fit.expression))
        found = self._targets.of_amounts(match_movement(self.model, shows, still))
        return dataclasses.replace(found, adds=False)

    def _seen_landmarks(self, photo: Photo) -> Landmarks:
        """Those of a photo's largest face, (468, 3), with the lips as the photo shows them."""
        (face,) = choose_faces(self.find(photo), "largest", photo.name)
        # As edits were looked at, to learn what is reported of them.
        face = looked_at_again(self.finder, photo.rgb, face) or face
        return seen_lips(photo.rgb, face.landmarks)

    def controls(self) -> dict[str, Any]:
        """As `Editor.controls`."""
        return list_controls(self._transfer.face.rig, self._targets.presets)

    def target(self, to: str) -> str:
        """As `Editor.target`; also action units, blendshapes, presets and blends, as `parse_control` reads them."""
        return str(self._targets.control(to))

    def _plan(self, rgb: RGB, face: Face, to: str) -> MorphablePlan:
        """The face, fitted."""
        landmarks, crop = seen_lips(rgb, face.landmarks), transfer_crop(face.landmarks)
        fit = fit_face(self._transfer.face, landmarks, APART)
        standard, fine = (align(face.landmarks, times * STANDARD_SIZE) for times in (1, _FINE))
        rims = rim_map(standard.cut(rgb), standard.to_crop(landmarks))
        wrinkles = wrinkle_map(fine.cut_luma(rgb), fine.to_crop(landmarks))
        wrinkles *= (1 - rims).repeat(_FINE, 0).repeat(_FINE, 1)
        maps = with_room(wrinkles), with_room(rims)[..., None]
        pixels = crop.cut(rgb)
        corners = corner_reach(pixels, crop.to_crop(landmarks))
        target = self._targets(to)
        plan = MorphablePlan(face, crop, pixels, landmarks, fit, to, target, fit.expression, *maps, corners)
        return self._with_eyes(plan, rgb)

    def with_target(self, plan: MorphablePlan, rgb: RGB, to: str) -> MorphablePlan:
        """A plan for something else that the same face is to show, in a fraction of the time of `plan`.

        Args:
            plan: One for that face; its pixels may have been dropped.
            rgb: (H, W, 3), the same photo.
            to: What it is to show, as `target` gives it.
        """
        changed = dataclasses.replace(plan, before=plan.crop.cut(rgb), to=to, target=self._targets(to))
        return _about_part(self._with_eyes(changed, rgb))

    def _with_eyes(self, plan: MorphablePlan, rgb: RGB) -> MorphablePlan:
        """A plan with the eyes of its photo, where they are to be opened, closed or turned, and with its cautions."""
        if not plan.eyes and self._transfer.moves_eyes(plan.fit, plan.target):
            eyes = seen_eyes(rgb, plan.face.landmarks)
            if eyes:
                plan = dataclasses.replace(plan, eyes=eyes, eye_measures=np.stack([eye_measures(eye) for eye in eyes]))
        return dataclasses.replace(plan, cautions=_cautions(plan.eyes, plan.target))

    def plan(self, rgb: RGB, face: Face, to: str, part: str = WHOLE) -> MorphablePlan:
        """As `Editor.plan`."""
        return _about_part(super().plan(rgb, face, to, part))

    def layers(self, plan: MorphablePlan, strength: float) -> WarpLayers:
        """What a plan does to its crop; strength: the share of the way from the photo's expression to the new one."""
        fit = dataclasses.replace(plan.fit, expression=plan.expression)
        target = plan.target
        moved = self._transfer.moved_landmarks(plan.landmarks, fit, target, strength)
        layers = self._transfer(plan.before, plan.crop, _with_corners(plan, moved), fit, target, strength)
        mouth = layers.mouth and dataclasses.replace(layers.mouth, teeth=self._teeth)
        seen = tuple(map(with_measures, plan.eyes, plan.eye_measures))
        turns = seen and plan.part != "mouth" and self._transfer.moves_eyes(plan.fit, target)
        eyes = EyeMotion(seen, strength * target.eyes) if turns else None
        layers = dataclasses.replace(layers, mouth=None if plan.part == "eyes" else mouth, eyes=eyes)
        return layers.masked(part_mask(plan.crop, plan.face, plan.part))

    @property
    def model(self) -> MorphableFace:
        """What is fitted to faces."""
        return self._transfer.face

    def moved_landmarks(self, plan: MorphablePlan, strength: float) -> Floats:
        """Where `render` puts the plan's landmarks, (468, 3), photo pixels."""
        fit = dataclasses.replace(plan.fit, expression=plan.expression)
        moved = self._transfer.moved_landmarks(plan.landmarks, fit, plan.target, strength)
        before, after = plan.crop.to_crop(plan.landmarks), plan.crop.to_crop(moved)
        free = part_mask(plan.crop, plan.face, plan.part) * (1 - plan.rims)
        after = before + sample_bilinear(free, before[:, :2]) * (after - before)
        flow, skin = self._final_layers(plan, strength).applied_flows()[0], _skin()
        for _ in range(_INVERSION_ROUNDS):  # at the crop's border, where the edit fades out, a chin falls less
            places = after[skin, :2]
            after[skin, :2] += 0.5 * (before[skin, :2] - places - sample_bilinear(flow, places))
        return plan.crop.to_photo(after)

    def _render(self, rgb: RGB, plan: MorphablePlan, strength: float) -> RGB:
        return apply_layers(rgb, plan.crop, self._final_layers(plan, strength))

    def warps(self, plan: MorphablePlan, strength: float) -> list[Floats]:
        """As `Editor.warps`."""
        return self._final_layers(plan, strength).warps(plan.crop)

    def _final_layers(self, plan: MorphablePlan, strength: float) -> WarpLayers:
        """As `layers`, with rims that stay and light limited to the face's wrinkles."""
        layers = self.layers(plan, strength)
        still = dataclasses.replace(layers, flow=layers.flow * (1 - plan.rims))
        return still.filled(plan.wrinkles * np.float32(min(1.0, strength)))


def _with_corners(plan: MorphablePlan, moved: Floats) -> Floats:
    """A plan's landmarks (468, 3), photo pixels, with the corners of the mouth where the photo shows them.

    As far as the edit, which brings the landmarks to `moved`, would leave something of the mouth behind there.
    """
    share = leaves_corners(plan.landmarks, moved)
    opening = max(mouth_opening(plan.landmarks), mouth_opening(moved))
    return plan.crop.to_photo(with_reach(plan.crop.to_crop(plan.landmarks), share * plan.corners, opening))


def _cautions(eyes: tuple[Eye, ...], target: Target) -> tuple[str, ...]:
    """What of a target cannot be done to a photo's eyes."""
    for eye, amounts, (upper, lower) in zip(eyes, target.eyes, lid_curves(), strict=False):
        middle = len(upper) // 2
        wider = target.movement[lower[middle], 1] - target.movement[upper[middle], 1]
        if eye.frontal < 0.5 and (amounts.any() or wider > _OPENS):
            return ("the head is turned too far for its eyes to be opened, closed or turned",)
        if (amounts[1:].any() or wider > _OPENS) and known_share(eye) < 0.5:
            return ("an eye is shut or hardly seen; it is not opened or turned",)
    return ()


def _keep(targets: OrderedDict[str, Target], name: str, target: Target) -> None:
    """Keep a target as the last used; those that were used before many others are dropped."""
    targets[name] = target
    targets.move_to_end(name)
    while len(targets) > _MOST_LEARNED:
        targets.popitem(last=False)


def _about_part(plan: MorphablePlan) -> MorphablePlan:
    """A plan that cautions about nothing that it leaves alone; all cautions are about eyes."""
    return dataclasses.replace(plan, cautions=()) if plan.part == "mouth" else plan


@cache
def _skin() -> Int64:
    """The landmarks where one warp moves all pixels around: not those of lips and lids."""
    edges = {*LIPS, *INNER_LIPS, *eye_outlines()[0], *eye_outlines()[1]}
    return np.array([vertex for vertex in range(468) if vertex not in edges])
