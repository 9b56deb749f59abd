"""`facerelief report evidence` on drawn people, by instruments of random numbers, and `dataset sham`."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from face_api_files import fill, write_tfjs

from facerelief.data import Dataset
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
    found = json.loads((tmp_path / "out" / "stargan-s0.json").read_text())
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
    assert line.startswith("no run of 'relief' among depth, stargan")


def test_a_sham_dataset_by_command(command: Command, synthetic: Path, tmp_path: Path) -> None:
    done = command("dataset", "sham", synthetic, "-o", tmp_path / "sham", "--maps", "shuffled")
    assert done.code == 0
    assert "24 samples with shuffled as depth" in done.out
    assert len(Dataset(tmp_path / "sham").samples) == 24
