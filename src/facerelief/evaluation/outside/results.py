"""The facts of a report: what was measured, its numbers, and with what."""

import dataclasses
from pathlib import Path
from typing import Any

from facerelief import __version__
from facerelief.editing.editor import Editor
from facerelief.editing.loading import weights_file
from facerelief.evaluation.outside.instruments import Instruments
from facerelief.evaluation.outside.measure import Measured, Request, scores_json
from facerelief.evaluation.outside.people import Selection
from facerelief.evaluation.outside.summarise import summarise
from facerelief.files import sha256


@dataclasses.dataclass(frozen=True)
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
    facts = summarise(measured)
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
