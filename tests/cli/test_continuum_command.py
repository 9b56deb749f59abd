"""facerelief continuum: files, videos, what is kept, what is refused."""

import csv
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from facerelief.photos.photo import read_mark

Command = Callable
Refused = Callable[..., str]


@pytest.fixture
def me(portrait: np.ndarray, tmp_path: Path) -> Path:
    Image.fromarray(portrait).save(tmp_path / "me.png")
    return tmp_path / "me.png"


def test_a_continuum_with_a_video(command: Command, me: Path, tmp_path: Path) -> None:
    out, video = tmp_path / "out", tmp_path / "x.mp4"
    words = (me, "--to", "surprise", "--steps", "4", "-o", out, "--video", video)
    printed = command("continuum", *map(str, words)).out
    assert str(out / "me-surprise.csv") in printed and str(video) in printed
    frames = [out / f"me-surprise-{step}.png" for step in range(4)]
    assert read_mark(frames[0]) is None
    assert read_mark(frames[3]).description == "facial expression edited to surprise"
    with (out / "me-surprise.csv").open() as stream:
        strengths = [float(row["strength"]) for row in csv.DictReader(stream)]
    assert strengths == pytest.approx([0, 1 / 3, 2 / 3, 1], abs=1e-4)
    av = pytest.importorskip("av")
    with av.open(str(video)) as film:
        assert sum(1 for _ in film.decode(video=0)) == 4  # a frame a step

    mine = frames[1].stat().st_mtime_ns
    command("continuum", *map(str, words))  # nothing is to be done but the sheet and the table
    assert frames[1].stat().st_mtime_ns == mine


def test_a_continuum_to_a_preset_of_ones_own(command: Command, refused: Refused, me: Path, tmp_path: Path) -> None:
    presets = tmp_path / "mine.toml"
    presets.write_text('grin = "AU12:1.2+jawOpen:0.2"\n')
    words = ("continuum", str(me), "--to", "grin", "--steps", "2", "-o", str(tmp_path / "out"))
    assert "nothing is called 'grin'" in refused(*words)
    command(*words, "--presets", str(presets))
    assert read_mark(tmp_path / "out" / "me-grin-1.png").description == "facial expression edited to grin"
    presets.write_text('grin = "AU12:0.5"\n')
    assert "was made" in refused(*words, "--presets", str(presets))  # of other words for it


def test_frames_of_others_and_of_other_settings_stay(
    refused: Refused, command: Command, me: Path, tmp_path: Path
) -> None:
    words = ("continuum", str(me), "--to", "surprise", "--steps", "2", "-o", str(tmp_path))
    (tmp_path / "me-surprise-1.png").write_text("mine")
    assert "me-surprise-1.png exists and was not written by this command" in refused(*words)
    (tmp_path / "me-surprise-1.png").unlink()
    command(*words)
    assert "was made with other settings" in refused(*words, "--strength", "0.5")


def test_frames_of_a_network_that_has_been_trained_further_are_not_kept(
    refused: Refused, command: Command, me: Path, tmp_path: Path, tiny_weights: Callable[..., Path]
) -> None:
    run = tmp_path / "run"
    run.mkdir()
    shutil.copy(tiny_weights(), run / "weights.safetensors")
    words = (
        "continuum",
        str(me),
        "--to",
        "surprise",
        "--steps",
        "2",
        "-o",
        str(tmp_path / "out"),
        "--weights",
        str(run),
    )
    command(*words)
    shutil.copy(tiny_weights(blocks=2), run / "weights.safetensors")
    assert "was made with other settings" in refused(*words)


@pytest.mark.parametrize(
    ("words", "line"),
    [
        (("--to", "anger:3"), "choose 0 to 2"),
        (("--to", "nothing"), "nothing is called 'nothing'"),
        (("--to", "anger", "--timing", "quick"), "no timing 'quick'"),
        (("--to", "anger", "--video", "x.txt"), "unknown suffix '.txt'"),
        (("--to", "anger", "--face", "all"), "a continuum is of one face"),
    ],
)
def test_bad_input_is_one_line(refused: Refused, me: Path, tmp_path: Path, words: tuple[str, ...], line: str) -> None:
    assert line in refused("continuum", str(me), *words, "-o", str(tmp_path / "out"))
    assert not list((tmp_path / "out").glob("*.png"))
