"""`facerelief report evidence` on drawn people, by instruments of random numbers, and `dataset sham`."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from face_api_files import fill, write_tfjs
from runs import CHOICES, write_judge

from facerelief.data import Dataset
from facerelief.data.manifest import read_samples
from facerelief.networks.face_api import FaceApiExpressions, FaceApiLandmarks

Command = Callable
Refused = Callable[..., str]


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("model")
    for seed, (name, network) in enumerate(
        {"face_expression": FaceApiExpressions(), "face_landmark_68": FaceApiLandmarks()}.items()
    ):
        fill(network, seed)
        write_tfjs(folder, name, network)
    return folder


@pytest.fixture
def runs(tiny_weights: Callable[..., Path], tmp_path: Path) -> list[Path]:
    """Two seeds of a cell, and one of another; of untrained networks."""
    names = ("stargan-s0", "stargan-s1", "depth-s0")
    for name in names:
        (tmp_path / name).mkdir()
        shutil.copy(tiny_weights(colour="luma"), tmp_path / name / "weights.safetensors")
    return [tmp_path / name for name in names]


def test_runs_are_measured_once_and_compared_by_seed(
    command: Command, refused: Refused, synthetic: Path, model: Path, runs: list[Path], tmp_path: Path
) -> None:
    words = ["--data", synthetic, "--pairs", synthetic, "--instruments", model, "--photos", 2, "-o", tmp_path / "out"]
    done = command("report", "evidence", *runs, *words)
    assert done.code == 0, done.err
    found = json.loads((tmp_path / "out" / "stargan-s0.json").read_text())["measured"]
    assert set(found) == {"0.5", "1", "1.5"}
    assert {name: len(errors) for name, errors in found["1"]["london"].items()} == {
        "neutral to happiness": 3,
        "happiness to neutral": 3,
    }
    assert set(found["1"]["confusion"]) == {"face-api", "landmarks"}
    page = (tmp_path / "out" / "evidence.md").read_text()
    assert "| stargan (2) |" in page
    assert "| minus stargan, at equal change |" in page
    before = (tmp_path / "out" / "depth-s0.json").stat().st_mtime_ns
    assert command("report", "evidence", *runs, *words).out == done.out
    assert (tmp_path / "out" / "depth-s0.json").stat().st_mtime_ns == before
    line = refused("report", "evidence", *runs, *words, "--first", "relief")
    assert line.startswith("no run of 'relief' among stargan, depth")


def test_what_was_measured_with_something_else_is_measured_again(
    command: Command,
    synthetic: Path,
    model: Path,
    runs: list[Path],
    tiny_weights: Callable[..., Path],
    tmp_path: Path,
) -> None:
    """Other weights of one run; one more judge, or other weights of it; fewer photos."""
    names, out = [run.name for run in runs], tmp_path / "out"

    def measured(*more: object) -> list[str]:
        before = {name: (out / f"{name}.json").stat().st_mtime_ns for name in names if out.is_dir()}
        words = ["--data", synthetic, "--pairs", synthetic, "--instruments", model, "--photos", 2, "-o", out, *more]
        done = command("report", "evidence", *runs, *words)
        assert done.code == 0, done.err
        return [name for name in names if (out / f"{name}.json").stat().st_mtime_ns != before.get(name)]

    assert measured() == names
    (out / "notes.json").write_text("{}")  # no run's
    shutil.copy(tiny_weights(colour="luma", blocks=2), runs[1] / "weights.safetensors")
    assert measured() == [names[1]]
    judge = write_judge(tmp_path / "other", colour="luma")
    assert measured("--judge", judge) == names
    assert "rate by other" in (out / "evidence.md").read_text()
    assert measured("--judge", judge) == []
    shutil.rmtree(judge)
    write_judge(tmp_path / "other", colour="luma", width=8)
    assert measured("--judge", judge) == names
    assert measured("--judge", judge, "--photos", 3) == names


def test_judges_that_do_not_fit(
    refused: Refused, synthetic: Path, model: Path, runs: list[Path], tmp_path: Path
) -> None:
    words = ["--data", synthetic, "--pairs", synthetic, "--instruments", model, "-o", tmp_path / "out"]

    def said(name: str, **more: object) -> str:
        judge = write_judge(tmp_path / "judges" / name, **{"colour": "luma", **more})
        return refused("report", "evidence", *runs, *words, "--judge", judge)

    assert "give one that has the same colour" in said("rgb", colour="rgb")
    assert "give one that has the same size" in said("large", size=64)
    assert said("two", expressions=CHOICES[:2]).endswith("does not know surprise; give one that does")
    person = next(sample.identity for sample in read_samples(synthetic) if sample.split == "test")
    assert f"was trained on photos of {person}" in said("knows", knows=person)
    assert said("landmarks").startswith("two judges of face-api, landmarks, landmarks have the same name")
    again = tmp_path / "again" / runs[0].name
    shutil.copytree(runs[0], again)
    line = refused("report", "evidence", *runs, again, *words)
    assert line.endswith("have the same name; rename a run's folder")
    assert not (tmp_path / "out").exists()


def test_a_sham_dataset_by_command(command: Command, synthetic: Path, tmp_path: Path) -> None:
    done = command("dataset", "sham", synthetic, "-o", tmp_path / "sham", "--maps", "shuffled")
    assert done.code == 0
    assert "24 samples with shuffled as depth" in done.out
    assert len(Dataset(tmp_path / "sham").samples) == 24
