"""Ratings as tables, on the terminal, as Markdown and as one HTML page."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from facerelief.evaluation.raters.results import GOOD
from facerelief.evaluation.report.sections import Table, write_sections

_MOST_REASONS = 12
HOW_TO_READ = {
    "Pictures": (
        "taken for real: share of ratings that say that the picture was not edited. named: share that see the "
        "expression that was asked for, of photos their label; mostly instead: what is seen most often in its place. "
        f"clear, realism: mean scores, 1 to 5. both {GOOD} or more: share of ratings with both. "
        "In brackets: 95 % of 1,000 redraws of the people. Read edits beside photos: raters take some for edited."
    ),
    "Raters": (
        "Each alone, in the same measures. kappa: agreement of two raters beyond chance (Cohen 1960), the mean "
        "over pairs; 1 is perfect, 0 chance."
    ),
    "What gives edits away": "Said of edits that were taken for edited or scored below 4 for realism.",
}


def write_rating_pages(facts: Mapping[str, Any], folder: Path) -> Path:
    """As `write_sections`; facts: those of `rating_facts`."""
    return write_sections(facts, facts["lead"], rating_tables(facts), HOW_TO_READ, folder)


def rating_tables(facts: Mapping[str, Any]) -> dict[str, list[tuple[str, Table]]]:
    """By heading, tables with their captions; those that have something in them."""
    found = {"Pictures": [("", _group_table(facts))], "Raters": [(_kappas(facts), _rater_table(facts))]}
    reasons = [
        [name.removeprefix("edits to "), reason]
        for name, some in facts["reasons"].items()
        for reason in some[:_MOST_REASONS]
    ]
    if reasons:
        found["What gives edits away"] = [("", (["target", "reason"], reasons))]
    return found


def _group_table(facts: Mapping[str, Any]) -> Table:
    both = f"both {GOOD} or more"
    header = ["", "pictures", "taken for real", "named", "mostly instead", "clear", "realism", both]
    rows = []
    for name, one in facts["groups"].items():
        shares = [_with_interval(one[part], 2) for part in ("taken_for_real", "named")]
        scores = [_with_interval(one[part], 1) for part in ("clear", "realism")]
        rows.append(
            [name, f"{one['pictures']:,}", *shares, one["instead"] or "-", *scores, _with_interval(one["good"], 2)]
        )
    return header, rows


def _with_interval(value: Mapping[str, Any] | None, places: int) -> str:
    if value is None:
        return "-"
    mean = f"{value['mean']:.{places}f}"
    return mean if value["low"] is None else f"{mean} ({value['low']:.{places}f} to {value['high']:.{places}f})"


def _rater_table(facts: Mapping[str, Any]) -> Table:
    header = ["rater", "ratings", "edits taken for real", "photos taken for real", "edits named", "photos named"]
    header.append(f"edits, both {GOOD} or more")
    rows = []
    for rater, one in facts["raters"].items():
        parts = [one[kind].get(part) for part in ("taken_for_real", "named") for kind in ("edits", "photos")]
        rows.append([rater, f"{one['ratings']:,}", *map(_share, [*parts, one["edits"].get("good")])])
    return header, rows


def _share(value: float | None) -> str:
    return "-" if value is None else f"{value:.2f}"


def _kappas(facts: Mapping[str, Any]) -> str:
    names = {"edited": "whether it is edited", "shows": "what it shows"}
    found = [f"{names[name]} {value:.2f}" for name, value in facts["agreement"].items() if value is not None]
    return f"kappa: {', '.join(found)}" if found else ""
