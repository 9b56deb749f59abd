"""Another photo that shows the expression: ELEGANT's conditions.

An editor's file carries a few training photos of each expression, to edit by: who may have the weights may have these.
"""

import numpy as np
import torch
from torch import Tensor

from facerelief.array_types import Float32, Floats
from facerelief.config import ExpressionTraining
from facerelief.data.arrays import Arrays
from facerelief.data.batches import Batch, to_device
from facerelief.data.conditions.condition import CONDITIONS, Condition
from facerelief.data.conditions.units import typical_rows
from facerelief.network_input import from_levels

_KEPT = 4  # photos of each expression that travel with the weights


@CONDITIONS.add("exemplar")
class Exemplars(Condition):
    """Photos (N, C, S, S) in [-1, 1] of other people with the target expression, and their one-hot labels as planes.

    A condition is (N, C + K, S, S): the photo's C channels, then K planes, of which that of its expression is 1.

    Attributes:
        table: (K, M, C, S, S), levels 0 to 255 of M training photos of each of K expressions, the most typical first.
    """

    random = True
    meaning = "photo of another face with the expression, [-1, 1], and K planes, one-hot in the order of expressions"
    carries = f"{_KEPT} training photos of each expression, as exemplars"
    table: Tensor

    def __init__(self, config: ExpressionTraining) -> None:
        super().__init__(config)
        side = (config.size, config.size)
        self.register_buffer("table", torch.zeros(len(config.expressions), _KEPT, config.channels, *side))
        self._pool: Arrays | None = None
        self._rows: list[np.ndarray] = []

    def collect(self, train: Arrays) -> None:
        """As `Condition.collect`: the `table`; in training all photos are exemplars."""
        values = train.image.reshape(len(train.image), -1)[:, ::16].astype(np.float32)
        rows = [typical_rows(values, train, label, _KEPT) for label in range(len(train.expressions))]
        self.table = torch.stack([torch.from_numpy(train.image[some].astype(np.float32)) for some in rows])
        self._pool = train
        self._rows = [np.flatnonzero(train.label == label) for label in range(len(train.expressions))]

    @property
    def shape(self) -> tuple[int, ...]:
        """As `Condition.shape`."""
        return (self.input.channels + len(self.expressions), self.input.size, self.input.size)

    def own(self, arrays: Arrays, batch: Batch) -> Tensor:
        """As `Condition.own`: the photo itself."""
        return self._with_label(batch.image, batch.label)

    def back(self, arrays: Arrays, batch: Batch) -> Tensor:
        """As `Condition.back`: the most typical training photo with the label; the photo itself would be the answer."""
        return self.towards(arrays, batch, batch.label)

    def towards(self, arrays: Arrays, batch: Batch, y_t: Tensor, draws: Tensor | None = None) -> Tensor:
        """As `Condition.towards`."""
        if self._pool is None or draws is None:
            count = self.table.shape[1]
            place = torch.zeros_like(y_t) if draws is None else (draws * count).long()
            return self._with_label(from_levels(self.table.to(batch.image)[y_t, place]), y_t)
        pairs = zip(y_t.tolist(), draws.tolist(), strict=True)
        chosen = [self._rows[label][int(draw * len(self._rows[label]))] for label, draw in pairs]
        image = to_device(torch.from_numpy(self._pool.image[np.array(chosen)]), batch.image.device).float()
        return self._with_label(from_levels(image), y_t)

    def of_face(self, landmarks: Floats, to: int) -> Float32:
        """As `Condition.of_face`: the most typical photo."""
        image = from_levels(self.table[to, :1].cpu().float())
        return self._with_label(image, torch.tensor([to])).numpy()

    def _with_label(self, image: Tensor, label: Tensor) -> Tensor:
        planes = torch.nn.functional.one_hot(label, len(self.expressions)).to(image)
        return torch.cat([image, planes[:, :, None, None].expand(-1, -1, *image.shape[2:])], dim=1)
