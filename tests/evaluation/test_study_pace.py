"""Equal time: paces of cells, measured, and the steps that they give."""

import dataclasses
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from facerelief.config import ExpressionTraining
from facerelief.data import Dataset
from facerelief.evaluation.experiments import pace as module
from facerelief.evaluation.experiments.grid import device_name
from facerelief.evaluation.experiments.pace import ShortRun
from facerelief.evaluation.experiments.studies import STUDIES, Scale, find_scale
from facerelief.evaluation.experiments.study import StudyRequest, lay_out

Like = Callable[..., StudyRequest]


def scale_of(asked: StudyRequest) -> Scale:
    """Its scale, with three rounds of laps of 48 steps."""
    return dataclasses.replace(find_scale(asked.scale), pace=(3, 48))


def test_paces_are_of_the_fastest_of_several_rounds(
    moved: Like, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """On a machine that is three times as slow for a while; what a killed measurement left is measured again."""
    rest = tmp_path / "pace" / "rest"
    rest.mkdir(parents=True)
    cells = STUDIES["objectives"].cells
    measured: list[str] = []

    def seconds(run: ShortRun, dataset: Dataset, folder: Path, name: str, vgg: Path | None) -> float:
        assert not rest.exists()
        (folder / name).mkdir(parents=True)
        slug = name.rsplit("-", 1)[0]
        measured.append(slug)
        slow = 3.0 if len(measured) in (1, 2, 3) else 1.0
        return slow * {cells[0].slug: 0.1, cells[1].slug: 0.4}[slug]

    monkeypatch.setattr(module, "_seconds_a_step", seconds)
    asked = moved(study="objectives", folder=tmp_path, changes={"steps": "1000"})
    for _ in range(2):  # the second time nothing is measured
        grid = lay_out(asked, STUDIES["objectives"], scale_of(asked), Dataset(asked.dataset), tmp_path)
        assert [grid.job(f"cells/{cell.slug}-s0").config.steps for cell in cells] == [1000, 250]
    assert measured == [cell.slug for cell in cells] * 3
    assert not (tmp_path / "pace").exists()


def test_a_pace_is_the_seconds_of_a_step(moved: Like, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """By a clock of this test: a run warms up for 100 s; its second lap takes 4.8 s, or 9.6 s with more D steps.

    As in a real run, progress is called after each step; of 48, one takes longer.
    """
    clock, runs = [0.0], []

    def train(dataset: Path, config: ExpressionTraining, folder: Path, **options: Any) -> None:
        runs.append(folder.name)
        lap = config.log_every
        common = 0.09 if config.d_steps == 1 else 0.19
        for step in range(config.steps):
            clock[0] += 100 / lap if step < lap else common + (0.48 if step == lap + 5 else 0)
            options["progress"](step + 1, config.steps, {})

    monkeypatch.setattr(module.launch, "run_depth", lambda *_, **__: None)
    monkeypatch.setattr(module.launch, "run_expression", train)
    monkeypatch.setattr(module.time, "process_time" if device_name() == "cpu" else "perf_counter", lambda: clock[0])
    asked = moved(study="objectives", folder=tmp_path)
    lay_out(asked, STUDIES["objectives"], scale_of(asked), Dataset(asked.dataset), tmp_path)
    one, five = (cell.slug for cell in STUDIES["objectives"].cells)
    assert json.loads((tmp_path / "objectives-pace.json").read_text()) == pytest.approx({one: 0.1, five: 0.2})
    assert runs == [f"{slug}-{number}" for number in range(3) for slug in (one, five)]


def test_equal_time_gives_the_slower_cell_fewer_steps(moved: Like, tmp_path: Path) -> None:
    asked = moved(study="objectives", folder=tmp_path)
    slugs = [cell.slug for cell in STUDIES["objectives"].cells]
    (tmp_path / "objectives-pace.json").write_text(json.dumps({slugs[0]: 0.2, slugs[1]: 0.5}))
    grid = lay_out(asked, STUDIES["objectives"], scale_of(asked), Dataset(asked.dataset), tmp_path)
    steps = [grid.job(f"cells/{slug}-s0").config.steps for slug in slugs]
    assert steps == [2, 1]  # 2 steps of 0.2 s are 0.8 of 0.5 s
    long = moved(study="objectives", folder=tmp_path, changes={"steps": "1000"})
    grid = lay_out(long, STUDIES["objectives"], scale_of(asked), Dataset(asked.dataset), tmp_path)
    assert grid.job(f"cells/{slugs[1]}-s1").config.steps == 400


def test_a_cell_alone_has_the_time_that_it_has_among_all(moved: Like, tmp_path: Path) -> None:
    five = STUDIES["objectives"].cells[1]
    paces = {cell.slug: seconds for cell, seconds in zip(STUDIES["objectives"].cells, (0.2, 0.5), strict=True)}
    (tmp_path / "objectives-pace.json").write_text(json.dumps(paces))
    asked = moved(study="objectives", folder=tmp_path, changes={"steps": "1000"}, only=(five.slug,))
    grid = lay_out(asked, asked.selected_study, scale_of(asked), Dataset(asked.dataset), tmp_path)
    assert grid.job(f"cells/{five.slug}-s0").config.steps == 400


def test_cells_without_guidance_are_timed_without_a_depth_network(
    moved: Like, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: dict[str, str | None] = {}

    def seconds(run: ShortRun, dataset: Dataset, folder: Path, name: str, vgg: Path | None) -> float:
        seen[name.rsplit("-", 1)[0]] = run.stage1.guide if run.stage1 else None
        return 0.1

    monkeypatch.setattr(module, "_seconds_a_step", seconds)
    asked = moved(study="methods", folder=tmp_path)
    lay_out(asked, STUDIES["methods"], scale_of(asked), Dataset(asked.dataset), tmp_path)
    assert seen == {cell.slug: "depth" if cell.slug.endswith("_depth") else None for cell in STUDIES["methods"].cells}
