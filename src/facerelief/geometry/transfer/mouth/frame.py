"""The picture in which a mouth is rendered: level, whichever way the photo lies, and as large as the mouth."""

from dataclasses import dataclass

import numpy as np
from PIL import Image

from facerelief.array_types import Float32, Floats, Int64
from facerelief.geometry.filters import scaled_map
from facerelief.geometry.transfer.lips import mouth_axis

_MARGIN = 4  # pixels of the photo around the mouth
_FINER = 1.3  # pixels of the picture to one of the photo
_LEAST, _MOST, _STEP = 160, 320, 32  # its side at least and at most, and in which steps


@dataclass(frozen=True, eq=False)
class MouthFrame:
    """A square of a photo around a mouth, turned as the mouth is.

    Attributes:
        centre: (2,), in the photo, x and y.
        turn: (2, 2), the mouth's directions to the right and down, in the photo.
        width: Side of the square, pixels of the photo.
    """

    centre: Floats
    turn: Floats
    width: int

    @property
    def side(self) -> int:
        """Side of the picture: finer than the photo, unless a mouth is very large."""
        wanted = int(np.ceil(_FINER * self.width / _STEP)) * _STEP
        return min(max(wanted, _LEAST), _MOST)

    @classmethod
    def around(cls, outline: Floats, landmarks: Floats) -> "MouthFrame":
        """That of an outline (N, 2) of the lips of landmarks (468, 3), photo pixels."""
        right = mouth_axis(landmarks)
        turn = np.array([right, (-right[1], right[0])])
        turned = outline @ turn.T
        low, high = turned.min(axis=0), turned.max(axis=0)
        return cls((low + high) / 2 @ turn, turn, int(np.ceil((high - low).max())) + 2 * _MARGIN)

    def place(self, points: Floats) -> Floats:
        """Points (N, 2 or 3) of the photo in the picture, in its pixels."""
        scale = self.side / self.width
        placed = points * scale
        placed[:, :2] = (points[:, :2] - self.centre) @ self.turn.T * scale + self.side / 2
        return placed

    def window(self) -> tuple[Int64, int]:
        """The upright square of the photo that holds it: where it begins, (2,), whole pixels; and its side."""
        half = self.width / 2 * np.abs(self.turn).sum(axis=0).max()
        return np.floor(self.centre - half).astype(np.int64), int(np.ceil(2 * half)) + 1

    def to_photo(self, picture: Floats) -> Float32:
        """A picture of the frame (S, S, C) in the photo's pixels: the `window`, (side, side, C); 0 beside the frame."""
        corner, side = self.window()
        at_corner = self.turn @ (corner - self.centre) + self.width / 2
        matrix = (*self.turn[0], at_corner[0], *self.turn[1], at_corner[1])
        planes = [Image.fromarray(scaled_map(picture[..., k], self.width)) for k in range(picture.shape[2])]
        turned = [p.transform((side, side), Image.Transform.AFFINE, matrix, Image.Resampling.BICUBIC) for p in planes]
        return np.moveaxis(np.stack([np.asarray(plane) for plane in turned]), 0, 2)
