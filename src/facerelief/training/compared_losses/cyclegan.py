"""CycleGAN: Eq. 1 with least squares, Eq. 2 and the identity loss of its section 5.2; and its pool of past edits."""

import torch
from torch import Tensor, nn

from facerelief.training.run.collectives import whole_batch
from facerelief.training.steps.step_random import StepRandom


def least_squares_discriminator(real: Tensor, fake: Tensor) -> Tensor:
    """Eq. 1 as it is trained: (E[(D(x) - 1)^2] + E[D(G(.))^2]) / 2; both patch scores of any shape."""
    return ((real - 1).square().mean() + fake.square().mean()) / 2


def least_squares_generator(fake: Tensor) -> Tensor:
    """Eq. 1 as it is trained: E[(D(G(.)) - 1)^2]."""
    return (fake - 1).square().mean()


def cycle_consistency(image: Tensor, cycled: Tensor) -> Tensor:
    """Eq. 2, one of its two directions: |F(G(x)) - x|, mean absolute error of (N, C, H, W)."""
    return (cycled - image).abs().mean()


def identity_mapping(image: Tensor, mapped: Tensor) -> Tensor:
    """L_identity, one direction: |G(y) - y| of photos y that are of the target domain already."""
    return (mapped - image).abs().mean()


class ImagePool(nn.Module):
    """Past edits that discriminators see instead of half of today's (Shrivastava et al., 2017), a pool for each.

    They are part of a run's state, so that a resumed run is the same.

    Args:
        expressions: Discriminators, K.
        length: Edits that each pool holds; the authors' have 50.
        channels: Of the edits.
        size: Their side in pixels.
    """

    def __init__(self, expressions: int, length: int, channels: int, size: int) -> None:
        super().__init__()
        self.images: Tensor
        self.count: Tensor
        self.register_buffer("images", torch.zeros(expressions, length, channels, size, size))
        self.register_buffer("count", torch.zeros(expressions, dtype=torch.long))

    @torch.no_grad()
    def forward(self, images: Tensor, labels: Tensor, noise: StepRandom) -> Tensor:
        """What discriminators see of edits (N, C, S, S) to expressions (N,): these until their pool is full, then half
        others to the same expression.

        Returns:
            Edits of the same shape, without gradient.
        """
        length, images, rows = self.images.shape[1], images.detach().clone(), noise.rows
        if rows is not None:  # every process keeps the same pools, in the order of the batch
            images, there = whole_batch([images], [rows])
            labels, noise = whole_batch([labels], [rows])[0], noise.among(None)
        swap, places = (noise.uniform(len(images)) < 0.5).tolist(), noise.integers(length, len(images)).tolist()
        present = range(len(images)) if rows is None else torch.where(there)[0].tolist()
        asked, counts = labels.tolist(), self.count.tolist()
        for k in present:
            pool = self.images[asked[k]]
            if counts[asked[k]] < length:
                pool[counts[asked[k]]] = images[k]
                counts[asked[k]] += 1
            elif swap[k]:
                past = pool[places[k]].clone()
                pool[places[k]], images[k] = images[k], past
        self.count.copy_(torch.tensor(counts))
        return images if rows is None else images[rows.start : rows.stop]
