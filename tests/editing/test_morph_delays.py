"""How fast a saved morph plays, as Pillow reads it back, and in which colours."""

import io
import re
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageSequence

from facerelief.editing.video.morph import Morph, encode_morph, save_morph
from facerelief.editing.video.reader import VideoSource
from facerelief.editing.video.writer import write_frames
from facerelief.errors import VideoError


def film(fps: float, kind: str) -> list[float]:
    """The delays in ms of a second of frames, in which a bar moves."""
    how = Morph(seconds=1, fps=fps, hold=0)
    bars = 255 * np.eye(64, dtype=np.uint8)[: len(how.shares()), :, None, None].repeat(32, 2).repeat(3, 3)
    with Image.open(io.BytesIO(encode_morph(kind, iter(bars), how, None))) as picture:
        delays = []
        for one in ImageSequence.Iterator(picture):
            one.load()
            delays.append(float(one.info["duration"]))
        return delays


@pytest.mark.parametrize("kind", ["GIF", "WEBP"])
@pytest.mark.parametrize("fps", [5, 12, 24, 25, 30, 50])
def test_a_second_takes_a_second(kind: str, fps: float) -> None:
    delays = film(fps, kind)
    assert len(delays) == fps
    assert sum(delays) == pytest.approx(1000, abs=5)
    unit = 10 if kind == "GIF" else 1
    assert np.abs(np.cumsum(delays) - 1000 / fps * np.arange(1, fps + 1)).max() <= unit / 2


@pytest.mark.parametrize("rows", [480, 720])
@pytest.mark.parametrize("suffix", [".mp4", ".webm"])
def test_a_videos_colours_are_its_frames(tmp_path: Path, suffix: str, rows: int) -> None:
    """As players show them, who take large videos for BT.709 where they do not tell."""
    path = tmp_path / f"a{suffix}"
    for colour in ((60, 180, 60), (220, 60, 60), (30, 40, 200)):
        write_frames(path, iter([np.full((rows, rows, 3), colour, np.uint8)] * 3), 25)
        with VideoSource(path) as video:
            first = next(iter(video.frames()))
            assert np.abs(first.rgb[8:-8, 8:-8].reshape(-1, 3).mean(axis=0) - colour).max() < 5
            assert video.colours.space == (1 if rows == 720 else 5)


def test_a_gif_of_more_frames_a_second_than_browsers_show(tmp_path: Path) -> None:
    how, message = Morph(seconds=0.2, fps=60, hold=0), re.escape("a GIF has at most 50 frames a second; name it .webp")
    with pytest.raises(VideoError, match=message):
        save_morph(tmp_path / "a.gif", iter([]), how, None)
    with pytest.raises(VideoError, match=message):
        encode_morph("GIF", iter([]), how, None)
    assert sum(film(60, "WEBP")) == 1000
