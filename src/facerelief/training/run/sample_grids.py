"""Sample grids that a run draws as it goes: what the networks make of held-out photos."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from PIL import Image, ImageDraw, ImageFont
from torch import Tensor, nn

from facerelief.data.batches import Batch
from facerelief.files import atomic

CAPTION = 22  # pixels of a line of text


def to_pixels(x: Tensor) -> np.ndarray:
    """Maps (N, C, H, W) in [-1, 1], C of 1, 3 or 4 (depth and normals side by side), as uint8 (N, H, W or 2W, 3)."""
    if x.shape[1] == 4:
        return np.concatenate([to_pixels(x[:, :1]), to_pixels(x[:, 1:])], axis=2)
    levels = ((x.float().clamp(-1, 1) + 1) * 127.5).round().byte().cpu()
    return levels.expand(-1, 3, -1, -1).permute(0, 2, 3, 1).numpy()


def save_grid(
    path: Path, rows: list[list[np.ndarray]], enlarge: int = 1, titles: Sequence[str] = (), names: Sequence[str] = ()
) -> None:
    """A picture of rows of equally high tiles (H, W, 3), enlarged by a whole factor without smoothing.

    titles: of the columns, written above them. names: of the rows, written beside them.
    """
    width = max(sum(tile.shape[1] for tile in row) for row in rows)
    lines = [np.concatenate(row, axis=1) for row in rows]
    lines = [np.pad(line, ((0, 0), (0, width - line.shape[1]), (0, 0)), constant_values=255) for line in lines]
    picture = np.concatenate(lines).repeat(enlarge, axis=0).repeat(enlarge, axis=1)
    widths = [tile.shape[1] * enlarge for tile in rows[0]]
    heights = [row[0].shape[0] * enlarge for row in rows]
    with atomic(path) as part:
        _captioned(picture, widths, heights, titles, names).save(part, quality=90)  # for .jpg


def _captioned(
    picture: np.ndarray, widths: Sequence[int], heights: Sequence[int], titles: Sequence[str], names: Sequence[str]
) -> Image.Image:
    left, top = CAPTION * bool(names), CAPTION * bool(titles)
    sheet = Image.new("RGB", (left + picture.shape[1], top + picture.shape[0]), (255, 255, 255))
    sheet.paste(Image.fromarray(picture), (left, top))
    draw, font = ImageDraw.Draw(sheet), ImageFont.load_default(14)
    for title, end, width in zip(titles, np.cumsum(widths), widths, strict=False):
        draw.text((left + int(end) - width // 2, top // 2), title, (32, 32, 32), font, anchor="mm")
    for name, end, height in zip(names, np.cumsum(heights), heights, strict=False):
        label = Image.new("RGB", (height, left), (255, 255, 255))
        ImageDraw.Draw(label).text((height // 2, left // 2), name, (32, 32, 32), font, anchor="mm")
        sheet.paste(label.rotate(90, expand=True), (0, top + int(end) - height))
    return sheet


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
    path: Path, generator: nn.Module, translator: nn.Module | None, batch: Batch, expressions: Sequence[str]
) -> None:
    """A row a photo: the photo, then its edit to every expression; below it the depth of each, as estimated."""
    classes = len(expressions)
    targets = [torch.full((len(batch.image),), k, device=batch.image.device) for k in range(classes)]
    edits = [generator(batch.image, one_hot(y_t, classes)).image for y_t in targets]
    columns = [to_pixels(x) for x in (batch.image, *edits)]
    rows = [list(tiles) for tiles in zip(*columns, strict=True)]
    if translator is not None:
        maps = [to_pixels(translator(x)) for x in (batch.image, *edits)]
        relief = [list(tiles) for tiles in zip(*maps, strict=True)]
        rows = [row for pair in zip(rows, relief, strict=True) for row in pair]
    names = ("photo, edits", "geometry") * len(batch.image) if translator is not None else ()
    save_grid(path, rows, _enlarge(batch.image), ("photo", *expressions), names)


def one_hot(labels: Tensor, classes: int) -> Tensor:
    """Labels (N,) as float (N, classes)."""
    return nn.functional.one_hot(labels, classes).float()


def _enlarge(image: Tensor) -> int:
    return max(1, 128 // image.shape[-1])
