"""From the scores of single edits to the facts of the report: rates, means, intervals, and what they were made with."""

import dataclasses
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np

from facerelief import __version__
from facerelief.editing.editor import Editor
from facerelief.editing.loading import weights_file
from facerelief.evaluation.intervals import mean_interval, quantile_interval
from facerelief.evaluation.outside.instruments import Instruments
from facerelief.evaluation.outside.measure import (
    EDIT,
    MEAN_MOVEMENT,
    NO_EDIT,
    EditScore,
    Measured,
    PhotoScore,
    Request,
    scores_json,
)
from facerelief.evaluation.outside.people import Selection
from facerelief.evaluation.outside.strengths import summarise_strengths
from facerelief.evaluation.outside.views import AGAINST_TRUTH
from facerelief.expressions import EXPRESSIONS
from facerelief.files import sha256
from facerelief.geometry.transfer.lips import CLOSED_MOUTH
from facerelief.networks.face_api import FACE_API_EXPRESSIONS, SAME_PERSON

SHOWS_TEETH = 0.1  # share of the inner mouth from which on a mouth counts as one that shows teeth
_FEWEST = 3  # people, for a correlation
_LEAST = 1e-6  # inter-ocular distances; who moves less has no movement of which there could be a share

_Facts: TypeAlias = dict[str, Any]


@dataclass(frozen=True)
class Setup:
    """What a measurement was made with.

    Attributes:
        photos: The folder or table of all photos.
        editor: Made the edits.
        weights: Named for it; None for the package's.
        instruments: Judged them.
        selection: Which photos were chosen.
        notes: What was left out, a line each.
    """

    photos: Path
    editor: Editor
    weights: Path | None
    instruments: Instruments
    selection: Selection
    notes: list[str]


def report_facts(measured: Measured, request: Request, setup: Setup) -> dict[str, Any]:
    """Everything that report.json holds."""
    facts = summarise_edits(measured)
    compared = sum(bool(one.truth) for one in measured.edits)
    chosen = {name: value for name, value in dataclasses.asdict(setup.selection).items() if value}
    made_with: dict[str, Any] = {
        "facerelief": __version__,
        "method": setup.editor.method,
        "strength": request.strength,
        "weights sha256": sha256(weights_file(setup.editor, setup.weights)),
        "photos": setup.photos.name,
        "selection": ", ".join(f"{name} {value}" for name, value in chosen.items()),
    }
    made_with |= {f"{name} sha256": digest for name, digest in setup.instruments.sha256.items()}
    return {
        "title": f"{setup.editor.method} on {setup.photos.name}, strength {request.strength:g}",
        "lead": (
            f"{facts['edits']:,} edits of {facts['photos']:,} photos of {facts['people']:,} people, "
            f"{compared:,} of them compared with a true photo."
        ),
        "notes": setup.notes,
        "made_with": made_with,
        **facts,
        **scores_json(measured),
    }


def summarise_edits(measured: Measured) -> _Facts:
    """The numbers of the report.

    Args:
        measured: Scores of at least one photo.

    Returns:
        `photos`, `people`, `edits`: how many. `real`: by label, what the judge calls real photos. `targets`: by target,
        rate and identity. `truth`: by "source to target", edits and what they are compared with against true photos.
        `mouths`: by target, and `real_mouths` by label, what open mouths show. `strengths`: as of
        `summarise_strengths`.
    """
    targets = [name for name in EXPRESSIONS if any(one.target == name for one in measured.edits)]
    labels = [name for name in EXPRESSIONS if any(one.expression == name for one in measured.photos)]
    edits = {name: [one for one in measured.edits if one.target == name] for name in targets}
    real = {name: [one for one in measured.photos if one.expression == name] for name in labels}
    return {
        "photos": len(measured.photos),
        "people": len({one.identity for one in measured.photos}),
        "edits": len(measured.edits),
        "real": {name: _real(name, photos) for name, photos in real.items()},
        "targets": {name: _target(name, some) for name, some in edits.items()},
        "truth": _truth(measured.edits),
        "mouths": {name: _mouths([one for one in some if one.found]) for name, some in edits.items()},
        "real_mouths": {name: _mouths(photos) for name, photos in real.items()},
        "strengths": summarise_strengths(measured.curves),
    }


def _real(label: str, photos: Sequence[PhotoScore]) -> _Facts:
    """How the judge calls real photos of a label."""
    if label not in FACE_API_EXPRESSIONS:
        return {"n": len(photos), "rate": None}
    hits = np.array([one.called == label for one in photos], dtype=float)
    return {"n": len(photos), "rate": mean_interval(hits, _persons(photos))}


def _target(target: str, edits: Sequence[EditScore]) -> _Facts:
    """Rate and identity of the edits to one target."""
    found = [one for one in edits if one.found]
    facts: _Facts = {"n": len(edits), "not_found": len(edits) - len(found), "rate": None, "probability": None}
    if not found:
        return facts
    persons = _persons(found)
    if target in FACE_API_EXPRESSIONS:
        # An edit whose face is not found shows nothing.
        hits = np.array([one.called == target for one in edits], dtype=float)
        facts["rate"] = mean_interval(hits, _persons(edits))
        facts["probability"] = mean_interval(np.array([one.probability for one in found]), persons)
    instead = Counter(one.called for one in found if one.called != target).most_common(1)
    facts["instead"] = [(name, count / len(found)) for name, count in instead]
    distances = np.array([one.distance for one in found])
    facts["identity_median"] = quantile_interval(distances, persons, 0.5)
    facts["identity_p95"] = quantile_interval(distances, persons, 0.95)
    facts["same_person"] = float((distances < SAME_PERSON).mean())
    return facts


def _truth(edits: Sequence[EditScore]) -> _Facts:
    """By "source to target", what is measured against true photos."""
    found: dict[str, list[EditScore]] = {}
    for one in edits:
        if one.truth:
            found.setdefault(f"{one.source} to {one.target}", []).append(one)
    return {name: _direction(some) for name, some in sorted(found.items())}


def _direction(edits: Sequence[EditScore]) -> _Facts:
    facts: _Facts = {"n": len(edits), "people": len({one.identity for one in edits})}
    for way in (EDIT, NO_EDIT, MEAN_MOVEMENT):
        some = [one for one in edits if way in one.truth]
        if not some:
            continue
        persons = _persons(some)
        values = {key: np.array([one.truth[way][key] for one in some]) for key in some[0].truth[way]}
        facts[way] = {key: mean_interval(values[key], persons) for key in AGAINST_TRUTH}
        facts[way]["identity_median"] = quantile_interval(values["identity"], persons, 0.5)
        facts[way]["identity_p95"] = quantile_interval(values["identity"], persons, 0.95)
        if way != NO_EDIT:
            facts[way]["movement"] = _movement(values["made"], values["true"], persons)
            if np.isfinite(values["true_common"]).all():
                common = _movement(values["made_common"], values["true_common"], persons)
                facts[way]["common_movement"] = common
    return facts


def _movement(made: np.ndarray, true: np.ndarray, persons: np.ndarray) -> _Facts:
    """Lengths of movements (N,) along one direction: the made one and the person's own."""
    ratio = np.where(np.abs(true) > _LEAST, made / np.where(np.abs(true) > _LEAST, true, 1), np.nan)
    have = np.isfinite(ratio)
    if not have.any():
        return {"ratio": None, "ratio_quartiles": None, "correlation": None, "n": 0}
    low, high = np.nanquantile(ratio, (0.25, 0.75)).tolist()
    varies = len(made) >= _FEWEST and made.std() > 0 and true.std() > 0
    return {
        "ratio": quantile_interval(ratio, persons, 0.5),
        "ratio_quartiles": [low, high],
        "correlation": float(np.corrcoef(made, true)[0, 1]) if varies else None,
        "n": int(have.sum()),
    }


def _mouths(scores: Sequence[PhotoScore | EditScore]) -> _Facts:
    """Mouths that are open, and what they show."""
    open_ones = [one for one in scores if one.opening > CLOSED_MOUTH]
    facts: _Facts = {"n": len(scores), "open": len(open_ones), "teeth": None, "shows_teeth": None, "detail": None}
    if open_ones:
        detail = np.array([one.detail for one in open_ones])
        teeth, persons = np.array([one.teeth for one in open_ones]), _persons(open_ones)
        facts["teeth"] = quantile_interval(teeth, persons, 0.5)
        facts["shows_teeth"] = mean_interval((teeth >= SHOWS_TEETH).astype(float), persons)
        facts["detail"] = quantile_interval(detail, persons, 0.5) if np.isfinite(detail).any() else None
    return facts


def _persons(scores: Sequence[PhotoScore | EditScore]) -> np.ndarray:
    """A number a person for every score, 0 and up."""
    return np.unique([one.identity for one in scores], return_inverse=True)[1]
