"""How much of a movement a landmark detector reports: action units are given to neutral photos and detected there.

Detectors shorten movements, and some much more than others: of brows they report a fifth to a half, of lids less. What
photos of an expression show is therefore compared with what the same detector reports of known movements in photos of
the same dataset (analysis by synthesis).
"""

from collections.abc import Callable

import numpy as np

from facerelief.array_types import RGB, Floats, Int64
from facerelief.faces.detector import FaceFinder
from facerelief.geometry.morphable.action_units import EMFACS
from facerelief.geometry.morphable.fitting import APART, fit_face
from facerelief.geometry.morphable.learning.portraits import Portraits
from facerelief.geometry.morphable.model import MorphableFace
from facerelief.geometry.morphable.procrustes import align_shapes, mirror_shapes
from facerelief.geometry.transfer.expression_transfer import ExpressionTransfer, transfer_crop
from facerelief.geometry.transfer.lips import CLOSED_MOUTH, mouth_opening
from facerelief.geometry.transfer.photo_look import seen_lips
from facerelief.geometry.transfer.targets import Target
from facerelief.geometry.transfer.warp_layers import apply_layers

_AMOUNT = 0.7  # of a unit, that is given
_FARTHEST = 0.2  # inter-ocular distances that a point is moved: a jaw falls farther
_PHOTOS, _FRONTAL = 24, 12.0  # neutral ones of a dataset; degrees


class Detections:
    """Edits photos and detects their landmarks again."""

    def __init__(self, face: MorphableFace, finder: FaceFinder) -> None:
        self._face, self._finder, self._transfer = face, finder, ExpressionTransfer(face)
        self._plain = np.zeros((len(face.texture),) * 2)  # no change of light

    def __call__(self, rgb: RGB, landmarks: Floats, movements: Floats) -> Floats | None:
        """How landmarks move when a face is moved.

        Args:
            rgb: (S, S, 3), a picture of a face.
            landmarks: (468, 3), its pixels.
            movements: (U, 468, 3), of a face without expression, inter-ocular distances.

        Returns:
            (U, 468, 3), by how much more the landmarks that are detected differ from those of the face without
            expression, in the mean face's frame; None where the detector finds no face.
        """
        crop, seen = transfer_crop(landmarks), seen_lips(rgb, landmarks)
        before, fit = crop.cut(rgb), fit_face(self._face, seen, APART)
        found = []
        for movement in (np.zeros_like(self._face.mean), *movements):
            layers = self._transfer(before, crop, seen, fit, Target(movement, self._plain, self._plain), 1.0)
            faces = self._finder(apply_layers(rgb, crop, layers))
            if not faces:
                return None
            found.append(faces[0].landmarks)
        shapes = align_shapes(np.stack(found).astype(np.float64), self._face.mean)
        moved: Floats = shapes[1:] - shapes[0]
        return moved


def still_faces(portraits: Portraits) -> Int64:
    """Rows (N,), at most 24, of neutral photos from the front with closed mouths."""
    neutral = portraits.expression == "neutral"
    points = portraits.landmarks
    closed = np.array([mouth_opening(one) < CLOSED_MOUTH for one in points])
    frontal = (np.abs(portraits.pose) < _FRONTAL).all(axis=1)
    rows = next(np.flatnonzero(chosen) for chosen in (neutral & closed & frontal, neutral) if chosen.any())
    return rows[np.linspace(0, len(rows) - 1, min(_PHOTOS, len(rows))).astype(np.int64)]


def learn_responses(
    portraits: Portraits, rows: Int64, face: MorphableFace, finder: FaceFinder, done: Callable[[], None]
) -> dict[int, Floats]:
    """What a detector reports of action units in a dataset's photos.

    Args:
        portraits: The dataset.
        rows: Neutral photos of it, as `still_faces` gives them.
        face: The morphable model that edits them, by its rig.
        finder: The detector.
        done: Called after each photo.

    Returns:
        By unit of `EMFACS`, (468, 3): how detected landmarks move by an amount of 1, symmetric; inter-ocular distances.
    """
    units = sorted({unit for prototype in EMFACS.values() for unit in prototype.units})
    whole = np.stack([face.rig.movement(face.rig.amounts({unit: 1.0})) for unit in units])
    farthest = np.linalg.norm(whole, axis=2).max(axis=1)
    given = np.minimum(_AMOUNT, _FARTHEST / np.maximum(farthest, 1e-9))[:, None, None]
    detections, found = Detections(face, finder), []
    for row in rows.tolist():
        moved = detections(portraits[row].rgb, portraits.landmarks[row], given * whole)
        if moved is not None:
            found.append(moved / given)
        done()
    mean = np.mean(found, axis=0) if found else whole
    return dict(zip(units, (mean + mirror_shapes(mean)) / 2, strict=True))
