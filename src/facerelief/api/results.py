"""Results of editing, and how notebooks show them: as small pictures with a text alternative."""

import base64
import html
import io
import os
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import IO, Generic, TypeVar

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from facerelief.api.pictures import file_path
from facerelief.array_types import RGB
from facerelief.editing.continuum import FrameMeasures
from facerelief.editing.edit import EditedFace
from facerelief.errors import FacereliefError, shown
from facerelief.faces.detector import Face
from facerelief.photos.photo import Photo, encode_photo, save_photo

SIDE, WIDE, ROW = 320, 480, 1600  # most pixels of: a picture in a row, one alone, the whole row
_FAR = 0.35  # share of the picture's longer side; faces that extend over less are shown without surroundings
_GAP, _LINE = 8, (255, 200, 0)
_T = TypeVar("_T", np.ndarray, Image.Image)


@dataclass(frozen=True, repr=False)
class Edited(Generic[_T]):
    """An edited picture. Notebooks show it beside the original.

    Attributes:
        image: A PIL image, upright, RGB or RGBA; if the input was an array, an array (H, W, 3) uint8.
        expression: The full name of the expression.
        faces: Each edited face, with its crop before and after, (S, S, 3) uint8.
        photo: The result with colour profile, EXIF and alpha.
        before: The original picture, upright, (H, W, 3) uint8.
    """

    image: _T
    expression: str
    faces: Sequence[EditedFace]
    photo: Photo
    before: RGB

    def save(
        self,
        path: str | os.PathLike[str] | IO[bytes],
        format: str | None = None,
        *,
        quality: int = 95,
        provenance: bool = True,
    ) -> None:
        """Write the picture to a file.

        Args:
            path: The suffix names the format: .png, .jpg, .webp or .tif. Or a binary file that is open, with `format`.
            format: "PNG", "JPEG", "WEBP" or "TIFF", for an open file alone.
            quality: 1 to 100, for JPEG and WebP.
            provenance: Record that the picture was edited: in XMP, as a watermark in the faces' pixels, and by a signed
                C2PA manifest where that library is installed. Leave it on for pictures that others will see.

        Raises:
            PhotoError: The format cannot hold the picture.
            FacereliefError: An argument is wrong, or the file cannot be written.
        """
        if isinstance(quality, bool) or not isinstance(quality, int | np.integer) or not 1 <= quality <= 100:
            raise FacereliefError(f"no quality {shown(quality)}; choose a whole number from 1 to 100")
        if not isinstance(provenance, bool):
            raise FacereliefError(f"provenance is {shown(provenance)}; choose True or False")
        if hasattr(path, "write"):
            if not isinstance(format, str):
                raise FacereliefError('an open file has no suffix; say the format, as in save(file, "PNG")')
            made = encode_photo(self.photo, format.upper(), quality=int(quality), provenance=provenance)
            path.write(made)
            return
        if format is not None:
            raise FacereliefError("format is for open files; of a path the suffix names it")
        save_photo(self.photo, file_path(path, "photo"), quality=int(quality), provenance=provenance)

    def __repr__(self) -> str:
        height, width = self.before.shape[:2]
        count = f"{len(self.faces)} face{'s' * (len(self.faces) != 1)}"
        return f"Edited({self.expression!r}, {width}x{height}, {count})"

    def _repr_png_(self) -> bytes:
        return as_png(_row([self]))

    def _repr_html_(self) -> str:
        return figure(_row([self]), f"Left: before. Right: {self.expression}.", f"before, {self.expression}")


@dataclass(frozen=True, repr=False)
class ContinuumStep(Edited[_T]):
    """A step of a continuum.

    Attributes:
        measures: Its strength, and how the face differs from that of the first step: `motion` of landmarks, and
            `action_units`.
    """

    measures: FrameMeasures


class Edits(list[Edited[_T]]):
    """Edits of one picture to several expressions. Notebooks show them in a row."""

    def _repr_png_(self) -> bytes | None:
        return as_png(_row(self)) if self else None

    def _repr_html_(self) -> str | None:
        names = ", ".join(["before", *(edit.expression for edit in self)])
        return figure(_row(self), f"From left to right: {names}.", names) if self else None


class FoundFaces(list[Face]):
    """Faces, the largest first. Notebooks show them in the picture, with the numbers that `faces=` takes."""

    def __init__(self, faces: Iterable[Face] = (), rgb: RGB | None = None) -> None:
        """Keep `rgb`, the picture that the faces are in, to show them."""
        super().__init__(faces)
        self._rgb = rgb

    def _repr_png_(self) -> bytes | None:
        return None if self._rgb is None else as_png(numbered(self._rgb, self))

    def _repr_html_(self) -> str | None:
        if self._rgb is None:
            return None
        where = "; ".join(f"{number}: {face}" for number, face in enumerate(self, start=1))
        return figure(numbered(self._rgb, self), f"The picture with {len(self)} numbered faces. {where}", where)


def _row(edits: Sequence[Edited[_T]]) -> Image.Image:
    """The picture before and after its edits."""
    faces = [one.face for one in edits[0].faces]
    return side_by_side(edits[0].before, [edit.photo.rgb for edit in edits], faces)


def side_by_side(before: RGB, afters: Sequence[RGB], faces: Sequence[Face]) -> Image.Image:
    """A picture before and after its edits in a row, each at most `SIDE` pixels; of small faces only what is near."""
    view = _around(faces, before.shape[0], before.shape[1])
    side = max(16, min(SIDE, ROW // (1 + len(afters))))
    tiles = [_small(pixels[view], side) for pixels in (before, *afters)]
    width, height = tiles[0].size
    row = Image.new("RGB", (len(tiles) * (width + _GAP) - _GAP, height), "white")
    for place, tile in enumerate(tiles):
        row.paste(tile, (place * (width + _GAP), 0))
    return row


def numbered(rgb: RGB, faces: Sequence[Face]) -> Image.Image:
    """A picture of at most `WIDE` pixels a side, with a box and a number for each face."""
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
    """The picture for consoles and converters that show no HTML."""
    return _encoded(image, "PNG")


def figure(image: Image.Image, alt: str, caption: str) -> str:
    """HTML that contains the picture as JPEG, a tenth of PNG's size in the notebook's file."""
    data = base64.b64encode(_encoded(image, "JPEG")).decode()
    return (
        f'<figure style="margin: 0"><img alt="{html.escape(alt)}" src="data:image/jpeg;base64,{data}" '
        f'style="max-width: 100%"><figcaption>{html.escape(caption)}</figcaption></figure>'
    )


def _around(faces: Sequence[Face], height: int, width: int) -> tuple[slice, slice]:
    """Rows and columns to show: all, or a square around faces that would be too small to see."""
    boxes = np.array([face.box for face in faces])
    low, high = boxes[:, :2].min(axis=0), boxes[:, 2:].max(axis=0)
    extent = float((high - low).max())
    if extent > _FAR * max(height, width):
        return slice(None), slice(None)
    centre, half = (low + high) / 2, extent
    x0, y0 = np.clip(centre - half, 0, (width - 1, height - 1)).astype(int)
    x1, y1 = np.clip(centre + half, (x0 + 1, y0 + 1), (width, height)).astype(int)
    return slice(y0, y1), slice(x0, x1)


def _small(rgb: RGB, side: int) -> Image.Image:
    image = Image.fromarray(np.ascontiguousarray(rgb))
    image.thumbnail((side, side), Image.Resampling.LANCZOS, reducing_gap=2.0)
    return image


def _encoded(image: Image.Image, kind: str) -> bytes:
    stream = io.BytesIO()
    image.save(stream, kind, quality=85)
    return stream.getvalue()
