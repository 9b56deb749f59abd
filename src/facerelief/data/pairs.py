"""Pseudo-targets: what the editor without training makes of training photos, an editor's first lessons.

Real photos have no true target: the same person, in the same picture, with another expression. The morphable face gives
an approximate one. They are made once for some photos of each expression, and kept beside the dataset.
"""

import functools
import hashlib
import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from facerelief.data.arrays import Arrays
from facerelief.data.batches import Batch
from facerelief.data.manifest import Sample
from facerelief.data.portraits import read_mesh
from facerelief.data.workers import spread
from facerelief.errors import DatasetError
from facerelief.expressions import EXPRESSIONS
from facerelief.faces.align import Crop, align
from facerelief.faces.colour import to_luma
from facerelief.files import atomic, sha256
from facerelief.geometry.morphable.exchange import SIZE, Exchange
from facerelief.geometry.morphable.model import carried_face, load_face

STRENGTH = 1.4  # networks regress to what is common: what they are shown must be clear
MOST = 500  # photos of an expression: what the rare ones have, and enough of the others
Progress = Callable[[int, int], None]


@dataclass(frozen=True)
class Pairs:
    """place: int64 (N,), where a training row's pseudo-targets are, or -1. image: uint8 (M, K, C, S, S), one of each
    of the K expressions; that of the photo's own is the photo.
    """

    place: np.ndarray
    image: np.ndarray

    def targets(self, batch: Batch, y_t: Tensor) -> tuple[Tensor, Tensor]:
        """Pseudo-targets (P, C, S, S) in [-1, 1] of a batch edited to y_t (N,), and the rows (P,) that have one."""
        place = self.place[batch.rows]
        have = np.flatnonzero(place >= 0)
        rows = torch.from_numpy(have).to(batch.image.device)
        found = self.image[place[have], y_t.cpu().numpy()[have]]
        image = torch.from_numpy(found).to(batch.image.device).float() / 127.5 - 1
        flips = torch.from_numpy(batch.flips[have]).to(image.device)[:, None, None, None]
        return torch.where(flips, image.flip(-1), image), rows


def load_pairs(
    dataset: Path, arrays: Arrays, progress: Progress = lambda done, total: None, workers: int | None = None
) -> Pairs:
    """Pseudo-targets for up to `MOST` photos of each expression. Made on first use, then read from the cache."""
    rows = _chosen(arrays.label, len(arrays.expressions))
    samples = [arrays.samples[row] for row in rows]
    what = [arrays.image.shape[1:], arrays.expressions, STRENGTH, sha256(carried_face())]
    key = hashlib.sha256(json.dumps([*what, [(s.file_name, s.fingerprint) for s in samples]]).encode()).hexdigest()
    path = dataset / ".arrays" / f"{key[:16]}-pairs.npy"
    if not path.is_file():
        maker = functools.partial(Pairer, dataset, arrays.expressions, arrays.size, arrays.image.shape[1])
        made = np.empty((len(rows), len(arrays.expressions), *arrays.image.shape[1:]), np.uint8)
        for done, images in enumerate(spread(maker, (), samples, workers)):
            made[done] = images
            made[done, arrays.label[rows[done]]] = arrays.image[rows[done]]
            progress(done + 1, len(rows))
        with atomic(path) as part:
            np.save(part, made, allow_pickle=False)
    try:
        image = np.load(path, mmap_mode="r", allow_pickle=False)
    except (OSError, ValueError) as reason:
        raise DatasetError(f"{path} is damaged ({reason}); delete it, and it is made again") from reason
    place = np.full(len(arrays.label), -1)
    place[rows] = np.arange(len(rows))
    return Pairs(place, image)


class Pairer:
    """Makes one sample's pseudo-targets, of the package's face; one a process."""

    def __init__(self, dataset: Path, expressions: tuple[str, ...], size: int, channels: int) -> None:
        self._exchange = Exchange(load_face())
        self._dataset, self._expressions, self._size, self._channels = dataset, expressions, size, channels

    def __call__(self, sample: Sample) -> np.ndarray:
        """uint8 (K, C, S, S), one of each expression."""
        rgb, landmarks = read_crop(self._dataset, sample)
        side = min(len(rgb), 2 * self._size)  # the edit's detail is lost in the end
        landmarks = landmarks * (side / len(rgb))
        rgb = np.asarray(Image.fromarray(rgb).resize((side, side), Image.Resampling.BOX))
        crop = align(landmarks, SIZE)
        return np.stack([self._edited(rgb, crop, landmarks, name) for name in self._expressions])

    def _edited(self, rgb: np.ndarray, crop: Crop, landmarks: np.ndarray, expression: str) -> np.ndarray:
        whole = self._exchange(rgb, crop, landmarks, EXPRESSIONS.index(expression), STRENGTH)
        small = np.asarray(Image.fromarray(whole).resize((self._size, self._size), Image.Resampling.BOX))
        return np.moveaxis(small, 2, 0) if self._channels == 3 else to_luma(small)[None]


def read_crop(dataset: Path, sample: Sample) -> tuple[np.ndarray, np.ndarray]:
    """A sample's crop uint8 (H, W, 3) and its landmarks (468, 3) in crop pixels. Raises `DatasetError`."""
    try:
        with Image.open(dataset / sample.file_name) as image:
            rgb = np.asarray(image.convert("RGB"))
    except (OSError, SyntaxError, ValueError) as reason:
        raise DatasetError(f"{dataset / sample.file_name}: {reason}; build the dataset again") from reason
    return rgb, read_mesh(dataset / sample.mesh)[0]


def _chosen(label: np.ndarray, classes: int) -> np.ndarray:
    """Up to `MOST` rows of each class, at random but always the same, in order."""
    random = np.random.default_rng(0)
    return np.sort(np.concatenate([random.permutation(np.flatnonzero(label == k))[:MOST] for k in range(classes)]))
