"""facerelief continuum: files, videos, what is kept, what is refused."""

import csv
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from facerelief.photos.photo import read_mark, read_photo

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

    table = out / "me-surprise.csv"
    mine, written = frames[1].stat().st_mtime_ns, table.stat().st_mtime_ns
    assert command("continuum", *map(str, words)).code == 0  # nothing is to be done but the sheet and the table
    assert frames[1].stat().st_mtime_ns == mine and table.stat().st_mtime_ns > written


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


def test_fewer_steps_leave_no_frame_of_the_earlier_run(command: Command, me: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    words = ("continuum", me, "--to", "surprise", "-o", out)
    assert command(*words, "--steps", "4").code == 0
    (out / "me-surprise-8.png").write_text("of another program")
    (out / "me-surprise-3.png").write_text("changed since")
    result = command(*words, "--steps", "2", "--overwrite")
    assert result.code == 0 and "removed 1 frames of an earlier run" in result.err
    left = {path.name for path in out.glob("*.png")}
    assert left == {f"me-surprise-{step}.png" for step in (0, 1, 3, 8)}


def test_no_frame_has_a_watermark(command: Command, me: Path, tmp_path: Path) -> None:
    """All frames are alike: in an experiment the first would differ from the others by it."""
    from facerelief.photos.provenance.watermark_detection import detect_watermarks

    command("continuum", me, "--to", "surprise", "--steps", "2", "-o", tmp_path / "out")
    command("continuum", me, "--to", "surprise", "--steps", "2", "-o", tmp_path / "plain", "--no-provenance")
    for step in range(2):
        made, plain = (read_photo(tmp_path / name / f"me-surprise-{step}.png") for name in ("out", "plain"))
        assert np.array_equal(made.rgb, plain.rgb) and not detect_watermarks(made.rgb)
        assert (made.mark is None) == (step == 0)


def test_action_units_and_blendshapes(command: Command, refused: Refused, me: Path, tmp_path: Path) -> None:
    words = ("continuum", me, "--steps", "2", "-o", tmp_path / "out")
    command(*words, "--au", "AU12=0.8,AU4L=0.3")
    assert "AU12:0.8+AU4L:0.3" in read_mark(tmp_path / "out" / "me-AU12-0.8-AU4L-0.3-1.png").description
    command(*words, "--blendshape", "jawOpen=0.5")
    assert "jawOpen:0.5" in read_mark(tmp_path / "out" / "me-jawOpen-0.5-1.png").description
    assert "--to and --au both say" in refused(*words, "--to", "happy", "--au", "AU12=1")
    assert "say what faces are to show" in refused(*words)


def test_a_folder_named_like_a_file(refused: Refused, me: Path, tmp_path: Path) -> None:
    assert "x.png is named like a file" in refused("continuum", me, "--to", "anger", "-o", tmp_path / "x.png")
    assert "x.png is named like a file" in refused("stimuli", me, "-o", tmp_path / "x.png")
    assert "x.onnx is named like a file" in refused("export", "-o", tmp_path / "x.onnx")
