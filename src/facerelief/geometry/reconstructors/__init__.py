"""Where a face's mesh comes from: MediaPipe's landmarks, the morphable model, or files from any other 3D method."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from facerelief.array_types import Landmarks
from facerelief.faces.alignment import Crop
from facerelief.geometry.mesh import FaceMesh
from facerelief.registry import Registry


@dataclass(frozen=True)
class AlignedFace:
    """A face in its crop.

    Attributes:
        landmarks: (468, 3), crop pixels.
        crop: Where in the photo it is.
        source: The photo's file.
        photo_size: Width and height of the photo.
    """

    landmarks: Landmarks
    crop: Crop
    source: Path
    photo_size: tuple[int, int]


class Reconstructor(Protocol):
    """Anything that gives a face its mesh, in crop pixels."""

    def __call__(self, face: AlignedFace) -> FaceMesh:
        """The mesh of one face."""
        ...


RECONSTRUCTORS: Registry[Callable[..., Reconstructor]] = Registry("reconstructor", "facerelief.reconstructors")


def load_reconstructor(name: str, **options: Any) -> Reconstructor:
    """Load a reconstructor.

    Args:
        name: One of `RECONSTRUCTORS`: "mediapipe", "morphable" or "meshfile".
        **options: Those of the reconstructor, e.g. `folder` and `axes` of "meshfile".

    Raises:
        FacereliefError: There is no such reconstructor, or its options cannot be followed.
    """
    from facerelief.geometry.reconstructors import landmarks, meshfile, morphable  # noqa: F401  (they register themselves)

    return RECONSTRUCTORS[name](**options)
