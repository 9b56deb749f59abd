"""The metric networks, and what they predict of images."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

import numpy as np
import torch
from torch import Tensor, nn

from facerelief.data.arrays import Arrays
from facerelief.data.batches import make_batch
from facerelief.training.geometry_probe import LinearProbe
from facerelief.training.identity import embed


@dataclass(frozen=True)
class FeatureNet:
    """Features for Frechet and kernel distance.

    Attributes:
        call: Images (N, C, S, S) in [-1, 1] to vectors (N, D).
        frechet: What the Frechet distance by it is called, e.g. "FID".
        kernel: What the kernel distance by it is called, e.g. "KID".
        sha256: Of its weights.
    """

    call: Callable[[Tensor], Tensor]
    frechet: str
    kernel: str
    sha256: str


@dataclass(frozen=True)
class MetricNetworks:
    """The metric networks; what belongs to one that is None is not measured.

    Attributes:
        classifier: Of expressions, trained on real photos only: the generation rate.
        features: For Frechet and kernel distance.
        identity: The identity encoder.
        depth: A depth network, and in `guide` the kind of maps that it estimates.
        probes: Linear classifiers of expressions from real maps, by kind of map.
        class_maps: (K, G, S, S), the mean real map of each expression (`class_mean_maps`), for geometry without pairs.
        pixels: Whether PSNR and SSIM are measured, of the cycle and against true targets.
        device: Where all of them are.
    """

    classifier: nn.Module | None = None
    features: FeatureNet | None = None
    identity: nn.Module | None = None
    depth: nn.Module | None = None
    guide: str = "depth"
    probes: Mapping[str, LinearProbe] = field(default_factory=dict)
    class_maps: Tensor | None = None
    pixels: bool = True
    device: torch.device = field(default_factory=lambda: torch.device("cpu"))


def predict_from_maps(networks: MetricNetworks, maps: Tensor) -> dict[str, Tensor]:
    """By kind of map, the expression (N,) that estimated maps (N, G, S, S) show to a linear probe of real ones."""
    planes = {"depth": slice(0, 1), "normal": slice(-3, None)}
    return {kind: probe(maps[:, planes[kind]]) for kind, probe in networks.probes.items()}


def identity_distance(encoder: nn.Module, a: Tensor, b: Tensor) -> Tensor:
    """How far apart an encoder sees the persons of images (N, C, S, S): 1 - cos (N,), 0 (the same) to 2."""
    return (1 - (embed(encoder, a) * embed(encoder, b)).sum(dim=1)).clamp_min(0)


def class_mean_maps(train: Arrays, guide: str, device: torch.device, most: int = 500) -> Tensor:
    """(K, G, S, S): the mean real map of each expression's training photos, on pixels that are face in half of them.

    An expression without training photos gets the background.
    """
    maps = []
    for label in range(len(train.expressions)):
        rows = np.flatnonzero(train.label == label)[:most]
        if not len(rows):
            rows = np.arange(1)
        real = make_batch(train, rows, guide).geometry
        face = real[:, :1] > -0.999 if guide != "normal" else real.square().sum(dim=1, keepdim=True) > 0.25
        share = face.float().mean(dim=0)
        mean = (real * face).sum(dim=0) / face.sum(dim=0).clamp_min(1)
        background = torch.zeros_like(mean)
        if guide != "normal":
            background[0] = -1
        present = (share >= 0.5) & bool((train.label == label).any())
        maps.append(torch.where(present, mean, background))
    return torch.stack(maps).to(device)
