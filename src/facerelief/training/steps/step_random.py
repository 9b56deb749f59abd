"""Random numbers of a training step, the same whenever it is taken, and however its batch is divided."""

import torch
from torch import Tensor

from facerelief.data.batches import Rows, to_device


class StepRandom:
    """Random numbers of one step, the same whenever that step is taken.

    Of a part of a batch they are what the whole batch would get: numbers for all its photos are drawn, and those of the
    part's are given. So numbers are asked for by photo.

    Args:
        seed: The run's.
        step: The step's number.
        device: Where the numbers are needed; they are drawn on the CPU.
        rows: Which photos of the batch they are for; by default all.
    """

    def __init__(self, seed: int, step: int, device: torch.device, rows: Rows | None = None) -> None:
        self._random = torch.Generator().manual_seed((seed * 1_000_003 + step) * 64)
        self._device, self.step, self.rows = device, step, rows

    def among(self, rows: Rows | None) -> "StepRandom":
        """The same source, for other photos: it goes on where this one stands, and this one after it."""
        other = StepRandom(0, self.step, self._device, rows)
        other._random = self._random
        return other

    def uniform(self, *shape: int, photos: int = 0) -> Tensor:
        """Uniform in [0, 1). photos: which axis counts the photos."""
        return self._own(torch.rand(self._whole(shape, photos), generator=self._random), photos)

    def normal(self, *shape: int) -> Tensor:
        """Standard normal; the first axis counts the photos."""
        return self._own(torch.randn(self._whole(shape), generator=self._random))

    def integers(self, below: int, count: int) -> Tensor:
        """Uniform integers (count,) from 0, one for each photo."""
        return self._own(torch.randint(below, self._whole((count,)), generator=self._random))

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
        """Labels of the whole batch in random order, those at this part's places: StarGAN's target labels."""
        if self.rows is not None and len(labels) != self.rows.whole:
            raise ValueError(f"{len(labels)} labels of {self.rows.whole}; permute batch.labels_of_all")
        order = torch.randperm(len(labels), generator=self._random)
        return labels[self._own(order)]

    def _whole(self, shape: tuple[int, ...], photos: int = 0) -> tuple[int, ...]:
        """The shape for the whole batch."""
        if self.rows is None:
            return shape
        several, left = divmod(shape[photos], self.rows.size)
        if left or not several:
            raise ValueError(f"{shape[photos]} numbers for {self.rows.size} photos")
        return (*shape[:photos], several * self.rows.whole, *shape[photos + 1 :])

    def _own(self, values: Tensor, photos: int = 0) -> Tensor:
        """Those of this part's photos, also where each photo has several in turn, as a batch of edits both ways has."""
        if self.rows is not None:
            each = values.reshape(*values.shape[:photos], -1, self.rows.whole, *values.shape[photos + 1 :])
            values = each.narrow(photos + 1, self.rows.start, self.rows.size).flatten(photos, photos + 1)
        return to_device(values, self._device)
