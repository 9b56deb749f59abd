"""The exponential moving average of a network."""

import copy
from itertools import compress

import torch
from torch import nn
from torch.optim.swa_utils import get_ema_multi_avg_fn


class EMA(nn.Module):
    """Exponential moving average of a module's parameters and running statistics; decay 0 copies them."""

    def __init__(self, module: nn.Module, decay: float) -> None:
        super().__init__()
        self.module = copy.deepcopy(module).requires_grad_(False).eval()
        self.decay = decay

    @torch.no_grad()
    def update(self, module: nn.Module, step: int) -> None:
        """Move towards `module`; faster during the first steps, so that the initial weights soon count for nothing."""
        means, values = (list(one.state_dict().values()) for one in (self.module, module))
        real = [mean.is_floating_point() for mean in means]
        move = get_ema_multi_avg_fn(min(self.decay, (1 + step) / (10 + step)))  # type: ignore[no-untyped-call]
        move(list(compress(means, real)), list(compress(values, real)), step)  # in one launch on a GPU
        for mean, value, is_real in zip(means, values, real, strict=True):
            if not is_real:
                mean.copy_(value)  # batch norm counts its batches
