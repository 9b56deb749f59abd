"""`facerelief compare`, on drawn faces."""

import json
import re
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from runs import write_encoder, write_judge, write_run

from facerelief.evaluation.compare import COMPARE_TILE
from facerelief.photos.photo import read_mark

Command = Callable
Refused = Callable[..., str]
Weights = Callable[..., Path]


@pytest.fixture(scope="module")
def run(tiny_weights: Weights, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_run(tmp_path_factory.mktemp("runs") / "noise", tiny_weights())


def test_two_editors_side_by_side(
    command: Command, synthetic: Path, run: Path, tiny_weights: Weights, tmp_path: Path
) -> None:
    """Three editors, two photos: a table of what judge and encoder say, and a picture of six rows and four columns."""
    relief = write_run(tmp_path / "moves", tiny_weights(method="relief"), method="relief")
    judge, encoder = write_judge(tmp_path / "judge"), write_encoder(tmp_path / "encoder")
    picture, numbers = tmp_path / "side.png", tmp_path / "side.json"
    scoring = ["--judge", judge, "--encoder", encoder, "--json-file", numbers]
    words = [run, relief, "--morphable", "--data", synthetic, "--photos", 2, "-o", picture]
    result = command("compare", *words, *scoring)
    assert result.code == 0
    assert [line.split(" was trained on another dataset")[0] for line in result.err.splitlines()] == ["noise", "moves"]
    called, distance, chance, drawn = result.out.splitlines()
    assert drawn == str(picture)
    found = json.loads(numbers.read_text())
    assert chance.startswith("THE CLASSIFIER IS AT CHANCE LEVEL: ITS RATES ARE MEANINGLESS (balanced accuracy ")
    assert found["judge_at_chance"] is True
    assert list(found["called by the target"]) == ["photo", "noise", "moves", "morphable"]
    distances = found["identity distance (facerelief encoder)"]
    assert list(distances) == ["noise", "moves", "morphable"]
    assert all(0 < distance < 2 for distance in distances.values())
    for line, values in ((called, found["called by the target"]), (distance, distances)):
        assert re.findall(r"(\w+) (\d\.\d{3})", line)[-len(values) :] == [(k, f"{v:.3f}") for k, v in values.items()]
    assert len(found["photos"]) == 2
    with Image.open(picture) as image:
        assert image.height // 160 == 6
        assert image.width // 160 == 4


def test_without_scores_it_is_a_picture(command: Command, synthetic: Path, tmp_path: Path) -> None:
    result = command("compare", "--morphable", "--data", synthetic, "--photos", 1, "-o", tmp_path / "side.jpg")
    assert (result.code, result.out, result.err) == (0, f"{tmp_path / 'side.jpg'}\n", "")
    with Image.open(tmp_path / "side.jpg") as image:
        assert image.width // 160 == 9  # the photo and all eight expressions


def test_what_cannot_be_compared(
    refused: Refused, synthetic: Path, run: Path, tiny_weights: Weights, tmp_path: Path
) -> None:
    two = {"expressions": ("neutral", "happiness")}
    other = write_run(tmp_path / "other", tiny_weights(**two), **two)
    none = {"expressions": ("fear", "anger")}
    strange = write_run(tmp_path / "strange", tiny_weights(**none), **none)
    judge, encoder = write_judge(tmp_path / "judge"), write_encoder(tmp_path / "encoder", size=48)
    about = ("--data", synthetic, "-o", tmp_path / "side.png")
    lines = {
        about: "nothing to compare; give runs of stage 2, or --morphable",
        (run, run, *about): "two of noise, noise have the same name; rename a run's folder",
        (run, strange, *about): "the runs have fewer than two expressions in common; compare others",
        (other, "--judge", judge, *about): "a run does not support surprise, which the classifier needs",
        (
            run,
            "--judge",
            judge,
            "--encoder",
            encoder,
            *about,
        ): "the classifier and the encoder differ in size or colour;",
        (run, "--data", synthetic, "-o", "side.docx"): "side.docx names no picture format; end it",
        (run, "--photos", "0", *about): "Invalid value for '--photos': ",
    }
    for arguments, message in lines.items():
        assert message in refused("compare", *arguments)


def test_the_methods_on_ones_own_photo(command: Command, portrait_jpg: Path, tmp_path: Path) -> None:
    picture = tmp_path / "methods.png"
    result = command("compare", portrait_jpg, "--to", "happy,fear", "-o", picture, "--json")
    assert (result.code, result.err) == (0, "")
    assert json.loads(result.out)["methods"] == ["morphable", "relief", "stargan"]
    sheet = np.asarray(Image.open(picture).convert("RGB")).astype(int)
    tiles = (
        sheet[30:-6, 26:].reshape(3, COMPARE_TILE, 3, COMPARE_TILE, 3).transpose(0, 2, 1, 3, 4)
    )  # methods x (photo, happiness, fear)
    assert (tiles[:, 0] == tiles[0, 0]).all()
    for method in range(2):
        assert np.abs(tiles[method, 1] - tiles[method, 0]).mean() > 1
        assert np.abs(tiles[method, 1] - tiles[method, 2]).mean() > 1
    assert (tiles[2, 2] == 255).mean() > 0.8  # stargan has not learnt fear: words, and no picture
    mark = read_mark(picture)
    assert mark is not None and "edited" in mark.description


def test_own_photos_and_runs_are_told_apart(
    refused: Callable[..., str], portrait_jpg: Path, tmp_path: Path, weights: Path
) -> None:
    about = ("-o", tmp_path / "x.png")
    lines = {
        about: "nothing to compare; give photos, or runs of stage 2 and their dataset with --data",
        (tmp_path, *about): f"{tmp_path} is a folder; give photos, or the dataset of the runs with --data",
        (portrait_jpg, "--morphable", *about): "--morphable, --judge and --encoder are for runs; give their dataset",
        (
            portrait_jpg,
            "-o",
            portrait_jpg,
        ): "me.jpg is an input of this command; choose another name for the output",
        (portrait_jpg, "--to", "smirk", *about): "unknown expression 'smirk'",
        (tmp_path / "no.jpg", *about): "no.jpg does not exist; check the name",
        (portrait_jpg, "-o", tmp_path / "x.gif"): "x.gif names no picture format; end it",
        (portrait_jpg, "--to", "fear", "--data", tmp_path, *about): "--weights and --to are for your own photos;",
        (portrait_jpg,): "Missing option '-o'",
    }
    for arguments, message in lines.items():
        assert message in refused("compare", *arguments)
