"""The output of every RGB backbone."""

from typing import NamedTuple

from torch import Tensor


class GeneratorOutput(NamedTuple):
    """An edit by G_rgb.

    Attributes:
        image: I_t (N, C, H, W) in [-1, 1].
        flow: (N, 2, H, W), where each pixel comes from, right and down, in sides; None if the network has none.
        mask: (N, 1, H, W) in [0, 1], the share that is painted; None if the network has none.
    """

    image: Tensor
    flow: Tensor | None = None
    mask: Tensor | None = None
