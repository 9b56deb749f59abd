"""The editor: a photo and an expression in, the same photo with that expression out.

    editor = load_editor()                    # the weights that the package carries
    edit = editor(photo, "happiness")         # edit.photo, edit.faces[0].before, .after

The network works on a small aligned crop. What it changed there, not what it painted, is brought to the photo's own
resolution and added under a soft mask of the face, so that everything else stays as it was, bit for bit.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from importlib import resources
from pathlib import Path

import numpy as np
import torch
from PIL import Image, ImageFilter
from torch import nn

from facerelief.config import ExpressionTraining, from_json
from facerelief.data.arrays import LUMA, to_luma
from facerelief.errors import CheckpointError, FacereliefError, NoFaceFound
from facerelief.expressions import resolve
from facerelief.faces.align import Crop, align
from facerelief.faces.detect import Face, FaceFinder, load_finder
from facerelief.faces.photo import Photo
from facerelief.faces.pose import head_pose
from facerelief.geometry.relief import polygon
from facerelief.geometry.topology import OUTLINE
from facerelief.networks.checkpoint import load_checkpoint
from facerelief.networks.stargan import build_generator

SMALLEST_FACE, MOST_YAW = 40.0, 50.0  # pixels; degrees
FADE_FROM, FADE_TO = 8.0, 24.0  # levels of change between which the photo's own detail fades out


@dataclass(frozen=True)
class EditedFace:
    """One edited face.

    before, after: uint8 (S, S, 3), its crop at the network's size; change: float32 (S, S, C), in levels.
    """

    face: Face
    crop: Crop
    before: np.ndarray
    after: np.ndarray
    change: np.ndarray


@dataclass(frozen=True)
class Edit:
    """An edited photo and what was done to it."""

    photo: Photo
    expression: str
    faces: list[EditedFace]


class Editor:
    """Edits photos with one set of weights; use one a thread."""

    def __init__(self, generator: nn.Module, config: ExpressionTraining, finder: FaceFinder | None = None) -> None:
        self.generator, self.config = generator.eval(), config
        self._finder = finder

    @property
    def expressions(self) -> tuple[str, ...]:
        """What these weights can edit to."""
        return self.config.expressions

    def find(self, photo: Photo) -> list[Face]:
        """The photo's faces, the largest first. Raises `NoFaceFound`."""
        if self._finder is None:
            self._finder = load_finder()
        faces = self._finder(photo.rgb)
        if not faces:
            raise NoFaceFound(f"{photo.name}: no face found; use a photo with a face seen from the front")
        return faces

    def __call__(
        self,
        photo: Photo,
        to: str,
        *,
        strength: float = 1.0,
        face: int | str = "largest",
        faces: Sequence[Face] | None = None,
    ) -> Edit:
        """Edit a photo to the expression `to`.

        strength: share of the full change, 0 (the photo itself) to 1.5. face: "largest", "all", or 1, 2 ... counted
        from the largest. faces: those that `find` gave, to spare finding them again.
        Raises `FacereliefError` for an expression the weights lack, `NoFaceFound` for a face that cannot be edited.
        """
        label = self.label(to)
        if not 0 <= strength <= 1.5:
            raise FacereliefError(f"strength {strength} is out of range; choose 0 to 1.5")
        chosen = choose_faces(self.find(photo) if faces is None else faces, face, photo.name)
        rgb = photo.rgb
        edited = []
        for one in chosen:
            done = self._edit_face(photo.rgb, one, label)
            rgb = paste(rgb, done, strength)
            edited.append(done)
        return Edit(photo.with_rgb(rgb), self.expressions[label], edited)

    def label(self, to: str) -> int:
        """The place of an expression among `expressions`. Raises `FacereliefError` where the weights lack it."""
        expression = resolve(to)
        if expression not in self.expressions:
            raise FacereliefError(f"these weights cannot do {expression}; choose from {', '.join(self.expressions)}")
        return self.expressions.index(expression)

    def _edit_face(self, rgb: np.ndarray, face: Face, label: int) -> EditedFace:
        crop = align(face.landmarks, self.config.size)
        before = crop.cut(rgb)
        seen = to_luma(before)[..., None] if self.config.colour == "luma" else before
        image = torch.from_numpy(np.moveaxis(seen, 2, 0).astype(np.float32))[None] / 127.5 - 1
        condition = torch.zeros(1, len(self.expressions))
        condition[0, label] = 1
        with torch.inference_mode():
            out = self.generator(image, condition)
        change = (out - image)[0].permute(1, 2, 0).numpy() * 127.5
        after = np.clip(np.round(before + change), 0, 255).astype(np.uint8)
        return EditedFace(face, crop, before, after, change)


def load_editor(weights: Path | None = None, finder: FaceFinder | None = None) -> Editor:
    """An editor with the weights of a run folder or .safetensors file; without one, those that the package carries.

    Raises `CheckpointError` where they are absent, damaged, or not those of an editor of this version.
    """
    path = weights or carried_weights()
    if path.is_dir():
        path = path / "weights.safetensors"
    saved = load_checkpoint(path, "editor")
    try:
        config = from_json(ExpressionTraining, saved.facts["config"])
    except (FacereliefError, KeyError, TypeError) as reason:
        raise CheckpointError(f"{path} has no config of this version ({reason}); use matching weights") from reason
    generator = build_generator(config)
    saved.fill(generator, "generator")
    return Editor(generator, config, finder)


def carried_weights() -> Path:
    """The weights file inside the package."""
    with resources.as_file(resources.files("facerelief") / "weights" / "stargan-depth.safetensors") as path:
        return path


def choose_faces(faces: Sequence[Face], face: int | str, name: str) -> list[Face]:
    """The faces that `face` means, each fit to be edited. Raises `NoFaceFound` that says why one is not."""
    which = which_face(face)
    if which == "all":
        fit = [one for one in faces if _unfit(one) is None]
        if not fit:
            raise NoFaceFound(f"{name}: none of its {len(faces)} faces can be edited; the largest {_unfit(faces[0])}")
        return fit
    number = 1 if which == "largest" else int(which)
    if not 1 <= number <= len(faces):
        raise NoFaceFound(f"{name}: there is no face {number}; choose from 1 to {len(faces)}, 1 is the largest")
    one = faces[number - 1]
    reason = _unfit(one)
    if reason:
        raise NoFaceFound(f"{name}: the face {reason}")
    return [one]


def which_face(face: int | str) -> int | str:
    """What a user typed, as "largest", "all" or a number, 1 for the largest. Raises `FacereliefError`."""
    if face in ("largest", "all"):
        return face
    try:
        return int(face)
    except ValueError:
        raise FacereliefError(f"no face {face!r}; choose largest, all, or a number counted from the largest") from None


def _unfit(face: Face) -> str | None:
    if face.size < SMALLEST_FACE:
        return f"is {face.size:.0f} pixels large, {SMALLEST_FACE:.0f} are needed; use a larger photo"
    yaw = head_pose(face.landmarks)[0]
    if abs(yaw) > MOST_YAW:
        return f"is seen from the side ({abs(yaw):.0f} degrees); use a photo from the front"
    return None


def paste(rgb: np.ndarray, done: EditedFace, strength: float) -> np.ndarray:
    """The photo with an edit brought back to its own resolution, under the face's soft mask.

    The change is added to the photo, which keeps its detail; where the change is strong, as where a mouth was, the
    detail of the old expression fades out, else both would be seen. A change of one channel keeps the chroma.
    """
    crop, change = done.crop, done.change * strength
    seen = to_luma(done.before)[..., None] if change.shape[2] == 1 else done.before
    fading = _faded(change)
    mask = face_mask(crop, done.face)[..., None]
    layers = np.concatenate([change * mask, fading * mask, seen.astype(np.float32)], axis=2)
    spread, place = crop.spread(layers, (rgb.shape[0], rgb.shape[1]))
    channels = change.shape[2]
    change_up, fading_up, seen_up = np.split(spread, [channels, channels + 1], axis=2)
    photo = rgb[place].astype(np.float32)
    detail = (photo @ LUMA[:, None] if channels == 1 else photo) - seen_up
    out = rgb.copy()
    out[place] = np.clip(np.rint(photo + change_up - fading_up * detail), 0, 255).astype(np.uint8)
    return out


def _faded(change: np.ndarray) -> np.ndarray:
    """Share (S, S, 1) of the photo's own detail that gives way, from the change (S, S, C) in levels around a pixel."""
    amount = np.clip((np.abs(change).mean(axis=2) - FADE_FROM) / (FADE_TO - FADE_FROM), 0, 1)
    return _blurred(amount, change.shape[0] * 0.02)[..., None]


def face_mask(crop: Crop, face: Face) -> np.ndarray:
    """Soft mask float32 (S, S) in [0, 1]: the face's outline, widened a little and feathered; 0 at the border."""
    points = crop.to_crop(face.landmarks.astype(np.float64))[list(OUTLINE), :2]
    centre = points.mean(axis=0)
    inside = polygon(centre + (points - centre) * 1.08, crop.size)
    feathered = _blurred(inside, crop.size * 0.04)
    edge = np.minimum(np.arange(crop.size), np.arange(crop.size)[::-1]) / (crop.size * 0.06)
    fade = np.clip(np.minimum(edge[:, None], edge[None, :]), 0, 1)
    return feathered * fade.astype(np.float32)


def _blurred(share: np.ndarray, radius: float) -> np.ndarray:
    """A map (S, S) in [0, 1] blurred, float32."""
    levels = Image.fromarray(np.round(share * 255).astype(np.uint8))
    return np.asarray(levels.filter(ImageFilter.GaussianBlur(radius)), dtype=np.float32) / 255
