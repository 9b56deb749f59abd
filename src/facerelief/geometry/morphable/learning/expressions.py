"""Expressions learned from further datasets, whose labels are better than those of the dataset with the many people.

How faces change comes from people of whom a dataset has a neutral photo too; where it has none, from the difference to
the neutral photos of the same dataset, with pose regressed out of both.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from facerelief.array_types import Bool, Floats, Int64
from facerelief.expressions import EXPRESSIONS
from facerelief.faces.alignment import INTER_OCULAR
from facerelief.geometry.morphable.learning.action_units import (
    EMFACS,
    ISOLATED_INDICES,
    ISOLATED_UNITS,
    ONE_SIDED,
    UNITS,
    au_targets,
    measure_units,
)
from facerelief.geometry.morphable.learning.portraits import Portraits, UVPictures
from facerelief.geometry.morphable.learning.registration import register
from facerelief.geometry.morphable.learning.shape import free_to_move, neutral_means, projected
from facerelief.geometry.morphable.learning.texture import LightRemoval
from facerelief.geometry.morphable.log_albedo import LUMA32, fold_symmetric, unfold_symmetric
from facerelief.geometry.morphable.procrustes import STABLE_LANDMARKS, apply_similarity, fit_similarity, mirror_shapes
from facerelief.geometry.morphable.uv_map import UVMap, feathered, mouth_mask, soft_face_mask, with_border_ring

ENOUGH = 100  # people with an expression and without a neutral photo of theirs from whom alone its shape is learned
_FEWEST_PAIRS = 10  # people with a neutral photo of theirs that are enough
_OPEN = 0.06  # inter-ocular distances between the lips of an open mouth
_POSE = 20.0  # degrees; a ridge of one photo at this pose
_NEUTRALS = 500  # pictures that a mean neutral one is made of
_WRONG = 0.001  # inter-ocular distances, from which a movement goes the wrong way
_LIP_SHARE = 0.3  # of the jaw's fall, by which the lower lip slides down the chin: that of ICT-FaceKit's jawOpen


@dataclass(frozen=True)
class Evidence:
    """Photos of an expression in one dataset.

    Attributes:
        source: Number of the dataset.
        rows: (N,), its photos with the expression.
        neutral: (M,), its neutral photos that they are compared with.
        changes: (N, E), how the meshes of `rows` differ from neutral ones, in expression modes.
        people: How many show the expression.
        paired: Whether each of them is compared with their own neutral photos.
        open: Whether mouths are open: of the two forms of an expression, that which more photos show.
    """

    source: int
    rows: Int64
    neutral: Int64
    changes: Floats
    people: int
    paired: bool
    open: bool

    @property
    def share(self) -> float:
        """How much of the expression's shape comes from here, 0 to 1."""
        return 1.0 if self.paired else min(1.0, self.people / ENOUGH)

    @property
    def mean(self) -> Floats:
        """How people change who show the expression, (E,): the mean direction, as far along it as the median."""
        mean: Floats = self.changes.mean(axis=0)
        return mean * self.reach

    @property
    def reach(self) -> float:
        """The median along the mean direction, in lengths of the mean."""
        mean = self.changes.mean(axis=0)
        return float(np.median(self.changes @ mean) / max(float(mean @ mean), 1e-12))


def find_evidence(sources: Sequence[Portraits], mean: Floats, modes: Floats) -> dict[str, Evidence]:
    """What datasets show of each expression, each from one: people's own changes first, then the most people.

    Not of one-sided expressions: people show them on either side, so that their mean is none.

    Args:
        sources: The datasets.
        mean: (468, 3), the mean face.
        modes: (E, 468, 3), expression modes.

    Returns:
        By name of the expression.
    """
    aligned = [_aligned(portraits.landmarks, mean) for portraits in sources]
    opened = [measure_units(shapes)[:, UNITS.index("lips apart")] >= _OPEN for shapes in aligned]
    free = free_to_move(mean)
    found: dict[str, Evidence] = {}
    for name in EXPRESSIONS:
        if name in ("neutral", *ONE_SIDED):
            continue
        votes = [shown[p.expression == name] for p, shown in zip(sources, opened, strict=True)]
        if not any(map(len, votes)):
            continue
        form = "lips thin" not in EMFACS[name] and bool(np.concatenate(votes).mean() >= 0.5)
        parts = zip(range(len(sources)), sources, aligned, opened, strict=True)
        shown = [_evidence(number, p, a, name, o, form, modes, free) for number, p, a, o in parts]
        best = max((one for one in shown if one is not None), key=lambda one: (one.paired, one.people), default=None)
        if best is not None:
            found[name] = best
    return found


def _aligned(meshes: Floats, mean: Floats) -> Floats:
    still = list(STABLE_LANDMARKS)
    return apply_similarity(meshes, *fit_similarity(meshes[:, still], mean[still]))


def _evidence(
    source: int, portraits: Portraits, shapes: Floats, name: str, opened: Bool, form: bool, modes: Floats, free: Floats
) -> Evidence | None:
    """What one dataset shows of an expression in its more frequent form; None where that is nothing."""
    neutral, shown = portraits.expression == "neutral", (portraits.expression == name) & (opened == form)
    if not shown.any() or not neutral.any():
        return None
    pairs = shown & np.isin(portraits.identity, portraits.identity[neutral])
    paired = len(set(portraits.identity[pairs])) >= _FEWEST_PAIRS
    if paired:
        shown, neutral = pairs, neutral & np.isin(portraits.identity, portraits.identity[pairs])
        own = neutral_means(shapes[neutral], portraits.expression[neutral], portraits.identity[neutral])
        changes = shapes[shown] - np.stack([own[str(person)] for person in portraits.identity[shown]])
    else:
        neutral &= ~opened if (neutral & ~opened).any() else neutral
        changes = shapes[shown] - _neutral_at(portraits.pose[shown], shapes[neutral], portraits.pose[neutral])
    changes = (changes + mirror_shapes(changes)) / 2 * free
    people = len(set(portraits.identity[shown]))
    rows, compared = np.flatnonzero(shown), np.flatnonzero(neutral)
    return Evidence(source, rows, compared, projected(changes, modes), people, paired, form)


def _neutral_at(wanted: Floats, shapes: Floats, pose: Floats) -> Floats:
    """The mean neutral shape at poses (N, 2), (N, 468, 3), by regression of shapes on theirs and its square."""

    def terms(at: Floats) -> Floats:
        scaled = at / _POSE
        return np.column_stack([np.ones(len(at)), scaled, scaled**2])

    known = terms(pose)
    ridge = np.diag([0.0] + [1.0] * (known.shape[1] - 1))
    fitted = np.linalg.solve(known.T @ known + ridge, known.T @ shapes.reshape(len(shapes), -1))
    found: Floats = (terms(wanted) @ fitted).reshape(-1, *shapes.shape[1:])
    return found


def combined(name: str, shown: Floats, missed: Floats, modes: Floats, alone: Floats) -> tuple[Floats, list[str]]:
    """An expression from landmarks and from what they missed, as far as faces can move so.

    Mean pictures differ in more than movement. So of the lone movements, what landmarks missed counts only for those
    that EMFACS names; where photos show one of these the wrong way round, its AU target stands in. And the chin follows
    the lower lip, for whose fall the jaw is the cause: smooth as it is, landmarks miss more of its movement.

    Args:
        name: The expression.
        shown: (E,), as landmarks show it.
        missed: (E,), what they missed.
        modes: (E, 468, 3), expression modes.
        alone: (L, E), the lone movements in these modes.

    Returns:
        The expression, (E,), and the measures that its targets gave.
    """
    full = shown + missed
    seen, found = (measure_units(np.tensordot(c, modes, 1)[None])[0] for c in (shown, full))
    wanted, given = found.copy(), []
    for unit in ISOLATED_UNITS:
        k, sign = UNITS.index(unit), EMFACS[name].get(unit, 0)
        if sign * found[k] < -_WRONG:
            given.append(unit)
            wanted[k] = au_targets(name)[k]
        elif not sign:
            wanted[k] = seen[k]
    lacks = (wanted - found)[ISOLATED_INDICES] * [unit != "jaw down" for unit in ISOLATED_UNITS]
    return _with_chin(full + lacks @ alone, modes, alone[ISOLATED_UNITS.index("jaw down")]), given


def _with_chin(full: Floats, modes: Floats, chin: Floats) -> Floats:
    """An expression (E,) whose lower lip moves down the chin by no more than a share of how far the jaw falls."""
    measured = measure_units(np.stack([np.tensordot(c, modes, 1) for c in (full, chin)]))
    (jaw, lip), (_, by) = measured[:, [UNITS.index("jaw down"), UNITS.index("lower lip up")]]
    return full + max(0.0, -lip - _LIP_SHARE * jaw) / (by + _LIP_SHARE) * chin


class ExpressionPictures:
    """Reads the mean pictures of expressions and finds what landmarks missed."""

    def __init__(self, uv_map: UVMap, delight: LightRemoval, texture: Floats, modes: Floats) -> None:
        """Make one for a mean texture (P,) and expression modes (E, 468, 3)."""
        self._uv_map, self._delight, self._texture = uv_map, delight, texture
        still, pixels = np.zeros((468, 3)), INTER_OCULAR * uv_map.size
        self._moves = np.stack([uv_map.interpolate(with_border_ring(m, still)[:, :2]) * pixels for m in modes])
        beside_mouth = 1 - feathered(mouth_mask(uv_map), uv_map.size // 26)  # it opens differently in each photo
        self._weight = soft_face_mask(uv_map, uv_map.size // 32) * beside_mouth

    def __call__(self, portraits: Portraits, evidence: Evidence, done: Callable[[], None]) -> tuple[Floats, Floats]:
        """What photos show beyond their landmarks.

        Args:
            portraits: The dataset.
            evidence: Which of its photos.
            done: Called after each photo.

        Returns:
            The movement that landmarks missed, (E,), and what the expression adds to the texture, (P,).
        """
        pictures = UVPictures(portraits, self._uv_map)
        count = len(evidence.neutral)
        some = evidence.neutral[np.linspace(0, count - 1, min(count, _NEUTRALS)).astype(np.int64)]
        neutral, shown = (self._mean(pictures, rows, done) for rows in (some, evidence.rows))
        size = self._uv_map.size
        whole = unfold_symmetric(np.stack([neutral, shown]), size)
        missed, registered = register(whole[0], whole[1], self._moves, self._weight)
        added: Floats = (registered - whole[0])[:, : size // 2].ravel()
        return missed, added

    def _mean(self, pictures: UVPictures, rows: Int64, done: Callable[[], None]) -> Floats:
        """Mean log albedo (P,) of photos; the face's own where none shows it."""
        sums, count = np.zeros(self._texture.shape), np.zeros(self._texture.shape)
        for row in rows.tolist():
            rgb, seen = pictures[row]
            light, shown = fold_symmetric(self._delight(rgb @ LUMA32, seen), seen)
            sums, count = sums + light * shown, count + shown
            done()
        found: Floats = np.where(count > 0, sums / np.maximum(count, 1), self._texture)
        return found


def photos_read(evidence: Evidence) -> int:
    """How many pictures `ExpressionPictures` reads."""
    return len(evidence.rows) + min(len(evidence.neutral), _NEUTRALS)
