"""Another expression for a photo's face, without a network: a morphable model is fitted, its expression replaced.

The photo itself is warped, at its own resolution, from where its landmarks are to where the new expression has them;
the expression's ratio image (`shading.py`) is multiplied in; and the inside of an open mouth is drawn.
"""

import dataclasses
import functools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from facerelief.array_types import RGB, Floats, Int64, Landmarks
from facerelief.easing import smoothstep
from facerelief.faces.alignment import INTER_OCULAR, Crop, align
from facerelief.faces.warping import border_fade
from facerelief.geometry.morphable.controls import blink_shapes
from facerelief.geometry.morphable.fitting import APART, Fit, fit_face
from facerelief.geometry.morphable.model import MorphableFace, full_maps
from facerelief.geometry.morphable.uv_map import rendered_triangles, sample_bilinear, with_border_ring
from facerelief.geometry.rasterizer import interpolate, rasterise
from facerelief.geometry.topology import CHIN, INNER_LIPS, LIPS, OUTLINE, lid_curves
from facerelief.geometry.transfer.folds import fold_band, leaving_folds
from facerelief.geometry.transfer.lips import (
    CLOSED_MOUTH,
    DENSE,
    MOUTH_CORNERS,
    TRIM,
    closing_movement,
    keeps_mouth_closed,
    lip_seam,
    meeting_lips,
    mouth_opening,
    take_gaps,
    trim_lips,
)
from facerelief.geometry.transfer.mouth.motion import Mouth, MouthMotion
from facerelief.geometry.transfer.photo_look import exposed_skin, lip_rims, seen_lips
from facerelief.geometry.transfer.shading import RatioImages
from facerelief.geometry.transfer.targets import Target, Targets
from facerelief.geometry.transfer.warp_layers import WarpLayers

STANDARD_SIZE = 160  # side of the aligned crop at the resolution of an edit; it is smooth, and is enlarged
# An edit's own crop has more room: a chin lies at 0.95 of an aligned crop's side, and a jaw falls by 0.2 of them more.
_BESIDE, _BELOW = 16, 32  # pixels more to each side, and below
TRANSFER_SIZE = STANDARD_SIZE + _BELOW  # side of that crop
_FADE = 12.8  # pixels along the crop's border, in which the edit fades out
_SHOWS_TEETH = 0.06  # inter-ocular distances between the lips
_OPENED = 0.5  # of the part of lips that stays behind when they close, when closed ones open
_LIPS_MOVE = 0.002  # inter-ocular distances that are seen
_TOUCH = 0.015  # inter-ocular distances between the lips, below which they meet
_EYES_MOVE = 0.012  # inter-ocular distances by which lids move, below which an iris seems as round
# The face's outline from the temples to the corners of the jaw does not move with an expression, and below only up and
# down. But people's means differ in it, and photos of an expression are not all of one pose; ears, hair and the
# background would bend with it.
_BESIDE_EARS = (127, 234, 93, 132, 58, 356, 454, 323, 361, 288)
_KEPT = 8  # photos' own expressions, of 400 kB each, while sliders move
_STILL = 0.35  # inter-ocular distances from it, within which expressions move the face less


@dataclass(frozen=True, eq=False)
class _Move:
    """Landmarks (468, 3), photo pixels, before and after; the movement (468, 3) from the neutral face after; to what
    share, 0 to 1, the mouth is shut and opened.
    """

    source: Floats
    target: Floats
    movement: Floats
    shut: float
    opened: float


class ExpressionTransfer:
    """Transfers expressions to photos by a morphable model that is fitted to them."""

    def __init__(self, face: MorphableFace, presets: Mapping[str, str] | None = None) -> None:
        """presets: As of `Targets`."""
        self.face = face
        self._ratio_images = RatioImages(face)
        uv_map = face.uv_map
        self._folds = fold_band(uv_map.points, uv_map.size, INTER_OCULAR * uv_map.size)
        self._shutting = closing_movement(face)
        sideways, upwards = (_away_from(face, vertices) for vertices in (OUTLINE, _BESIDE_EARS))
        self._free = np.column_stack([sideways, upwards, sideways])
        self._blinks = blink_shapes(face.rig)
        self._leaving = functools.lru_cache(_KEPT)(self._leave)
        self.targets = Targets(face, presets)

    def __call__(
        self, pixels: RGB, crop: Crop, landmarks: Landmarks, fit: Fit, aim: Target, strength: float
    ) -> WarpLayers:
        """The edit that gives a photo's face another expression.

        Args:
            pixels: (S, S, 3), the face's `transfer_crop` of S = `TRANSFER_SIZE` pixels.
            crop: That crop.
            landmarks: (468, 3), photo pixels.
            fit: The fit of these landmarks; it has the expression that the face shows.
            aim: The new expression.
            strength: Share of the way from the fit's expression to the new one.

        Returns:
            Layers (S, S) for `apply_layers`; their wrinkles are still to be `filled`.
        """
        around_eyes = aim.movement - np.tensordot(aim.eyes[:, 0], self._blinks, 1)  # lids are moved by `eyes/`
        beside_lids = dataclasses.replace(aim, movement=around_eyes)
        move = self._move_landmarks(landmarks.astype(np.float64), fit, beside_lids, strength)
        source, target = crop.to_crop(move.source), crop.to_crop(move.target)
        shows_inside = move.shut or mouth_opening(source) > CLOSED_MOUTH
        rims = lip_rims(pixels, source) if shows_inside else np.full((2, DENSE), _OPENED * TRIM)
        trimmed = trim_lips(source, max(move.shut, move.opened) * rims)
        found, _ = backward_flow(trimmed, target, TRANSFER_SIZE, self.face.uv_map.points)
        flow, uv = found[..., :2], found[..., 2:]
        light, fill, folds = np.split(self._shade(uv, fit, aim), 3, axis=2)
        light = light * exposed_skin(pixels)[..., None]
        seam = lip_seam(target, move.shut, TRANSFER_SIZE)
        meet = move.shut and mouth_opening(move.target) < _TOUCH
        lips = meeting_lips(source, target, rims, crop.scale) if meet else None
        lips_move = np.abs(move.target - move.source)[list(LIPS + INNER_LIPS)].max() > _LIPS_MOVE * fit.scale
        after = MouthMotion(self._mouth(move.source, fit), move.target, _chin_drop(move.movement))
        mouth = after if lips_move else None  # else the photo's own stays as it is
        fade = border_fade(TRANSFER_SIZE, _FADE / TRANSFER_SIZE)
        layers = WarpLayers(flow, strength * light + seam, strength * fill, folds, mouth=mouth, lips=lips)
        return layers.masked(fade)

    def moves_eyes(self, fit: Fit, aim: Target) -> bool:
        """Whether an edit of a photo with this fit moves lids or turns eyes so far that it is seen."""
        change = aim.movement - (0 if aim.adds else self.face.movement(fit.expression))
        moved = change[np.array(lid_curves()).ravel(), :2]
        return bool(aim.eyes.any() or np.abs(moved).max() > _EYES_MOVE)

    def seen_mouth(self, rgb: RGB, landmarks: Landmarks) -> Mouth:
        """The mouth of a photo (H, W, 3) with landmarks (468, 3), whose teeth are to be used in others."""
        landmarks = seen_lips(rgb, landmarks)
        return self._mouth(landmarks, fit_face(self.face, landmarks, APART))

    def moved_landmarks(self, landmarks: Landmarks, fit: Fit, aim: Target, strength: float) -> Floats:
        """Where the edit puts landmarks (468, 3), photo pixels; arguments as those of a call."""
        return self._move_landmarks(landmarks.astype(np.float64), fit, aim, strength).target

    def _mouth(self, landmarks: Landmarks, fit: Fit) -> Mouth:
        closed = self.face.shape(fit.identity)[list(MOUTH_CORNERS)]
        return Mouth(landmarks, fit, closed, _chin_drop(self.face.movement(fit.expression)))

    def _move_landmarks(self, landmarks: Floats, fit: Fit, aim: Target, strength: float) -> _Move:
        """Where landmarks (468, 3), photo pixels, go; of an expression with a closed mouth, with the lips together."""
        shown = self.face.movement(fit.expression)
        full = shown + aim.movement if aim.adds else aim.movement
        wanted = full if aim.adds else _aim(self.face, full, fit.expression)
        movement: Floats = shown + strength * (wanted - shown)
        target: Floats = landmarks + fit.displacement((movement - shown) * self._free)
        shut = 0.0
        if keeps_mouth_closed(self.face, full):
            share, opening = min(1.0, strength), max(0.0, mouth_opening(landmarks))
            left = (1 - share) * opening
            shut = share * float(np.clip(opening / CLOSED_MOUTH - 0.5, 0, 1))
            movement = movement + max(0.0, mouth_opening(target) - left) * self._shutting
            target = landmarks + fit.displacement((movement - shown) * self._free)
            target = take_gaps(target, landmarks, 1 - share)
        return _Move(landmarks, target, movement, shut, _newly_open(landmarks, target))

    def _shade(self, uv: Floats, fit: Fit, aim: Target) -> Floats:
        """Of a full expression, looked up at `uv`, (S, S, 3): what it darkens; the most that it lightens wrinkles; and
        the share of a smile's folds that leaves.
        """
        drawn = np.minimum(self._ratio_images(aim.texture), 0)
        if aim.adds:
            none = np.zeros_like(drawn)
            return sample_bilinear(np.dstack([drawn, none, none]).astype(np.float32), uv)
        leaving, most = self._leaving(fit.expression.astype(np.float64).tobytes())
        change = self._ratio_images(aim.texture + leaving)
        # A smile keeps all the wrinkles that smiles have, though fewer are drawn.
        stays = np.maximum(self._ratio_images(aim.typical + leaving), 0)
        fill = np.clip(change, 0, np.minimum(most, stays))
        # In place of a fold of a smile that leaves, what the new expression has there is drawn.
        folds = leaving_folds(self.face.movement(fit.expression), aim.movement) * self._folds
        drawn = np.minimum(change, 0) * (1 - folds) + drawn * folds
        return sample_bilinear(np.dstack([drawn, fill, folds]).astype(np.float32), uv)

    def _leave(self, expression: bytes) -> tuple[Floats, Floats]:
        """What a photo's own expression, coefficients (E,) as bytes of float64, changes of the texture as it leaves.

        Returns:
            (A, A) each: that, and the most that may be lightened: only wrinkles of an expression that leaves are taken
            away, since others are the person's own.
        """
        leaving = full_maps(-self.face.wrinkles(np.frombuffer(expression)))
        return leaving, np.maximum(self._ratio_images(leaving), 0)


def transfer_crop(landmarks: Floats) -> Crop:
    """The crop in which an edit is computed: the aligned crop, with room beside the face and below the chin.

    Args:
        landmarks: (468, 2 or 3), photo pixels.

    Returns:
        A crop of `TRANSFER_SIZE` pixels, as fine as an aligned crop of `STANDARD_SIZE`.
    """
    matrix = align(landmarks, STANDARD_SIZE).matrix.copy()
    matrix[0, 2] += _BESIDE
    return Crop(matrix, TRANSFER_SIZE)


def with_room(maps: Floats) -> Floats:
    """Maps (S, S, ...) of the aligned crop, 160 K a side, in that of an edit, 192 K; 0 in its further room."""
    finer = len(maps) // STANDARD_SIZE
    beside = _BESIDE * finer
    padded: Floats = np.pad(maps, [(0, _BELOW * finer), (beside, beside), *[(0, 0)] * (maps.ndim - 2)])
    return padded


def _chin_drop(movement: Floats) -> float:
    """By how much a movement (468, 3) lowers the chin, in inter-ocular distances."""
    return float(movement[CHIN, 1])


def backward_flow(source: Floats, target: Floats, size: int, attributes: Floats | None = None) -> tuple[Floats, Int64]:
    """The flow of a face whose landmarks move, dense over its crop.

    Args:
        source: (468, 3), landmarks before, crop pixels.
        target: (468, 3), landmarks after.
        size: S, the crop's side.
        attributes: (540, A), further values of the vertices, to be interpolated alike.

    Returns:
        (S, S, 2 + A), where each pixel comes from, right and down, then the attributes; 0 beside the face. And the
        triangle at each pixel, (S, S), as `rasterise` gives it.
    """
    before, after = with_border_ring(source, source), with_border_ring(target, source)
    index, weights = rasterise(after, rendered_triangles(), size)
    flow = before[:, :2] - after[:, :2]
    values = flow if attributes is None else np.column_stack([flow, attributes])
    single = values.astype(np.float32), weights.astype(np.float32)  # both: in half the time
    return interpolate(single[0], rendered_triangles(), index, single[1]), index


def _away_from(face: MorphableFace, vertices: Sequence[int]) -> Floats:
    """How free each vertex is to move, (468,): 0 at these vertices, 1 away from them."""
    near = np.linalg.norm(face.mean[:, None, :2] - face.mean[None, list(vertices), :2], axis=2).min(axis=1)
    return smoothstep(near / _STILL)


def _aim(face: MorphableFace, full: Floats, shown: Floats) -> Floats:
    """How a photo that shows the coefficients `shown` (E,) is to be moved for an expression that `full` (468, 3) is.

    At least as much of it as the photo shows already, and who shows it keeps the way in which: a smile stays one's own.
    """
    flat = face.expression_modes.reshape(len(shown), -1)
    wanted = flat @ full.ravel() / (flat**2).sum(axis=1)  # in modes' deviations: a jaw would outweigh all else
    length = float(wanted @ wanted)
    if not length:
        return full
    along = max(0.0, float(wanted @ shown) / length)
    alike = along * np.sqrt(length / max(float(shown @ shown), 1e-9))  # the cosine of the two
    own = min(1.0, along) * min(1.0, alike) * (face.movement(shown) - along * full)
    aim: Floats = full * max(1.0, along) + own
    return aim


def _newly_open(source: Floats, target: Floats) -> float:
    """Share, 0 to 1, of a mouth's opening that the photo (landmarks `source`) does not show and `target` needs."""
    was, becomes = (max(0.0, mouth_opening(points)) for points in (source, target))
    opens = (becomes - was) / max(_SHOWS_TEETH, 0.5 * was)
    return float(np.clip((opens - 0.55) / 0.25, 0, 1))  # steep: teeth half hidden look grey
