"""What report.json holds of measured controls, and with what they were measured."""

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from facerelief import __version__
from facerelief.editing.editor import Editor
from facerelief.editing.loading import weights_file
from facerelief.evaluation.controls.expressions import ExpressionEdits, summarise_expressions
from facerelief.evaluation.controls.likeness import LikePair, summarise_likeness
from facerelief.evaluation.controls.units import GivenUnit, summarise_units
from facerelief.evaluation.outside.instruments import Instruments
from facerelief.files import sha256


@dataclass(frozen=True)
class ControlScores:
    """All scores; what was not measured is empty.

    Attributes:
        units: Of units and shapes.
        expressions: Of expressions by strength.
        likeness: Of another person's expression.
    """

    units: Sequence[GivenUnit]
    expressions: Sequence[ExpressionEdits]
    likeness: Sequence[LikePair]


def control_facts(
    scores: ControlScores,
    photos: Path,
    people: int,
    editor: Editor,
    weights: Path | None,
    instruments: Instruments | None,
    notes: Sequence[str],
) -> dict[str, Any]:
    """Everything that report.json holds.

    Args:
        scores: The scores.
        photos: The folder or table of all photos.
        people: How many were edited.
        editor: Made the edits.
        weights: Named for it; None for the package's.
        instruments: Judged them; None without.
        notes: What was left out, a line each.
    """
    made_with = {
        "facerelief": __version__,
        "method": editor.method,
        "weights sha256": sha256(weights_file(editor, weights)),
        "photos": photos.name,
    }
    if instruments:
        made_with |= {f"{name} sha256": digest for name, digest in instruments.sha256.items()}
    edits = len(scores.units) + len(scores.expressions) + len(scores.likeness)
    return {
        "title": f"controls of {editor.method} on {photos.name}",
        "lead": f"{edits:,} edits of neutral photos of {people:,} people.",
        "people": people,
        "notes": list(notes),
        "made_with": made_with,
        "units": summarise_units(scores.units) if scores.units else {},
        "expressions": summarise_expressions(scores.expressions) if scores.expressions else {},
        "likeness": summarise_likeness(scores.likeness) if scores.likeness else {},
        "each_pair": [dataclasses.asdict(one) | {"own": _finite(one.own)} for one in scores.likeness],
    }


def _finite(value: float) -> float | None:
    return value if value == value else None
