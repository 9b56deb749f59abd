"""How well a depth network estimates geometry, against always predicting the mean map; the paper's Fig. 3."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

from facerelief.data.arrays import Arrays
from facerelief.data.batches import make_batch
from facerelief.evaluation.metrics.geometry import map_errors
from facerelief.networks.conversion import to_pixels
from facerelief.training.run.sample_grids import save_grid

_MOST = 2000  # training maps whose mean is what is trivial


@dataclass(frozen=True)
class GeometryAccuracy:
    """Errors over face pixels, those of the real map: depth in inter-ocular distances, normals in degrees.

    None where the network does not estimate that kind. `trivial`: the same for the training maps' mean.
    """

    samples: int
    depth: float | None
    depth_trivial: float | None
    normal: float | None
    normal_trivial: float | None
    mask_iou: float
    mask_iou_trivial: float


def _mean_map(train: Arrays, guide: str, batch: int) -> Tensor:
    """The mean of at most 2000 training maps, (K, S, S)."""
    rows = np.arange(0, len(train.label), -(-len(train.label) // _MOST))
    parts = [rows[start : start + batch] for start in range(0, len(rows), batch)]
    total = torch.stack([make_batch(train, part, guide).geometry.double().sum(dim=0) for part in parts]).sum(dim=0)
    return (total / len(rows)).float()


def geometry_accuracy(
    translator: nn.Module, train: Arrays, test: Arrays, guide: str, batch: int = 32
) -> GeometryAccuracy:
    """Errors of a depth network on `test`; the mean map is that of `train`."""
    mean = _mean_map(train, guide, batch)
    sums = {"learnt": np.zeros(4), "trivial": np.zeros(4)}
    device = next(translator.parameters()).device
    for start in range(0, len(test.label), batch):
        rows = np.arange(start, min(start + batch, len(test.label)))
        real = make_batch(test, rows, guide)
        with torch.inference_mode():
            guess = translator(real.image.to(device)).cpu().float()
        sums["learnt"] += _sums(guess, real.geometry, guide)
        sums["trivial"] += _sums(mean.expand_as(guess), real.geometry, guide)
    learnt, trivial = (total[:3] / total[3] for total in (sums["learnt"], sums["trivial"]))
    has_depth, has_normal = guide != "normal", guide != "depth"
    return GeometryAccuracy(
        samples=len(test.label),
        depth=float(learnt[0]) if has_depth else None,
        depth_trivial=float(trivial[0]) if has_depth else None,
        normal=float(learnt[1]) if has_normal else None,
        normal_trivial=float(trivial[1]) if has_normal else None,
        mask_iou=float(learnt[2]),
        mask_iou_trivial=float(trivial[2]),
    )


def save_figure3(path: Path, nets: dict[str, nn.Module], test: Arrays, rows: np.ndarray) -> None:
    """The paper's Fig. 3: per row a photo, then real and predicted map of each network, whose guide is its name."""
    pictures = [to_pixels(make_batch(test, rows, "depth").image)]
    for guide, translator in nets.items():
        real = make_batch(test, rows, guide)
        device = next(translator.parameters()).device
        with torch.inference_mode():
            guess = translator(real.image.to(device)).cpu()
        pictures += [to_pixels(real.geometry), to_pixels(guess)]
    save_grid(path, [list(tiles) for tiles in zip(*pictures, strict=True)], enlarge=max(1, 128 // test.size))


def _sums(guess: Tensor, real: Tensor, guide: str) -> np.ndarray:
    """Per-photo errors summed: depth, degrees, intersection over union of the masks; and the number of photos."""
    return np.array([*(float(errors.sum()) for errors in map_errors(guess, real, guide)), len(real)])
