"""A training from shards is that from the folder; shards are copied once, and damaged ones are refused."""

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from facerelief.checkpoint import load_checkpoint
from facerelief.config import DepthTraining
from facerelief.data.dataset import Dataset
from facerelief.data.shards import cache, convert
from facerelief.data.shards.cache import open_copy
from facerelief.data.shards.convert import pack
from facerelief.errors import DatasetError, FacereliefError
from facerelief.training.launch import run_depth

Small = Callable[..., Any]


@pytest.fixture
def shards(faces: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Of the dataset, 10 samples each; and an empty cache."""
    monkeypatch.setenv("FACERELIEF_DATASETS", str(tmp_path / "cache"))
    pack(faces, str(tmp_path / "shards"), 10)
    return tmp_path / "shards"


class _Cut(Exception):
    """A training that is cut short."""


def _cut(done: int, total: int, values: dict[str, float]) -> None:
    if done == 5:
        raise _Cut


def test_the_same_training(faces: Path, shards: Path, small: Small, tmp_path: Path) -> None:
    """Bit for bit, and begun from one it goes on from the other."""
    settings = {"steps": 6, "save_every": 3}
    whole = run_depth(Dataset(faces), small(DepthTraining, **settings), tmp_path / "whole")
    with pytest.raises(_Cut):
        run_depth(open_copy(shards), small(DepthTraining, **settings), tmp_path / "parts", progress=_cut)
    again = run_depth(open_copy(f"file://{shards}"), small(DepthTraining, **settings), tmp_path / "other")
    assert open_copy(shards).digest == Dataset(faces).digest
    found, expected = (load_checkpoint(path, "depth").tensors for path in (again, whole))
    assert all(np.array_equal(found[name], value) for name, value in expected.items())
    resumed = load_checkpoint(run_depth(Dataset(faces), small(DepthTraining, **settings), tmp_path / "parts"), "depth")
    assert all(np.array_equal(resumed.tensors[name], value) for name, value in expected.items())


def test_copied_once_and_a_copy_goes_on(shards: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    copied: list[str] = []
    whole = convert._unpack

    def watched(store: Any, facts: Any, dataset: Path) -> None:
        if len(copied) == 2 and not failed:
            failed.append(True)
            raise FacereliefError("the line is cut; run it again")
        copied.append(facts.name)
        whole(store, facts, dataset)

    failed: list[bool] = []
    monkeypatch.setattr(convert, "_unpack", watched)
    with pytest.raises(FacereliefError, match="the line is cut"):
        open_copy(shards)
    steps: list[tuple[int, int]] = []
    first = open_copy(shards, lambda *step: steps.append(step))
    assert len(copied) == len(set(copied)) == len(list(shards.glob("*.tar")))
    assert steps[-1] == (36, 36)
    assert open_copy(shards).path == first.path and first.name == "shards"
    assert len(copied) == len(set(copied))
    with (shards / "metadata.csv").open("a") as table:  # a review
        table.write("\n")
    assert cache.open_copy(shards).path != first.path


@pytest.mark.parametrize("harm", ["digest", "missing", "unfinished", "table"])
def test_damaged_shards(shards: Path, harm: str) -> None:
    one = next(iter(sorted(shards.glob("train-*.tar"))))
    if harm == "digest":
        data = bytearray(one.read_bytes())
        data[700] ^= 1
        one.write_bytes(data)
    elif harm == "missing":
        one.unlink()
    elif harm == "unfinished":
        (shards / "shards.json").unlink()
    else:
        (shards / "metadata.csv").unlink()
    with pytest.raises(DatasetError) as caught:
        open_copy(shards).samples  # noqa: B018
    said = str(caught.value)
    assert "\n" not in said and ";" in said
    expected = {"digest": "is not as it was written", "missing": "is missing", "table": "holds no metadata.csv"}
    assert expected.get(harm, "holds no shards.json") in said


def test_the_command_line(shards: Path, tmp_path: Path, command_line: Any) -> None:
    out, _ = command_line.end(command_line.train("judge", f"file://{shards}", tmp_path / "run", steps=2))
    assert "accuracy on test photos" in out
    shutil.rmtree(shards)
    _, err = command_line.end(command_line.train("judge", f"file://{shards}", tmp_path / "run2", steps=2), code=2)
    assert err.count("\n") == 1 and err.startswith("facerelief: ")
