"""Reading ICT-FaceKit (Li et al., Learning Formation of Physically-Based Face Attributes, CVPR 2020; MIT licence).

Its README gives the ranges of vertices and polygons.
"""

from pathlib import Path

import numpy as np

from facerelief.array_types import Float64, Int64
from facerelief.errors import FacereliefError
from facerelief.files import read_file

NEUTRAL, JAW_OPEN = "generic_neutral_mesh.obj", "jawOpen.obj"  # of the folder FaceXModel
FACE_VERTICES, FACE_POLYGONS = 9_409, 9_230  # the skin of the face, without sockets, teeth and eyes; they come first
_VERTICES, _LARGEST = 26_719, 8 << 20  # of the head; bytes of a file


def read_head(path: Path) -> tuple[Float64, Int64]:
    """Vertices (V, 3), and polygons (P, 4) with -1 in the place of a fourth vertex that a triangle lacks.

    Raises:
        FacereliefError: The file is missing, or is not ICT-FaceKit's head.
    """
    try:
        lines = read_file(path, _LARGEST).decode("ascii", "replace").splitlines()
    except OSError as reason:
        raise FacereliefError(f"{path} cannot be read ({reason.strerror}); name ICT-FaceKit's FaceXModel") from reason
    try:
        vertices = np.array([line.split()[1:4] for line in lines if line.startswith("v ")], dtype=np.float64)
        corners = [[int(one.split("/")[0]) - 1 for one in line.split()[1:]] for line in lines if line.startswith("f ")]
        polygons = np.array([[*corner, -1][:4] for corner in corners], dtype=np.int64)
    except ValueError as reason:
        raise FacereliefError(f"{path} is no OBJ file ({reason}); get ICT-FaceKit again") from reason
    whole = vertices.shape == (_VERTICES, 3) and bool(np.isfinite(vertices).all()) and polygons.shape[1:] == (4,)
    if not whole or polygons[:, :3].min() < 0 or polygons.min() < -1 or polygons.max() >= _VERTICES:
        raise FacereliefError(f"{path} is not ICT-FaceKit's head; name its folder FaceXModel")
    return vertices, polygons
