"""Outputs of a network that are the same but for rounding."""

import torch
from torch import Tensor


def assert_same_but_for_rounding(found: Tensor, expected: Tensor) -> None:
    """Apart by no more than 1e-4 of the largest value.

    A processor's kernels add in an order of their own for each batch, so a value that is small by cancellation is
    off by as much as a large one: no relative tolerance holds everywhere.
    """
    scale = float(expected.detach().abs().max())
    torch.testing.assert_close(found, expected, rtol=0, atol=1e-4 * scale)
