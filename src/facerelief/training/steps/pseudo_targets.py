"""Pseudo-targets of distillation: training photos with the same person, in the same picture, with other expressions.

The morphable editor makes approximate ones. Synthetic datasets hold true ones, which are taken on request only: who
learns from them learns from pairs. They are made once for some photos of each expression, and kept beside the dataset.
"""

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor

from facerelief.array_types import Bool, Int64, UInt8
from facerelief.colour import LUMA, to_luma
from facerelief.data.arrays import Arrays, arrays_folder, create_memmap, to_make
from facerelief.data.batches import Batch, Rows
from facerelief.data.crops import read_alignment, read_crop
from facerelief.data.manifest import Sample
from facerelief.data.synthesize import SYNTHETIC, scene_of
from facerelief.errors import DatasetError
from facerelief.faces.warping import flow_in_photo, resample_map
from facerelief.files import sha256
from facerelief.files.arrays import map_npy
from facerelief.geometry.morphable.fitting import APART, fit_face
from facerelief.geometry.morphable.model import carried_face, load_face
from facerelief.geometry.transfer.expression_transfer import ExpressionTransfer, backward_flow, transfer_crop
from facerelief.geometry.transfer.photo_look import seen_lips
from facerelief.geometry.transfer.shading import wrinkle_map
from facerelief.geometry.transfer.warp_layers import apply_layers
from facerelief.processes.pool import map_in_processes
from facerelief.progress import Progress, no_progress

STRENGTH = 1.25  # networks regress to the mean, so their targets are exaggerated
_MAKER = 9  # version of how they are made; a cache of another is not read
MOST_PHOTOS = 500  # photos of each expression; rare ones have no more
_Item = tuple[Sample, list[Sample]]  # as `TargetMaker` takes them


@dataclass(frozen=True)
class TargetBatch:
    """Targets of the P photos of a batch that have one.

    Attributes:
        rows: (P,), of the batch.
        label: (P,), the expression that each target shows.
        image: (P, C, S, S) in [-1, 1].
        flow: (P, 2, S, S), where each pixel of the image comes from in the photo, right and down, in sides.
        part: Which of the whole batch's targets these are, where the batch is a part.
        scale: Factor of means over these, so that those of a batch's parts, each by its share of the photos, add up.
    """

    rows: Tensor
    label: Tensor
    image: Tensor
    flow: Tensor
    part: Rows | None = None
    scale: float = 1.0

    @property
    def any(self) -> bool:
        """Whether the whole batch has targets."""
        return (self.part.whole if self.part else len(self.label)) > 0


@dataclass(frozen=True)
class PseudoTargets:
    """Targets of M training photos, one for each of the K expressions; that of the photo's own is the photo.

    Attributes:
        place: (N,), where the targets of each of all N training photos are, or -1.
        image: (M, K, C, S, S).
        flow: (M, K, 2, S, S), half precision, as in `TargetBatch`.
    """

    place: Int64
    image: UInt8
    flow: NDArray[np.float16]

    def of_batch(self, batch: Batch, y_t: Tensor) -> TargetBatch:
        """Targets of a batch for the expressions y_t (N,); mirrored where the batch is."""
        place = self.place[batch.rows]
        have = np.flatnonzero(place >= 0)
        target, device = y_t.cpu().numpy()[have], batch.image.device
        image = torch.from_numpy(self.image[place[have], target]).to(device).float() / 127.5 - 1
        flow = torch.from_numpy(self.flow[place[have], target]).to(device).float()
        flips = torch.from_numpy(batch.flips[have]).to(device)[:, None, None, None]
        mirror = torch.tensor([-1.0, 1.0], device=device)[:, None, None]
        return TargetBatch(
            torch.from_numpy(have).to(device),
            torch.from_numpy(target).to(device),
            torch.where(flips, image.flip(-1), image),
            torch.where(flips, flow.flip(-1) * mirror, flow),
            *self._part(batch, len(have)),
        )

    def have(self, batch: Batch) -> Bool:
        """Which photos of the whole batch have targets, (W,)."""
        return self.place[batch.rows if batch.whole_rows is None else batch.whole_rows] >= 0

    def _part(self, batch: Batch, found: int) -> tuple[Rows | None, float]:
        """`part` and `scale` of a `TargetBatch` with `found` targets."""
        if batch.part is None:
            return None, 1.0
        have = self.have(batch)
        before = int(have[: batch.part.start].sum())
        return Rows(before, before + found, int(have.sum())), batch.part.scale(have)


def load_pseudo_targets(
    dataset: Path,
    arrays: Arrays,
    progress: Progress = no_progress,
    workers: int | None = None,
    *,
    paired: bool = False,
) -> PseudoTargets:
    """Targets for some training photos, made on first use, then read from the cache beside the dataset.

    Args:
        dataset: The dataset's folder.
        arrays: Its training photos, of which up to `MOST_PHOTOS` of each expression get targets.
        progress: Called with the number of photos that are done, and of all photos.
        workers: Processes, by default one a core.
        paired: Take the true pictures of a photo's scene, where the dataset has it with every expression.

    Raises:
        DatasetError: The cache is damaged, or a photo cannot be read.
    """
    rows = _chosen(arrays.label, len(arrays.expressions))
    chosen = [arrays.samples[row] for row in rows]
    items = _with_partners(chosen, arrays) if paired else [(sample, list[Sample]()) for sample in chosen]
    names = [[(s.file_name, s.fingerprint) for s in (sample, *partners)] for sample, partners in items]
    what = [arrays.image.shape[1:], arrays.expressions, STRENGTH, _MAKER, sha256(carried_face()), names]
    key = hashlib.sha256(json.dumps(what).encode()).hexdigest()[:16]
    paths = [arrays_folder(dataset) / f"{key}-pairs-{name}.npy" for name in ("image", "flow")]
    with to_make(*paths) as absent:
        if absent:
            _make(dataset, arrays, rows, items, paths, progress, workers)
    try:
        image, flow = (map_npy(path, *form) for path, form in zip(paths, _forms(arrays, len(rows)), strict=True))
    except (OSError, ValueError) as reason:
        raise DatasetError(f"{paths[0].parent} is damaged ({reason}); delete it, and it is made again") from reason
    place = np.full(len(arrays.label), -1)
    place[rows] = np.arange(len(rows))
    return PseudoTargets(place, image, flow)


def _make(
    dataset: Path,
    arrays: Arrays,
    rows: np.ndarray,
    items: list[_Item],
    paths: list[Path],
    progress: Progress,
    workers: int | None,
) -> None:
    """Write the images and flows of `PseudoTargets` to two paths."""
    setting = (dataset, arrays.expressions, arrays.size, arrays.image.shape[1])
    pictures, flows = _forms(arrays, len(rows))
    with create_memmap(paths[0], *pictures) as image, create_memmap(paths[1], *flows) as flow:
        for done, made in enumerate(map_in_processes(TargetMaker, setting, items, workers)):
            own = arrays.label[rows[done]]
            image[done], flow[done] = made
            image[done, own], flow[done, own] = arrays.image[rows[done]], 0
            progress(done + 1, len(rows))


def _forms(arrays: Arrays, count: int) -> tuple[tuple[Any, tuple[int, ...]], tuple[Any, tuple[int, ...]]]:
    """Types and shapes of the images and flows of `PseudoTargets` for so many rows."""
    shape, size = (count, len(arrays.expressions)), arrays.size
    return (np.uint8, (*shape, *arrays.image.shape[1:])), (np.float16, (*shape, 2, size, size))


def _with_partners(samples: Sequence[Sample], arrays: Arrays) -> list[_Item]:
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


class TargetMaker:
    """Makes one sample's targets; one a process."""

    def __init__(self, dataset: Path, expressions: tuple[str, ...], size: int, channels: int) -> None:
        self._transfer = ExpressionTransfer(load_face())
        self._dataset, self._expressions, self._size, self._channels = dataset, expressions, size, channels

    def __call__(self, item: _Item) -> tuple[UInt8, NDArray[np.float16]]:
        """Image (K, C, S, S) and flow (K, 2, S, S) of each expression.

        item: a sample, and those that show the same with each expression; where there are none, they are edits.
        """
        sample, partners = item
        made = [self._true(sample, partner) for partner in partners] or self._edits(sample)
        return np.stack([image for image, _ in made]), np.stack([flow for _, flow in made])

    def _true(self, sample: Sample, partner: Sample) -> tuple[np.ndarray, np.ndarray]:
        rgb, after = read_crop(self._dataset, partner)
        before = read_alignment(self._dataset / sample.mesh)[0]
        flow = backward_flow(before, after, len(rgb))[0]
        return self._small(self._shrunk(rgb)), self._small_flow(flow / len(rgb))

    def _edits(self, sample: Sample) -> list[tuple[np.ndarray, np.ndarray]]:
        rgb, landmarks = read_crop(self._dataset, sample)
        side = min(len(rgb), 2 * self._size)  # the edit's detail is lost in the end
        landmarks = landmarks * (side / len(rgb))
        rgb = np.asarray(Image.fromarray(rgb).resize((side, side), Image.Resampling.BOX))
        crop = transfer_crop(landmarks)
        pixels, landmarks = crop.cut(rgb), seen_lips(rgb, landmarks)
        fit = fit_face(self._transfer.face, landmarks, APART)
        wrinkles = wrinkle_map(pixels @ LUMA, crop.to_crop(landmarks))

        def edited(name: str) -> tuple[np.ndarray, np.ndarray]:
            target = self._transfer.targets(name)
            layers = self._transfer(pixels, crop, landmarks, fit, target, STRENGTH)
            flow, place = np.zeros((side, side, 2), np.float32), crop.covers((side, side))
            flow[place] = flow_in_photo(crop, resample_map(crop, layers.flow, place)) / side
            edit = apply_layers(rgb, crop, layers.filled(wrinkles))
            return self._small(self._shrunk(edit)), self._small_flow(flow)

        return [edited(name) for name in self._expressions]

    def _small(self, rgb: np.ndarray) -> np.ndarray:
        return np.moveaxis(rgb, 2, 0) if self._channels == 3 else to_luma(rgb)[None]

    def _small_flow(self, flow: np.ndarray) -> np.ndarray:
        planes = [np.ascontiguousarray(flow[..., k], dtype=np.float32) for k in (0, 1)]
        return np.stack([self._shrunk(plane) for plane in planes]).astype(np.float16)

    def _shrunk(self, picture: np.ndarray) -> np.ndarray:
        return np.asarray(Image.fromarray(picture).resize((self._size, self._size), Image.Resampling.BOX))


def _chosen(label: Int64, classes: int) -> Int64:
    """Up to `MOST_PHOTOS` rows of each class, at random but always the same, in order."""
    random = np.random.default_rng(0)
    chosen = [random.permutation(np.flatnonzero(label == k))[:MOST_PHOTOS] for k in range(classes)]
    return np.sort(np.concatenate(chosen))
