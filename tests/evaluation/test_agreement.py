"""One scoring path: whatever command measures a run says the same of it, and reads the dataset's table once."""

import json
import os
import sys
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from facerelief.cli import main
from facerelief.evaluation.experiments.grid import Grid, read_score
from facerelief.evaluation.experiments.study import StudyRequest

Command = Callable[..., None]
_opened: Counter[str] | None = None


def _note(event: str, arguments: tuple[Any, ...]) -> None:
    if _opened is not None and event == "open" and isinstance(arguments[0], str | bytes | os.PathLike):
        _opened[os.path.basename(os.fsdecode(arguments[0]))] += 1


@pytest.fixture(scope="module")
def opened() -> Callable[[], Counter[str]]:
    """Begins to count the files that this process opens, by name."""
    sys.addaudithook(_note)

    def begin() -> Counter[str]:
        global _opened
        _opened = Counter()
        return _opened

    return begin


@pytest.fixture
def command(monkeypatch: pytest.MonkeyPatch) -> Command:
    """Runs `facerelief ARGUMENTS` in this process."""

    def run(*arguments: object) -> None:
        monkeypatch.setattr(sys, "argv", ["facerelief", *map(str, arguments)])
        with pytest.raises(SystemExit) as end:
            main()
        assert not end.value.code

    return run


def test_every_command_says_the_same_of_a_run(
    asked: StudyRequest, finished: Grid, command: Command, tmp_path: Path
) -> None:
    name = f"{asked.selected_study.cells[1].slug}-s1"
    run, data, study = finished.folder / "cells" / name, asked.dataset, finished.folder
    measuring = ("--data", data, "--judge", study / "judge")
    rates, distances = tmp_path / "rates.json", tmp_path / "distances.json"
    command(
        *("evaluate", run, *measuring, "--encoder", study / "identity", "--depth", study / "measure"),
        *("-o", tmp_path / "report"),
    )
    command("report", "rate", run, *measuring, "--json-file", rates)
    command("report", "identity", run, "--data", data, "--encoder", study / "identity", "--json-file", distances)
    evaluated = json.loads((tmp_path / "report" / "report.json").read_text())["editors"][name]
    assert evaluated == read_score(finished, name)["summary"]
    rate = json.loads(rates.read_text())[name]["edits"]
    assert rate["confusion"] == evaluated["edits"]["confusion"]
    assert json.loads(distances.read_text())[name]["mean"] == evaluated["values"]["identity"]["mean"]


def test_a_command_reads_the_table_of_its_dataset_once(
    asked: StudyRequest, finished: Grid, command: Command, opened: Callable[[], Counter[str]], tmp_path: Path
) -> None:
    """Once as a table and, where something is compared with it, once as bytes, for its checksum."""
    study, run = finished.folder, finished.folder / "cells" / f"{asked.selected_study.cells[1].slug}-s0"
    small = ("--expressions", ",".join(asked.expressions), "--set", "size=32", "--set", "width=8", "--set", "batch=6")
    measuring = ("--data", asked.dataset, "--judge", study / "judge")
    commands: dict[str, tuple[object, ...]] = {
        "evaluate": ("evaluate", run, *measuring, "--depth", study / "measure", "-o", tmp_path / "report"),
        "rate": ("report", "rate", run, *measuring),
        "identity": ("report", "identity", run, "--data", asked.dataset, "--encoder", study / "identity"),
        "compare": ("compare", run, *measuring, "--photos", "2", "-o", tmp_path / "side.png"),
        "train judge": ("train", "judge", asked.dataset, "-o", tmp_path / "judge", *small, "--steps", "1"),
        "train depth": (
            *("train", "depth", asked.dataset, "-o", tmp_path / "depth", *small, "--steps", "1"),
            *("--set", "perceptual=none"),
        ),
    }
    for name, arguments in commands.items():
        files = opened()
        command(*arguments)
        assert files["metadata.csv"] == 2, name
