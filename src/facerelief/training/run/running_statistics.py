"""Running statistics of batch norm while a batch is computed in parts."""

from collections.abc import Iterable

import torch
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm
from torch.nn.utils import parameters_to_vector

from facerelief.training.run.collectives import summed


class RunningStatistics:
    """Each part of a batch starts from the same statistics; in the end they are the mean of what the parts left.

    So they do not depend on which process computes which part. Batch norm itself normalises each part alone.

    Args:
        modules: Networks; those without batch norm have no statistics.
    """

    def __init__(self, modules: Iterable[nn.Module]) -> None:
        layers = [layer for module in modules for layer in module.modules() if isinstance(layer, _BatchNorm)]
        # `.data`: backward passes of training do not use them, but would find them changed.
        self._values: list[Tensor] = [
            value.data for one in layers for value in (one.running_mean, one.running_var) if value is not None
        ]
        self._counts = [one.num_batches_tracked for one in layers if one.num_batches_tracked is not None]
        self._start = [one.clone() for one in (*self._values, *self._counts)]
        self._sums = [torch.zeros_like(one) for one in self._values]
        self._after = self._counts

    @torch.no_grad()
    def end_part(self, share: float) -> None:
        """Note what a part left, which is this share of the batch, and go back to the start."""
        for total, value in zip(self._sums, self._values, strict=True):
            total += share * value
        self._after = [one.clone() for one in self._counts]
        for one, start in zip((*self._values, *self._counts), self._start, strict=True):
            one.copy_(start)

    @torch.no_grad()
    def end(self) -> None:
        """Set the mean of all processes' parts."""
        if not self._values:
            return
        means = torch.split(summed(parameters_to_vector(self._sums)), [one.numel() for one in self._sums])
        for value, mean in zip(self._values, means, strict=True):
            value.copy_(mean.view_as(value))
        for count, after in zip(self._counts, self._after, strict=True):
            count.copy_(after)
