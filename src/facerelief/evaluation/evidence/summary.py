"""Tables of the evidence: each cell's measures over seeds, and differences paired by seed."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from facerelief.errors import FacereliefError
from facerelief.evaluation.evidence.instruments import UNEDITED
from facerelief.evaluation.evidence.measure import balanced_rate
from facerelief.evaluation.experiments.tables import Estimate, estimate

Scores = Mapping[str, Mapping[str, Mapping[str, Any]]]  # by cell and seed, what `EvidenceInstruments` gave
LANDMARKS = "landmark error to the true target"
_RATE = "rate by "


def values_of(facts: Mapping[str, Any]) -> dict[str, float]:
    """The measures of one run at one strength, by name; landmark errors are means over people and directions."""
    errors = [error for one in facts["london"].values() for error in one]
    rates = {f"{_RATE}{name}": balanced_rate(confusion) for name, confusion in facts["confusion"].items()}
    return {LANDMARKS: float(np.mean(errors)), **rates, "levels changed": float(facts["change"])}


def at_change(facts: Mapping[str, Mapping[str, Any]], change: float) -> dict[str, float]:
    """The measures of one run where its edits change the photo by so many levels, between strengths on a line.

    Args:
        facts: By strength.
        change: Mean absolute change in levels; beyond the measured strengths the nearest counts.
    """
    found = sorted((values_of(one) for one in facts.values()), key=lambda one: one["levels changed"])
    places = [one["levels changed"] for one in found]
    return {name: float(np.interp(change, places, [one[name] for one in found])) for name in found[0]}


def table(scores: Scores, strength: str = "1") -> dict[str, dict[str, Estimate]]:
    """By cell and measure the mean over seeds with its interval."""
    return {cell: _over_seeds([values_of(one[strength]) for one in seeds.values()]) for cell, seeds in scores.items()}


def paired_differences(scores: Scores, first: str, strength: str = "1") -> dict[str, dict[str, Estimate]]:
    """By cell and measure the difference from the cell `first`, paired by seed."""
    base = {seed: values_of(one[strength]) for seed, one in scores[first].items()}
    return _differences(scores, first, base, lambda one, seed: values_of(one[strength]))


def differences_at_equal_change(scores: Scores, first: str) -> dict[str, dict[str, Estimate]]:
    """The same where each cell's edits change the photo as much as those of `first` with the same seed."""
    base = {seed: values_of(one["1"]) for seed, one in scores[first].items()}
    return _differences(scores, first, base, lambda one, seed: at_change(one, base[seed]["levels changed"]))


def _differences(scores: Scores, first: str, base: Mapping[str, Mapping[str, float]], values: Any) -> Any:
    found = {}
    for cell, seeds in scores.items():
        shared = [seed for seed in seeds if seed in base]
        if cell != first and shared:
            gaps = [
                {name: value - base[seed][name] for name, value in values(seeds[seed], seed).items()} for seed in shared
            ]
            found[cell] = _over_seeds(gaps)
    return found


def _over_seeds(runs: Sequence[Mapping[str, float]]) -> dict[str, Estimate]:
    return {name: estimate([run[name] for run in runs]) for name in runs[0]}


def excludes_zero(difference: Estimate) -> bool:
    """Whether the 95 % interval of a difference lies on one side of 0."""
    return difference.half is not None and abs(difference.mean) > difference.half


def markdown(scores: Scores, baselines: Mapping[str, Any], first: str) -> str:
    """Tables in Markdown: measures; differences from the cell `first`, also at equal change. Bold ones exclude 0.

    Raises:
        FacereliefError: There is no such cell.
    """
    if first not in scores:
        raise FacereliefError(f"no run of {first!r} among {', '.join(scores)}; name one with --first")
    means = table(scores)
    names = list(means[first])
    alone = values_of(baselines[UNEDITED]["1"])
    real = {f"{_RATE}{name}": balanced_rate(confusion) for name, confusion in baselines["real"].items()}
    rows = [
        ["real photos", *(f"{real[name]:.3f}" if name in real else "-" for name in names)],
        ["unedited", *(f"{alone[name]:.{_digits(name)}f}" for name in names)],
    ]
    for cell, row in means.items():
        rows.append([f"{cell} ({row[LANDMARKS].n})", *(row[name].shown(_digits(name)) for name in names)])
    parts = [_lines(["", *names], rows)]
    others = (paired_differences(scores, first), differences_at_equal_change(scores, first))
    for title, gaps in zip((f"minus {first}", f"minus {first}, at equal change"), others, strict=True):
        shown = [[cell, *(_bold(row[name], _digits(name)) for name in names)] for cell, row in gaps.items()]
        parts.append(_lines([title, *names], shown))
    return "\n\n".join(parts)


def _lines(header: list[str], rows: list[list[str]]) -> str:
    ruled = "|---|" + "--:|" * (len(header) - 1)
    return "\n".join([f"| {' | '.join(header)} |", ruled, *(f"| {' | '.join(row)} |" for row in rows)])


def _digits(name: str) -> int:
    return {LANDMARKS: 5, "levels changed": 2}.get(name, 3)


def _bold(difference: Estimate, digits: int) -> str:
    text = difference.shown(digits, "+")
    return f"**{text}**" if excludes_zero(difference) else text
