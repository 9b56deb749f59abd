"""Batches as a pure function of (seed, step): resuming at a step gives the very batches that an unbroken run sees."""

import dataclasses
import functools
from collections import Counter
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from facerelief.config import Training
from facerelief.data.arrays import Arrays
from facerelief.errors import DatasetError


@dataclass(frozen=True)
class Rows:
    """Some rows of a batch, which one process computes in one pass; or all of them.

    Attributes:
        start: The first of them.
        stop: One more than the last.
        whole: Rows of the batch.
    """

    start: int
    stop: int
    whole: int

    @classmethod
    def part(cls, whole: int, number: int, count: int) -> "Rows":
        """The number-th of `count` parts. Parts begin with even rows where there are enough: pairs stay together.

        Example:
            >>> [Rows.part(14, number, 3).size for number in range(3)]
            [4, 4, 6]
        """
        pair = 2 if whole >= 2 * count else 1
        start, stop = (pair * (whole // pair * end // count) for end in (number, number + 1))
        return cls(start, whole if number + 1 == count else stop, whole)

    @property
    def size(self) -> int:
        """How many."""
        return self.stop - self.start

    @property
    def share(self) -> float:
        """Of the batch."""
        return self.size / self.whole

    def scale(self, counted: np.ndarray) -> float:
        """Factor of a mean over those of these rows that count, so that parts' means, by their shares, add up.

        Args:
            counted: bool (whole,), which rows of the batch the mean is over.
        """
        own = int(counted[self.start : self.stop].sum())
        return own / max(1, int(counted.sum())) / self.share


@dataclass(frozen=True)
class Batch:
    """N samples as tensors: a batch, or a part of one.

    Attributes:
        image: I_s, (N, C, S, S), in [-1, 1].
        geometry: d_s, (N, K, S, S), in [-1, 1]; K = 1 for depth, 3 for normals, 4 for both.
        label: y_s, (N,), int64, indices of the run's expressions.
        rows: (N,), rows of `Arrays`.
        flips: (N,), bool, which samples are mirrored.
        shares: (N, K), float32, the shares of the votes, where the run learns from them.
        part: Which of the batch's photos these are, where they are a part of it.
        whole_rows: (W,), rows of all the batch's photos, where these are a part of it.
        whole_label: (W,), their labels.
    """

    image: Tensor
    geometry: Tensor
    label: Tensor
    rows: np.ndarray
    flips: np.ndarray
    shares: Tensor | None = None
    part: Rows | None = None
    whole_rows: np.ndarray | None = None
    whole_label: Tensor | None = None

    @property
    def labels_of_all(self) -> Tensor:
        """Labels of the whole batch."""
        return self.label if self.whole_label is None else self.whole_label

    @property
    def classes(self) -> Tensor:
        """What class terms on the photos ask for: `shares` where there are any, else `label`."""
        return self.label if self.shares is None else self.shares


class Batches:
    """The batch of every step, mirrored at random.

    With `config.balanced` every expression occurs equally often, as StarGAN's random target labels assume; else as
    often as in the dataset. Expressions with fewer than `config.min_photos` photos are left out.

    Args:
        arrays: The samples to draw from.
        config: Of the run: `batch`, `seed`, `balanced` and `min_photos` are used.
        guide: Which geometry: "depth", "normal" or "both".

    Attributes:
        known_classes: (K,), bool, which expressions occur.

    Raises:
        DatasetError: Fewer than two expressions have `config.min_photos` photos.
    """

    def __init__(self, arrays: Arrays, config: Training, guide: str) -> None:
        self.arrays, self.size, self.guide, self.seed = arrays, config.batch, guide, config.seed
        self._soft = config.soft_labels
        self._order = functools.lru_cache(64)(self._ordered)
        rows = np.arange(len(arrays.label))
        by_class = [rows[arrays.label == k] for k in range(len(arrays.expressions))]
        enough = [pool for pool in by_class if len(pool) >= config.min_photos]
        if len(enough) < 2:
            raise DatasetError(
                f"fewer than two expressions have {config.min_photos} training photos; lower --set min_photos"
            )
        self._pools = enough if config.balanced else [np.sort(np.concatenate(enough))]
        self.known_classes = np.array([len(pool) >= config.min_photos for pool in by_class])

    def __call__(self, step: int, device: torch.device | str = "cpu", part: Rows | None = None) -> Batch:
        """The batch of one step, counted from 0, on `device`; or a part of it, the same samples as in the whole."""
        whole = np.array([self._draw(number) for number in range(step * self.size, (step + 1) * self.size)])
        block = slice(part.start, part.stop) if part else slice(None)
        flips = np.random.default_rng((self.seed, 1, step)).random(self.size)[block] < 0.5
        rows = whole[block]
        batch = make_batch(self.arrays, rows, self.guide, flips, device)
        if self._soft:
            shares = to_device(torch.from_numpy(self.arrays.shares[rows]), device)
            batch = dataclasses.replace(batch, shares=shares)
        if part is None or part.size == part.whole:
            return batch
        label = to_device(torch.from_numpy(self.arrays.label[whole]), device)
        return dataclasses.replace(batch, part=part, whole_rows=whole, whole_label=label)

    def _draw(self, number: int) -> int:
        """Row of the number-th draw: pools in turn, each walked in a new order every time it is used up."""
        pool = number % len(self._pools)
        epoch, place = divmod(number // len(self._pools), len(self._pools[pool]))
        return int(self._order(pool, epoch)[place])

    def _ordered(self, pool: int, epoch: int) -> np.ndarray:
        return np.random.default_rng((self.seed, 0, pool, epoch)).permutation(self._pools[pool])


def make_batch(
    arrays: Arrays, rows: np.ndarray, guide: str, flips: np.ndarray | None = None, device: torch.device | str = "cpu"
) -> Batch:
    """The batch of given rows.

    Args:
        arrays: The samples.
        rows: (N,), rows of `arrays`.
        guide: Which geometry: "depth", "normal" or "both".
        flips: (N,), bool, which samples to mirror; by default none. x of a mirrored normal changes its sign.
        device: Where the tensors are put.
    """
    image = to_device(torch.from_numpy(arrays.image[rows]), device).float() / 127.5 - 1
    planes = []
    if guide in ("depth", "both"):
        depth = to_device(torch.from_numpy(arrays.depth[rows].astype(np.float32)), device)
        planes.append(depth[:, None] / 32767.5 - 1)
    if guide in ("normal", "both"):
        planes.append(to_device(torch.from_numpy(arrays.normal[rows]), device).float() / 127)
    geometry = torch.cat(planes, dim=1)
    label = to_device(torch.from_numpy(arrays.label[rows]), device)
    flips = np.zeros(len(rows), dtype=bool) if flips is None else flips
    if flips.any():
        chosen = to_device(torch.from_numpy(flips), device)[:, None, None, None]
        image = torch.where(chosen, image.flip(-1), image)
        geometry = torch.where(chosen, mirrored(geometry, guide), geometry)
    return Batch(image, geometry, label, rows, flips)


def to_device(values: Tensor, device: torch.device | str) -> Tensor:
    """Values on `device`. To a GPU from pinned memory: any other copy waits for all that the GPU has to do before."""
    if torch.device(device).type != "cuda":
        return values.to(device)
    return values.pin_memory().to(device, non_blocking=True)


def mirrored(geometry: Tensor, guide: str) -> Tensor:
    """Geometry (N, K, H, W) of the mirrored face; guide: "depth", "normal" or "both"."""
    flipped = geometry.flip(-1)
    if guide == "depth":
        return flipped
    x = 0 if guide == "normal" else 1
    sign = torch.ones(geometry.shape[1], device=geometry.device)
    sign[x] = -1
    return flipped * sign[:, None, None]


def balanced_rows(arrays: Arrays, most: int = 8) -> np.ndarray:
    """Up to `most` rows that show every expression in turn, each of the person shown least so far; always the same."""
    pools = [np.flatnonzero(arrays.label == k).tolist() for k in range(len(arrays.expressions))]
    turns = [pool for turn in range(most) for pool in pools if turn < len(pool)]
    persons, shown, rows = [sample.identity for sample in arrays.samples], Counter[str](), []
    for pool in turns[:most]:
        row = min(pool, key=lambda row: shown[persons[row]])
        pool.remove(row)
        shown[persons[row]] += 1
        rows.append(row)
    return np.array(rows)
