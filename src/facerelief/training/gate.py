"""The gate before stage 2: whether expressions can be told from geometry alone, on held-out real maps.

If D_depth cannot tell anger from neutral on real depth, guidance cannot teach it. A linear classifier on the principal
components of the training maps answers in seconds, the same way for depth and for normals.
"""

from dataclasses import dataclass

import numpy as np
import torch

from facerelief.data.arrays import Arrays
from facerelief.data.batches import make_batch, mirrored

COMPONENTS = 60
_SIDE = 32


@dataclass(frozen=True)
class GateResult:
    """What one kind of map tells. `recall`: per class, held out; `error`: the standard error of `balanced`."""

    guide: str
    expressions: tuple[str, ...]
    recall: tuple[float, ...]
    counts: tuple[int, ...]

    @property
    def balanced(self) -> float:
        """Balanced accuracy: the mean recall of the classes that are there."""
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
        """Whether it is above chance by more than two standard errors and a tenth of what is left to gain."""
        margin = max(2 * self.error, 0.1 * (1 - self.chance))
        return self.balanced > self.chance + margin

    @property
    def verdict(self) -> str:
        """One line for the user."""
        accuracy = f"balanced accuracy {self.balanced:.2f}, chance {self.chance:.2f}"
        told = f"expressions are told from {self.guide} alone with {accuracy}"
        if self.passed:
            return f"{told}: guidance has something to teach"
        remedy = "check the labels, review the dataset, or bring better meshes"
        return f"{told}: near chance, so guidance cannot help; {remedy}"


def geometry_gate(train: Arrays, held_out: Arrays, guide: str) -> GateResult:
    """Train the linear classifier on `train`'s maps of one kind and try it on `held_out`'s."""
    x = torch.cat(_maps(train, guide))
    y = torch.from_numpy(train.label).repeat(2)
    mean = x.mean(dim=0)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)  # svd_lowrank starts from random directions
        _, _, modes = torch.svd_lowrank(x - mean, q=min(COMPONENTS, len(x) - 1, x.shape[1]), niter=4)
    features = (x - mean) @ modes
    scale = features.std(dim=0).clamp_min(1e-6)
    weights = _logistic(features / scale, y, len(train.expressions))
    tests = [(maps - mean) @ modes / scale for maps in _maps(held_out, guide)]
    logits = sum((test @ weights[:-1] + weights[-1]).log_softmax(dim=1) for test in tests)
    called = torch.as_tensor(logits).argmax(dim=1).numpy()
    counts = np.bincount(held_out.label, minlength=len(held_out.expressions))
    hits = np.bincount(held_out.label[called == held_out.label], minlength=len(counts))
    return GateResult(
        guide, held_out.expressions, tuple((hits / np.maximum(counts, 1)).tolist()), tuple(counts.tolist())
    )


def _maps(arrays: Arrays, guide: str) -> tuple[torch.Tensor, torch.Tensor]:
    """Maps (N, K * 32 * 32), as they are and mirrored."""
    geometry = make_batch(arrays, np.arange(len(arrays.label)), guide).geometry
    geometry = torch.nn.functional.adaptive_avg_pool2d(geometry, _SIDE)
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
