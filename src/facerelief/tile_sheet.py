"""Pictures in rows, with titles above the columns and names beside the rows: one way to draw them all."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from facerelief.array_types import RGB
from facerelief.errors import FacereliefError

_INK, _SOFT, _PAPER = (32, 32, 32), (128, 128, 128), (255, 255, 255)


@dataclass(frozen=True)
class SheetStyle:
    """Sizes in pixels.

    Attributes:
        left: Width of the names beside the rows.
        top: Height of the titles above the columns.
        font: Of both.
        gap: Behind each tile and below each row.
        block: So many rows belong together; 0 for none.
        block_gap: Below each block.
        empty: Text in the place of a tile that is None.
    """

    left: int = 22
    top: int = 22
    font: int = 14
    gap: int = 0
    block: int = 0
    block_gap: int = 0
    empty: str = ""


def draw_sheet(
    rows: Sequence[Sequence[RGB | None]],
    titles: Sequence[str] = (),
    names: Sequence[str] = (),
    style: SheetStyle = SheetStyle(),
) -> Image.Image:
    """Draw a sheet.

    Args:
        rows: Tiles; those of a row are equally high, and one that is None has the size of its row's first.
        titles: Of the columns of the first row.
        names: Of the rows.
        style: Sizes.

    Example:
        >>> tile = np.zeros((64, 64, 3), dtype=np.uint8)
        >>> draw_sheet([[tile, tile]], titles=("photo", "edit")).size
        (128, 86)
    """
    left, top = style.left * bool(names), style.top * bool(titles)
    sizes = [[_size(tile, row) for tile in row] for row in rows]
    width = left + max(sum(across + style.gap for across, _ in row) for row in sizes)
    tops = [top]
    for number, ((_, down), *_others) in enumerate(sizes, 1):
        apart = style.block_gap if style.block and number % style.block == 0 else 0
        tops.append(tops[-1] + down + style.gap + apart)
    sheet = Image.new("RGB", (width, tops[-1]), _PAPER)
    draw, font = ImageDraw.Draw(sheet), ImageFont.load_default(style.font)
    for number, row in enumerate(rows):
        x, y = left, tops[number]
        for column, (tile, (across, down)) in enumerate(zip(row, sizes[number], strict=True)):
            if number == 0 and column < len(titles):
                draw.text((x + across // 2, top // 2), titles[column], _INK, font, anchor="mm")
            if tile is None:
                draw.text((x + across // 2, y + down // 2), style.empty, _SOFT, font, anchor="mm")
            else:
                sheet.paste(Image.fromarray(tile), (x, y))
            x += across + style.gap
        if number < len(names):
            sheet.paste(_sideways(names[number], row_height=sizes[number][0][1], width=left, font=font), (0, y))
    return sheet


def enlarged(tile: RGB, factor: int) -> RGB:
    """A tile enlarged by a whole factor without smoothing."""
    return tile.repeat(factor, axis=0).repeat(factor, axis=1)


def resized(tile: RGB, side: int) -> RGB:
    """A tile as uint8 (side, side, 3)."""
    return np.asarray(Image.fromarray(tile).resize((side, side), Image.Resampling.LANCZOS))


def check_picture(path: Path) -> None:
    """Raise `FacereliefError` for a name that says no picture format."""
    if path.suffix.lower() not in (".png", ".jpg", ".jpeg", ".webp"):
        raise FacereliefError(f"{path} names no picture format; end it with .png, .jpg or .webp")


def _size(tile: RGB | None, row: Sequence[RGB | None]) -> tuple[int, int]:
    """Width and height."""
    shown = tile if tile is not None else next(one for one in row if one is not None)
    return shown.shape[1], shown.shape[0]


def _sideways(name: str, row_height: int, width: int, font: Any) -> Image.Image:
    label = Image.new("RGB", (row_height, width), _PAPER)
    ImageDraw.Draw(label).text((row_height // 2, width // 2), name, _INK, font, anchor="mm")
    return label.rotate(90, expand=True)
