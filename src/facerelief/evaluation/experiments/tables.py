"""A study's numbers: means over seeds, their intervals, and differences from the first cell, paired by seed."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from facerelief import __version__
from facerelief.errors import MissingExtra
from facerelief.evaluation.chance import SMOKE_WARNING, chance_warning
from facerelief.evaluation.experiments.grid import BASELINES, Grid, read_score
from facerelief.evaluation.experiments.studies import WITH_GUIDANCE, Study
from facerelief.evaluation.report.tables import bold, table_markdown
from facerelief.evaluation.summary import DISTANCES, MEASURES, measure_title, read_first
from facerelief.files.json import read_lines
from facerelief.files.markdown import escape_code, escape_text
from facerelief.training.classifier import Accuracy

_Table = tuple[list[str], list[list[str]]]
NOTE = (
    "Numbers are means over seeds, each with half the width of its 95 % interval (Student's t). Differences are taken "
    "seed by seed, so that what the seeds share cancels. One classifier, one identity encoder and one depth network "
    "measure everything; none of them was trained with anybody who is measured, nor with any edit, and no editor "
    "learnt from them."
)


@dataclass(frozen=True)
class Estimate:
    """A mean over seeds.

    Attributes:
        mean: The mean.
        half: Half the width of its 95 % interval; None for one seed.
        n: Number of seeds.
    """

    mean: float
    half: float | None
    n: int

    def shown(self, digits: int, sign: str = "") -> str:
        """As text, e.g. "0.812 ± 0.010"."""
        number = f"{self.mean:{sign}.{digits}f}"
        return number if self.half is None else f"{number} ± {self.half:.{digits}f}"


def estimate(values: Sequence[float]) -> Estimate:
    """Mean of values, one a seed, and half the width of its 95 % interval by Student's t."""
    try:
        from scipy.special import stdtrit
    except ImportError as reason:
        raise MissingExtra("scipy", "eval") from reason
    x, n = np.asarray(values, dtype=float), len(values)
    half = float(stdtrit(n - 1, 0.975) * x.std(ddof=1) / np.sqrt(n)) if n > 1 else None
    return Estimate(float(x.mean()), half, n)


def measure_values(summary: dict[str, Any]) -> dict[str, float]:
    """A cell's measures by name, as far as they were taken."""
    values = {"rate": summary["edits"]["all"], "rate_six": summary["edits"]["six"]}
    values |= {kind: summary["distances"][kind] for kind in DISTANCES if kind in summary["distances"]}
    values |= {name: value["mean"] for name, value in summary["values"].items() if name != "rate"}
    return {name: float(value) for name, value in values.items()}


def collect(grid: Grid, study: Study, seeds: Sequence[int], failures: dict[str, str]) -> dict[str, Any]:
    """All numbers of a study, for its JSON file. Cells that failed are left out, and named under "failures"."""
    base = read_score(grid, BASELINES)
    unedited = base["summaries"]["unedited"]["distances"]
    cells = []
    for cell in study.cells:
        names = {seed: f"{cell.slug}-s{seed}" for seed in seeds}
        there = {seed: read_score(grid, name) for seed, name in names.items() if f"scores/{name}" not in failures}
        cells.append(
            {
                "title": cell.title,
                "slug": cell.slug,
                "settings": cell.editor,
                "seeds": {str(seed): measure_values(found["summary"]) for seed, found in there.items()},
                "confusion": _sum_confusions([found["summary"]["edits"]["confusion"] for found in there.values()]),
                "edits": sum(found["summary"]["edits"]["n"] for found in there.values()),
            }
        )
    return {
        "title": study.title,
        "in_pairs": study.in_pairs,
        "facerelief": __version__,
        "bench": base["bench"],
        "device": base["device"],
        "names": {kind: unedited[f"{kind}_name"] for kind in ("frechet", "kernel")},
        "refused": unedited["refused"],
        "bases": {name: measure_values(summary) for name, summary in base["summaries"].items()},
        "cells": cells,
        "seconds": _seconds(grid),
        "failures": failures,
    }


def measures_of(results: dict[str, Any]) -> list[str]:
    """The measures that some cell has, in the order of `MEASURES`."""
    taken = {name for cell in results["cells"] for one in cell["seeds"].values() for name in one}
    return [name for name in MEASURES if name in taken]


def results_table(results: dict[str, Any]) -> _Table:
    """A row a measure, a column a cell, after a column for each baseline; of a study in pairs the other way round."""
    cells, baselines = results["cells"], results["bases"]
    rows = []
    for name in measures_of(results):
        digits = MEASURES[name].digits
        row = [_title(name, results)]
        row += [f"{base[name]:.{digits}f}" if name in base else "-" for base in baselines.values()]
        for cell in cells:
            values = [one[name] for one in cell["seeds"].values() if name in one]
            row.append(estimate(values).shown(digits) if values else "-")
        rows.append(row)
    header = ["", *baselines, *(f"{cell['title']} ({len(cell['seeds'])})" for cell in cells)]
    return _transposed(header, rows) if results["in_pairs"] else (header, rows)


def differences(results: dict[str, Any]) -> _Table:
    """Each cell minus the first, seed by seed; in brackets, in how many seeds of how many it is better.

    Of a study in pairs, what guidance is worth: a row a method, with guidance minus without.
    """
    cells = results["cells"]
    if results["in_pairs"]:
        pairs = [(one, first) for first in cells for one in cells if one["slug"] == first["slug"] + WITH_GUIDANCE]
        title, names = "with guidance minus without (seeds in which better)", [first["title"] for _, first in pairs]
    else:
        pairs = [(cell, cells[0]) for cell in cells[1:]]
        title, names = f"minus {cells[0]['title']} (seeds in which better)", [cell["title"] for cell, _ in pairs]
    rows = [
        [_title(name, results), *(_difference(name, _by_seed(name, *pair)) for pair in pairs)]
        for name in measures_of(results)
    ]
    return _transposed([title, *names], rows) if results["in_pairs"] else ([title, *names], rows)


def differences_title(results: dict[str, Any]) -> str:
    """The heading of `differences`."""
    return "What guidance is worth to each method, by seed" if results["in_pairs"] else "Differences, paired by seed"


def _by_seed(name: str, cell: dict[str, Any], first: dict[str, Any]) -> list[tuple[float, float]]:
    """A measure of both cells, of the seeds that both have."""
    return [
        (one[name], first["seeds"][seed][name])
        for seed, one in cell["seeds"].items()
        if name in one and name in first["seeds"].get(seed, {})
    ]


def _transposed(header: list[str], rows: list[list[str]]) -> _Table:
    """A column a measure."""
    columns = [[name, *(row[place] for row in rows)] for place, name in enumerate(header[1:], 1)]
    return [header[0], *(row[0] for row in rows)], columns


def _difference(name: str, pairs: list[tuple[float, float]]) -> str:
    if not pairs:
        return "-"
    how = MEASURES[name]
    gaps = [a - b for a, b in pairs]
    better = sum(gap * how.better > 0 for gap in gaps)
    return f"{estimate(gaps).shown(how.digits, '+')} ({better}/{len(gaps)})"


def classifier_line(results: dict[str, Any]) -> str:
    """The classifier's own accuracy, and how much was measured."""
    setup, features = results["bench"], results["bench"]["features"]
    real = setup["judge"]["accuracy_on_real"]
    edits = max((cell["edits"] // max(1, len(cell["seeds"])) for cell in results["cells"]), default=0)
    distance = (
        f" {results['names']['frechet']}: features of length {features['dimensions']:,}, sha256 "
        f"{features['sha256'][:12]}, against {features['real_photos']:,} held-out real photos."
    )
    return (
        f"The classifier's accuracy on the real test photos is {real['all']:.3f} (mean over classes; six classes "
        f"{real['six']:.3f}; N {real['n']:,} photos of {setup['test_persons']:,} persons). Edits of each cell and "
        f"seed: {edits:,}."
    ) + (distance if {"frechet", "kernel"} & set(measures_of(results)) else "")


def study_warnings(results: dict[str, Any]) -> list[str]:
    """Warnings that the numbers mean nothing."""
    real = results["bench"]["judge"]["accuracy_on_real"]
    line = chance_warning(Accuracy(tuple(results["bench"]["expressions"]), real["confusion"]))
    return [SMOKE_WARNING] * (results.get("scale") == "smoke") + ([line] if line else [])


def study_markdown(results: dict[str, Any], command: str) -> str:
    """The study's page in Markdown."""
    setup = results["bench"]
    lines = [f"# {escape_text(results['title'])}", "", *bold(study_warnings(results)), f"`{escape_code(command)}`", ""]
    lines += [read_first(setup), "", classifier_line(results), "", NOTE, ""]
    lines.append(
        f"{escape_text(setup['dataset'])}, {setup['size']} px, {setup['colour']}, "
        f"{len(setup['expressions'])} expressions; "
        f"seeds in brackets; {results['device']}; {duration_text(results)}."
    )
    lines += [
        "",
        table_markdown(*results_table(results)),
        f"## {differences_title(results)}",
        "",
        table_markdown(*differences(results)),
    ]
    lines += [f"- {escape_text(name)} is not given: {escape_text(why)}" for name, why in results["refused"].items()]
    lines += [f"- {escape_text(line)}" for line in setup["notes"]]
    lines += [f"- failed: {escape_text(name)}: {escape_text(why)}" for name, why in results["failures"].items()]
    return "\n".join(lines) + "\n"


def duration_text(results: dict[str, Any]) -> str:
    """How long the jobs took together."""
    seconds = results["seconds"]["total"]
    shown = f"{seconds / 3600:.2f} hours" if seconds >= 3600 else f"{seconds / 60:.1f} minutes"
    return f"{results['seconds']['jobs']} jobs took {shown} together, up to {results['seconds']['processes']} at once"


def _title(name: str, results: dict[str, Any]) -> str:
    how = MEASURES[name]
    title = results["names"].get(name) or measure_title(name, results["bench"])
    arrow = {1: "↑", -1: "↓", 0: ""}[how.better]
    return f"{title}{', ' + how.unit if how.unit else ''} {arrow}".strip()


def _sum_confusions(matrices: list[list[list[int]]]) -> list[list[int]]:
    return np.sum(matrices, axis=0).tolist() if matrices else []


def _seconds(grid: Grid) -> dict[str, Any]:
    """The time of the finished jobs of this study, from jobs.jsonl; of a job done twice, the last time."""
    lines = [one for one in read_lines(grid.folder / "jobs.jsonl") if _is_done(one)]
    found = {one["job"]: one for one in lines}
    mine = [found[job.name] for job in grid.jobs if job.name in found]
    most = max((one["processes"] for one in mine), default=1)
    return {"total": sum(one["seconds"] for one in mine), "jobs": len(mine), "processes": most}


def _is_done(line: dict[str, Any]) -> bool:
    seconds, processes = line.get("seconds"), line.get("processes")
    return isinstance(line.get("job"), str) and isinstance(seconds, int | float) and isinstance(processes, int)
