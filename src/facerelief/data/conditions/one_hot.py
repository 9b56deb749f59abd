"""The expression itself, as a one-hot vector: StarGAN's domain labels."""

import numpy as np
from torch import Tensor

from facerelief.array_types import Float32, Floats
from facerelief.data.arrays import Arrays
from facerelief.data.batches import Batch
from facerelief.data.conditions.condition import CONDITIONS, Condition
from facerelief.networks.conversion import one_hot


@CONDITIONS.add("class")
class OneHot(Condition):
    """One-hot vectors (N, K) of K expressions."""

    meaning = "one-hot, in the order of expressions"

    @property
    def shape(self) -> tuple[int, ...]:
        """As `Condition.shape`."""
        return (len(self.expressions),)

    def own(self, arrays: Arrays, batch: Batch) -> Tensor:
        """As `Condition.own`."""
        return one_hot(batch.label, len(self.expressions))

    def towards(self, arrays: Arrays, batch: Batch, y_t: Tensor, draws: Tensor | None = None) -> Tensor:
        """As `Condition.towards`."""
        return one_hot(y_t, len(self.expressions))

    def of_face(self, landmarks: Floats, to: int) -> Float32:
        """As `Condition.of_face`."""
        return np.eye(len(self.expressions), dtype=np.float32)[to : to + 1]
