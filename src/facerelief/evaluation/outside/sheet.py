"""A sheet of mouths at their photos' own resolution, edited beside real."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from PIL import Image

from facerelief.array_types import RGB
from facerelief.errors import FacereliefError
from facerelief.evaluation.outside.measure import MouthPair
from facerelief.files import atomic
from facerelief.tile_sheet import SheetStyle, draw_sheet

_IN_A_ROW = 2  # people


def save_mouths(pairs: Sequence[MouthPair], path: Path) -> None:
    """Write the sheet. Raises `FacereliefError` where there are no pairs, or it cannot be written."""
    if not pairs:
        raise FacereliefError(
            "no mouth can be shown: nobody has both a photo that smiles and another, with either mouth open; "
            "leave out --sheet"
        )
    with atomic(path) as temporary:
        mouth_sheet(pairs).save(temporary)


def mouth_sheet(pairs: Sequence[MouthPair]) -> Image.Image:
    """Draw the mouths of at least one person, two people a row: edited, real, edited, real."""
    rows, names = [], []
    height, width = (max(one.made.shape[axis] for one in pairs) for axis in (0, 1))
    for start in range(0, len(pairs), _IN_A_ROW):
        some = pairs[start : start + _IN_A_ROW]
        rows.append([_centred(picture, height, width) for one in some for picture in (one.made, one.true)])
        names.append(" | ".join(one.identity for one in some))
    return draw_sheet(rows, ("edited", "real") * min(_IN_A_ROW, len(pairs)), names, SheetStyle(gap=4))


def _centred(picture: RGB, height: int, width: int) -> RGB:
    """A picture (h, w, 3) in the middle of a white one, so that tiles stand in columns."""
    out = np.full((height, width, 3), 255, dtype=np.uint8)
    top, left = (height - picture.shape[0]) // 2, (width - picture.shape[1]) // 2
    out[top : top + picture.shape[0], left : left + picture.shape[1]] = picture
    return out
