"""Edits that change no pixel: they say so, and nothing is recorded as edited."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from clips import head_pan, write_clip
from PIL import Image

import facerelief
from facerelief.errors import NoFaceFound
from facerelief.photos.photo import read_photo
from facerelief.photos.provenance.watermark_detection import detect_watermarks
from facerelief.photos.video_container import video_comment

Command = Callable
_NOTHING = "part mouth leaves nothing of look-left to change"


def test_a_part_that_leaves_nothing(command: Command, portrait_jpg: Path, tmp_path: Path) -> None:
    result = command("edit", portrait_jpg, "--to", "look-left", "--part", "mouth", "-o", tmp_path / "out.png")
    assert result.code == 0 and _NOTHING in result.err
    made = read_photo(tmp_path / "out.png")
    assert np.array_equal(made.rgb, read_photo(portrait_jpg).rgb)
    assert made.mark is None and made.history is None and not detect_watermarks(made.rgb)


@pytest.mark.parametrize("call", [("continuum", "-o", "frames"), ("morph", "-o", "x.gif"), ("mesh", "-o", "x.glb")])
def test_what_would_stand_still_is_refused(
    refused: Callable[..., str], portrait_jpg: Path, monkeypatch: pytest.MonkeyPatch, call: tuple[str, ...]
) -> None:
    monkeypatch.chdir(portrait_jpg.parent)
    name, *out = call
    assert _NOTHING in refused(name, portrait_jpg, "--to", "look-left", "--part", "mouth", *out)


def test_one_of_two_faces(portrait: np.ndarray) -> None:
    """The mark tells of those faces alone that were changed."""
    two = np.concatenate([portrait, portrait[:, ::-1]], axis=1)
    editor = facerelief.load()
    photo = editor.edit(two, {1: "look-left", 2: "happiness"}, part="mouth").photo
    assert [words for _, words in photo.mark.faces] == ["happiness"]


def test_videos(command: Command, refused: Callable[..., str], tmp_path: Path) -> None:
    pytest.importorskip("av")
    clip, out = write_clip(tmp_path / "clip.mp4", head_pan(6, (160, 120), still=True)), tmp_path / "out.mp4"
    result = command("edit", clip, "--to", "happiness", "--strength", "100:0,101:1", "-o", out)
    assert result.code == 0 and "the strength is 0 to the end of it" in result.err
    assert "facerelief" not in video_comment(out) and b"c2pa" not in out.read_bytes()
    assert _NOTHING in refused("edit", clip, "--to", "look-left", "--part", "mouth", "-o", tmp_path / "no.mp4")


def test_faces_of_another_picture(portrait: np.ndarray) -> None:
    editor = facerelief.load()
    faces = editor.faces(portrait)
    small = np.asarray(Image.fromarray(portrait).resize((48, 48)))
    for call in (
        lambda: editor.edit(small, "happiness", faces=faces),
        lambda: editor.measure(small, faces=faces),
        lambda: editor.continuum(small, "happiness", faces=faces[0]),
    ):
        with pytest.raises(NoFaceFound, match="not of a face in this photo"):
            call()
