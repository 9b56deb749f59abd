"""Confusion between expressions and linearity of control, after the definitions of FFE-Bench.

Hua et al., PixelSmile: Toward Fine-Grained Facial Expression Editing, arXiv 2603.25728 (2026), section 3.2. There a
vision-language model judges and three recognisers compare; here face-api's judge and dlib's recogniser do. So numbers
compare methods with each other, not with the paper's.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from facerelief.array_types import Floats
from facerelief.data.sources.labelled import Labelled
from facerelief.editing.editor import Editor
from facerelief.editing.strength import MAX_STRENGTH
from facerelief.evaluation.outside.instruments import Instruments, Seen
from facerelief.evaluation.outside.people import FaceLandmarks
from facerelief.evaluation.outside.views import aligned
from facerelief.expressions import EXPRESSIONS
from facerelief.faces.detector import Face
from facerelief.networks.face_api import FACE_API_EXPRESSIONS
from facerelief.photos.photo import read_photo
from facerelief.progress import NotedProgress, no_progress

EVEN_STRENGTHS = tuple(np.linspace(0, MAX_STRENGTH, 7).tolist())
_AT_ONE = EVEN_STRENGTHS.index(1.0)
CONFUSED = (("fear", "surprise"), ("anger", "disgust"))  # the paper's pairs
BASIC = ("happiness", "sadness", "anger", "fear", "disgust", "surprise")


@dataclass(frozen=True)
class ExpressionEdits:
    """One photo edited to one expression at all strengths; NaN where no face was found.

    Attributes:
        identity: The person.
        target: The expression.
        called: What the judge calls the edit at strength 1; empty where no face was found or there is no judge.
        scores: (7,), the judge's probability of the target, by `EVEN_STRENGTHS`.
        similarity: Cosine of the identity vectors of photo and edit, at strength 1.
        motion: (7,), movement of landmarks along that at strength 1, inter-ocular distances, root of the sum.
    """

    identity: str
    target: str
    called: str
    scores: tuple[float, ...]
    similarity: float
    motion: tuple[float, ...]


def edit_at_strengths(
    editor: Editor,
    photos: Sequence[Labelled],
    landmarks: FaceLandmarks,
    instruments: Instruments | None,
    progress: NotedProgress = no_progress,
) -> list[ExpressionEdits]:
    """Edit neutral photos to every other expression at every strength.

    Args:
        editor: Makes the edits.
        photos: One a person.
        landmarks: Finds their faces.
        instruments: Judge the edits; None for motion alone.
        progress: Called with the number of photos done, the total, and the photo's name.
    """
    found = []
    for done, one in enumerate(photos):
        progress(done, len(photos), one.photo.name)
        rgb, face = read_photo(one.photo).rgb, Face(landmarks(one))
        before = editor.finder.follow(rgb, face) or face
        for target in editor.expressions:
            if target == one.expression:
                continue
            plan = editor.plan(rgb, before, target)
            seen, moved = [], []
            for strength in EVEN_STRENGTHS:
                edit = editor.render(rgb, plan, strength)
                after = editor.finder.follow(edit, before)
                gone = np.full((468, 2), np.nan)
                moved.append(aligned(after.landmarks) - aligned(before.landmarks) if after else gone)
                seen.append(instruments(edit, after.landmarks) if instruments and after else None)
            found.append(_edits(one.identity, target, seen, np.stack(moved)))
    progress(len(photos), len(photos))
    return found


def _edits(identity: str, target: str, seen: Sequence[Seen | None], moved: Floats) -> ExpressionEdits:
    nan, scores, called, similarity = float("nan"), [float("nan")] * len(EVEN_STRENGTHS), "", float("nan")
    if target in FACE_API_EXPRESSIONS:
        place = FACE_API_EXPRESSIONS.index(target)
        scores = [nan if one is None else float(one.expression[place]) for one in seen]
    before, after = seen[0], seen[_AT_ONE]
    if after is not None and before is not None:
        called = FACE_API_EXPRESSIONS[int(after.expression.argmax())]
        lengths = np.linalg.norm(before.identity) * np.linalg.norm(after.identity)
        similarity = float(before.identity @ after.identity / lengths)
    direction = moved[_AT_ONE] / max(float(np.linalg.norm(moved[_AT_ONE])), 1e-9)
    motion = np.einsum("snk,nk->s", moved, direction).tolist()
    return ExpressionEdits(identity, target, called, tuple(scores), similarity, tuple(motion))


def summarise_expressions(edits: Sequence[ExpressionEdits]) -> dict[str, Any]:
    """The benchmark's numbers.

    Returns:
        `confusion`: by target, how often the judge calls the edit what. `acc`: mean over targets of how often it calls
        it the target, and `acc_6` over the six basic ones. `pairs`: by "a, b" the bidirectional confusion rate, and
        `mscr`, their mean. `cls`: by target, the mean Pearson correlation of strength with the judge's score, and
        `cls_6`. `motion`: by target, that of strength with landmarks' motion. `hes`: by target, the mean harmonic mean
        of score and identity similarity, and `hes_6`. `similarity`: by target. None where there is no judge.
    """
    targets = [name for name in EXPRESSIONS if any(one.target == name for one in edits)]
    by = {name: [one for one in edits if one.target == name] for name in targets}
    confusion = {name: _called(some) for name, some in by.items()}
    rates = {name: row.get(name, 0.0) for name, row in confusion.items() if row and name in FACE_API_EXPRESSIONS}
    pairs = {f"{a}, {b}": bidirectional_confusion(confusion, a, b) for a, b in CONFUSED if {a, b} <= {*rates}}
    scores = {name: _mean([pearson(one.scores) for one in some]) for name, some in by.items()}
    harmonic = {
        name: _mean([harmonic_mean(one.scores[_AT_ONE], one.similarity) for one in s]) for name, s in by.items()
    }
    return {
        "n": {name: len(some) for name, some in by.items()},
        "confusion": confusion,
        "acc": _mean(list(rates.values())),
        "acc_6": _mean([rates[name] for name in BASIC if name in rates]),
        "pairs": pairs,
        "mscr": _mean(list(pairs.values())),
        "cls": scores,
        "cls_6": _mean([scores[name] for name in BASIC if name in scores]),
        "motion": {name: _mean([pearson(one.motion) for one in some]) for name, some in by.items()},
        "hes": harmonic,
        "hes_6": _mean([harmonic[name] for name in BASIC if name in harmonic]),
        "similarity": {name: _mean([one.similarity for one in some]) for name, some in by.items()},
    }


def bidirectional_confusion(confusion: Mapping[Any, Mapping[str, float]], a: str, b: str) -> float:
    """BCR, eq. 2 of the paper: the mean of how often edits to one are called the other.

    Example:
        >>> called = {"fear": {"surprise": 0.5, "fear": 0.5}, "surprise": {"surprise": 1.0}}
        >>> bidirectional_confusion(called, "fear", "surprise")
        0.25
    """
    return (confusion[a].get(b, 0.0) + confusion[b].get(a, 0.0)) / 2


def harmonic_mean(score: float, similarity: float) -> float:
    """HES, eq. 3 of the paper: 2 S_E S_ID / (S_E + S_ID); 0 where either is not above 0.

    Example:
        >>> round(harmonic_mean(0.5, 1.0), 3)
        0.667
    """
    if np.isnan(score) or np.isnan(similarity):
        return float("nan")
    return 2 * score * similarity / (score + similarity) if min(score, similarity) > 0 else 0.0


def pearson(values: Sequence[float]) -> float:
    """CLS: the Pearson correlation of `EVEN_STRENGTHS` with values (7,); NaN where one is missing, 0 of equal ones."""
    if not np.isfinite(values).all():
        return float("nan")
    return float(np.corrcoef(EVEN_STRENGTHS, values)[0, 1]) if np.ptp(values) > 0 else 0.0


def _called(edits: Sequence[ExpressionEdits]) -> dict[str, float]:
    judged = [one.called for one in edits if one.called]
    return {name: judged.count(name) / len(judged) for name in FACE_API_EXPRESSIONS if name in judged}


def _mean(values: Sequence[float | None]) -> float | None:
    have = [value for value in values if value is not None and np.isfinite(value)]
    return float(np.mean(have)) if have else None
