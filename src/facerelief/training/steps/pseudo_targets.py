"""An editor's first lessons: training photos with the same person, in the same picture, with other expressions.

Synthetic datasets hold them. Real photos have no such target; what the editor without training makes of them is an
approximate one. They are made once for some photos of each expression, and kept beside the dataset.
"""

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from facerelief.colour import to_luma
from facerelief.data.arrays import Arrays, arrays_folder, growing
from facerelief.data.batches import Batch
from facerelief.data.crops import read_crop, read_mesh
from facerelief.data.manifest import Sample
from facerelief.data.synthesize import SYNTHETIC, scene_of
from facerelief.errors import DatasetError
from facerelief.expressions import EXPRESSIONS
from facerelief.faces.alignment import align
from facerelief.faces.warping import bring_back, in_photo
from facerelief.files import sha256
from facerelief.files.arrays import map_npy
from facerelief.geometry.morphable.expression_transfer import SIZE, Exchange, changed, ways_back
from facerelief.geometry.morphable.fitting import fit_face
from facerelief.geometry.morphable.model import carried_face, load_face
from facerelief.geometry.morphable.shading import filled, folds
from facerelief.processes.pool import spread
from facerelief.progress import Progress, no_progress

STRENGTH = 1.25  # networks regress to what is common: what they are shown must be clear
_MAKER = 3  # counts the ways of making them; a cache of another is not read
MOST = 500  # photos of an expression: what the rare ones have, and enough of the others
Item = tuple[Sample, list[Sample]]  # as `Pairer` takes them


@dataclass(frozen=True)
class Lesson:
    """Targets of the rows of a batch that have some. rows: (P,). label: (P,), what each shows. image: (P, C, S, S) in
    [-1, 1]. flow: (P, 2, S, S), where each pixel of it comes from in the photo, right and down, in sides.
    """

    rows: Tensor
    label: Tensor
    image: Tensor
    flow: Tensor


@dataclass(frozen=True)
class Pairs:
    """place: int64 (N,), where a training row's targets are, or -1. image: uint8 (M, K, C, S, S), one of each
    of the K expressions; that of the photo's own is the photo. flow: float16 (M, K, 2, S, S), as in `Lesson`.
    """

    place: np.ndarray
    image: np.ndarray
    flow: np.ndarray

    def lesson(self, batch: Batch, y_t: Tensor) -> Lesson:
        """What a batch edited to y_t (N,) is to look like."""
        place = self.place[batch.rows]
        have = np.flatnonzero(place >= 0)
        target, device = y_t.cpu().numpy()[have], batch.image.device
        image = torch.from_numpy(self.image[place[have], target]).to(device).float() / 127.5 - 1
        flow = torch.from_numpy(self.flow[place[have], target]).to(device).float()
        flips = torch.from_numpy(batch.flips[have]).to(device)[:, None, None, None]
        mirror = torch.tensor([-1.0, 1.0], device=device)[:, None, None]
        return Lesson(
            torch.from_numpy(have).to(device),
            torch.from_numpy(target).to(device),
            torch.where(flips, image.flip(-1), image),
            torch.where(flips, flow.flip(-1) * mirror, flow),
        )


def load_pairs(dataset: Path, arrays: Arrays, progress: Progress = no_progress, workers: int | None = None) -> Pairs:
    """Targets for up to `MOST` photos of each expression. Made on first use, then read from the cache."""
    rows = _chosen(arrays.label, len(arrays.expressions))
    items = _with_partners([arrays.samples[row] for row in rows], arrays)
    names = [[(s.file_name, s.fingerprint) for s in (sample, *partners)] for sample, partners in items]
    what = [arrays.image.shape[1:], arrays.expressions, STRENGTH, _MAKER, sha256(carried_face()), names]
    key = hashlib.sha256(json.dumps(what).encode()).hexdigest()[:16]
    paths = [arrays_folder(dataset) / f"{key}-pairs-{name}.npy" for name in ("image", "flow")]
    if not all(path.is_file() for path in paths):
        _make(dataset, arrays, rows, items, paths, progress, workers)
    try:
        image, flow = (map_npy(path, *form) for path, form in zip(paths, _forms(arrays, len(rows)), strict=True))
    except (OSError, ValueError) as reason:
        raise DatasetError(f"{paths[0].parent} is damaged ({reason}); delete it, and it is made again") from reason
    place = np.full(len(arrays.label), -1)
    place[rows] = np.arange(len(rows))
    return Pairs(place, image, flow)


def _make(
    dataset: Path,
    arrays: Arrays,
    rows: np.ndarray,
    items: list[Item],
    paths: list[Path],
    progress: Progress,
    workers: int | None,
) -> None:
    """Write the images and flows of `Pairs` to two paths."""
    setting = (dataset, arrays.expressions, arrays.size, arrays.image.shape[1])
    pictures, flows = _forms(arrays, len(rows))
    with growing(paths[0], *pictures) as image, growing(paths[1], *flows) as flow:
        for done, (image[done], flow[done]) in enumerate(spread(Pairer, setting, items, workers)):
            own = arrays.label[rows[done]]
            image[done, own], flow[done, own] = arrays.image[rows[done]], 0
            progress(done + 1, len(rows))


def _forms(arrays: Arrays, count: int) -> tuple[tuple[Any, tuple[int, ...]], tuple[Any, tuple[int, ...]]]:
    """Types and shapes of the images and flows of `Pairs` for so many rows."""
    shape, size = (count, len(arrays.expressions)), arrays.size
    return (np.uint8, (*shape, *arrays.image.shape[1:])), (np.float16, (*shape, 2, size, size))


def _with_partners(samples: Sequence[Sample], arrays: Arrays) -> list[Item]:
    """Each sample with those of its scene, in the order of the expressions; of a photo, with none."""
    scenes: dict[str, dict[str, Sample]] = {}
    for sample in arrays.samples:
        if sample.reasons == SYNTHETIC:
            scenes.setdefault(scene_of(sample), {})[sample.expression] = sample
    found = [scenes.get(scene_of(sample), {}) for sample in samples]
    complete = [len(partners) == len(arrays.expressions) for partners in found]
    return [
        (sample, [partners[name] for name in arrays.expressions] if whole else [])
        for sample, partners, whole in zip(samples, found, complete, strict=True)
    ]


class Pairer:
    """Makes one sample's targets; one a process."""

    def __init__(self, dataset: Path, expressions: tuple[str, ...], size: int, channels: int) -> None:
        self._exchange = Exchange(load_face())
        self._dataset, self._expressions, self._size, self._channels = dataset, expressions, size, channels

    def __call__(self, item: Item) -> tuple[np.ndarray, np.ndarray]:
        """uint8 (K, C, S, S) and float16 (K, 2, S, S), image and flow of each expression.

        item: a sample, and those that show the same with each expression; where there are none, they are edits.
        """
        sample, partners = item
        made = [self._true(sample, partner) for partner in partners] or self._edits(sample)
        return np.stack([image for image, _ in made]), np.stack([flow for _, flow in made])

    def _true(self, sample: Sample, partner: Sample) -> tuple[np.ndarray, np.ndarray]:
        rgb, after = read_crop(self._dataset, partner)
        before = read_mesh(self._dataset / sample.mesh)[0]
        ways = ways_back(before, after, len(rgb))[0]
        return self._small(self._shrunk(rgb)), self._small_flow(ways / len(rgb))

    def _edits(self, sample: Sample) -> list[tuple[np.ndarray, np.ndarray]]:
        rgb, landmarks = read_crop(self._dataset, sample)
        side = min(len(rgb), 2 * self._size)  # the edit's detail is lost in the end
        landmarks = landmarks * (side / len(rgb))
        rgb = np.asarray(Image.fromarray(rgb).resize((side, side), Image.Resampling.BOX))
        crop = align(landmarks, SIZE)
        pixels, fit = crop.cut(rgb), fit_face(self._exchange.face, landmarks)
        depth = folds(pixels)

        def edited(name: str) -> tuple[np.ndarray, np.ndarray]:
            layers = self._exchange(pixels, crop, landmarks, fit, EXPRESSIONS.index(name), STRENGTH)
            flow, place = np.zeros((side, side, 2), np.float32), crop.covers((side, side))
            flow[place] = in_photo(crop, bring_back(crop, layers[..., :2], place)) / side
            edit = changed(rgb, crop, filled(layers, depth))
            return self._small(self._shrunk(edit)), self._small_flow(flow)

        return [edited(name) for name in self._expressions]

    def _small(self, rgb: np.ndarray) -> np.ndarray:
        return np.moveaxis(rgb, 2, 0) if self._channels == 3 else to_luma(rgb)[None]

    def _small_flow(self, flow: np.ndarray) -> np.ndarray:
        planes = [np.ascontiguousarray(flow[..., k], dtype=np.float32) for k in (0, 1)]
        return np.stack([self._shrunk(plane) for plane in planes]).astype(np.float16)

    def _shrunk(self, picture: np.ndarray) -> np.ndarray:
        return np.asarray(Image.fromarray(picture).resize((self._size, self._size), Image.Resampling.BOX))


def _chosen(label: np.ndarray, classes: int) -> np.ndarray:
    """Up to `MOST` rows of each class, at random but always the same, in order."""
    random = np.random.default_rng(0)
    return np.sort(np.concatenate([random.permutation(np.flatnonzero(label == k))[:MOST] for k in range(classes)]))
