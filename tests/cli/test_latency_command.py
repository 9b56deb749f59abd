"""`facerelief report latency`, on a drawn photo and on one's own."""

import json
from collections.abc import Callable
from pathlib import Path

from facerelief.evaluation.diagnostics.latency import STAGES

Command = Callable


def test_each_part_is_printed_and_written(command: Command, weights: Path, tmp_path: Path) -> None:
    target = tmp_path / "latency.json"
    result = command("report", "latency", "--weights", weights, "--repeats", 5, "--json-file", target)
    assert (result.code, result.err) == (0, "")
    assert "1000x1000 pixels, a face of" in result.out
    for part in (*STAGES, "whole", "preview of 128 px, face known"):
        assert f"\n {part} " in result.out
    written = json.loads(target.read_text())
    assert set(written["milliseconds"]) == {*STAGES, "whole", "preview"}
    assert all(0 < one["median"] <= one["p95"] for one in written["milliseconds"].values())


def test_a_file_that_is_no_photo(refused: Callable[..., str], tmp_path: Path) -> None:
    assert "absent.jpg does not exist" in refused("report", "latency", tmp_path / "absent.jpg")
