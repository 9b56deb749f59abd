"""`FaceEditor`, which edits pictures that Python programs hold."""

from __future__ import annotations  # help() then says `Expression`, and not the two dozen words that it stands for

from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Literal, overload

import numpy as np
from PIL import Image

from facerelief.api.arguments import (
    Faces,
    One,
    Part,
    Several,
    WhichFace,
    check_choice,
    check_faces,
    check_pictures,
    check_places,
    check_strength,
    check_words,
    is_several,
)
from facerelief.api.measuring import MeasuringEditor
from facerelief.api.pictures import Picture, image_of, photo_of
from facerelief.api.results import Edited, Edits, FoundFaces
from facerelief.editing.editor import Editor
from facerelief.editing.face_choice import choose_faces
from facerelief.editing.regions import PARTS
from facerelief.editing.video.pipeline import in_order
from facerelief.errors import FacereliefError
from facerelief.expressions import Name
from facerelief.faces.detector import Face
from facerelief.processes.cores import available_cores


class FaceEditor(MeasuringEditor):
    """Edits faces in pictures by one method.

    Threads may share an editor and then detect faces in parallel. An editor can be sent to other processes, each of
    which loads it again. Make one with `facerelief.load`.

    Attributes:
        method: "morphable", "relief" or "stargan".
        engine: What runs the network: "torch", "onnx", "openvino" or "openvino-bf16"; "numpy" where there is none.
        expressions: The expressions that it can edit to.

    Example:
        >>> import facerelief
        >>> editor = facerelief.load(method="morphable")
        >>> editor.method, editor.expressions[1]
        ('morphable', 'happiness')
    """

    method: str
    engine: str
    expressions: tuple[Name, ...]

    def __init__(self, load: Callable[[], Editor]) -> None:
        """Use `facerelief.load` instead.

        Args:
            load: Makes an editor whose face detector threads may share. Called once in each process; must be picklable.
        """
        super().__init__(load)
        editor: Any = self._here()
        self.method, self.engine = editor.method, getattr(editor, "engine", "numpy")
        self.expressions = editor.expressions

    def __repr__(self) -> str:
        return f"FaceEditor(method={self.method!r}, engine={self.engine!r}, expressions={self.expressions})"

    def faces(self, image: Picture | np.ndarray) -> list[Face]:
        """Detect the faces in a picture.

        Args:
            image: As `edit` takes it.

        Returns:
            The faces, the largest first; each has `box` and `landmarks` in pixels of the upright picture. Notebooks
            show them as the picture with numbered boxes.

        Raises:
            NoFaceFound: There is no face.
            PhotoError: This is no picture.
        """
        photo = photo_of(image)
        return FoundFaces(self._here().find(photo), photo.rgb)

    @overload
    def edit(  # type: ignore[overload-overlap]  # "all" is one of all strings
        self, image: np.ndarray, to: Several, *, strength: float = ..., faces: Faces = ..., part: Part = ...
    ) -> list[Edited[np.ndarray]]: ...
    @overload
    def edit(  # type: ignore[overload-overlap]
        self, image: Picture, to: Several, *, strength: float = ..., faces: Faces = ..., part: Part = ...
    ) -> list[Edited[Image.Image]]: ...
    @overload
    def edit(
        self, image: np.ndarray, to: One, *, strength: float = ..., faces: Faces = ..., part: Part = ...
    ) -> Edited[np.ndarray]: ...
    @overload
    def edit(
        self, image: Picture, to: One, *, strength: float = ..., faces: Faces = ..., part: Part = ...
    ) -> Edited[Image.Image]: ...
    def edit(
        self,
        image: Picture | np.ndarray,
        to: One | Several,
        *,
        strength: float = 1.0,
        faces: Faces = "largest",
        part: Part = "face",
    ) -> Edited[Any] | list[Edited[Any]]:
        """Edit the expression of faces in a picture. Your picture is not modified.

        Args:
            image: A PIL image, an array (H, W, 3) uint8 in RGB, a path, a file's bytes, or an open binary file.
            to: An expression, such as "happiness" or "happy"; or, by the method "morphable", action units, blendshapes,
                presets and blends: "AU12:0.8+AU4L:0.3", "jawOpen:0.3", "wink-left", "happiness:0.6+surprise:0.4", or
                what `like` returned. Several in a list, or "all", for all expressions, give a list of edits; the faces
                are then detected once. {1: "happiness", 2: "neutral"} gives each face its own.
            strength: Share of the full change, from 0 (the picture itself) to 1.5.
            faces: "largest", "all", a number counted from the largest (1), a point (x, y) of the face in pixels, or one
                or some of the faces that `faces` returned.
            part: "face", or the only part that may change: "eyes", with the eyebrows, or "mouth", with all below the
                eyes.

        Returns:
            The edit; its image is an array if `image` is one, else a PIL image. A list where `to` is several.

        Raises:
            NoFaceFound: There is no face, or none that can be edited.
            PhotoError: This is no picture.
            FacereliefError: Another argument is wrong. All messages say what to do.

        Example:
            A synthetic face, whose landmarks are known and need not be detected:

            >>> import facerelief
            >>> from facerelief.geometry.morphable import load_face, random_person, random_setting, render_portrait
            >>> model, random = load_face(), np.random.default_rng(0)
            >>> person, setting = random_person(model, random), random_setting(random)
            >>> rgb, landmarks = render_portrait(model, person, "neutral", setting, 128)
            >>> editor = facerelief.load(method="morphable")
            >>> edited = editor.edit(rgb, "happy", faces=facerelief.Face(landmarks))
            >>> edited, edited.image.shape
            (Edited('happiness', 128x128, 1 face), (128, 128, 3))
        """
        wanted = self._wanted(to)
        strength, (which, some) = check_strength(strength), check_faces(faces)
        if isinstance(to, Mapping) and some is None and which != "largest":
            raise FacereliefError("to says which faces; leave faces out, or give those that `faces` found")
        check_choice(part, PARTS, "part")
        photo, editor = photo_of(image), self._here()
        found = editor.find(photo) if some is None else check_places(some, photo)
        chosen = found if isinstance(to, Mapping) else choose_faces(found, which, photo.name)
        edits = Edits[Any]()
        for words in wanted:
            done = editor(photo, words, strength=strength, face="all", faces=chosen, part=part)
            out = done.photo.rgb if isinstance(image, np.ndarray) else image_of(done.photo)
            edits.append(Edited(out, done.expression, done.faces, done.photo, photo.rgb))
        return edits if is_several(to) else edits[0]

    def like(self, image: Picture | np.ndarray, neutral: Picture | np.ndarray | None = None) -> str:
        """Take the expression of another picture's face, whoever is in it, to give it to faces.

        Args:
            image: A picture, as `edit` takes it; of several faces the largest counts.
            neutral: A picture of the same person without expression: the difference of the two is then taken.

        Returns:
            Words for it, which `edit` takes as `to`, also in blends. The last 64 are kept, and go with the editor to
            other processes.

        Raises:
            NoFaceFound: There is no face, or it is too small or seen from the side.
            PhotoError: This is no picture.
            FacereliefError: The method cannot; "morphable" can.
        """
        return self._here().take_expression(photo_of(image), None if neutral is None else photo_of(neutral))

    def controls(self) -> dict[str, Any]:
        """List what `edit` takes as `to`: expressions, presets, action units and blendshapes, as JSON.

        Returns:
            As `/v1/controls` of the server and `facerelief expressions --json` give it: lists by kind, and `most`, the
            largest amount. Of methods that know expressions alone, these.

        Example:
            >>> import facerelief
            >>> listed = facerelief.load(method="morphable").controls()
            >>> [unit["name"] for unit in listed["action_units"] if unit["region"] == "nose"]
            ['AU9']
        """
        return self._here().controls() or {"expressions": list(self.expressions)}

    def _wanted(self, to: One | Several) -> list[str | dict[int, str]]:
        """Canonical words for each edit. Raises `FacereliefError` for what the weights or the method cannot do."""
        editor, several = self._here(), is_several(to)
        if isinstance(to, Mapping):
            return [{number: editor.target(check_words(words)) for number, words in to.items()}]
        names: Any = [to] if not several else editor.expressions if isinstance(to, str) else to
        return [editor.target(check_words(name)) for name in names]

    @overload
    def edit_all(  # type: ignore[overload-overlap]
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
    def edit_all(  # type: ignore[overload-overlap]
        self,
        images: Iterable[Picture | np.ndarray],
        to: Several,
        *,
        strength: float = ...,
        faces: WhichFace = ...,
        part: Part = ...,
        errors: Literal["return"],
    ) -> list[list[Edited[Any]] | FacereliefError]: ...
    @overload
    def edit_all(
        self,
        images: Iterable[Picture | np.ndarray],
        to: One,
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
        to: One,
        *,
        strength: float = ...,
        faces: WhichFace = ...,
        part: Part = ...,
        errors: Literal["return"],
    ) -> list[Edited[Any] | FacereliefError]: ...
    def edit_all(
        self,
        images: Iterable[Picture | np.ndarray],
        to: One | Several,
        *,
        strength: float = 1.0,
        faces: WhichFace = "largest",
        part: Part = "face",
        errors: Literal["raise", "return"] = "raise",
    ) -> Any:
        """Edit several pictures on all cores.

        Args:
            images: As `edit` takes them, read as they are needed.
            to: As for `edit`.
            strength: As for `edit`.
            faces: As for `edit`, except faces themselves: each picture has its own.
            part: As for `edit`.
            errors: "raise" the first error, or "return" each error in the place of its picture's result.

        Returns:
            For each picture what `edit` returns, in the order of the pictures.

        Raises:
            FacereliefError: As for `edit`; with errors="return" only for wrong arguments.
        """
        check_choice(errors, ("raise", "return"), "errors")
        check_choice(part, PARTS, "part")
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

        cores = available_cores()
        with ThreadPoolExecutor(cores) as threads:
            return list(in_order(lambda image: threads.submit(one, image), check_pictures(images), cores))
