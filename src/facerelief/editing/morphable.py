"""Editing without training: the morphable face is fitted to the photo's face, and its expression exchanged.

The photo itself is warped, at its own resolution, from where its landmarks are to where the new expression has them;
what the expression adds of light and dark (creases, folds, brows) is multiplied in, so that skin keeps its colour and
contrast; and a mouth that opens gets an inside.
"""

import numpy as np
import torch
import torch.nn.functional as F

from facerelief.data.arrays import LUMA
from facerelief.data.extract import chroma
from facerelief.editing.editor import EditedFace, Editor
from facerelief.expressions import EXPRESSIONS
from facerelief.faces.align import Crop, align, inter_ocular
from facerelief.faces.detect import Face, FaceFinder
from facerelief.geometry.atlas import feathered, mouth_inside, picture_triangles, sample, with_apron
from facerelief.geometry.morphable.fit import Fit, fit_face
from facerelief.geometry.morphable.model import MorphableFace, whole
from facerelief.geometry.morphable.texture import FLOOR, SKIN, smoothed
from facerelief.geometry.raster import interpolate, rasterise
from facerelief.geometry.topology import face_triangles

_SIZE = 160  # side of the crop in which the change is computed; it is smooth, and is enlarged
_MARGIN = 0.08  # of the crop's side, along which the change fades out
_COLOURED = 12.0  # mean distance from grey, levels, of a photo in full colour
_WIDE = 8  # pixels of the atlas
_STRONGEST = 0.6  # change of log light
_SHOWS_TEETH = 0.06  # inter-ocular distances between the lips


class MorphableEditor(Editor):
    """Edits with a fitted morphable face; knows all eight expressions."""

    def __init__(self, face: MorphableFace, finder: FaceFinder | None = None) -> None:
        super().__init__(EXPRESSIONS, finder)
        self.face = face
        self._inside = mouth_inside(face.atlas)
        # Where lips open differently from photo to photo, averages smear the mouth's dark over its rim.
        self._outside = 1 - feathered(self._inside, face.atlas.size // 20)

    def apply(self, rgb: np.ndarray, face: Face, label: int, strength: float) -> tuple[np.ndarray, EditedFace]:
        """As `Editor.apply`; strength is the share of the way from the photo's expression to the new one."""
        crop = align(face.landmarks, _SIZE)
        before = crop.cut(rgb)
        if not strength:
            return rgb.copy(), EditedFace(face, crop, before, before)
        layers = self._change(crop, before, face.landmarks.astype(np.float64), label, strength)
        out = changed(rgb, crop, layers)
        return out, EditedFace(face, crop, before, crop.cut(out))

    def _change(self, crop: Crop, pixels: np.ndarray, landmarks: np.ndarray, label: int, strength: float) -> np.ndarray:
        """What is to change, float32 (S, S, 3 or 7), zero at the border.

        Where a pixel comes from (2: right and down, crop pixels), the change of log light, and where a mouth opens, its
        inside (3, levels in [0, 1] times opacity) and its opacity.
        """
        fit = fit_face(self.face, landmarks)
        difference = strength * (_at_least(self.face.classes[label], fit.expression) - fit.expression)
        moved = landmarks + fit.change(np.tensordot(difference, self.face.expression_modes, 1))
        source, target = crop.to_crop(landmarks), crop.to_crop(moved)
        before, after = with_apron(source, source), with_apron(target, source)
        index, weights = rasterise(after, picture_triangles(), _SIZE)
        attributes = np.column_stack([before[:, :2] - after[:, :2], self.face.atlas.points])
        found = interpolate(attributes, picture_triangles(), index, weights)
        maps = np.dstack([*self._maps(fit, label), self.face.tint]).astype(np.float32)
        light, albedo, inside, tint = np.split(sample(maps, found[..., 2:]), [1, 2, 3], axis=2)
        opacity = inside * _newly_open(source, target)
        paint = albedo * _brightness(pixels, index) * tint ** min(1.0, chroma(pixels) / _COLOURED)
        light = strength * np.clip(light, -_STRONGEST, _STRONGEST)
        opening = [paint * opacity, opacity] if opacity.any() else []
        layers = np.dstack([found[..., :2], light, *opening]) * _border(_SIZE)
        return layers.astype(np.float32)

    def _maps(self, fit: Fit, label: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """At the atlas' pixels: the change of log light, the new albedo, and where the mouth's inside is."""
        texture = self.face.texture_classes[label]
        change = whole(texture - np.tensordot(fit.expression, self.face.texture_expression, 1)) * self._outside
        creases = change - smoothed(change[..., None], _WIDE)[..., 0]  # what is wide is light that was not taken out
        return creases * self._outside, np.exp(whole(self.face.texture + texture)) - FLOOR, self._inside


def _at_least(full: np.ndarray, shown: np.ndarray) -> np.ndarray:
    """An expression (E,) at full strength, or as strong as the photo shows it already: a broad smile stays broad."""
    length = float(full @ full)
    return full * max(1.0, float(full @ shown) / length) if length else full


def changed(rgb: np.ndarray, crop: Crop, layers: np.ndarray) -> np.ndarray:
    """A photo uint8 (H, W, 3) with the `layers` of `MorphableEditor._change` brought to its own resolution."""
    spread, (rows, columns) = crop.spread(layers, (rgb.shape[0], rgb.shape[1]))
    offset = spread[..., :2] @ crop.inverse[:, :2].T.astype(np.float32)
    y, x = np.mgrid[rows.start : rows.stop, columns.start : columns.stop].astype(np.float32)
    warped = _pulled(rgb, np.dstack([x + 0.5, y + 0.5]) + offset)
    floor = np.float32(FLOOR * 255)
    mixed = (warped + floor) * np.exp(spread[..., 2:3]) - floor
    if spread.shape[2] > 3:
        mixed = mixed * (1 - spread[..., 6:]) + 255 * spread[..., 3:6]
    out = rgb.copy()
    out[rows, columns] = np.clip(np.rint(mixed), 0, 255).astype(np.uint8)
    return out


def _pulled(rgb: np.ndarray, points: np.ndarray) -> np.ndarray:
    """Cubic values float32 (h, w, 3) of a photo at points (h, w, 2) in its pixels."""
    low = np.maximum(np.floor(points.min(axis=(0, 1))).astype(int) - 3, 0)
    high = np.ceil(points.max(axis=(0, 1))).astype(int) + 3
    region = rgb[low[1] : high[1], low[0] : high[0]].copy()  # torch warns of arrays that are read-only
    size = np.array(region.shape[1::-1], dtype=np.float32)
    grid = torch.from_numpy((2 * (points - low) / size - 1).astype(np.float32))[None]
    image = torch.from_numpy(region).permute(2, 0, 1)[None].float()
    found = F.grid_sample(image, grid, mode="bicubic", padding_mode="border", align_corners=False)
    return found[0].permute(1, 2, 0).numpy()


def _brightness(pixels: np.ndarray, index: np.ndarray) -> float:
    """How bright the skin of a crop (S, S, 3) is against the average's albedo; index: as `rasterise` gives it."""
    skin = pixels[(index >= 0) & (index < len(face_triangles()))] @ LUMA
    return float(np.median(skin)) / 255 / SKIN if skin.size else 1.0


def _newly_open(source: np.ndarray, target: np.ndarray) -> float:
    """Share, 0 to 1, of a mouth's opening that the photo (landmarks `source`) does not show and `target` needs."""
    upper, lower = 13, 14
    unit = inter_ocular(source)
    was, becomes = (max(0.0, float(points[lower, 1] - points[upper, 1])) / unit for points in (source, target))
    return float(np.clip(1 - (was - _SHOWS_TEETH / 2) / max(_SHOWS_TEETH, 0.6 * becomes), 0, 1))


def _border(size: int) -> np.ndarray:
    """(S, S, 1): 1 inside, falling to 0 along the border."""
    edge = np.minimum(np.arange(size), np.arange(size)[::-1]) / (_MARGIN * size)
    fade = np.clip(np.minimum(edge[:, None], edge[None, :]), 0, 1)
    smooth: np.ndarray = (fade * fade * (3 - 2 * fade))[..., None]
    return smooth
