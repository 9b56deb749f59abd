"""Equal time: paces of cells, measured, and the steps that they give."""

import dataclasses
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from facerelief.config import ExpressionTraining, Training
from facerelief.data import Dataset
from facerelief.errors import FacereliefError
from facerelief.evaluation.experiments import pace as module
from facerelief.evaluation.experiments.equal_time import _shortened
from facerelief.evaluation.experiments.grid import device_name
from facerelief.evaluation.experiments.pace import ShortRun
from facerelief.evaluation.experiments.studies import STUDIES, Scale, find_scale
from facerelief.evaluation.experiments.study import StudyRequest, lay_out

Like = Callable[..., StudyRequest]


def note(path: Path, paces: dict[str, float]) -> None:
    path.write_text(json.dumps(paces))


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
    known = {"stage1-depth": 0.2, cells[0].slug: 0.1, cells[1].slug: 0.4}
    measured: list[str] = []

    def seconds(run: ShortRun, dataset: Dataset, folder: Path, name: str, vgg: Path | None) -> float:
        assert not rest.exists()
        (folder / name).mkdir(parents=True)
        measured.append(name)
        return known[name] * (3.0 if len(measured) in (1, 2, 3, 4) else 1.0)

    monkeypatch.setattr(module, "_seconds_a_step", seconds)
    asked = moved(study="objectives", folder=tmp_path, changes={"steps": "1000"})
    for _ in range(2):  # the second time nothing is measured
        grid = lay_out(asked, STUDIES["objectives"], scale_of(asked), Dataset(asked.dataset), tmp_path)
        assert [grid.job(f"cells/{cell.slug}-s0").config.steps for cell in cells] == [1000, 250]
    assert measured == [*known] * 3
    assert not (tmp_path / "pace").exists()


def test_a_pace_is_the_seconds_of_a_step(moved: Like, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """By a clock of this test: a run warms up for 100 s; a step of its second lap takes 0.1 s, or 0.2 s with more D
    steps. As in a real run, progress is called after each step; of a lap, one takes longer.
    """
    clock, runs = [0.0], []

    def train(dataset: Path, config: Training, folder: Path, **options: Any) -> None:
        runs.append(f"{folder.parent.name}/{folder.name}")
        assert options.get("depth") in (None, folder.parent / "stage1-depth")
        lap = config.log_every
        common = 0.09 if config.d_steps == 1 else 0.19
        for step in range(config.steps):
            clock[0] += 100 / lap if step < lap else common + (0.01 * lap if step == lap + 1 else 0)
            options["progress"](step + 1, config.steps, {})

    monkeypatch.setattr(module.launch, "run_depth", train)
    monkeypatch.setattr(module.launch, "run_expression", train)
    monkeypatch.setattr(module.time, "process_time" if device_name() == "cpu" else "perf_counter", lambda: clock[0])
    asked = moved(study="objectives", folder=tmp_path, changes={"steps": "1000"})
    lay_out(asked, STUDIES["objectives"], scale_of(asked), Dataset(asked.dataset), tmp_path)
    one, five = (cell.slug for cell in STUDIES["objectives"].cells)
    paces = json.loads((tmp_path / "objectives-pace.json").read_text())
    assert paces == pytest.approx({"stage1-depth": 0.1, one: 0.1, five: 0.2})
    assert runs == [f"{number}/{name}" for number in range(3) for name in ("stage1-depth", one, five)]


def test_equal_time_gives_the_slower_cell_fewer_steps(moved: Like, tmp_path: Path) -> None:
    """Both have a stage 1 of the same time."""
    slugs = [cell.slug for cell in STUDIES["objectives"].cells]
    note(tmp_path / "objectives-pace.json", {"stage1-depth": 7.0, slugs[0]: 0.2, slugs[1]: 0.5})
    for steps, expected in ((2, [2, 1]), (1000, [1000, 400])):  # 2 steps of 0.2 s are 0.8 of 0.5 s
        asked = moved(study="objectives", folder=tmp_path, changes={"steps": str(steps)})
        grid = lay_out(asked, STUDIES["objectives"], scale_of(asked), Dataset(asked.dataset), tmp_path)
        assert [grid.job(f"cells/{slug}-s1").config.steps for slug in slugs] == expected


def test_a_cell_alone_has_the_time_that_it_has_among_all(moved: Like, tmp_path: Path) -> None:
    five = STUDIES["objectives"].cells[1]
    paces = {cell.slug: seconds for cell, seconds in zip(STUDIES["objectives"].cells, (0.2, 0.5), strict=True)}
    note(tmp_path / "objectives-pace.json", paces | {"stage1-depth": 0.1})
    asked = moved(study="objectives", folder=tmp_path, changes={"steps": "1000"}, only=(five.slug,))
    grid = lay_out(asked, asked.selected_study, scale_of(asked), Dataset(asked.dataset), tmp_path)
    assert grid.job(f"cells/{five.slug}-s0").config.steps == 400


def test_paces_of_an_earlier_version_are_measured_again(moved: Like, tmp_path: Path) -> None:
    """They lack stage 1."""
    note(tmp_path / "objectives-pace.json", {cell.slug: 0.1 for cell in STUDIES["objectives"].cells})
    asked = moved(study="objectives", folder=tmp_path)
    with pytest.raises(FacereliefError, match="does not hold the pace of every cell; delete it, and it is measured"):
        lay_out(asked, STUDIES["objectives"], scale_of(asked), Dataset(asked.dataset), tmp_path)


def test_stage_1_is_part_of_a_guided_cells_time(moved: Like, tmp_path: Path) -> None:
    """StarGAN has 100 s; with 200 steps of 0.2 s for stage 1, 60 s are left to those that are guided."""
    study = STUDIES["methods"]
    note(tmp_path / "methods-pace.json", {cell.slug: 0.1 for cell in study.cells} | {"stage1-depth": 0.2})
    asked = moved(study="methods", folder=tmp_path, changes={"steps": "1000"}, stage1={"steps": "200"})
    grid = lay_out(asked, study, scale_of(asked), Dataset(asked.dataset), tmp_path)
    steps = {cell.slug: grid.job(f"cells/{cell.slug}-s0").config.steps for cell in study.cells}
    assert steps == {name: 600 if name.endswith("_depth") else 1000 for name in steps}
    assert grid.job("depth/depth-0.1-s0").config.steps == 200
    long = dataclasses.replace(asked, stage1={"steps": "500"})
    with pytest.raises(FacereliefError) as caught:
        lay_out(long, study, scale_of(asked), Dataset(asked.dataset), tmp_path)
    assert str(caught.value) == (
        "stargan_depth has 100 s, as long as stargan, and its stage 1 takes 100 s of them; "
        "give more --set steps, or fewer --stage1 steps"
    )


def test_warm_ups_are_the_same_share_of_the_steps_that_equal_time_gives(moved: Like, tmp_path: Path) -> None:
    """Of scale cpu: StarGAN's 150 and relief's 500 of 1,200 steps; relief's guided network has a tenth of the steps."""
    study, asked = STUDIES["methods"], moved(study="methods", folder=tmp_path, scale="cpu")
    note(
        tmp_path / "methods-pace.json",
        {cell.slug: 1.0 if cell.slug == "relief_depth" else 0.1 for cell in study.cells} | {"stage1-depth": 1e-6},
    )

    def warm_ups(**changes: str) -> dict[str, tuple[int, int]]:
        wanted = dataclasses.replace(asked, changes=changes)
        grid = lay_out(wanted, study, find_scale("cpu"), Dataset(asked.dataset), tmp_path)
        names = ("stargan", "relief", "relief_depth", "elegant", "attgan")
        configs = [grid.job(f"cells/{name}-s0").config for name in names]
        return {name: (config.warm_up, config.steps) for name, config in zip(names, configs, strict=True)}

    full = {"stargan": (150, 1200), "relief": (500, 1200), "relief_depth": (50, 120), "elegant": (100, 1200)}
    assert warm_ups() == full | {"attgan": (0, 1200)}
    assert warm_ups(steps="600")["relief_depth"] == (25, 60)
    assert warm_ups(steps="600", warm_up="60")["relief_depth"] == (6, 60)


def test_a_guided_run_that_ends_in_its_warm_up_is_refused(moved: Like, tmp_path: Path) -> None:
    study = STUDIES["backbone"]
    asked = moved(study="backbone", folder=tmp_path, scale="cpu", changes={"steps": "500"})
    with pytest.raises(FacereliefError) as caught:
        lay_out(asked, study, find_scale("cpu"), Dataset(asked.dataset), tmp_path)
    assert str(caught.value) == (
        "depth_backbone-relief is guided after step 500 (warm_up), and has 500 steps; "
        "give more --set steps, or a smaller --set warm_up"
    )


def test_rates_fall_at_the_same_share_of_the_steps(moved: Like, tmp_path: Path) -> None:
    """AttGAN's, in the middle of its authors' schedule."""
    study, asked = STUDIES["methods"], moved(study="methods", folder=tmp_path, scale="paper")
    note(tmp_path / "methods-pace.json", {cell.slug: 0.1 for cell in study.cells} | {"stage1-depth": 1e-6})
    grid = lay_out(asked, study, find_scale("paper"), Dataset(asked.dataset), tmp_path)
    config = grid.job("cells/attgan-s0").config
    assert (config.steps, config.lr_every) == (300_000, 150_000)


@pytest.mark.parametrize(
    ("changes", "lap"),
    [
        ({"objective": "r1", "r1_every": 16, "d_steps": 1}, 16),
        ({"objective": "r1", "r1_every": 16, "d_steps": 3}, 48),
        ({"objective": "wgan-gp", "r1_every": 16, "d_steps": 5}, 15),
        ({"objective": "vanilla", "d_steps": 4}, 12),
    ],
)
def test_laps_hold_whole_rounds_of_generator_steps_and_of_r1(changes: dict[str, Any], lap: int) -> None:
    """Of twelve steps or more."""
    short = _shortened(ExpressionTraining(**changes), 12)
    assert (short.log_every, short.steps, short.save_every) == (lap, 2 * lap, 2 * lap)


def test_cells_without_guidance_are_timed_without_a_depth_network(
    moved: Like, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: dict[str, str | None] = {}

    def seconds(run: ShortRun, dataset: Dataset, folder: Path, name: str, vgg: Path | None) -> float:
        assert run.depth is None or run.depth in seen  # it is there by then
        seen[name] = run.depth
        return 0.1

    monkeypatch.setattr(module, "_seconds_a_step", seconds)
    asked = moved(study="methods", folder=tmp_path, changes={"steps": "1000"})
    lay_out(asked, STUDIES["methods"], scale_of(asked), Dataset(asked.dataset), tmp_path)
    cells = {cell.slug: "stage1-depth" if cell.slug.endswith("_depth") else None for cell in STUDIES["methods"].cells}
    assert seen == {"stage1-depth": None} | cells
