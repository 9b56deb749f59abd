"""The geometry probe before stage 2: whether held-out real maps alone show the expression.

If anger cannot be separated from neutral on real depth, guidance by depth cannot help with it. The probe is a linear
classifier on the principal components of the training maps; it takes seconds.
"""

from dataclasses import dataclass

import numpy as np
import torch

from facerelief.data.arrays import Arrays
from facerelief.data.batches import make_batch, mirrored

COMPONENTS = 60
_SIDE = 32
_SOME = 256  # maps at a time


@dataclass(frozen=True)
class ProbeResult:
    """How well a linear probe classifies held-out maps of one kind.

    Attributes:
        guide: "depth" or "normal".
        expressions: The K classes.
        recall: Of each class, 0 to 1; 0 where it has no maps.
        counts: Held-out maps of each class.
    """

    guide: str
    expressions: tuple[str, ...]
    recall: tuple[float, ...]
    counts: tuple[int, ...]

    @property
    def balanced(self) -> float:
        """Balanced accuracy: the mean recall of the classes that occur."""
        return float(np.mean([hit for hit, n in zip(self.recall, self.counts, strict=True) if n]))

    @property
    def chance(self) -> float:
        """Balanced accuracy of guessing."""
        return 1 / len(self.expressions)

    @property
    def error(self) -> float:
        """Standard error of the balanced accuracy under guessing."""
        variance = [self.chance * (1 - self.chance) / n for n in self.counts if n]
        return float(np.sqrt(np.sum(variance)) / len(variance))

    @property
    def passed(self) -> bool:
        """Whether it is above chance by more than two standard errors and a tenth of the way from chance to 1."""
        margin = max(2 * self.error, 0.1 * (1 - self.chance))
        return self.balanced > self.chance + margin

    @property
    def verdict(self) -> str:
        """One line for the user."""
        accuracy = f"balanced accuracy {self.balanced:.2f}, chance {self.chance:.2f}"
        line = f"linear probe on {self.guide}: {accuracy}"
        if self.passed:
            return f"{line}; it contains expression information, so guidance can help"
        remedy = "check the labels, review the dataset, or bring better meshes"
        return f"{line}; near chance, so guidance is unlikely to help: {remedy}"


@dataclass(frozen=True)
class LinearProbe:
    """A linear classifier of C expressions from maps of one kind, on F principal components.

    Attributes:
        guide: "depth" or "normal".
        mean: Mean training map, (D,); D = K * 32 * 32 of the shrunk maps with K channels.
        modes: Principal components, (D, F).
        scale: Standard deviation along each, (F,).
        weights: (F + 1, C), bias last.
    """

    guide: str
    mean: torch.Tensor
    modes: torch.Tensor
    scale: torch.Tensor
    weights: torch.Tensor

    def __call__(self, geometry: torch.Tensor) -> torch.Tensor:
        """The predicted class (N,) of maps (N, K, S, S), averaged over each map and its mirror image."""
        logits = [
            ((maps - self.mean) @ self.modes / self.scale @ self.weights[:-1] + self.weights[-1]).log_softmax(dim=1)
            for maps in _both(geometry.float(), self.guide)
        ]
        return torch.stack(logits).sum(dim=0).argmax(dim=1)

    def to(self, device: torch.device) -> "LinearProbe":
        """The same on another device."""
        return LinearProbe(self.guide, *(x.to(device) for x in (self.mean, self.modes, self.scale, self.weights)))


def fit_probe(train: Arrays, guide: str) -> LinearProbe:
    """Train the linear classifier on `train`'s maps of one kind, "depth" or "normal", and their mirror images."""
    x = torch.cat(_both(_geometry(train, guide), guide))
    y = torch.from_numpy(train.label).repeat(2)
    mean = x.mean(dim=0)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)  # svd_lowrank starts from random directions
        _, _, modes = torch.svd_lowrank(x - mean, q=min(COMPONENTS, len(x) - 1, x.shape[1]), niter=4)
    features = (x - mean) @ modes
    scale = features.std(dim=0).clamp_min(1e-6)
    return LinearProbe(guide, mean, modes, scale, _logistic(features / scale, y, len(train.expressions)))


def probe_geometry(train: Arrays, held_out: Arrays, guide: str) -> ProbeResult:
    """Train the linear classifier on `train`'s maps of one kind and test it on `held_out`'s.

    Args:
        train: Training samples.
        held_out: Samples of other people.
        guide: "depth" or "normal".
    """
    predicted = fit_probe(train, guide)(_geometry(held_out, guide)).numpy()
    counts = np.bincount(held_out.label, minlength=len(held_out.expressions))
    hits = np.bincount(held_out.label[predicted == held_out.label], minlength=len(counts))
    return ProbeResult(
        guide, held_out.expressions, tuple((hits / np.maximum(counts, 1)).tolist()), tuple(counts.tolist())
    )


def _geometry(arrays: Arrays, guide: str) -> torch.Tensor:
    """All maps (N, K, 32, 32), shrunk in batches: at full size those of a large dataset do not fit in memory."""
    parts = np.array_split(np.arange(len(arrays.label)), -(-len(arrays.label) // _SOME))
    return torch.cat([_shrunk(make_batch(arrays, rows, guide).geometry) for rows in parts])


def _shrunk(geometry: torch.Tensor) -> torch.Tensor:
    return torch.nn.functional.adaptive_avg_pool2d(geometry, _SIDE)


def _both(geometry: torch.Tensor, guide: str) -> tuple[torch.Tensor, torch.Tensor]:
    """Maps (N, K * 32 * 32), as they are and mirrored."""
    geometry = _shrunk(geometry)
    return geometry.flatten(1), mirrored(geometry, guide).flatten(1)


def _logistic(x: torch.Tensor, y: torch.Tensor, classes: int) -> torch.Tensor:
    """Weights (F + 1, classes) of a class-balanced multinomial logistic regression, bias last."""
    x = torch.cat([x, torch.ones(len(x), 1)], dim=1)
    weights = torch.zeros(x.shape[1], classes, requires_grad=True)
    balance = len(y) / (classes * torch.bincount(y, minlength=classes).clamp_min(1)).float()
    optimiser = torch.optim.LBFGS([weights], max_iter=60, line_search_fn="strong_wolfe")

    def loss() -> torch.Tensor:
        optimiser.zero_grad()
        value = torch.nn.functional.cross_entropy(x @ weights, y, balance) + 1e-3 * weights[:-1].square().sum()
        value.backward()  # type: ignore[no-untyped-call]
        return value

    optimiser.step(loss)  # type: ignore[no-untyped-call]
    return weights.detach()
