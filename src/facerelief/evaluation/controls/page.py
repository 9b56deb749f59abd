"""The measured controls as tables, on the terminal, as Markdown and as one HTML page."""

from pathlib import Path
from typing import Any

from facerelief.evaluation.controls.expressions import CONFUSED, EVEN_STRENGTHS
from facerelief.evaluation.controls.units import SHAPES, UNITS
from facerelief.evaluation.report.sections import Table, write_sections
from facerelief.geometry.morphable.measuring.amounts import SEEN
from facerelief.networks.face_api import FACE_API_EXPRESSIONS, SAME_PERSON

_KINDS = (UNITS, SHAPES)
_PAIRS = " and ".join(" with ".join(pair) for pair in CONFUSED)
_NOTES = {
    "Units": (
        "Each unit and shape is given by itself to a neutral photo of each person, as edit does, and measured in the "
        "edit against the photo, as measure does. largest: the share of people in whom the unit given is the one of "
        "which most is measured. deviation: standard deviation of its estimate, where nothing is known of the others; "
        f"seen: that this is at most {SEEN:g}, so that 1 is clearly not 0. Both come from the landmark model's "
        "responses, not from these people. What landmarks do not tell apart has to be looked at."
    ),
    "Confusion": (
        "Median amount measured, by what was given (rows). Action units on both sides; amounts below 0.05 are left out."
    ),
    "Expressions": (
        "After FFE-Bench (Hua et al., arXiv 2603.25728), from neutral photos. accuracy: how often the judge calls the "
        "edit the target. score: the judge's probability of it. CLS: Pearson correlation of strength and score, "
        f"{len(EVEN_STRENGTHS)} strengths from 0 to {EVEN_STRENGTHS[-1]:g}; of motion: the same of landmarks' motion. "
        "identity: cosine of dlib's vectors of photo and edit. HES: harmonic mean of score and identity. mSCR: how "
        f"often {_PAIRS} are confused. The paper's judge is a vision-language model and its identity that of three "
        "recognisers, so these numbers compare methods here, not with the paper. face-api's judge hardly knows fear, "
        "disgust and contempt."
    ),
    "Another person's expression": (
        "Each person's expression, as its difference to the same person's neutral photo, is given to the next person's "
        "neutral photo. correlation: cosine of the motion of landmarks with the giver's own. own: the same of what the "
        "receiver really does. length: along the giver's motion, as a share of it. error: mean distance of landmarks "
        "from where the giver's motion would bring them, inter-ocular; of no motion in brackets. identity distance: "
        f"dlib's, L2; below {SAME_PERSON:g}: the same person. Medians; in brackets 95 % of 1,000 redraws of people."
    ),
}


def write_control_pages(facts: dict[str, Any], folder: Path) -> Path:
    """As `write_sections`."""
    return write_sections(facts, facts["lead"], control_tables(facts), _NOTES, folder)


def control_tables(facts: dict[str, Any]) -> dict[str, list[tuple[str, Table]]]:
    """By heading, tables with their captions; those that have something in them."""
    found: dict[str, list[tuple[str, Table]]] = {}
    if facts["units"]:
        found["Units"] = [(_caption(kind, facts["units"][kind]), unit_table(facts["units"][kind])) for kind in _KINDS]
        found["Confusion"] = [(UNITS, confusion_table(facts["units"][UNITS]))]
    if facts["expressions"]:
        found["Expressions"] = [(_caption_expressions(facts["expressions"]), expression_table(facts["expressions"]))]
    if facts["likeness"]:
        found["Another person's expression"] = [("", likeness_table(facts["likeness"]))]
    return found


def _caption(kind: str, facts: dict[str, Any]) -> str:
    seen = [name for name, one in facts["each"].items() if one["seen"]]
    return (
        f"{kind}: largest in {_number(facts['largest_of_seen'])} of people, mean over the {len(seen)} that landmarks "
        f"tell apart; {_number(facts['largest_of_all'])} over all {len(facts['names'])}"
    )


def unit_table(facts: dict[str, Any]) -> Table:
    """A row a unit; those that landmarks tell apart first."""
    header = ["given", "amount", "measured, median", "largest", "largest instead", "deviation", "seen", "N"]
    rows = []
    for name, one in sorted(facts["each"].items(), key=lambda item: not item[1]["seen"]):
        instead = ", ".join(f"{other} {share:.2f}" for other, share in one["instead"]) or "-"
        numbers = [_number(one[key]) for key in ("given", "measured", "largest")]
        rows.append([name, *numbers, instead, _number(one["deviation"]), "yes" if one["seen"] else "no", str(one["n"])])
    return header, rows


def confusion_table(facts: dict[str, Any]) -> Table:
    """Rows what was given, columns what was measured."""
    rows = [
        [name, *("-" if value is None else f"{value:.2f}" if value >= 0.05 else "" for value in values)]
        for name, values in zip(facts["names"], facts["confusion"], strict=True)
    ]
    return ["given", *facts["names"]], rows


def expression_table(facts: dict[str, Any]) -> Table:
    """A row a target."""
    header = ["target", *(f"called {name}" for name in FACE_API_EXPRESSIONS)]
    header += ["CLS", "CLS of motion", "identity", "HES", "N"]
    keys = ("cls", "motion", "similarity", "hes")
    rows = []
    for name, count in facts["n"].items():
        called = facts["confusion"][name]
        shares = [f"{called[one]:.2f}" if called.get(one) else "" for one in FACE_API_EXPRESSIONS]
        rows.append([name, *shares, *(_number(facts[key][name], 3) for key in keys), str(count)])
    return header, rows


def _caption_expressions(facts: dict[str, Any]) -> str:
    pairs = ", ".join(f"{name} {value:.3f}" for name, value in facts["pairs"].items())
    names = {"acc_6": "accuracy of six", "mscr": "mSCR", "cls_6": "CLS of six", "hes_6": "HES of six"}
    numbers = ", ".join(f"{title} {_number(facts[key], 3)}" for key, title in names.items())
    return f"{numbers}; confused: {pairs or '-'}"


def likeness_table(facts: dict[str, Any]) -> Table:
    """A row an expression."""
    header = ["expression", "correlation", "own", "length", "error", "identity distance", "same person", "pairs"]
    rows = []
    for name, one in facts.items():
        error = f"{_quantile(one['error'], 3)} [{_value(one['still'], 3)}]"
        cells = [_quantile(one["correlation"], 2), _quantile(one["own"], 2), _quantile(one["ratio"], 2), error]
        rows.append([name, *cells, _quantile(one["distance"], 3), _number(one["same_person"]), str(one["n"])])
    return header, rows


def _number(value: float | None, digits: int = 2) -> str:
    return "-" if value is None else f"{value:.{digits}f}"


def _value(value: dict[str, Any] | None, digits: int) -> str:
    return "-" if value is None else f"{value['value']:.{digits}f}"


def _quantile(value: dict[str, Any] | None, digits: int) -> str:
    if value is None or value["low"] is None:
        return _value(value, digits)
    return f"{value['value']:.{digits}f} ({value['low']:.{digits}f} to {value['high']:.{digits}f})"
