"""What a review reads of each sample; files that are absent or damaged are a reason, not an error."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image

from facerelief.array_types import Floats
from facerelief.data.manifest import Sample
from facerelief.data.review.measures import depth_fit
from facerelief.errors import DatasetError
from facerelief.files.arrays import read_npz
from facerelief.files.png import read_png
from facerelief.geometry.depth_maps import load_depth

_DAMAGE = (OSError, ValueError, KeyError, TypeError, DatasetError)


@dataclass(frozen=True)
class ReviewInput:
    """What the review reads of one sample.

    Attributes:
        landmarks: (468, 3), crop pixels.
        fit: `measures.depth_fit`.
        problem: Why the files could not be read, or "".
        residual: Distance of a fitted mesh from the landmarks, inter-ocular distances; 0 if it was not fitted.
    """

    landmarks: Floats
    fit: float
    problem: str = ""
    residual: float = 0.0


def read_input(dataset: Path, sample: Sample) -> ReviewInput:
    """Read what the checks need; a file that is absent or damaged is a reason, not an error."""
    nowhere = np.full((468, 3), np.nan, dtype=np.float32)
    for name in (sample.file_name, sample.depth_file_name, sample.mesh):
        if not (dataset / name).is_file():
            return ReviewInput(nowhere, 0.0, f"no {name}")
    try:
        read_png(dataset / sample.file_name)
        arrays = read_npz(dataset / sample.mesh)
        landmarks = np.asarray(arrays["landmarks"], dtype=np.float32)
        residual = float(arrays["residual"]) if "residual" in arrays else 0.0
        if landmarks.shape != (468, 3) or not np.isfinite(landmarks).all():
            raise ValueError("the landmarks are not 468 finite points")
        fit = depth_fit(load_depth(dataset / sample.depth_file_name), landmarks)
        return ReviewInput(landmarks, fit, residual=residual)
    except _DAMAGE as reason:
        return ReviewInput(nowhere, 0.0, f"{type(reason).__name__} while reading them")


def read_thumbnail(dataset: Path, sample: Sample) -> Floats:
    """The crop in grey, (32, 32), levels of 0 to 255, by which pictures are compared."""
    grey = Image.fromarray(read_png(dataset / sample.file_name, "L"))
    return np.asarray(grey.resize((32, 32), Image.Resampling.BOX), dtype=np.float64)
