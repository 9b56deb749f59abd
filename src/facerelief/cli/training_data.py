"""The dataset of a training, with a bar while shards are copied."""

from contextlib import ExitStack
from typing import TYPE_CHECKING, Any

from facerelief.cli.console import bar

if TYPE_CHECKING:
    from facerelief.data import Dataset


def training_dataset(place: str) -> "Dataset":
    """The dataset of a folder, or of shards by path or URL. Raises as `data.shards.cache.open_copy`."""
    from facerelief.data.shards.cache import open_copy

    with ExitStack() as stack:
        moves: list[Any] = []

        def copying(done: int, total: int) -> None:
            if not moves:
                moves.append(stack.enter_context(bar("copying shards", "samples", keeps=True)))
            moves[0](done, total)

        return open_copy(place, copying)
