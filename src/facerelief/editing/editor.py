"""What every editor shares: a photo and an expression in, the same photo with that expression out.

editor = load_editor()             # the weights that the package carries
edit = editor(photo, "happiness")  # edit.photo, edit.faces[0].before, .after
"""

import dataclasses
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from typing import Any, Generic, Self, TypeVar

import numpy as np

from facerelief.array_types import RGB, Floats
from facerelief.editing.edit import Edit, EditedFace, EditPlan
from facerelief.editing.face_choice import FaceChoice, check_any, choose_faces
from facerelief.editing.regions import WHOLE, check_part
from facerelief.editing.strength import check_range
from facerelief.errors import FacereliefError
from facerelief.expressions import resolve
from facerelief.faces.alignment import Crop
from facerelief.faces.detector import Face, FaceFinder, load_finder
from facerelief.photos.photo import Photo
from facerelief.photos.provenance.xmp import mark_edit

PlanT = TypeVar("PlanT", bound=EditPlan)


class Editor(ABC, Generic[PlanT]):
    """Edits photos by one method. Threads may share it, if they may share its finder (a `FinderPool` they may).

    A method is two steps: `plan` finds out what is to be done to a face, and `render` does it, at any strength.

    Attributes:
        method: The method's name.
        expressions: What it can edit to.
        learned: What was taken from photos, by the names that `take_expression` gave; empty where the method cannot.
    """

    method: str = ""

    def __init__(self, expressions: tuple[str, ...], finder: FaceFinder | None = None) -> None:
        """Make an editor.

        Args:
            expressions: What it can edit to.
            finder: What finds faces; by default loaded when it is needed.
        """
        self.expressions = expressions
        self.learned: dict[str, Any] = {}
        self._finder = finder

    def controls(self) -> dict[str, Any] | None:
        """What `target` takes, as `list_controls` gives it; None where that is expressions alone."""
        return None

    def caution(self, expression: str) -> str | None:
        """What is known against edits to an expression, in one line; None where nothing is."""
        return None

    def plan(self, rgb: RGB, face: Face, to: str, part: str = WHOLE) -> PlanT:
        """Find out what is to be done to a face.

        Args:
            rgb: (H, W, 3), the photo.
            face: The face.
            to: What it is to show, as `target` gives it.
            part: What alone may change, of `PARTS`.

        Raises:
            FacereliefError: There is no such part.
        """
        return dataclasses.replace(self._plan(rgb, face, to), part=check_part(part))

    def take_expression(self, photo: Photo, neutral: Photo | None = None) -> str:
        """From now on, faces can be given what a photo's face shows, whoever is in it.

        Args:
            photo: The photo; of several faces the largest counts.
            neutral: One of the same person without expression: what differs between the two is taken.

        Returns:
            A name for it, which `target` takes; it tells the photo by the digest of its pixels.

        Raises:
            NoFaceFound: There is no face, or it cannot be measured.
            FacereliefError: The method cannot.
        """
        raise FacereliefError(f"method {self.method} edits to expressions alone; take --method morphable for --like")

    def private(self) -> Self:
        """The same editor for one of several users: `learned` is empty, and what is added to it is nowhere else."""
        return self

    @abstractmethod
    def _plan(self, rgb: RGB, face: Face, to: str) -> PlanT:
        """`plan` of a whole face."""

    @abstractmethod
    def _render(self, rgb: RGB, plan: PlanT, strength: float) -> RGB:
        """`render` at a strength above 0."""

    def render(self, rgb: RGB, plan: PlanT, strength: float) -> RGB:
        """Carry out a plan.

        Args:
            rgb: (H, W, 3), the photo; it is never written to.
            plan: What is to be done.
            strength: Share of the full change, 0 to 1.5.

        Returns:
            The edited photo (H, W, 3); at strength 0 the very pixels.
        """
        return self._render(rgb, plan, strength) if strength else rgb.copy()

    def warps(self, plan: PlanT, strength: float) -> list[Floats]:
        """The warps of the crop by which `render` moves pixels.

        Args:
            plan: What is to be done.
            strength: As of `render`.

        Returns:
            (S, S, 2) each, where each pixel comes from, right and down, in crop pixels: of the face, and of the upper
            and the lower lip where they meet. Then, of each eye that opens or closes, those of the upper and of the
            lower lid, in pixels of a small crop of its own. None for a method that warps nothing.
        """
        return []

    def apply(self, rgb: RGB, face: Face, to: str, strength: float, part: str = WHOLE) -> EditedFace:
        """`plan` and `render` for one face: what was done to it, and the edited photo."""
        plan = self.plan(rgb, face, to, part)
        return EditedFace(plan, self.render(rgb, plan, strength))

    def carry_out(self, rgb: RGB, plan: PlanT, to: str, strength: float) -> tuple[EditedFace, bool]:
        """`render`, for pictures that are marked as edited.

        Returns:
            What was done, with a caution where a strength above 0 changed nothing, and whether any pixel changed: if
            none did, the picture is no edit, and gets no mark.
        """
        edited = self.render(rgb, plan, strength)
        changed = bool(strength) and not np.array_equal(edited, rgb)
        return EditedFace(plan if changed or not strength else plan.without_effect(to), edited), changed

    def take_teeth(self, photo: Photo) -> None:
        """From now on, take teeth that a photo hides from this one, of the same person.

        Args:
            photo: One with an open smile; of several faces the largest counts.

        Raises:
            NoFaceFound: There is no face.
            FacereliefError: It shows no teeth, or the method draws none.
        """
        raise FacereliefError(f"method {self.method} draws no teeth; choose another, or leave --teeth-from out")

    def find(self, photo: Photo) -> list[Face]:
        """The photo's faces, the largest first. Raises `NoFaceFound`."""
        faces = self.finder(photo.rgb)
        check_any(faces, photo.name)
        return faces

    @property
    def finder(self) -> FaceFinder:
        """What finds faces; loaded when it is needed."""
        if self._finder is None:
            self._finder = load_finder()
        return self._finder

    def __call__(
        self,
        photo: Photo,
        to: str | Mapping[int, str],
        *,
        strength: float = 1.0,
        face: FaceChoice = "largest",
        faces: Sequence[Face] | None = None,
        part: str = WHOLE,
    ) -> Edit:
        """Edit a photo.

        Args:
            photo: The photo.
            to: What it is to show, as `target` takes it; or what each face is to show, by numbers from 1, the largest.
            strength: Share of the full change, 0 (the photo itself) to 1.5.
            face: Where all are to show one thing, which faces: "largest", "all", 1, 2 ... counted from the largest, or
                (x, y), a point of the face in pixels of the upright photo.
            faces: Those that `find` gave, to spare finding them again.
            part: "face", or what alone may change: "eyes", with the brows, or "mouth", with the cheeks and the chin.

        Raises:
            FacereliefError: The weights lack the expression, or an argument is out of range.
            NoFaceFound: There is no such face, or it cannot be edited.
        """
        each = {1: self.target(to)} if isinstance(to, str) else {k: self.target(words) for k, words in to.items()}
        check_range(strength)
        found = self.find(photo) if faces is None else faces
        expression = each[1] if isinstance(to, str) else words_of_each(each)
        if isinstance(to, str):
            wanted = [(one, expression) for one in choose_faces(found, face, photo.name)]
        else:
            wanted = [(choose_faces(found, k, photo.name)[0], words) for k, words in each.items()]
        rgb, plans, marked = photo.rgb, [], list[tuple[Crop, str]]()
        for one, words in wanted:
            done, changed = self.carry_out(rgb, self.plan(rgb, one, words, part), words, strength)
            if changed:
                marked.append((done.plan.marked, words))
            plans.append(done.plan)
            rgb = done.photo
        crops, shown = [crop for crop, _ in marked], [words for _, words in marked]
        mark = mark_edit(photo.mark, expression, crops, shown) if marked else photo.mark
        edited = [EditedFace(plan, rgb) for plan in plans]
        return Edit(dataclasses.replace(photo.with_rgb(rgb), mark=mark), expression, edited)

    def target(self, to: str) -> str:
        """The canonical words for what a face is to show, one of `expressions`, of any name `to` of it.

        Raises:
            FacereliefError: The weights lack it, or there is no such expression.
        """
        try:
            expression = resolve(to)
        except FacereliefError as reason:
            more = "for blends, action units and blendshapes take --method morphable"
            raise FacereliefError(f"{reason}; {more}") from None
        if expression not in self.expressions:
            raise FacereliefError(f"these weights cannot do {expression}; choose from {', '.join(self.expressions)}")
        return expression


def words_of_each(to: Mapping[int, str]) -> str:
    """What each face is to show, by its number, in one line: `1:happiness,2:neutral`."""
    return ",".join(f"{number}:{words}" for number, words in to.items())
