"""Editing without training: the morphable face is fitted to the photo's face, and its expression exchanged."""

import dataclasses
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from facerelief.editing.editor import EditedFace, Editor
from facerelief.editing.regions import part_mask
from facerelief.expressions import EXPRESSIONS
from facerelief.faces.alignment import align
from facerelief.faces.detector import Face, FaceFinder
from facerelief.geometry.morphable.expression_transfer import SIZE, Exchange, changed
from facerelief.geometry.morphable.fitting import Fit, fit_face
from facerelief.geometry.morphable.model import MorphableFace
from facerelief.geometry.morphable.shading import filled, folds


@dataclass(frozen=True, repr=False)
class MorphableEdit(EditedFace):
    """fit: the face explained. label: of the eight expressions. expression: (E,), that of the photo, as fitted.
    folds: (`SIZE`, `SIZE`), how deep those of the crop are, change of log light.
    """

    # What a face does in less time, as in speech, goes on under the edit.
    steady: ClassVar[dict[str, float]] = {"expression": 0.4, "folds": 0.2}
    fit: Fit
    label: int
    expression: np.ndarray
    folds: np.ndarray


class MorphableEditor(Editor[MorphableEdit]):
    """Edits with a fitted morphable face; knows all eight expressions."""

    method = "morphable"

    def __init__(self, face: MorphableFace, finder: FaceFinder | None = None) -> None:
        super().__init__(EXPRESSIONS, finder)
        self._exchange = Exchange(face)

    def _change(self, rgb: np.ndarray, face: Face, label: int) -> MorphableEdit:
        """The face, fitted."""
        crop = align(face.landmarks, SIZE)
        before, fit = crop.cut(rgb), fit_face(self._exchange.face, face.landmarks)
        return MorphableEdit(face, crop, before, before, fit, label, fit.expression, folds(before))

    def layers(self, change: MorphableEdit, strength: float) -> np.ndarray:
        """What a change does to its crop at a strength, as an `Exchange` gives it.

        Strength is the share of the way from the photo's expression to the new one.
        """
        fit = dataclasses.replace(change.fit, expression=change.expression)
        layers = self._exchange(change.before, change.crop, change.face.landmarks, fit, change.label, strength)
        return layers * part_mask(change.crop, change.face, change.part)

    def _paint(self, rgb: np.ndarray, change: MorphableEdit, strength: float) -> np.ndarray:
        """As `layers` says."""
        return changed(rgb, change.crop, filled(self.layers(change, strength), change.folds))
