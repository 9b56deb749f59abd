"""facerelief stimuli: a folder, and what is refused."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

Command = Callable
Refused = Callable[..., str]


@pytest.fixture
def photos(portrait: np.ndarray, tmp_path: Path) -> Path:
    folder = tmp_path / "photos"
    folder.mkdir()
    for name, share in (("a", 1.0), ("b", 0.6)):
        Image.fromarray((portrait * share).astype(np.uint8)).save(folder / f"{name}.png")
    return folder


def test_a_folder(command: Command, photos: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    words = ("stimuli", str(photos), "-o", str(out), "--size", "96", "--average")
    assert command(*words).out.strip() == str(out / "stimuli.csv")
    assert {path.name for path in out.glob("[!.]*")} == {"a.png", "b.png", "average.png", "stimuli.csv"}
    first = (out / "a.png").read_bytes()
    written = (out / "a.png").stat().st_mtime_ns
    assert command(*words).code == 0
    assert (out / "a.png").stat().st_mtime_ns > written  # its own files are replaced, and are the same
    assert (out / "a.png").read_bytes() == first


@pytest.mark.parametrize(
    ("words", "line"),
    [
        (("--size", "8"), "stimuli of 8 pixels; choose 64 to 2048"),
        (("--histogram", "--colour", "rgb"), "histograms are exact in grey pictures only"),
        (("--colour", "pink"), "no colour 'pink'; choose luma or rgb"),
    ],
)
def test_bad_options_are_one_line(
    refused: Refused, photos: Path, tmp_path: Path, words: tuple[str, ...], line: str
) -> None:
    assert line in refused("stimuli", str(photos), "-o", str(tmp_path / "out"), *words)


def test_an_empty_folder(refused: Refused, tmp_path: Path) -> None:
    (tmp_path / "none").mkdir()
    assert "no photos; name photos" in refused("stimuli", str(tmp_path / "none"), "-o", str(tmp_path / "out"))
