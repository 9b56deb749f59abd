"""What cannot be done to a face is told wherever it is edited: in morphs, continua and videos, once each."""

from pathlib import Path

import numpy as np
import pytest
from clips import write_clip

from facerelief.editing import Editor, load_editor
from facerelief.editing.continuum import Continuum, continuum_files, write_continuum
from facerelief.editing.strength import parse_strength
from facerelief.editing.video.edit import edit_video
from facerelief.editing.video.morph import Morph, morph_frames
from facerelief.faces.detector import LandmarkFinder
from facerelief.photos.photo import Photo

CAUTION = "an eye is shut or hardly seen; it is not opened or turned"


@pytest.fixture(scope="module")
def editor(finder: LandmarkFinder) -> Editor:
    return load_editor(finder=finder, method="morphable")


@pytest.fixture(scope="module")
def shut(editor: Editor, portrait: np.ndarray) -> Photo:
    """A face with eyes that are shut, as edited."""
    head = np.ascontiguousarray(portrait[:320, 64:384])
    return Photo(editor(Photo(head), "eyes-closed").photo.rgb, name="shut.png")


def test_a_morph(editor: Editor, shut: Photo) -> None:
    for to, part, strength, said in (
        ("look-left+AU12", "face", 1.0, [f"shut.png: {CAUTION}"]),
        ("look-left+AU12", "face", 0.0, []),
        ("look-left+AU12", "mouth", 1.0, []),
        ("AU12", "face", 1.0, []),
    ):
        notes = list[str]()
        how = Morph(seconds=0.2, fps=5, hold=0, size=320, part=part, strength=strength)
        assert list(morph_frames(editor, shut, to, how, notes=notes))
        assert notes == said


def test_a_continuum(editor: Editor, shut: Photo, tmp_path: Path) -> None:
    for to, said in (("look-left+AU12", [f"shut.png: {CAUTION}"]), ("AU12", [])):
        files = continuum_files(Path("shut.png"), to, 2, tmp_path)
        assert write_continuum(editor, shut, to, Continuum(steps=2), files) == said
        assert write_continuum(editor, shut, to, Continuum(steps=2), files, kept=files.frames) == said


def test_a_video(editor: Editor, shut: Photo, tmp_path: Path) -> None:
    """It counts the frames: in any film of a face eyes blink."""
    pytest.importorskip("av")
    clip, out = tmp_path / "clip.mp4", tmp_path / "out.mp4"
    write_clip(clip, [shut.rgb] * 6)
    assert edit_video(editor, clip, out, "look-left+AU12").notes == (f"{clip}: {CAUTION} (in 6 of 6 frames)",)
    assert edit_video(editor, clip, out, "AU12").notes == ()
    late = parse_strength("0:0,0.11:0,0.12:1")
    assert edit_video(editor, clip, out, "look-left+AU12", strength=late).notes == (
        f"{clip}: {CAUTION} (in 3 of 6 frames)",
    )
