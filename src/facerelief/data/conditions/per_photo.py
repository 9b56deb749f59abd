"""Values that are measured once for each photo of a dataset, from its landmarks, and kept beside it."""

import hashlib
import json
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np

from facerelief.array_types import Float32, Floats
from facerelief.data.arrays import Arrays, arrays_folder, create_memmap, to_make
from facerelief.data.crops import read_alignment
from facerelief.errors import DatasetError
from facerelief.files import sha256
from facerelief.files.arrays import map_npy
from facerelief.files.png import read_png
from facerelief.processes.pool import map_in_processes
from facerelief.progress import Progress, no_progress

# Landmarks (468, 3) in crop pixels, and the crop's side, to a value.
LandmarkMeasure = Callable[[Floats, int], Float32]


class LandmarkMeasurer:
    """Measures samples; one a process."""

    def __init__(self, dataset: Path, make: Callable[[], LandmarkMeasure]) -> None:
        self._dataset, self._measure = dataset, make()

    def __call__(self, files: tuple[str, str]) -> Float32:
        """The value of a sample, from its crop's and its mesh's file."""
        picture, mesh = files
        landmarks = read_alignment(self._dataset / mesh)[0]
        return self._measure(landmarks, len(read_png(self._dataset / picture, "RGB")))


def measure_landmarks(
    dataset: Path,
    arrays: Arrays,
    name: str,
    make: Callable[[], LandmarkMeasure],
    shape: tuple[int, ...],
    made_of: Sequence[Path] = (),
    progress: Progress = no_progress,
) -> Float32:
    """A value of each photo, on first use; later calls map the file that the first one wrote.

    Args:
        dataset: The dataset's folder.
        arrays: The photos.
        name: Of the values, with the version of how they are measured.
        make: Called once a process; gives the function that measures a face. Picklable.
        shape: Of a value.
        made_of: Files of models that measure; with other contents, values are measured anew.
        progress: Called with the photos done and in all.

    Returns:
        (N, *shape).

    Raises:
        DatasetError: A mesh file is absent or damaged.
    """
    names = [(sample.file_name, sample.fingerprint) for sample in arrays.samples]
    what = [name, arrays.expressions, names, [sha256(path) for path in made_of]]
    key = hashlib.sha256(json.dumps(what).encode()).hexdigest()[:16]
    path, whole = arrays_folder(dataset) / f"{key}-{name}.npy", (len(arrays.samples), *shape)
    with to_make(path) as absent:
        if absent:
            files = [(sample.file_name, sample.mesh) for sample in arrays.samples]
            with create_memmap(path, np.float32, whole) as values:
                for row, value in enumerate(map_in_processes(LandmarkMeasurer, (dataset, make), files)):
                    values[row] = value
                    progress(row + 1, len(files))
    try:
        return map_npy(path, np.float32, whole)
    except (OSError, ValueError) as reason:
        raise DatasetError(f"{path.parent} is damaged ({reason}); delete it, and it is made again") from reason
