"""`facerelief train identity` and `report identity`, on drawn faces."""

import json
import re
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from PIL import Image
from runs import write_encoder, write_run
from shells import change_rows, write_dataset

from facerelief.checkpoint import load_checkpoint
from facerelief.data.manifest import read_samples
from facerelief.editing.loading import carried_weights
from facerelief.files import sha256

Command = Callable
Refused = Callable[..., str]
Weights = Callable[..., Path]
TINY = ("size=32", "width=4", "batch=4", "dimensions=8", "precision=no")


@pytest.fixture(scope="module")
def dataset(synthetic: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A person to train on and two test persons, each with all expressions."""
    folder = tmp_path_factory.mktemp("data") / "faces"
    shutil.copytree(synthetic, folder)
    change_rows(folder, lambda row: row.split == "val", split="test")
    return folder


@pytest.fixture(scope="module")
def encoder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_encoder(tmp_path_factory.mktemp("runs") / "identity")


@pytest.fixture(scope="module")
def run(tiny_weights: Weights, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_run(tmp_path_factory.mktemp("runs") / "noise", tiny_weights())


ELSEWHERE = "noise was trained on another dataset, or another state of this one: it may have seen test people.\n"


# -- train identity -------------------------------------------------------------------------------------------------


def test_training_says_what_the_encoder_is_worth(
    command: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Three photos of each of four held-out people: 4 * 3 pairs of one person, 54 of two."""
    monkeypatch.setenv("ACCELERATE_USE_CPU", "true")
    dataset = write_dataset(tmp_path / "faces")
    change_rows(dataset, lambda row: row.identity == "train0" and row.expression == "surprise", keep=False)
    sets = [word for setting in TINY for word in ("--set", setting)]
    result = command("train", "identity", dataset, "-o", tmp_path / "run", "--steps", 2, "--colour", "luma", *sets)
    assert (result.code, result.err) == (0, "")
    about, persons, measured, weights = result.out.splitlines()
    assert about.startswith("cpu preset, 32 px, luma, 2 steps; precision fp32, because it was asked for")
    assert persons == "8 training people, 8 with two or more photos, 7 with three or more"
    assert measured.startswith("held-out people: 12 pairs of one person (4 persons) against 54 pairs of two; chance in")
    assert weights == str(tmp_path / "run" / "weights.safetensors")
    facts = load_checkpoint(tmp_path / "run" / "weights.safetensors", "identity").facts
    assert f"ROC AUC {facts['verification']['auc']:.3f} (0.500)" in measured
    assert (facts["config"]["colour"], facts["config"]["dimensions"]) == ("luma", 8)


def test_settings_that_an_encoder_cannot_have(refused: Refused, synthetic: Path, tmp_path: Path) -> None:
    for setting, message in {
        "dimensions=0": "dimensions must be at least 1, not 0",
        "singleton_share=1.5": "singleton_share must lie between 0 and 1, not 1.5",
        "batch=3": "batch must be at least 4, two photos of two persons, not 3",
        "temperature=0": "temperature must be above 0, not 0",
        "smoothing=0": "no setting 'smoothing'; choose from ",
    }.items():
        assert refused("train", "identity", synthetic, "-o", tmp_path / "run", "--set", setting).startswith(message)


# -- report identity ------------------------------------------------------------------------------------------------


def test_editors_beside_real_photos(command: Command, dataset: Path, encoder: Path, run: Path, tmp_path: Path) -> None:
    """Two persons with three photos each: 6 pairs of one, 9 of two; each photo is edited to two expressions."""
    numbers, figure = tmp_path / "numbers.json", tmp_path / "figure.png"
    options = ["--morphable", "--json-file", numbers, "--figure", figure]
    result = command("report", "identity", run, "--encoder", encoder, "--data", dataset, *options)
    assert (result.code, result.err) == (0, ELSEWHERE)
    title, verdict, *rows, drawn = result.out.splitlines()
    assert title == "identity distance (facerelief encoder)"
    assert verdict.startswith("test people: 6 pairs of one person (2 persons) against 9 pairs of two; chance in")
    counts = {"one person": 6, "two persons": 9, "one, other expression": 6, "noise": 12, "morphable": 12}
    assert [row[:22].rstrip() for row in rows] == list(counts)
    found = json.loads(numbers.read_text())
    assert list(found) == [*counts, "verification", "encoder_sha256"]
    for row, (name, count) in zip(rows, counts.items(), strict=True):
        told = found[name]
        assert told["count"] == count
        assert told["quartiles"] == sorted(told["quartiles"])
        quartiles = " ".join(f"{value:.3f}" for value in told["quartiles"])
        text = rf" {told['mean']:.3f} \+- {told['deviation']:.3f}   quartiles {quartiles}   {count} pairs"
        assert re.search(text, row), row
    assert 0 < found["morphable"]["mean"] < found["noise"]["mean"]  # noise repaints everything
    assert found["verification"]["same"] == 6
    assert found["encoder_sha256"] == sha256(encoder / "weights.safetensors")
    assert drawn == str(figure)
    with Image.open(figure) as picture:
        assert picture.format == "PNG"


def test_only_so_many_photos(command: Command, dataset: Path, encoder: Path, run: Path) -> None:
    result = command("report", "identity", run, "--encoder", encoder, "--data", dataset, "--photos", 2)
    assert (result.code, result.err) == (0, ELSEWHERE)
    assert [line.split("   ")[-1] for line in result.out.splitlines()[2:]] == [
        "6 pairs",
        "9 pairs",
        "6 pairs",
        "4 pairs",
    ]


def test_an_encoder_of_another_size_than_the_editor(command: Command, dataset: Path, run: Path, tmp_path: Path) -> None:
    """Edits are measured as a user gets them."""
    other = write_encoder(tmp_path / "other", size=48, colour="luma")
    result = command("report", "identity", run, "--as-edited", "--encoder", other, "--data", dataset)
    assert (result.code, result.err) == (0, ELSEWHERE)
    assert result.out.splitlines()[-1].endswith("12 pairs")


def test_an_encoder_may_know_other_expressions_but_runs_must_agree(
    command: Command, refused: Refused, dataset: Path, run: Path, tiny_weights: Weights, tmp_path: Path
) -> None:
    encoder = write_encoder(tmp_path / "identity", expressions=("fear", "anger"))
    result = command("report", "identity", run, "--encoder", encoder, "--data", dataset)
    assert (result.code, result.out.splitlines()[-1].split("   ")[-1]) == (0, "12 pairs")
    two = {"expressions": ("neutral", "happiness")}
    other = write_run(tmp_path / "other", tiny_weights(**two), **two)
    line = refused("report", "identity", run, other, "--encoder", encoder, "--data", dataset)
    assert line == f"{other} and {run} differ in expressions; report them one at a time"


def test_what_cannot_be_measured(refused: Refused, dataset: Path, encoder: Path, run: Path, tmp_path: Path) -> None:
    somebody = next(row.identity for row in read_samples(dataset) if row.split == "test")
    known = write_encoder(tmp_path / "known", somebody)
    nowhere, editor = tmp_path / "nowhere", carried_weights("stargan")
    about = ("--data", dataset)
    lines = {
        ("--encoder", encoder, *about): "nothing to measure; name runs of stage 2, or --morphable",
        (run, "--encoder", nowhere, *about): f"no weights at {nowhere}; name a run folder or a",
        (run, "--encoder", editor, *about): "is facerelief-editor, not facerelief-identity",
        (nowhere, "--encoder", encoder, *about): f"no weights at {nowhere}; name a run folder or a",
        (run, "--encoder", nowhere, *about, "--figure", "fig.docx"): "fig.docx names no picture format; end it with",
        (run, "--encoder", encoder, *about, "--photos", "0"): "Invalid value for '--photos': ",
        (run, "--encoder", encoder): "Missing option '--data'; see: facerelief report identity --help",
        (run, "--encoder", known, *about): f"{known} was trained on photos of {somebody}, who is in the test photos; ",
    }
    for arguments, message in lines.items():
        assert message in refused("report", "identity", *arguments)
