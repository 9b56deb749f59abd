"""Where a face's mesh comes from: MediaPipe's landmarks, the morphable face, or files from any other 3D method."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import numpy as np

from facerelief.faces.alignment import Crop
from facerelief.geometry.mesh import FaceMesh
from facerelief.registry import Registry


@dataclass(frozen=True)
class AlignedFace:
    """A face in its crop: landmarks (468, 3) in crop pixels, the photo's file, the photo's width and height."""

    landmarks: np.ndarray
    crop: Crop
    source: Path
    photo_size: tuple[int, int]


class Reconstructor(Protocol):
    """Anything that gives a face its mesh, in crop pixels."""

    def __call__(self, face: AlignedFace) -> FaceMesh:
        """The mesh of one face."""
        ...


RECONSTRUCTORS: Registry[Callable[..., Reconstructor]] = Registry("reconstructor")


def load_reconstructor(name: str, **options: Any) -> Reconstructor:
    """The reconstructor called `name`, e.g. "mediapipe", or "meshfile" with `folder` and `axes`."""
    from facerelief.geometry.reconstructors import landmarks, meshfile, morphable  # noqa: F401  (they register themselves)

    return RECONSTRUCTORS[name](**options)
