"""Edits on a cluster whose machines do not share the folder of the edits; the cluster is a stand-in."""

import dataclasses
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from facerelief.editing.jobs import batch
from facerelief.editing.jobs.batch import _on_cluster
from facerelief.processes.cluster import Spread


@dataclasses.dataclass
class Job:
    source: Any
    targets: dict[str, Path]


@dataclasses.dataclass
class One:
    source: Path


def test_the_folder_of_the_edits_must_be_shared(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Another machine has the photo, at the same place, but not what this one has just put beside the edits."""
    monkeypatch.chdir(tmp_path)
    Path("in").mkdir()
    Path("in", "photo.jpg").write_bytes(b"photo")
    seen: list[Any] = []

    def elsewhere(*_: Any, view: Any, **__: Any) -> Iterator[str]:
        seen.append(view.look())
        (mark,) = Path().glob(".facerelief-*.mark")
        kept = mark.read_bytes()
        mark.unlink()
        seen.append(view.look())  # as a machine that does not see it
        mark.write_bytes(kept)
        assert view.remedy.startswith("run it in a folder that all machines share")
        yield "done"

    monkeypatch.setattr(batch, "map_over", elsewhere)
    editor: Any = type("Editor", (), {"settings": type("Settings", (), {"weights": None})()})()
    jobs: Any = [Job(One(Path("in", "photo.jpg")), {"happiness": Path("out", "deep", "photo.jpg")})]
    assert list(_on_cluster(jobs, editor, Spread("auto"))) == ["done"]
    here, there = seen
    assert here[0] == there[0] and here[1] and there[1] == ""
    assert sorted(os.listdir()) == ["in"]  # the mark is gone, and nothing was made
