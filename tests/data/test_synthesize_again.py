"""Synthetic datasets made by one process or two, interrupted, repeated or refused: the same bytes on every path."""

import shutil
from pathlib import Path

import pytest
from shells import contents

from facerelief.data.journal import JOURNAL, open_dataset
from facerelief.data.manifest import read_dataset_settings, read_samples
from facerelief.data.synthesize import Plan, Synthesizer, synthesize
from facerelief.errors import CheckpointError, DatasetError, FacereliefError
from facerelief.geometry.morphable.model import carried_face
from facerelief.processes import pool

PLAN = Plan(count=24, size=64, scenes_per_person=1)  # the fixture's


def assert_same(dataset: Path, expected: Path) -> None:
    got, wanted = contents(dataset), contents(expected)
    assert sorted(got) == sorted(wanted)
    assert [name for name in wanted if got[name] != wanted[name]] == []


# -- the same on every path -----------------------------------------------------------------------------------------


def test_two_workers_make_the_same_files(synthetic: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pool, "MIN_ITEMS", 2)  # three scenes are enough for processes
    monkeypatch.setenv("OPENBLAS_NUM_THREADS", "1")
    calls: list[tuple[int, int]] = []
    synthesize(tmp_path / "dataset", PLAN, workers=2, progress=lambda *call: calls.append(call))
    assert calls == [(0, 24), (8, 24), (16, 24), (24, 24)]
    assert_same(tmp_path / "dataset", synthetic)


def test_what_was_interrupted_goes_on(synthetic: Path, tmp_path: Path) -> None:
    """Cut off in the second scene's fourth line: that scene is done again, and the third."""
    dataset = tmp_path / "dataset"
    shutil.copytree(synthetic, dataset)
    lines = (synthetic / JOURNAL).read_bytes().splitlines(keepends=True)
    (dataset / JOURNAL).write_bytes(b"".join(lines[:11]) + lines[11][:50])
    for name in ("metadata.csv", "rejects.csv"):
        (dataset / name).unlink()
    for path in dataset.rglob("p00001-*"):
        path.write_bytes(b"cut off")
    for path in dataset.rglob("p00002-*"):
        path.unlink()
    calls: list[tuple[int, int]] = []
    synthesize(dataset, PLAN, workers=1, progress=lambda *call: calls.append(call))
    assert calls == [(8, 24), (16, 24), (24, 24)]
    (dataset / JOURNAL).write_bytes((synthetic / JOURNAL).read_bytes())  # three lines stand there twice
    assert_same(dataset, synthetic)


def test_a_finished_dataset_is_left_alone(synthetic: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    before = contents(synthetic)
    monkeypatch.setattr(Synthesizer, "__call__", lambda *_: pytest.fail("done again"))
    assert synthesize(synthetic, PLAN, workers=1) == read_samples(synthetic)
    assert contents(synthetic) == before


# -- refusals -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("changed", "plan"),
    [("seed", Plan(24, 64, 1, seed=1)), ("size", Plan(24, 96, 1)), ("settings", Plan(48, 64, 2))],
)
def test_other_settings_in_the_same_folder(synthetic: Path, changed: str, plan: Plan) -> None:
    before = contents(synthetic)
    with pytest.raises(DatasetError, match=f"was built with another {changed}; choose another folder or delete it"):
        synthesize(synthetic, plan, workers=1)
    assert contents(synthetic) == before


def test_a_dataset_of_photos_is_refused(tmp_path: Path) -> None:
    open_dataset(tmp_path, {"size": 64, "seed": 0, "depth_maps": False, "recipe": {"size": 64}})
    before = contents(tmp_path)
    with pytest.raises(DatasetError, match="was built with another settings; choose another folder or delete it"):
        synthesize(tmp_path, PLAN, workers=1)
    assert contents(tmp_path) == before


def test_a_face_that_cannot_be_read_leaves_nothing(tmp_path: Path) -> None:
    (tmp_path / "face.safetensors").write_bytes(carried_face().read_bytes()[:1000])
    for face in (tmp_path / "face.safetensors", tmp_path / "nowhere"):
        with pytest.raises(CheckpointError):
            synthesize(tmp_path / "dataset", PLAN, face, workers=1)
    assert not (tmp_path / "dataset").exists()


def test_the_face_is_recorded_and_may_be_a_folder(synthetic: Path, tmp_path: Path) -> None:
    """The same file at another place is the same face."""
    shutil.copy(carried_face(), tmp_path / "face.safetensors")
    assert len(read_dataset_settings(synthetic)["face_sha256"]) == 64
    assert synthesize(synthetic, PLAN, tmp_path, workers=1) == read_samples(synthetic)


@pytest.mark.parametrize("count", [10**7, 10**12, 10**30])
def test_more_than_the_disk_holds_is_refused_at_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, count: int
) -> None:
    gigabyte = shutil.disk_usage(tmp_path)._replace(free=10**9)
    monkeypatch.setattr(shutil, "disk_usage", lambda _: gigabyte)
    with pytest.raises(FacereliefError, match=r"pictures of 64 px need about [\d,.]+ GB, and .* has 1\.0 GB free; ask"):
        synthesize(tmp_path / "new" / "dataset", Plan(count=count, size=64, scenes_per_person=1), workers=1)
    assert list(tmp_path.iterdir()) == []
