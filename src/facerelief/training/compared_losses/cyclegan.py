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
    """Past edits that the discriminator sees instead of half of today's (Shrivastava et al., 2017).

    It is part of a run's state, so that a resumed run is the same.

    Args:
        length: Edits that it holds; the authors' is 50.
        channels: Of the edits.
        size: Their side in pixels.
    """

    def __init__(self, length: int, channels: int, size: int) -> None:
        super().__init__()
        self.images: Tensor
        self.labels: Tensor
        self.count: Tensor
        self.register_buffer("images", torch.zeros(length, channels, size, size))
        self.register_buffer("labels", torch.zeros(length, dtype=torch.long))
        self.register_buffer("count", torch.zeros((), dtype=torch.long))

    @torch.no_grad()
    def forward(self, images: Tensor, labels: Tensor, noise: StepRandom) -> tuple[Tensor, Tensor]:
        """What discriminators see of edits (N, C, S, S) to expressions (N,): these until it is full, then half others.

        Returns:
            Edits of the same shape, without gradient, and their expressions.
        """
        length, images, labels, rows = len(self.images), images.detach().clone(), labels.clone(), noise.rows
        if rows is not None:  # every process keeps the same pool, in the order of the batch
            images, there = whole_batch([images], [rows])
            labels, noise = whole_batch([labels], [rows])[0], noise.among(None)
        swap, places = (noise.uniform(len(images)) < 0.5).tolist(), noise.integers(length, len(images)).tolist()
        present = range(len(images)) if rows is None else torch.where(there)[0].tolist()
        for k, place in ((k, places[k]) for k in present):
            if self.count < length:
                self.images[self.count], self.labels[self.count] = images[k], labels[k]
                self.count += 1
            elif swap[k]:
                past, label = self.images[place].clone(), self.labels[place].clone()
                self.images[place], self.labels[place] = images[k], labels[k]
                images[k], labels[k] = past, label
        own = slice(None) if rows is None else slice(rows.start, rows.stop)
        return images[own], labels[own]
