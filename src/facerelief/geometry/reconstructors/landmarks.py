"""The mesh that the landmarks themselves span: 468 vertices, eyes closed over, mouth left open."""

from facerelief.geometry.mesh import FaceMesh
from facerelief.geometry.reconstructors import RECONSTRUCTORS, AlignedFace
from facerelief.geometry.topology import eye_triangles, face_triangles


@RECONSTRUCTORS.add("mediapipe")
class LandmarkMesh:
    """MediaPipe's 468 points with their 852 triangles."""

    def __call__(self, face: AlignedFace) -> FaceMesh:
        """The mesh of one face, in crop pixels."""
        return FaceMesh(face.landmarks.astype(float), face_triangles(), eye_triangles())
