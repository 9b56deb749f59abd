"""The paper's figures 3, 4, 5, 6, 8, 9 and 10 from a study's runs, and the study's page."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from facerelief.data.batches import balanced_rows
from facerelief.errors import MissingExtra
from facerelief.evaluation.compare import save_sheet
from facerelief.evaluation.depth_accuracy import save_figure3
from facerelief.evaluation.evaluate import Samples, build_systems, draw_samples, read_editor_weights
from facerelief.evaluation.experiments.grid import BASELINES, Grid, read_distances
from facerelief.evaluation.experiments.studies import Study
from facerelief.evaluation.experiments.tables import (
    NOTE,
    classifier_line,
    differences,
    differences_title,
    duration_text,
    results_table,
    study_markdown,
    study_warnings,
)
from facerelief.evaluation.report.html import definition_list, notes, page, paragraph, picture_html
from facerelief.evaluation.report.plots import (
    check_matplotlib,
    confusion_plot,
    curves_plot,
    distribution_plot,
    plot_html,
    save_plot,
)
from facerelief.evaluation.report.report import sample_tiles
from facerelief.evaluation.report.tables import table_html
from facerelief.evaluation.setup import EvaluationSetup, set_up
from facerelief.evaluation.summary import read_first
from facerelief.files import write_json, write_text
from facerelief.training.classifier import Accuracy

REFERENCES = ("real photos, one person", "real photos, two persons")


def write_study(grid: Grid, study: Study, results: dict[str, Any], name: str, command: str) -> Path:
    """Write NAME.json, NAME.md, NAME.html and the figures NAME-fig*.png; returns the page."""
    write_json(grid.folder / f"{name}.json", results | {"command": command, "warnings": study_warnings(results)})
    write_text(grid.folder / f"{name}.md", study_markdown(results, command))
    there = [cell for cell in results["cells"] if cell["seeds"]]
    setup = set_up(grid.dataset, grid.setup_config, grid.metric_files())
    distances = _distances(grid, there)
    real = read_distances(grid, BASELINES)
    references = {title: real[title] for title in REFERENCES if title in real}
    runs = {cell["title"]: grid.folder / "cells" / f"{cell['slug']}-s{min(map(int, cell['seeds']))}" for cell in there}
    networks = [read_editor_weights(run, title) for title, run in runs.items()]
    samples = draw_samples(build_systems(networks, {}, grid.dataset, setup), setup, balanced_rows(setup.test, 6))
    _figure3(grid, setup, name)
    if distances:
        title = results["bench"]["encoder"]["name"]
        save_plot(grid.folder / f"{name}-fig4.png", distribution_plot(distances, references, title))
    if there:
        _figures_of_edits(grid, study, samples, name)
        columns = 5 if study.in_pairs else len(there) + 1
        chart = confusion_plot(_matrices(results), study_warnings(results), columns)
        save_plot(grid.folder / f"{name}-fig8.png", chart)
        save_plot(grid.folder / f"{name}-fig9.png", curves_plot(list(runs.values())))
    write_text(
        grid.folder / f"{name}.html",
        _page(grid, samples if there else None, results, (distances, references), name, command),
    )
    return grid.folder / f"{name}.html"


def _distances(grid: Grid, cells: Sequence[dict[str, Any]]) -> dict[str, np.ndarray]:
    """Identity distances of each cell's edits, all seeds together."""
    found = {
        cell["title"]: [read_distances(grid, f"{cell['slug']}-s{seed}").get("identity") for seed in cell["seeds"]]
        for cell in cells
    }
    whole = {title: [one for one in parts if one is not None] for title, parts in found.items()}
    return {title: np.concatenate(parts) for title, parts in whole.items() if parts}


def _figure3(grid: Grid, setup: EvaluationSetup, name: str) -> None:
    """Real and estimated depth and normals, by the network that measures."""
    network = setup.networks.depth
    assert network is not None
    rows = balanced_rows(setup.test)
    save_figure3(grid.folder / f"{name}-fig3.png", {setup.networks.guide: network}, setup.test, rows)


def _figures_of_edits(grid: Grid, study: Study, samples: Samples, name: str) -> None:
    """Fig. 5: the first and last cell with the depth of their edits; Fig. 10, or 6 of a second dataset: all cells."""
    titles = list(samples.edits)
    both: dict[str, np.ndarray] = {}
    for title, place in zip(dict.fromkeys([titles[0], titles[-1]]), ("first", "last"), strict=False):
        both |= {title: samples.edits[title][:4], f"depth, {place}": samples.depth[title][:4]}
    save_sheet(grid.folder / f"{name}-fig5.jpg", samples.source[:4], both, samples.expressions)
    number = 6 if study.on_second_dataset or study.in_pairs else 10
    some = samples.first(2) if study.in_pairs else samples  # of twenty systems
    save_sheet(grid.folder / f"{name}-fig{number}.jpg", some.source, some.edits, some.expressions)


def _matrices(results: dict[str, Any]) -> list[tuple[str, Accuracy, str]]:
    """Title, confusion, and what a row says."""
    names = tuple(results["bench"]["expressions"])
    real = Accuracy(names, results["bench"]["judge"]["accuracy_on_real"]["confusion"])
    edits = [(c["title"], Accuracy(names, c["confusion"]), "asked for") for c in results["cells"] if c["seeds"]]
    return [("classifier on real photos", real, "shows"), *edits]


def _page(
    grid: Grid,
    samples: Samples | None,
    results: dict[str, Any],
    distances: tuple[dict[str, np.ndarray], dict[str, np.ndarray]],
    name: str,
    command: str,
) -> str:
    lead = (
        f"{results['bench']['dataset']}, {results['bench']['size']} px; {results['device']}; {duration_text(results)}."
    )
    remarks = [f"{kind} is not given: {why}" for kind, why in results["refused"].items()]
    remarks += [*results["bench"]["notes"], *(f"failed: {job}: {why}" for job, why in results["failures"].items())]
    matrices = confusion_plot(_matrices(results))
    above = "".join(map(paragraph, (read_first(results["bench"]), classifier_line(results), NOTE)))
    sections = [
        (
            "Results",
            above + table_html(*results_table(results)) + notes(remarks),
        ),
        (differences_title(results), table_html(*differences(results))),
        ("Confusion (Fig. 8)", plot_html(matrices, "confusion matrices, in percent of each row")),
    ]
    if samples is not None:
        sections.append(("Edits of held-out photos (Figs. 5, 6, 10)", sample_tiles(samples.first(4))))
        curves = (grid.folder / f"{name}-fig9.png").read_bytes()
        sections.append(("Learning curves (Fig. 9)", picture_html(curves, "png", "learning curves")))
    if distances[0]:
        title = results["bench"]["encoder"]["name"]
        chart = plot_html(distribution_plot(*distances, title), title)
        sections.append(("Identity (Fig. 4)", chart))
    estimated = (grid.folder / f"{name}-fig3.png").read_bytes()
    sections.append(("Photos, real and estimated geometry (Fig. 3)", picture_html(estimated, "png", "geometry")))
    made = [("command", command), ("settings", json.dumps({c["title"]: c["settings"] for c in results["cells"]}))]
    sections.append(("Made with", definition_list(made)))
    return page(results["title"], lead, sections, study_warnings(results))


def check_extras() -> None:
    """Raise `MissingExtra` before hours of training, not after them."""
    check_matplotlib()
    try:
        __import__("scipy")
    except ImportError as reason:
        raise MissingExtra("scipy", "eval") from reason
