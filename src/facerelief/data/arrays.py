"""A dataset decoded once to arrays at the network's size, kept beside it as memory-mapped files.

Decoding PNGs limits training on small crops; memory-mapped arrays are read 50 times faster. Images are resampled
with a box filter; depth and normals are averaged over face pixels only and background stays background.
"""

import functools
import hashlib
import json
import os
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from facerelief.data.dataset import Dataset
from facerelief.data.manifest import Sample, inside
from facerelief.errors import DatasetError
from facerelief.expressions import EXPRESSIONS
from facerelief.files import atomic, lock_folder
from facerelief.files.arrays import map_npy
from facerelief.files.png import read_png
from facerelief.geometry.depth_maps import load_depth, load_normal
from facerelief.network_input import NetworkInput
from facerelief.progress import Progress, no_progress


@dataclass(frozen=True)
class Arrays:
    """Samples as arrays of N rows, with crops of S pixels a side.

    Attributes:
        image: (N, C, S, S), uint8; C = 3, or 1 for luma.
        depth: (N, S, S), uint16, in units of 1/65535; background 0.
        normal: (N, 3, S, S), int8, in units of 1/127; background 0.
        label: (N,), int64, indices into `expressions`.
        expressions: Names of the classes.
        samples: The samples, in the order of the rows.
        measured: What conditions need besides of each photo, (N, ...) by name.
    """

    image: np.ndarray
    depth: np.ndarray
    normal: np.ndarray
    label: np.ndarray
    expressions: tuple[str, ...]
    samples: tuple[Sample, ...]
    measured: Mapping[str, np.ndarray] = field(default_factory=dict)

    @property
    def size(self) -> int:
        """Side of the crops in pixels."""
        return int(self.image.shape[-1])

    @functools.cached_property
    def shares(self) -> np.ndarray:
        """(N, K), float32: which share of the votes each expression has; 1 for the label of a photo without votes."""
        return np.stack([vote_shares(sample, self.expressions) for sample in self.samples])

    @property
    def network_input(self) -> NetworkInput:
        """How these images were made from crops."""
        return NetworkInput(self.size, "rgb" if self.image.shape[1] == 3 else "luma")


def vote_shares(sample: Sample, expressions: Sequence[str]) -> np.ndarray:
    """The share (K,) of a photo's votes that each expression has, of the votes for these expressions."""
    label = np.array([sample.expression == name for name in expressions], dtype=np.float32)
    if not sample.votes:
        return label
    try:
        by_name: dict[str, int] = dict(zip(EXPRESSIONS, map(int, sample.votes.split()), strict=True))
    except ValueError as reason:
        raise DatasetError(
            f"{sample.file_name} has votes {sample.votes!r:.40}, which are not {len(EXPRESSIONS)} numbers; "
            "build the dataset again"
        ) from reason
    votes = np.array([by_name[name] for name in expressions], dtype=np.float32)
    return votes / votes.sum() if votes.sum() > 0 else label


def load_arrays(
    dataset: Dataset,
    samples: Sequence[Sample],
    size: int,
    colour: str,
    expressions: Sequence[str],
    progress: Progress = no_progress,
    *,
    complete: bool = True,
) -> Arrays:
    """Decode samples to arrays, on first use; later calls map the files that the first one wrote.

    Args:
        dataset: The dataset; the arrays are kept in its folder .arrays.
        samples: Which samples, each with one of the `expressions`.
        size: S, the side of the arrays' crops in pixels.
        colour: "rgb" or "luma".
        expressions: Names of the classes.
        progress: Called with the number of samples decoded and the total.
        complete: Whether every expression must have a sample.

    Raises:
        DatasetError: There are no samples, an expression has none although `complete`, or a file is absent or damaged.
    """
    check_classes(dataset, samples, expressions if complete else ())
    label = np.array([expressions.index(s.expression) for s in samples])
    channels = {"rgb": 3, "luma": 1}[colour]
    shapes = {
        "image": (np.uint8, (channels, size, size)),
        "depth": (np.uint16, (size, size)),
        "normal": (np.int8, (3, size, size)),
    }
    key = hashlib.sha256(
        json.dumps([size, colour, [(s.file_name, s.fingerprint) for s in samples]]).encode()
    ).hexdigest()
    folder = arrays_folder(dataset.path)
    paths = {name: folder / f"{key[:16]}-{name}.npy" for name in shapes}
    with to_make(*paths.values()) as absent:
        if absent:
            _decode(dataset.path, samples, size, colour, {n: (paths[n], *shapes[n]) for n in shapes}, progress)
    try:
        arrays = {name: map_npy(paths[name], kind, (len(samples), *shape)) for name, (kind, shape) in shapes.items()}
    except (OSError, ValueError) as reason:
        raise DatasetError(f"{folder} is damaged ({reason}); delete it, and it is made again") from reason
    image, depth, normal = arrays["image"], arrays["depth"], arrays["normal"]
    return Arrays(image, depth, normal, label, tuple(expressions), tuple(samples))


def arrays_folder(dataset: Path) -> Path:
    """Where decoded copies of a dataset are kept. Raises `DatasetError` where that is a link that leads out of it."""
    return inside(dataset, ".arrays")


def check_classes(dataset: Dataset, samples: Sequence[Sample], expressions: Sequence[str]) -> None:
    """Raise `DatasetError` where a split has no samples, or none of one of the expressions."""
    if not samples:
        raise DatasetError(
            f"{dataset} has a split, train, val or test, without photos of these expressions; "
            f"see: facerelief dataset stats {dataset}"
        )
    present = {s.expression for s in samples}
    empty = [name for name in expressions if name not in present]
    if empty:
        raise DatasetError(
            f"{dataset} has no kept photos of {', '.join(empty)} in this split; leave it out with "
            f"--expressions {','.join(name for name in expressions if name in present)}"
        )


def _decode(
    dataset: Path,
    samples: Sequence[Sample],
    size: int,
    colour: str,
    outputs: dict[str, tuple[Path, Any, Any]],
    progress: Progress,
) -> None:
    with ExitStack() as files, ThreadPoolExecutor() as pool:
        arrays = {
            name: files.enter_context(create_memmap(path, kind, (len(samples), *shape)))
            for name, (path, kind, shape) in outputs.items()
        }

        def one(row: int) -> None:
            values = _decode_sample(dataset, samples[row], size, colour)
            for name, array in arrays.items():
                array[row] = values[name]

        for done, _ in enumerate(pool.map(one, range(len(samples))), 1):
            progress(done, len(samples))


@contextmanager
def to_make(*paths: Path) -> Iterator[bool]:
    """Whether any of a folder's files is to be made, in the block; other processes that need them wait for its end."""
    if all(path.is_file() for path in paths):
        yield False
        return
    with lock_folder(paths[0].parent, wait=True):
        yield not all(path.is_file() for path in paths)


class ArrayWriter:
    """An array in a file, to be filled. Nothing else holds the mapping, since Windows renames no mapped file."""

    def __init__(self, path: Path, kind: Any, shape: tuple[int, ...]) -> None:
        self._values: np.ndarray | None = np.lib.format.open_memmap(path, "w+", kind, shape)

    def __setitem__(self, place: Any, values: Any) -> None:
        assert self._values is not None
        self._values[place] = values

    def close(self) -> None:
        """Write what is left, and unmap the file."""
        if isinstance(self._values, np.memmap):
            self._values.flush()
        self._values = None


@contextmanager
def create_memmap(path: Path, kind: Any, shape: tuple[int, ...]) -> Iterator[ArrayWriter]:
    """An array in a file, which may be larger than the memory; the file appears when the block succeeds.

    Raises:
        FacereliefError: As `files.atomic`.
    """
    with atomic(path) as part:
        array = ArrayWriter(part, kind, shape)
        try:
            if hasattr(os, "posix_fallocate"):  # on Linux: a full disk is told now; later, it would kill the process
                with part.open("r+b") as file:
                    os.posix_fallocate(file.fileno(), 0, part.stat().st_size)
            yield array
        finally:
            array.close()


def _decode_sample(dataset: Path, sample: Sample, size: int, colour: str) -> dict[str, np.ndarray]:
    rgb = read_png(dataset / sample.file_name, "RGB")
    depth = load_depth(dataset / sample.depth_file_name)
    normal = load_normal(dataset / sample.normal_file_name)
    face = (depth > 0).astype(np.float32)
    share = _shrink(face, size)
    inside = share >= 0.5
    weight = np.where(inside, share, 1)
    small_depth = np.where(inside, _shrink(depth * face, size) / weight, 0)
    small_normal = np.stack([_shrink(plane, size) for plane in normal])
    length = np.linalg.norm(small_normal, axis=0)
    small_normal = np.where(inside & (length > 0), small_normal / np.maximum(length, 1e-6), 0)
    return {
        "image": NetworkInput(size, colour).levels(rgb),
        "depth": np.round(small_depth * 65535).astype(np.uint16),
        "normal": np.round(small_normal * 127).astype(np.int8),
    }


def _shrink(plane: np.ndarray, size: int) -> np.ndarray:
    return np.asarray(Image.fromarray(plane.astype(np.float32)).resize((size, size), Image.Resampling.BOX))
