"""Sample grids of held-out photos, drawn during a run."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

from facerelief.data.batches import Batch
from facerelief.files import atomic
from facerelief.networks.conversion import to_pixels
from facerelief.tile_sheet import draw_sheet, enlarged


def save_grid(
    path: Path, rows: list[list[np.ndarray]], enlarge: int = 1, titles: Sequence[str] = (), names: Sequence[str] = ()
) -> None:
    """Write `tile_sheet.draw_sheet` of tiles (H, W, 3) that are enlarged by a whole factor without smoothing."""
    sheet = draw_sheet([[enlarged(tile, enlarge) for tile in row] for row in rows], titles, names)
    with atomic(path) as part:
        sheet.save(part, quality=90)  # for .jpg


@torch.no_grad()
def save_depth_grid(path: Path, translator: nn.Module, batch: Batch) -> None:
    """Fig. 3: a row a photo, of photo, real map, predicted map, and the photo translated back."""
    d_hat = translator(batch.image)
    back = translator(d_hat, to="image")
    columns = [to_pixels(x) for x in (batch.image, batch.geometry, d_hat, back)]
    titles = ("photo", "real map", "predicted map", "translated back")
    save_grid(path, [list(tiles) for tiles in zip(*columns, strict=True)], _enlarge(batch.image), titles)


@torch.no_grad()
def save_expression_grid(
    path: Path,
    generator: nn.Module,
    translator: nn.Module | None,
    batch: Batch,
    conditions: Sequence[Tensor],
    expressions: Sequence[str],
) -> None:
    """A row a photo: the photo, then its edit to every expression; below each the geometry that is estimated of it.

    conditions: (N, ...) each, what asks all photos for each expression.
    """
    edits = [generator(batch.image, condition).image for condition in conditions]
    columns = [to_pixels(x) for x in (batch.image, *edits)]
    rows = [list(tiles) for tiles in zip(*columns, strict=True)]
    if translator is not None:
        maps = [to_pixels(translator(x)) for x in (batch.image, *edits)]
        below = [list(tiles) for tiles in zip(*maps, strict=True)]
        rows = [row for pair in zip(rows, below, strict=True) for row in pair]
    names = ("photo, edits", "geometry") * len(batch.image) if translator is not None else ()
    save_grid(path, rows, _enlarge(batch.image), ("photo", *expressions), names)


def _enlarge(image: Tensor) -> int:
    return max(1, 128 // image.shape[-1])
