"""A table of the paper again from nothing, at the scale of a test: its rows, columns and seeds, not its numbers.

python benchmarks/reproduce.py table1 -o /tmp/again          # or penalty, evidence, ... (facerelief study --help)
python benchmarks/reproduce.py table1 -o /tmp/again --like runs/study/table1.json

Renders its own synthetic people, trains every cell with every seed for a few steps, measures all of them, and compares
what came out with what the study is to have; with --like, with another run of the same study at any scale. Exit code 1
where they differ.
"""

import argparse
import math
import sys
from pathlib import Path
from typing import Any

from facerelief.evaluation.experiments.studies import SCALES, STUDIES
from facerelief.evaluation.experiments.study import StudyRequest, run_study
from facerelief.evaluation.experiments.tables import collect, measures_of
from facerelief.files.json import read_object


def shape(results: dict[str, Any]) -> dict[str, Any]:
    """What a table has whatever its numbers are."""
    return {
        "cells": [cell["slug"] for cell in results["cells"]],
        "measures": measures_of(results),
        "baselines": sorted(results["bases"]),
        "expressions": results["bench"]["expressions"],
        "failures": sorted(results["failures"]),
    }


def main() -> None:
    """Run and compare."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("study", choices=sorted(STUDIES))
    parser.add_argument("-o", "--out", type=Path, required=True)
    parser.add_argument("--like", type=Path, default=None)
    asked = parser.parse_args()
    study = STUDIES[asked.study]
    request = StudyRequest(asked.study, "smoke", asked.out)
    grid, failures = run_study(request)
    results = collect(grid, study, request.seed_numbers, failures)
    found, wrong = shape(results), []
    if found["cells"] != [cell.slug for cell in study.cells] or found["failures"]:
        wrong.append(f"cells {found['cells']}, failures {found['failures']}")
    for cell in results["cells"]:
        if len(cell["seeds"]) != SCALES["smoke"].seeds:
            wrong.append(f"{cell['slug']} has {len(cell['seeds'])} seeds")
        if not all(math.isfinite(value) for one in cell["seeds"].values() for value in one.values()):
            wrong.append(f"{cell['slug']} has measures that are no numbers")
    if asked.like:
        other = shape(read_object(asked.like, "give the .json that a study wrote"))
        wrong += [f"another {name}: {found[name]}, not {other[name]}" for name in found if found[name] != other[name]]
    for name, value in found.items():
        print(f"{name}: {', '.join(value) or 'none'}")
    print("differs: " + "; ".join(wrong) if wrong else "the same shape")
    sys.exit(bool(wrong))


if __name__ == "__main__":
    main()
