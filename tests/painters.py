"""An editor and a face finder that are done at once, for tests of what is around them."""

import numpy as np

from facerelief import FaceEditor
from facerelief.editing.edit import EditPlan
from facerelief.editing.editor import Editor
from facerelief.expressions import EXPRESSIONS
from facerelief.faces.alignment import align
from facerelief.faces.detector import Face
from facerelief.geometry.morphable.model import load_face


class Painter(Editor[EditPlan]):
    """An editor that paints the face's crop grey, at once."""

    method = "painter"

    def _plan(self, rgb: np.ndarray, face: Face, to: str) -> EditPlan:
        crop = align(face.landmarks, 32)
        return EditPlan(face, crop, crop.cut(rgb))

    def _render(self, rgb: np.ndarray, plan: EditPlan, strength: float) -> np.ndarray:
        out = rgb.copy()
        out[plan.crop.covers(rgb.shape[:2])] = 128
        return out


def a_face(x: float = 60, y: float = 60) -> Face:
    return Face((load_face().mean * 25 + (x, y, 0)).astype(np.float32))


class Finder:
    """Sees one face in every picture."""

    def __call__(self, rgb: np.ndarray) -> list[Face]:
        return [a_face()]

    def follow(self, rgb: np.ndarray, face: Face) -> Face | None:
        return face


def make() -> Editor:
    return Painter(EXPRESSIONS, Finder())


EDITOR = FaceEditor(make)
PHOTO = np.full((120, 120, 3), 200, np.uint8)
