"""Expressions learned from datasets whose labels can be trusted: how people change, in action units.

How faces change comes from people of whom a dataset has a neutral photo too; where it has none, from the difference to
the neutral photos of the same dataset, with pose regressed out of both.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from facerelief.array_types import Bool, Floats, Int64
from facerelief.expressions import EXPRESSIONS
from facerelief.faces.alignment import INTER_OCULAR
from facerelief.geometry.morphable.action_units import EMFACS, SIDES
from facerelief.geometry.morphable.learning.portraits import Portraits, UVPictures
from facerelief.geometry.morphable.learning.registration import register
from facerelief.geometry.morphable.learning.shape import free_to_move, neutral_means
from facerelief.geometry.morphable.learning.texture import LightRemoval
from facerelief.geometry.morphable.log_albedo import LUMA32, fold_symmetric, unfold_symmetric
from facerelief.geometry.morphable.procrustes import align_shapes, mirror_shapes
from facerelief.geometry.morphable.uv_map import UVMap, feathered, mouth_mask, soft_face_mask, with_border_ring
from facerelief.geometry.transfer.lips import mouth_opening

# So many people with an expression, compared with strangers or with themselves, weigh against what is typical of it as
# `_TRUST` says.
_STRANGERS, _PAIRED = 100, 30
_TRUST = 0.6  # inter-ocular distances, over all landmarks, that an amount 1 off the typical one weighs as much as
OPEN = 0.06  # inter-ocular distances between the lips of an open mouth
_USUAL = 0.6  # share of open mouths from which that is the form of an expression: what they show is drawn, not seen
_FEWEST_PAIRS = 10  # people with a neutral photo of theirs that are enough
_POSE = 20.0  # degrees; a ridge of one photo at this pose
_NEUTRALS = 500  # pictures that a mean neutral one is made of
_MOST = 2.0  # amount of an action unit
_NO_DOUBT = 0.05  # enough that amounts are determined
_SEEN = 0.05  # amount of an action unit, from which photos show it
_DEPTH = 0.3  # weight of depth, which detectors guess, beside that of the other two coordinates


@dataclass(frozen=True)
class Evidence:
    """Photos of an expression in one dataset.

    Attributes:
        source: Number of the dataset.
        rows: (N,), its photos with the expression.
        neutral: (M,), its neutral photos that they are compared with.
        lit: (L,), the photos whose light tells what the expression adds to the texture: `rows`, or of people who are
            compared with themselves all photos with the expression, whether their mouths are open or shut.
        change: (468, 3), how people's landmarks change who show it: the mean direction, as far along it as the median.
        people: How many show the expression.
        paired: Whether each of them is compared with their own neutral photos.
        open: Whether mouths are open: of the two forms of an expression, that which most photos show.
    """

    source: int
    rows: Int64
    neutral: Int64
    lit: Int64
    change: Floats
    people: int
    paired: bool
    open: bool

    @property
    def doubt(self) -> float:
        """The weight of what is typical of the expression, beside what people show."""
        return _TRUST * float(np.sqrt((_PAIRED if self.paired else _STRANGERS) / self.people))


def find_evidence(sources: Sequence[Portraits], mean: Floats, first: int = 0) -> dict[str, Evidence]:
    """What datasets show of each expression, each from one: people's own changes first, then the most people.

    Not of one-sided expressions: people show them on either side, so that their mean is none.

    Args:
        sources: The datasets.
        mean: (468, 3), the mean face.
        first: Number of the first of them that is looked at.

    Returns:
        By name of the expression.
    """
    numbers, sources = range(first, len(sources)), sources[first:]
    shapes = [align_shapes(portraits.landmarks, mean) for portraits in sources]
    opened = [open_mouths(one) for one in shapes]
    found: dict[str, Evidence] = {}
    for name in EXPRESSIONS:
        votes = [shown[p.expression == name] for p, shown in zip(sources, opened, strict=True)]
        if not EMFACS[name].units or EMFACS[name].sides != SIDES or not any(map(len, votes)):
            continue
        form = bool(np.concatenate(votes).mean() >= _USUAL)
        parts = zip(numbers, sources, shapes, opened, strict=True)
        shown = [_evidence(number, p, s, name, o, form) for number, p, s, o in parts]
        best = max((one for one in shown if one is not None), key=lambda one: (one.paired, one.people), default=None)
        if best is not None:
            found[name] = best
    return found


def open_mouths(shapes: Floats) -> Bool:
    """Which of the shapes (N, 468, 3) have an open mouth, (N,)."""
    return np.array([mouth_opening(shape) >= OPEN for shape in shapes])


def _evidence(
    number: int, portraits: Portraits, shapes: Floats, name: str, opened: Bool, form: bool
) -> Evidence | None:
    """What one dataset shows of an expression in its more frequent form; None where that is nothing."""
    neutral, shown = portraits.expression == "neutral", (portraits.expression == name) & (opened == form)
    if not shown.any() or not neutral.any():
        return None
    own_too = (portraits.expression == name) & np.isin(portraits.identity, portraits.identity[neutral])
    pairs, lit = shown & own_too, shown
    paired = len(set(portraits.identity[pairs])) >= _FEWEST_PAIRS
    if paired:
        shown, lit, neutral = pairs, own_too, neutral & np.isin(portraits.identity, portraits.identity[own_too])
        own = neutral_means(shapes[neutral], portraits.expression[neutral], portraits.identity[neutral])
        changes = shapes[shown] - np.stack([own[str(person)] for person in portraits.identity[shown]])
    else:
        closed = neutral & ~opened
        neutral = closed if closed.any() else neutral
        changes = shapes[shown] - _neutral_at(portraits.pose[shown], shapes[neutral], portraits.pose[neutral])
    people = len(set(portraits.identity[shown]))
    rows, compared, lit_rows = (np.flatnonzero(some) for some in (shown, neutral, lit))
    return Evidence(number, rows, compared, lit_rows, _median_along_mean(changes), people, paired, form)


def _median_along_mean(changes: Floats) -> Floats:
    """The mean of changes (N, 468, 3) and their mirror images, made as long as the median along it."""
    both = (changes + mirror_shapes(changes)) / 2
    mean: Floats = both.mean(axis=0)
    along = np.tensordot(both, mean, 2) / max(float((mean**2).sum()), 1e-12)
    return float(np.median(along)) * mean


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


@dataclass(frozen=True)
class Amounts:
    """An expression in action units.

    Attributes:
        units: How much of each.
        explained: Share of the squared change of people's landmarks that detected units explain.
        typical: The units that EMFACS requires and photos do not show: they have their typical amounts.
    """

    units: dict[int, float]
    explained: float
    typical: tuple[int, ...]


def fit_amounts(name: str, evidence: Evidence, responses: Mapping[int, Floats], mean: Floats) -> Amounts:
    """Find how much of the action units that EMFACS names people show.

    Args:
        name: The expression.
        evidence: How people's landmarks change.
        responses: By unit, (468, 3): how detected landmarks change by an amount of 1.
        mean: (468, 3), the mean face.

    Returns:
        Amounts from 0 to 2 by least squares; the fewer people there are, the nearer to the typical ones.

    Raises:
        MissingExtra: SciPy is absent.
    """
    from scipy.optimize import lsq_linear

    usual = EMFACS[name].units
    weight = free_to_move(mean) * (1, 1, _DEPTH)
    seen = np.stack([(responses[unit] * weight).ravel() for unit in usual], axis=1)
    wanted = (evidence.change * weight).ravel()
    typical = np.array(list(usual.values()))

    def solve(doubt: float) -> Floats:
        prior = doubt * np.eye(len(usual))
        rows, right = np.concatenate([seen, prior]), np.concatenate([wanted, prior @ typical])
        solved: Floats = lsq_linear(rows, right, (0, _MOST)).x
        return solved

    solved = solve(evidence.doubt)
    left = wanted - seen @ solved
    found, unbiased = (dict(zip(usual, x.tolist(), strict=True)) for x in (solved, solve(_NO_DOUBT)))
    lacking = tuple(unit for unit in EMFACS[name].required if unbiased[unit] < _SEEN)
    found |= {unit: usual[unit] for unit in lacking}
    return Amounts(found, 1 - float(left @ left) / max(float(wanted @ wanted), 1e-12), lacking)


class ExpressionPictures:
    """Reads the mean pictures of expressions and finds what they add to a face's texture."""

    def __init__(self, uv_map: UVMap, delight: LightRemoval, texture: Floats, modes: Floats) -> None:
        """Make one for a mean texture (P,) and expression modes (E, 468, 3)."""
        self._uv_map, self._delight, self._texture = uv_map, delight, texture
        still, pixels = np.zeros((468, 3)), INTER_OCULAR * uv_map.size
        self._moves = np.stack([uv_map.interpolate(with_border_ring(m, still)[:, :2]) * pixels for m in modes])
        beside_mouth = 1 - feathered(mouth_mask(uv_map), uv_map.size // 26)  # it opens differently in each photo
        self._weight = soft_face_mask(uv_map, uv_map.size // 32) * beside_mouth

    def __call__(self, portraits: Portraits, evidence: Evidence, done: Callable[[], None]) -> Floats:
        """What an expression adds to the texture, (P,).

        Args:
            portraits: The dataset.
            evidence: Which of its photos.
            done: Called after each photo.
        """
        pictures = UVPictures(portraits, self._uv_map)
        count = len(evidence.neutral)
        some = evidence.neutral[np.linspace(0, count - 1, min(count, _NEUTRALS)).astype(np.int64)]
        neutral, shown = (self._mean(pictures, rows, done) for rows in (some, evidence.lit))
        size = self._uv_map.size
        whole = unfold_symmetric(np.stack([neutral, shown]), size)
        added: Floats = (register(whole[0], whole[1], self._moves, self._weight) - whole[0])[:, : size // 2].ravel()
        return added

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
    return len(evidence.lit) + min(len(evidence.neutral), _NEUTRALS)
