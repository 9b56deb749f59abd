"""What editing gives back, and how notebooks show it: small pictures, with words for those who do not see them."""

import base64
import html
import io
import os
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from facerelief.api.pictures import file_path
from facerelief.editing.editor import EditedFace
from facerelief.errors import FacereliefError, shown
from facerelief.faces.detector import Face
from facerelief.photos.photo import Photo, save_photo

SIDE, WIDE, ROW = 320, 480, 1600  # pixels, at most: of one of two pictures, of one alone, of many in a row
_FAR = 0.35  # of the picture's longer side: of faces within less than this, the surroundings are left out
_GAP, _LINE = 8, (255, 200, 0)
T = TypeVar("T", np.ndarray, Image.Image)


@dataclass(frozen=True, repr=False)
class Edited(Generic[T]):
    """An edited picture. Notebooks show it beside the picture as it was.

    image: a PIL image, upright, RGB or RGBA; for an array an array (H, W, 3) uint8. expression: its full name.
    faces: each edited face, its crop `before` and `after` (S, S, 3). photo: the same with profile, EXIF and alpha.
    before: the picture as it was, upright, (H, W, 3) uint8.
    """

    image: T
    expression: str
    faces: Sequence[EditedFace]
    photo: Photo
    before: np.ndarray

    def save(self, path: str | os.PathLike[str], *, quality: int = 95, provenance: bool = True) -> None:
        """Write the picture, in the format that the suffix names: .png, .jpg, .webp or .tif.

        quality: 1 to 100, of JPEG and WebP. provenance: say in the file that it was edited, in XMP, in the pixels of
        the faces, and by a signed manifest where C2PA's library is installed; leave it on for all that others will see.
        Raises `PhotoError` where the format cannot hold the picture, `FacereliefError` where it cannot be written.
        """
        if isinstance(quality, bool) or not isinstance(quality, int | np.integer) or not 1 <= quality <= 100:
            raise FacereliefError(f"no quality {shown(quality)}; choose a whole number from 1 to 100")
        if not isinstance(provenance, bool):
            raise FacereliefError(f"provenance is {shown(provenance)}; choose True or False")
        save_photo(self.photo, file_path(path, "photo"), quality=int(quality), provenance=provenance)

    def __repr__(self) -> str:
        height, width = self.before.shape[:2]
        count = f"{len(self.faces)} face{'s' * (len(self.faces) != 1)}"
        return f"Edited({self.expression!r}, {width}x{height}, {count})"

    def _repr_png_(self) -> bytes:
        return as_png(_row([self]))

    def _repr_html_(self) -> str:
        return figure(_row([self]), f"Left: before. Right: {self.expression}.", f"before, {self.expression}")


class Edits(list[Edited[T]]):
    """Edits of one picture to several expressions. Notebooks show them in a row."""

    def _repr_png_(self) -> bytes | None:
        return as_png(_row(self)) if self else None

    def _repr_html_(self) -> str | None:
        names = ", ".join(["before", *(edit.expression for edit in self)])
        return figure(_row(self), f"From left to right: {names}.", names) if self else None


class FoundFaces(list[Face]):
    """Faces, the largest first. Notebooks show where they are, with the numbers that `faces=` takes."""

    def __init__(self, faces: Iterable[Face] = (), rgb: np.ndarray | None = None) -> None:
        """rgb: the picture (H, W, 3) that they are in."""
        super().__init__(faces)
        self._rgb = rgb

    def _repr_png_(self) -> bytes | None:
        return None if self._rgb is None else as_png(numbered(self._rgb, self))

    def _repr_html_(self) -> str | None:
        if self._rgb is None:
            return None
        where = "; ".join(f"{number}: {face}" for number, face in enumerate(self, start=1))
        return figure(numbered(self._rgb, self), f"The picture with {len(self)} numbered faces. {where}", where)


def _row(edits: Sequence[Edited[T]]) -> Image.Image:
    """The picture before and after."""
    faces = [one.face for one in edits[0].faces]
    return side_by_side(edits[0].before, [edit.photo.rgb for edit in edits], faces)


def side_by_side(before: np.ndarray, afters: Sequence[np.ndarray], faces: Sequence[Face]) -> Image.Image:
    """A picture (H, W, 3) before and after its edits in a row, no larger than `SIDE` each, around small faces alone."""
    view = _around(faces, before.shape[0], before.shape[1])
    side = max(16, min(SIDE, ROW // (1 + len(afters))))
    tiles = [_small(pixels[view], side) for pixels in (before, *afters)]
    width, height = tiles[0].size
    row = Image.new("RGB", (len(tiles) * (width + _GAP) - _GAP, height), "white")
    for place, tile in enumerate(tiles):
        row.paste(tile, (place * (width + _GAP), 0))
    return row


def numbered(rgb: np.ndarray, faces: Sequence[Face]) -> Image.Image:
    """A picture (H, W, 3), no larger than `WIDE`, with a box and the number of each face."""
    image = _small(rgb, WIDE)
    draw, scale = ImageDraw.Draw(image), image.width / rgb.shape[1]
    font = ImageFont.load_default(16)
    for number, face in enumerate(faces, start=1):
        x0, y0, x1, y1 = (scale * end for end in face.box)
        draw.rectangle((x0, y0, x1, y1), outline=_LINE, width=2)
        label = draw.textbbox((x0 + 4, max(y0, 0) + 1), str(number), font=font)
        draw.rectangle((label[0] - 4, label[1] - 3, label[2] + 4, label[3] + 3), fill=_LINE)
        draw.text((x0 + 4, max(y0, 0) + 1), str(number), fill="black", font=font)
    return image


def as_png(image: Image.Image) -> bytes:
    """For consoles and converters that show no HTML."""
    return _encoded(image, "PNG")


def figure(image: Image.Image, alt: str, caption: str) -> str:
    """HTML with the picture in it, as JPEG: a tenth of PNG's size in the notebook's file."""
    data = base64.b64encode(_encoded(image, "JPEG")).decode()
    return (
        f'<figure style="margin: 0"><img alt="{html.escape(alt)}" src="data:image/jpeg;base64,{data}" '
        f'style="max-width: 100%"><figcaption>{html.escape(caption)}</figcaption></figure>'
    )


def _around(faces: Sequence[Face], height: int, width: int) -> tuple[slice, slice]:
    """Rows and columns: all of them, or a square around faces that would be too small to see."""
    boxes = np.array([face.box for face in faces])
    low, high = boxes[:, :2].min(axis=0), boxes[:, 2:].max(axis=0)
    extent = float((high - low).max())
    if extent > _FAR * max(height, width):
        return slice(None), slice(None)
    centre, half = (low + high) / 2, extent
    x0, y0 = np.clip(centre - half, 0, (width - 1, height - 1)).astype(int)
    x1, y1 = np.clip(centre + half, (x0 + 1, y0 + 1), (width, height)).astype(int)
    return slice(y0, y1), slice(x0, x1)


def _small(rgb: np.ndarray, side: int) -> Image.Image:
    image = Image.fromarray(np.ascontiguousarray(rgb))
    image.thumbnail((side, side), Image.Resampling.LANCZOS, reducing_gap=2.0)
    return image


def _encoded(image: Image.Image, kind: str) -> bytes:
    stream = io.BytesIO()
    image.save(stream, kind, quality=85)
    return stream.getvalue()
