"""Editing without training: the morphable face is fitted to the photo's face, and its expression exchanged."""

import numpy as np

from facerelief.editing.editor import EditedFace, Editor
from facerelief.expressions import EXPRESSIONS
from facerelief.faces.align import align
from facerelief.faces.detect import Face, FaceFinder
from facerelief.geometry.morphable.exchange import SIZE, Exchange, changed
from facerelief.geometry.morphable.model import MorphableFace


class MorphableEditor(Editor):
    """Edits with a fitted morphable face; knows all eight expressions."""

    def __init__(self, face: MorphableFace, finder: FaceFinder | None = None) -> None:
        super().__init__(EXPRESSIONS, finder)
        self._exchange = Exchange(face)

    def apply(self, rgb: np.ndarray, face: Face, label: int, strength: float) -> tuple[np.ndarray, EditedFace]:
        """As `Editor.apply`; strength is the share of the way from the photo's expression to the new one."""
        crop = align(face.landmarks, SIZE)
        before = crop.cut(rgb)
        if not strength:
            return rgb.copy(), EditedFace(face, crop, before, before)
        out = changed(rgb, crop, self._exchange(rgb, crop, face.landmarks, label, strength))
        return out, EditedFace(face, crop, before, crop.cut(out))
