"""How far an edit moves a face at each strength: by the landmark model in edited photos, and by the warp itself."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from facerelief.array_types import Float64, Floats, Landmarks
from facerelief.data.sources.labelled import Labelled, fixed_draw
from facerelief.editing.editor import Editor
from facerelief.editing.strength import MAX_STRENGTH
from facerelief.evaluation.outside.people import FaceLandmarks, short_name
from facerelief.evaluation.outside.views import aligned
from facerelief.expressions import EXPRESSIONS
from facerelief.faces.detector import Face
from facerelief.geometry.morphable.uv_map import sample_bilinear
from facerelief.geometry.topology import INNER_LIPS
from facerelief.geometry.transfer.unfolding import folds
from facerelief.photos.photo import read_photo
from facerelief.progress import NotedProgress, no_progress

STRENGTHS = (0.0, 0.25, 0.5, 0.75, 1.0, 1.25, MAX_STRENGTH)
AT_ONE = STRENGTHS.index(1.0)
_LEAST = 1e-6  # inter-ocular distances; what moves less does not move
_ROUNDS, _STEP = 40, 0.5  # of the search for where a warp brings a point
_COMPARED = np.setdiff1d(np.arange(468), INNER_LIPS)  # between which a warp opens


@dataclass(frozen=True)
class StrengthCurve:
    """How far one edit moves landmarks, by strength, in the direction of its movement at strength 1.

    Attributes:
        photo: The photo's name, with its folder's.
        identity: The person.
        target: What it was edited to.
        seen: By each of `STRENGTHS`, as the landmark model sees it in the edited photo, inter-ocular distances (root of
            the sum over landmarks); NaN where it finds no face.
        warped: The same of the warp that was applied; empty of a method that warps nothing.
        folded: At how many strengths above 0 the warp folds.
    """

    photo: str
    identity: str
    target: str
    seen: tuple[float, ...]
    warped: tuple[float, ...]
    folded: int


def measure_strengths(
    editor: Editor,
    landmarks: FaceLandmarks,
    photos: Sequence[Labelled],
    targets: Sequence[str],
    people: int,
    progress: NotedProgress = no_progress,
) -> list[StrengthCurve]:
    """Edit a photo of each of some people at all `STRENGTHS`.

    Args:
        editor: Makes the edits.
        landmarks: Finds the faces of photos.
        photos: Those to choose from: of each person the first neutral one, else the first of another expression.
        targets: What they are edited to.
        people: The number of people, a fixed random subset.
        progress: Called with the number of edits done, the total, and the photo's name.
    """
    names = sorted({one.identity for one in photos}, key=fixed_draw)[:people]
    wanted = [
        (one, target)
        for name in names
        for target in targets
        if (one := _source([photo for photo in photos if photo.identity == name], target))
    ]
    curves = []
    for done, (one, target) in enumerate(wanted):
        progress(done, len(wanted), one.photo.name)
        curves.append(_curve(editor, one, landmarks(one), target))
    progress(len(wanted), len(wanted))
    return curves


def _source(photos: Sequence[Labelled], target: str) -> Labelled | None:
    others = [one for one in photos if one.expression != target]
    return min(others, key=lambda one: one.expression != "neutral", default=None)


def _curve(editor: Editor, one: Labelled, landmarks: Landmarks, target: str) -> StrengthCurve:
    rgb, face = read_photo(one.photo).rgb, Face(landmarks)
    before = editor.finder.follow(rgb, face) or face
    plan = editor.plan(rgb, face, editor.target(target))
    points = plan.crop.to_crop(landmarks.astype(np.float64))[_COMPARED, :2]
    seen, warped, folded = [np.zeros((468, 2))], [np.zeros_like(points)], 0
    for strength in STRENGTHS[1:]:
        after = editor.finder.follow(editor.render(rgb, plan, strength), before)
        moved = aligned(after.landmarks) - aligned(before.landmarks) if after else np.full((468, 2), np.nan)
        seen.append(moved)
        warps = editor.warps(plan, strength)
        if warps:
            warped.append(moved_by_warp(warps[0], points))
        folded += any(folds(flow).any() for flow in warps)
    by_warp = _along_one(np.stack(warped)) if len(warped) == len(STRENGTHS) else ()
    return StrengthCurve(short_name(one), one.identity, target, _along_one(np.stack(seen)), by_warp, folded)


def _along_one(movements: Float64) -> tuple[float, ...]:
    """Lengths of movements (7, N, 2), one of each of `STRENGTHS`, along that of strength 1."""
    direction = movements[AT_ONE] / max(float(np.linalg.norm(movements[AT_ONE])), _LEAST)
    return tuple(np.einsum("snk,nk->s", movements, direction).tolist())


def moved_by_warp(flow: Floats, points: Floats) -> Float64:
    """By how much a warp moves points of a picture, which is the inverse of where its pixels come from.

    Args:
        flow: (S, S, 2), where each pixel comes from, right and down, in pixels; without folds or large turns.
        points: (N, 2), before the warp, pixels.

    Returns:
        (N, 2), right and down, in pixels.
    """
    nodes = np.dstack(np.meshgrid(*[np.arange(len(flow)) + 0.5] * 2)).reshape(-1, 2)
    sources = (nodes + flow.reshape(-1, 2)).astype(np.float32)
    nearest = (np.square(sources).sum(axis=1)[:, None] - 2 * sources @ points.T.astype(np.float32)).argmin(axis=0)
    after = nodes[nearest]
    for _ in range(_ROUNDS):
        after += _STEP * (points - after - sample_bilinear(flow, after))
    moved: Float64 = after - points
    return moved


def summarise_strengths(curves: Sequence[StrengthCurve]) -> dict[str, Any]:
    """By target, how far edits move by strength.

    Returns:
        For each target: `n`, edits; `not_found`, those with a strength at which no face was found, which do not count;
        `length`, the median movement at strength 1, inter-ocular distances; `seen` and `warped`, each None or with
        `shares`, by `STRENGTHS` the median movement as a share of that at 1, `r2`, of a line through zero and these
        medians, and `r2_median`, that of the median edit; `folded`, the share of edits, one a strength, whose warp
        folds.
    """
    found = {name: [one for one in curves if one.target == name] for name in EXPRESSIONS}
    return {name: _summary(some) for name, some in found.items() if some}


def _summary(curves: Sequence[StrengthCurve]) -> dict[str, Any]:
    seen = np.array([one.seen for one in curves if np.isfinite(one.seen).all()]).reshape(-1, len(STRENGTHS))
    warped = np.array([one.warped for one in curves if one.warped]).reshape(-1, len(STRENGTHS))
    return {
        "n": len(curves),
        "not_found": len(curves) - len(seen),
        "length": float(np.median(seen[:, AT_ONE])) if len(seen) else None,
        "seen": _linearity(seen),
        "warped": _linearity(warped),
        "folded": sum(one.folded for one in curves) / (len(curves) * (len(STRENGTHS) - 1)) if len(warped) else None,
    }


def _linearity(lengths: Float64) -> dict[str, Any] | None:
    """Of movements (N, 7) by `STRENGTHS`; None where nothing moves."""
    moving = lengths[lengths[:, AT_ONE] > _LEAST]
    if not len(moving):
        return None
    shares = moving / moving[:, AT_ONE, None]
    medians = np.median(shares, axis=0)
    each = [r_squared(one) for one in shares]
    return {"shares": medians.tolist(), "r2": r_squared(medians), "r2_median": float(np.median(each))}


def r_squared(lengths: Floats) -> float:
    """R^2 of a line through zero and movements (7,) by `STRENGTHS`: 1 less the share of their variance beside it."""
    at = np.array(STRENGTHS)
    beside = lengths - (at @ lengths) / (at @ at) * at
    return float(1 - (beside @ beside) / np.square(lengths - lengths.mean()).sum())
