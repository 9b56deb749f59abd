"""Editing from Python, with the pictures that Python programs hold.

import facerelief

editor = facerelief.load()
edit = editor.edit(image, "happiness", strength=0.7)    # a PIL image, an array (H, W, 3) uint8, or a path
edit.image                                              # a PIL image; an array for an array
edit.save("happy.jpg")                                  # with the mark that says it was edited
"""

import os
from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Generic, Literal, TypeAlias, TypeVar, cast, overload

import numpy as np
from PIL import Image, ImageOps

from facerelief.editing import load_editor
from facerelief.editing.editor import EditedFace, Editor, Which
from facerelief.editing.fetch import is_url
from facerelief.editing.mask import WHOLE
from facerelief.errors import FacereliefError, PhotoError
from facerelief.faces.detect import Face, FinderPool, load_finder
from facerelief.faces.modes import flat, to_rgb
from facerelief.faces.photo import MIN_SIDE, Photo, damage_explained, read_photo, save_photo

Picture: TypeAlias = Image.Image | str | os.PathLike[str] | bytes
Faces: TypeAlias = Which | Sequence[Face]
T = TypeVar("T", np.ndarray, Image.Image)


@dataclass(frozen=True)
class Edited(Generic[T]):
    """An edited picture.

    image: a PIL image, upright, RGB or RGBA; for an array an array (H, W, 3) uint8. expression: its full name.
    faces: each edited face, its crop `before` and `after` (S, S, 3). photo: the same with profile, EXIF and alpha.
    """

    image: T
    expression: str
    faces: Sequence[EditedFace]
    photo: Photo

    def save(self, path: str | os.PathLike[str], *, quality: int = 95) -> None:
        """Write the picture, in the format that the suffix names, with the mark that it was edited."""
        save_photo(self.photo, Path(path), quality=quality)


class FaceEditor:
    """Edits pictures by one method. Threads may share it; they then search for faces side by side."""

    def __init__(self, editor: Editor) -> None:
        """editor: one whose face finder threads may share."""
        self._editor = editor

    @property
    def expressions(self) -> tuple[str, ...]:
        """What it can edit to."""
        return self._editor.expressions

    def faces(self, image: Picture | np.ndarray) -> list[Face]:
        """The picture's faces, the largest first. Raises `NoFaceFound` where there is none."""
        return self._editor.find(_photo(image))

    @overload
    def edit(
        self, image: np.ndarray, to: str, *, strength: float = ..., faces: Faces = ..., part: str = ...
    ) -> Edited[np.ndarray]: ...
    @overload
    def edit(
        self, image: Picture, to: str, *, strength: float = ..., faces: Faces = ..., part: str = ...
    ) -> Edited[Image.Image]: ...
    def edit(
        self,
        image: Picture | np.ndarray,
        to: str,
        *,
        strength: float = 1.0,
        faces: Faces = "largest",
        part: str = WHOLE,
    ) -> Edited[np.ndarray] | Edited[Image.Image]:
        """Edit a picture to the expression `to`, "happiness" or "happy", say. The picture given stays as it is.

        image: a PIL image, an array (H, W, 3) uint8 in RGB, a path, or a file's bytes. strength: share of the full
        change, 0 (the picture itself) to 1.5. faces: "largest", "all", a number counted from the largest (1), a point
        (x, y) of the face in pixels, or those of what `faces` gave that are to be edited. part: "face", or what alone
        may change: "eyes", with the brows, or "mouth", with all that is below the eyes.

        Raises `NoFaceFound`, `PhotoError`, or another `FacereliefError` that says what to do.
        """
        photo = _photo(image)
        if isinstance(faces, int | str) or (faces and not isinstance(faces[0], Face)):
            done = self._editor(photo, to, strength=strength, face=cast(Which, faces), part=part)
        else:
            some = _some(cast(Sequence[Face], faces))
            done = self._editor(photo, to, strength=strength, face="all", faces=some, part=part)
        if isinstance(image, np.ndarray):
            return Edited(done.photo.rgb, done.expression, done.faces, done.photo)
        return Edited(_image(done.photo), done.expression, done.faces, done.photo)

    @overload
    def edit_all(
        self,
        images: Iterable[Picture | np.ndarray],
        to: str,
        *,
        strength: float = ...,
        faces: Which = ...,
        part: str = ...,
        errors: Literal["raise"] = ...,
    ) -> list[Edited]: ...
    @overload
    def edit_all(
        self,
        images: Iterable[Picture | np.ndarray],
        to: str,
        *,
        strength: float = ...,
        faces: Which = ...,
        part: str = ...,
        errors: Literal["return"],
    ) -> list[Edited | FacereliefError]: ...
    def edit_all(
        self,
        images: Iterable[Picture | np.ndarray],
        to: str,
        *,
        strength: float = 1.0,
        faces: Which = "largest",
        part: str = WHOLE,
        errors: Literal["raise", "return"] = "raise",
    ) -> list[Edited] | list[Edited | FacereliefError]:
        """Edit several pictures on all processors; the results are in their order.

        errors: "raise" the first, or "return" each in the place of the picture that could not be edited.
        """

        def one(image: Picture | np.ndarray) -> Edited | FacereliefError:
            try:
                return self.edit(image, to, strength=strength, faces=faces, part=part)
            except FacereliefError as problem:
                if errors == "raise":
                    raise
                return problem

        with ThreadPoolExecutor(os.cpu_count()) as pool:
            return list(pool.map(one, images))


def load(
    weights: str | os.PathLike[str] | None = None,
    *,
    method: str | None = None,
    engine: str | None = None,
    task_file: str | os.PathLike[str] | None = None,
) -> FaceEditor:
    """An editor of faces, ready for use by any number of threads.

    weights: a run's or a face's folder, or a .safetensors file; by default the package's. method: "relief"
    (the default without weights), "morphable", which needs no training, or "stargan". task_file: a face_landmarker.task
    file, for mediapipe versions without models. engine: what runs a network: "torch" (the default), "onnx", "openvino",
    "openvino-bf16", or "auto". Raises `CheckpointError` for weights that cannot be used, and `MissingExtra`.
    """
    task = None if task_file is None else Path(task_file)
    finder = FinderPool(lambda: load_finder(task_file=task))
    return FaceEditor(load_editor(None if weights is None else Path(weights), finder, method=method, engine=engine))


def _some(faces: Sequence[Face]) -> Sequence[Face]:
    if not faces:
        raise FacereliefError("no faces are given; choose some of those that `faces` finds")
    return faces


def _photo(image: Picture | np.ndarray) -> Photo:
    if isinstance(image, np.ndarray):
        return Photo(_checked(image), name="the array")
    if isinstance(image, Image.Image):
        return _of_image(image)
    if isinstance(image, str) and is_url(image):
        raise PhotoError(f"{image} is an address, which the command line fetches; download it and give the file")
    if not isinstance(image, bytes | str | os.PathLike):
        raise PhotoError(f"a {type(image).__name__} is no picture; give a path, bytes, an array or a PIL image")
    return read_photo(image if isinstance(image, bytes) else Path(image))


def _checked(rgb: np.ndarray) -> np.ndarray:
    if rgb.ndim != 3 or rgb.shape[2] != 3 or rgb.dtype != np.uint8:
        raise PhotoError(f"an array {rgb.shape} of {rgb.dtype} is no picture; give one (H, W, 3) of uint8, in RGB")
    if min(rgb.shape[:2]) < MIN_SIDE:
        raise PhotoError(f"an array {rgb.shape} is too small; give a picture of at least {MIN_SIDE} pixels a side")
    return rgb


def _of_image(image: Image.Image) -> Photo:
    """An image in memory, made upright."""
    notes: list[str] = []
    with damage_explained("the image"):  # an image that was opened is read no sooner than now
        upright = ImageOps.exif_transpose(image)
        plain, alpha = flat(upright, notes)
        rgb, icc = to_rgb(plain, upright.info.get("icc_profile"), notes)
        exif = upright.getexif().tobytes() or None
    return Photo(_checked(np.array(rgb)), alpha, icc, exif, name="the image", notes=tuple(notes))


def _image(photo: Photo) -> Image.Image:
    image = Image.fromarray(photo.rgb)
    if photo.alpha is not None:
        image.putalpha(Image.fromarray(photo.alpha))
    if photo.icc:
        image.info["icc_profile"] = photo.icc
    return image
