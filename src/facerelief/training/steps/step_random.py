"""Random numbers of a training step, the same whenever it is taken."""

import torch
from torch import Tensor

from facerelief.data.batches import to_device


class StepRandom:
    """Random numbers of one step, the same whenever that step is taken.

    Args:
        seed: The run's.
        step: The step's number.
        device: Where the numbers are needed; they are drawn on the CPU.
        rank: Number of this process, if there are several.
    """

    def __init__(self, seed: int, step: int, device: torch.device, rank: int = 0) -> None:
        self._random = torch.Generator().manual_seed((seed * 1_000_003 + step) * 64 + rank)
        self._device, self.step = device, step

    def uniform(self, *shape: int) -> Tensor:
        """Uniform in [0, 1)."""
        return to_device(torch.rand(shape, generator=self._random), self._device)

    def normal(self, *shape: int) -> Tensor:
        """Standard normal."""
        return to_device(torch.randn(shape, generator=self._random), self._device)

    def integers(self, below: int, count: int) -> Tensor:
        """Uniform integers (count,) from 0."""
        return to_device(torch.randint(below, (count,), generator=self._random), self._device)

    def others(self, labels: Tensor, among: Tensor) -> Tensor:
        """For each label another class.

        Args:
            labels: (N,).
            among: bool (K,), the classes to choose from, uniformly.

        Returns:
            (N,).
        """
        scores = self.uniform(len(labels), len(among)) + among.float()  # the others' stay below 1
        rows = torch.arange(len(labels), device=labels.device)
        scores[rows, labels] = -1
        return scores.argmax(dim=1)

    def permuted(self, labels: Tensor) -> Tensor:
        """The batch's labels in random order: StarGAN's target labels."""
        return labels[to_device(torch.randperm(len(labels), generator=self._random), labels.device)]
