"""Editing from Python, with the pictures that Python programs hold.

import facerelief

editor = facerelief.load()
edit = editor.edit(image, "happiness", strength=0.7)    # a PIL image, an array (H, W, 3) uint8, or a path
edit.image                                              # a PIL image; an array for an array
edit.save("happy.jpg")                                  # with the mark that says it was edited
"""

from __future__ import annotations  # help() then says `Expression`, and not the two dozen words that it stands for

import functools
import os
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any, Literal, overload
from uuid import uuid4

import numpy as np
import torch
from PIL import Image

from facerelief.api.arguments import (
    Engine,
    Faces,
    Method,
    Part,
    Several,
    WhichFace,
    check_faces,
    check_pictures,
    check_strength,
    is_several,
    one_of,
)
from facerelief.api.pictures import Picture, file_path, image_of, photo_of
from facerelief.api.results import Edited, Edits, FoundFaces
from facerelief.editing import METHODS, load_editor
from facerelief.editing.editor import Editor
from facerelief.editing.engines.agreement import AUTO
from facerelief.editing.engines.runtimes import ENGINES
from facerelief.editing.face_choice import choose_faces
from facerelief.editing.regions import PARTS
from facerelief.editing.video.pipeline import in_order
from facerelief.errors import FacereliefError
from facerelief.expressions import Expression, Name
from facerelief.faces.detector import Face, FinderPool, load_finder

__all__ = ["Edited", "Face", "FaceEditor", "load"]

_HOME = os.getpid()  # the process in which torch was imported
_LOADED: dict[tuple[str, int], Editor] = {}  # by editor and process: those that came from other processes
_MOST_LOADED = 4


class FaceEditor:
    """Edits pictures by one method. Threads may share it; they then search for faces side by side.

    Other processes may be sent it, and load it anew. method, engine: what edits. expressions: what it can edit to.
    """

    method: str
    engine: str
    expressions: tuple[Name, ...]

    def __init__(self, load: Callable[[], Editor]) -> None:
        """load: makes an editor whose face finder threads may share; called once in each process, and sent to it."""
        editor: Any = load()
        self._load, self._key, self._held = load, uuid4().hex, (os.getpid(), editor)
        self.method, self.engine = editor.method, getattr(editor, "engine", "torch")
        self.expressions = editor.expressions

    def __repr__(self) -> str:
        return f"FaceEditor(method={self.method!r}, engine={self.engine!r}, expressions={self.expressions})"

    def __getstate__(self) -> dict[str, Any]:
        return {**vars(self), "_held": (0, None)}

    def _here(self) -> Editor:
        """The editor; in another process loaded anew, since threads of networks and finders stay behind in the first.

        Threads that load it at once each load it: a lock could have been forked while it was held.
        """
        pid, editor = self._held
        if pid != os.getpid():
            editor = _loaded(self._key, self._load)
            self._held = os.getpid(), editor
        return editor

    def faces(self, image: Picture | np.ndarray) -> list[Face]:
        """The picture's faces, the largest first. Raises `NoFaceFound` where there is none."""
        photo = photo_of(image)
        return FoundFaces(self._here().find(photo), photo.rgb)

    @overload
    def edit(
        self, image: np.ndarray, to: Expression, *, strength: float = ..., faces: Faces = ..., part: Part = ...
    ) -> Edited[np.ndarray]: ...
    @overload
    def edit(
        self, image: Picture, to: Expression, *, strength: float = ..., faces: Faces = ..., part: Part = ...
    ) -> Edited[Image.Image]: ...
    @overload
    def edit(
        self, image: np.ndarray, to: Several, *, strength: float = ..., faces: Faces = ..., part: Part = ...
    ) -> list[Edited[np.ndarray]]: ...
    @overload
    def edit(
        self, image: Picture, to: Several, *, strength: float = ..., faces: Faces = ..., part: Part = ...
    ) -> list[Edited[Image.Image]]: ...
    def edit(
        self,
        image: Picture | np.ndarray,
        to: Expression | Several,
        *,
        strength: float = 1.0,
        faces: Faces = "largest",
        part: Part = "face",
    ) -> Edited[Any] | list[Edited[Any]]:
        """Edit a picture to the expression `to`, "happiness" or "happy", say. The picture given stays as it is.

        image: a PIL image, an array (H, W, 3) uint8 in RGB, a path, or a file's bytes. to: several in a list, or "all",
        give a list of edits; the faces are then found once. strength: share of the full change, 0 (the picture itself)
        to 1.5. faces: "largest", "all", a number counted from the largest (1), a point (x, y) of the face in pixels, or
        those of what `faces` gave that are to be edited. part: "face", or what alone may change: "eyes", with the
        brows, or "mouth", with all that is below the eyes.

        Raises `NoFaceFound`, `PhotoError`, or another `FacereliefError` that says what to do.
        """
        wanted = self._wanted(to)
        strength, (which, some) = check_strength(strength), check_faces(faces)
        one_of(part, PARTS, "part")
        photo, editor = photo_of(image), self._here()
        chosen = choose_faces(editor.find(photo) if some is None else some, which, photo.name)
        edits = Edits[Any]()
        for name in wanted:
            done = editor(photo, name, strength=strength, face="all", faces=chosen, part=part)
            out = done.photo.rgb if isinstance(image, np.ndarray) else image_of(done.photo)
            edits.append(Edited(out, done.expression, done.faces, done.photo, photo.rgb))
        return edits if is_several(to) else edits[0]

    def _wanted(self, to: Expression | Several) -> list[str]:
        """Full names. Raises `FacereliefError` where the weights lack one."""
        editor = self._here()
        names: Any = [to] if not is_several(to) else editor.expressions if isinstance(to, str) else to
        return [editor.expressions[editor.label(name)] for name in names]

    @overload
    def edit_all(
        self,
        images: Iterable[Picture | np.ndarray],
        to: Expression,
        *,
        strength: float = ...,
        faces: WhichFace = ...,
        part: Part = ...,
        errors: Literal["raise"] = ...,
    ) -> list[Edited[Any]]: ...
    @overload
    def edit_all(
        self,
        images: Iterable[Picture | np.ndarray],
        to: Expression,
        *,
        strength: float = ...,
        faces: WhichFace = ...,
        part: Part = ...,
        errors: Literal["return"],
    ) -> list[Edited[Any] | FacereliefError]: ...
    @overload
    def edit_all(
        self,
        images: Iterable[Picture | np.ndarray],
        to: Several,
        *,
        strength: float = ...,
        faces: WhichFace = ...,
        part: Part = ...,
        errors: Literal["raise"] = ...,
    ) -> list[list[Edited[Any]]]: ...
    @overload
    def edit_all(
        self,
        images: Iterable[Picture | np.ndarray],
        to: Several,
        *,
        strength: float = ...,
        faces: WhichFace = ...,
        part: Part = ...,
        errors: Literal["return"],
    ) -> list[list[Edited[Any]] | FacereliefError]: ...
    def edit_all(
        self,
        images: Iterable[Picture | np.ndarray],
        to: Expression | Several,
        *,
        strength: float = 1.0,
        faces: WhichFace = "largest",
        part: Part = "face",
        errors: Literal["raise", "return"] = "raise",
    ) -> Any:
        """Edit several pictures on all processors; the results, each as of `edit`, are in their order.

        images: as `edit` takes them, read as they are needed. errors: "raise" the first, or "return" each in the place
        of the picture that could not be edited.
        """
        one_of(errors, ("raise", "return"), "errors")
        one_of(part, PARTS, "part")
        check_strength(strength)
        if check_faces(faces)[1] is not None:
            raise FacereliefError("each picture has faces of its own; give them to edit, one picture at a time")
        self._wanted(to)

        def one(image: Picture | np.ndarray) -> Any:
            try:
                return self.edit(image, to, strength=strength, faces=faces, part=part)
            except FacereliefError as problem:
                if errors == "raise":
                    raise
                return problem

        return list(in_order(one, check_pictures(images), os.cpu_count() or 1))


def load(
    weights: str | os.PathLike[str] | None = None,
    *,
    method: Method | None = None,
    engine: Engine | None = None,
    task_file: str | os.PathLike[str] | None = None,
) -> FaceEditor:
    """An editor of faces, ready for use by any number of threads.

    weights: a run's or a face's folder, or a .safetensors file; by default the package's. method: "relief"
    (the default without weights), "morphable", which needs no training, or "stargan". task_file: a face_landmarker.task
    file, for mediapipe versions without models. engine: what runs a network: "torch" (the default), "onnx", "openvino",
    "openvino-bf16", or "auto" for the fastest that agrees with torch.

    Raises `CheckpointError` for weights that cannot be used, `MissingExtra` for a package that is not installed, or
    another `FacereliefError` that says what to do.
    """
    if method is not None:
        one_of(method, METHODS, "method")
    if engine is not None:
        one_of(engine, (*ENGINES, AUTO), "engine")
    return FaceEditor(
        functools.partial(_make, _absolute(weights, "weights"), method, engine, _absolute(task_file, "task"))
    )


def _absolute(path: str | os.PathLike[str] | None, what: str) -> Path | None:
    """A path that means the same in other processes."""
    return None if path is None else Path(os.path.abspath(file_path(path, f"{what} file")))


def _make(weights: Path | None, method: str | None, engine: str | None, task_file: Path | None) -> Editor:
    if os.getpid() != _HOME:
        torch.set_num_threads(
            1
        )  # its other threads stayed behind in the process that was forked: it would wait for them
    finder = FinderPool(functools.partial(load_finder, task_file=task_file))
    return load_editor(weights, finder, method=method, engine=engine)


def _loaded(key: str, load: Callable[[], Editor]) -> Editor:
    """An editor that came from another process. A pool sends it with each picture, and it is loaded once."""
    place = key, os.getpid()
    editor = _LOADED.get(place) or load()
    _LOADED[place] = editor
    for old in list(_LOADED)[:-_MOST_LOADED]:
        _LOADED.pop(old, None)
    return editor
