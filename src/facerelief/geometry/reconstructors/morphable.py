"""The morphable model fitted to the landmarks: a smooth dense surface instead of the facets between 468 points."""

from pathlib import Path

import numpy as np

from facerelief.geometry.mesh import FaceMesh
from facerelief.geometry.morphable.fitting import fit_face
from facerelief.geometry.morphable.model import load_face
from facerelief.geometry.reconstructors import RECONSTRUCTORS, AlignedFace
from facerelief.geometry.subdivision import face_subdivision
from facerelief.geometry.topology import face_triangles

_LEVELS = 3  # of subdivision: 28,384 vertices


@RECONSTRUCTORS.add("morphable")
class MorphableMesh:
    """Fits identity, expression and pose of a morphable model, by default the package's; `residual` is the misfit."""

    def __init__(self, face: Path | None = None) -> None:
        self.face = load_face(face)

    def __call__(self, face: AlignedFace) -> FaceMesh:
        """The dense mesh of one face, in crop pixels."""
        fit = fit_face(self.face, face.landmarks)
        return dense_mesh(
            fit.to_image(self.face.shape(fit.identity) + self.face.movement(fit.expression)), _LEVELS, fit.residual
        )


def dense_mesh(points: np.ndarray, levels: int, residual: float | None = None) -> FaceMesh:
    """The smooth surface through 468 points; the eyes are closed over, the mouth stays open.

    Args:
        points: (468, 3), pixels.
        levels: Rounds of subdivision.
        residual: That of the mesh.
    """
    dense = face_subdivision(levels)
    faces = len(face_triangles()) * 4**levels
    return FaceMesh(dense(points), dense.triangles[:faces], dense.triangles[faces:], residual)
