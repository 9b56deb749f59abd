"""Equal time: paces of cells, measured, and the steps that they give."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from facerelief.evaluation import study as module
from facerelief.evaluation.studies import STUDIES, Cell, find_scale
from facerelief.evaluation.study import Wish, lay_out

Like = Callable[..., Wish]


def test_paces_are_of_the_fastest_of_several_rounds(
    moved: Like, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """On a machine that is three times as slow for a while; what a killed measurement left is measured again."""
    rest = tmp_path / "pace" / "rest"
    rest.mkdir(parents=True)
    cells = STUDIES["objectives"].cells
    asked: list[str] = []

    def seconds(cell: Cell, make: object, dataset: Path, folder: Path, number: int) -> float:
        assert not rest.exists()
        asked.append(cell.slug)
        slow = 3.0 if len(asked) in (1, 2, 3) else 1.0
        return slow * {cells[0].slug: 0.1, cells[1].slug: 0.4}[cell.slug]

    monkeypatch.setattr(module, "_seconds_a_step", seconds)
    wish = moved(study="objectives", folder=tmp_path, changes={"steps": "1000"})
    for _ in range(2):  # the second time nothing is measured
        grid = lay_out(wish, STUDIES["objectives"], find_scale(wish.scale), wish.dataset, tmp_path)
        assert [grid.job(f"cells/{cell.slug}-s0").config.steps for cell in cells] == [1000, 250]
    assert asked == [cell.slug for cell in cells] * 3


def test_a_pace_is_the_seconds_of_a_step(moved: Like, tmp_path: Path) -> None:
    """Measured in earnest, of two cells; every run has a folder of its own."""
    wish = moved(study="objectives", folder=tmp_path)
    lay_out(wish, STUDIES["objectives"], find_scale(wish.scale), wish.dataset, tmp_path)
    paces = json.loads((tmp_path / "objectives-pace.json").read_text())
    assert set(paces) == {cell.slug for cell in STUDIES["objectives"].cells}
    for slug, seconds in paces.items():
        for number in range(3):
            lines = (tmp_path / "pace" / f"{slug}-{number}" / "metrics.jsonl").read_text().splitlines()
            assert [json.loads(line)["step"] for line in lines] == [48, 96]
        assert seconds > 0


def test_equal_time_gives_the_slower_cell_fewer_steps(moved: Like, tmp_path: Path) -> None:
    wish = moved(study="objectives", folder=tmp_path)
    slugs = [cell.slug for cell in STUDIES["objectives"].cells]
    (tmp_path / "objectives-pace.json").write_text(json.dumps({slugs[0]: 0.2, slugs[1]: 0.5}))
    grid = lay_out(wish, STUDIES["objectives"], find_scale(wish.scale), wish.dataset, tmp_path)
    steps = [grid.job(f"cells/{slug}-s0").config.steps for slug in slugs]
    assert steps == [2, 1]  # 2 steps of 0.2 s are 0.8 of 0.5 s
    long = moved(study="objectives", folder=tmp_path, changes={"steps": "1000"})
    grid = lay_out(long, STUDIES["objectives"], find_scale(wish.scale), wish.dataset, tmp_path)
    assert grid.job(f"cells/{slugs[1]}-s1").config.steps == 400
