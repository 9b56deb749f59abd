"""A face of a photo as everything here sees it: its aligned crop, its landmarks there, its mouth, the instruments."""

from dataclasses import dataclass

import numpy as np
import torch

from facerelief.array_types import RGB, Bool, Float64, Landmarks
from facerelief.evaluation.metrics.quality import masked_psnr, masked_ssim, psnr, ssim
from facerelief.evaluation.outside.instruments import Instruments, Seen
from facerelief.evaluation.outside.mouths import MouthMeasures, look_at_mouth
from facerelief.faces.alignment import INTER_OCULAR, align
from facerelief.geometry.depth_maps import polygon_mask
from facerelief.geometry.topology import INNER_LIPS, LIPS, OUTLINE

SIDE = 256  # pixels of the aligned crop
UNIT = INTER_OCULAR * SIDE  # of its pixels, an inter-ocular distance
_LIPS = [*LIPS, *INNER_LIPS]
# What `against` measures.
AGAINST_TRUTH = ("identity", "landmarks", "lips", "psnr", "ssim", "mouth_psnr", "mouth_ssim")
_WINDOW = 11  # pixels, the smallest picture that has a structural similarity


@dataclass(frozen=True, eq=False)
class FaceView:
    """One face.

    Attributes:
        crop: (256, 256, 3), the aligned face.
        points: (468, 2), its landmarks there, in inter-ocular distances.
        mouth: As the photo shows it.
        seen: What the instruments say.
    """

    crop: RGB
    points: Float64
    mouth: MouthMeasures
    seen: Seen

    @property
    def face(self) -> Bool:
        """(256, 256): inside the outline of the face."""
        return polygon_mask(self.points[list(OUTLINE)] * UNIT, SIDE)


def view(rgb: RGB, landmarks: Landmarks, instruments: Instruments) -> FaceView:
    """Look at a face of a photo (H, W, 3) with landmarks (468, 3) in its pixels."""
    crop = align(landmarks, SIDE)
    return FaceView(crop.cut(rgb), aligned(landmarks), look_at_mouth(rgb, landmarks), instruments(rgb, landmarks))


def aligned(landmarks: Landmarks) -> Float64:
    """Landmarks (468, 3) of a photo in its aligned crop, (468, 2), in inter-ocular distances."""
    return np.asarray(align(landmarks, SIDE).to_crop(landmarks.astype(np.float64))[:, :2] / UNIT, dtype=np.float64)


def against(made: FaceView, true: FaceView) -> dict[str, float]:
    """How a face differs from the true photo of the same person with the expression asked for.

    Args:
        made: The edit, or what is compared with it.
        true: The true photo.

    Returns:
        By measure: `identity`, L2 distance; `landmarks` and `lips`, mean distances of landmarks, inter-ocular;
        `psnr` and `ssim` inside the true face's outline; `mouth_psnr` and `mouth_ssim` of the rectangle around both
        mouths.
    """
    away = np.linalg.norm(made.points - true.points, axis=1)
    a, b = (torch.from_numpy(one.crop.transpose(2, 0, 1).copy())[None].float() for one in (made, true))
    face = torch.from_numpy(true.face)
    rows, columns = _around_lips(made, true)
    mouths = a[..., rows, columns], b[..., rows, columns]
    return {
        "identity": distance(made, true),
        "landmarks": float(away.mean()),
        "lips": float(away[_LIPS].mean()),
        "psnr": float(masked_psnr(a, b, face)),
        "ssim": float(masked_ssim(a, b, face)),
        "mouth_psnr": float(psnr(*mouths)),
        "mouth_ssim": float(ssim(*mouths)),
    }


def distance(a: FaceView, b: FaceView) -> float:
    """Identity distance (L2) of two faces."""
    return float(np.linalg.norm(a.seen.identity - b.seen.identity))


def _around_lips(*views: FaceView) -> tuple[slice, slice]:
    """Rows and columns of the crop around the lips of faces."""
    lips = np.concatenate([one.points[_LIPS] for one in views]) * UNIT
    spans = []
    for low, high in zip(lips.min(axis=0), lips.max(axis=0), strict=True):
        first = int(np.clip(np.floor(low), 0, SIDE - _WINDOW))
        spans.append(slice(first, max(min(int(np.ceil(high)), SIDE), first + _WINDOW)))
    columns, rows = spans
    return rows, columns
