"""Terms of the steps since the last line of a run's log."""

import math
from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import Tensor

from facerelief.errors import FacereliefError
from facerelief.training.run.collectives import gathered


class Log:
    """Terms since the last line, and their means: raw, and weighted under `weighted/`.

    Args:
        noted: Terms of a state that was saved between two lines, as `noted` gave them.
        main: Whether this is the main process; others would count those terms again.
    """

    def __init__(self, noted: Mapping[str, Any] | None = None, *, main: bool = True) -> None:
        found = (noted if main else None) or {"terms": [], "weights": {}}
        self._noted: list[tuple[int, str, Tensor]] = [(s, key, torch.tensor(value)) for s, key, value in found["terms"]]
        self._weights: dict[str, float] = dict(found["weights"])

    def add(self, network: str, terms: Mapping[str, Tensor], weights: Mapping[str, float], step: int) -> None:
        """Note the terms of one network's step, e.g. "D_rgb". Values are read later: reading waits for the GPU.

        Where several processes share a batch, each notes its part of the terms, and the sum over them is logged.
        """
        for name, term in terms.items():
            self._noted.append((step, f"{network}/{name}", term.detach()))
            self._weights[f"{network}/{name}"] = weights[name]

    def noted(self) -> dict[str, Any]:
        """What all processes noted, for JSON; {} where nothing is. Raises as `flush` does."""
        terms = self._values()
        return {"terms": terms, "weights": self._weights} if terms else {}

    def _values(self) -> list[tuple[int, str, float]]:
        values = torch.stack([term.float() for *_, term in self._noted]).tolist() if self._noted else []
        mine = [(step, key, value) for (step, key, _), value in zip(self._noted, values, strict=True)]
        lists, weights = zip(*gathered((mine, self._weights)), strict=True)
        self._weights = {key: weight for one in weights for key, weight in one.items()}
        terms = _summed(lists)
        for step, key, value in terms:
            if not math.isfinite(value):
                raise FacereliefError(f"{key} is not finite at step {step}; start again with a lower --set lr")
        return terms

    def flush(self) -> dict[str, float]:
        """The means, and start anew. Raises `FacereliefError` that names the first term that was not finite."""
        found: dict[str, list[float]] = {}
        for _, key, value in self._values():
            found.setdefault(key, []).append(value)
        self._noted = []
        means = {key: sum(values) / len(values) for key, values in found.items()}
        return means | {f"weighted/{key}": mean * self._weights[key] for key, mean in means.items()}


def _summed(lists: Sequence[list[tuple[int, str, float]]]) -> list[tuple[int, str, float]]:
    """The sum of what processes noted of the same term at the same step."""
    if len(lists) == 1:
        return lists[0]
    sums: dict[tuple[int, str], float] = {}
    for step, key, value in (entry for one in lists for entry in one):
        sums[step, key] = sums.get((step, key), 0.0) + value
    return [(step, key, value) for (step, key), value in sorted(sums.items(), key=lambda item: item[0][0])]
