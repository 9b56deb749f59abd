"""Continua: steps, files, measures, and that an interrupted one goes on."""

import csv
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from facerelief.editing import load_editor
from facerelief.editing.continuum import Continuum, continuum_files, video_frames, write_continuum
from facerelief.editing.editor import Editor
from facerelief.errors import FacereliefError
from facerelief.faces.detector import load_finder
from facerelief.photos.photo import Photo


@pytest.fixture(scope="module")
def editor() -> Editor:
    return load_editor(finder=load_finder(), method="morphable")


@pytest.fixture(scope="module")
def still(editor: Editor, portrait: np.ndarray) -> np.ndarray:
    """The portrait without its smile."""
    return editor.render(portrait, editor.plan(portrait, editor.finder(portrait)[0], "neutral"), 1.0)


def rows(path: Path) -> list[dict[str, str]]:
    with path.open() as stream:
        return list(csv.DictReader(stream))


def test_timings_by_closed_forms() -> None:
    assert Continuum(steps=5).shares() == pytest.approx([0, 0.25, 0.5, 0.75, 1])
    assert Continuum(steps=3, timing="ease").shares() == pytest.approx([0, 0.5, 1])
    t = np.linspace(0, 1, 9)
    logistic = 1 / (1 + np.exp(-10 * (t - 0.5)))
    expected = (logistic - logistic[0]) / (logistic[-1] - logistic[0])
    assert Continuum(steps=9, timing="sigmoid").shares() == pytest.approx(expected)


def test_frames_sheet_and_table(editor: Editor, still: np.ndarray, tmp_path: Path) -> None:
    photo, files = Photo(still, name="me.png"), continuum_files(Path("me.png"), "AU26", 4, tmp_path)
    notes = write_continuum(editor, photo, "AU26", Continuum(4, provenance=False), files)
    assert not notes and sorted(path.name for path in tmp_path.iterdir()) == sorted(path.name for path in files.all)
    frames = [np.asarray(Image.open(path)) for path in files.frames]
    assert (frames[0] == still).all()
    face = editor.finder(still)[0]
    plan = editor.plan(still, face, "AU26")
    assert (frames[2] == editor.render(still, plan, 2 / 3)).all()
    table = rows(files.table)
    assert [row["file"] for row in table] == [path.name for path in files.frames]
    assert [float(row["strength"]) for row in table] == pytest.approx([0, 1 / 3, 2 / 3, 1], abs=1e-4)
    motion, share, jaw = ([float(row[key]) for row in table] for key in ("motion", "share_of_motion", "AU26"))
    assert motion[0] == 0 and share[-1] == 1 and jaw[0] == 0
    assert motion == sorted(motion) and share == sorted(share) and jaw[-1] == pytest.approx(1, abs=0.3)
    assert share == pytest.approx([0, 1 / 3, 2 / 3, 1], abs=0.2)


def test_frames_that_are_kept_are_not_made_again(editor: Editor, portrait: np.ndarray, tmp_path: Path) -> None:
    photo, files = Photo(portrait, name="me.png"), continuum_files(Path("me.png"), "surprise", 3, tmp_path)
    how = Continuum(3, provenance=False)
    write_continuum(editor, photo, "surprise", how, files)
    table, last = files.table.read_text(), files.frames[2].read_bytes()
    changed = files.frames[1].stat().st_mtime_ns
    files.frames[2].unlink()
    write_continuum(editor, photo, "surprise", how, files, kept=files.frames[:2])
    assert files.frames[1].stat().st_mtime_ns == changed
    assert files.table.read_text() == table and files.frames[2].read_bytes() == last


def test_names_are_safe_everywhere() -> None:
    files = continuum_files(Path("my photo.jpg"), "happiness:0.6+surprise:0.4", 11, Path("out"))
    assert files.frames[3] == Path("out/my photo-happiness-0.6-surprise-0.4-03.png")


def test_video_frames_are_the_frames_with_even_sides(tmp_path: Path) -> None:
    files = continuum_files(Path("me.png"), "fear", 2, tmp_path)
    picture = np.random.default_rng(0).integers(0, 256, (41, 33, 3)).astype(np.uint8)
    for path in files.frames:
        Image.fromarray(picture).save(path)
    assert [frame.shape for frame in video_frames(files, 1000)] == [(40, 32, 3)] * 2
    assert (next(video_frames(files, 1000)) == picture[:40, :32]).all()


@pytest.mark.parametrize(
    ("wrong", "line"),
    [
        ({"steps": 1}, "1 steps; choose 2 to 201"),
        ({"strength": 0.0}, "strength 0 is out of range"),
        ({"timing": "quick"}, "no timing 'quick'; choose from linear, sigmoid, ease"),
        ({"fps": 500.0}, "500 frames a second; choose 1 to 60"),
        ({"part": "ears"}, "ears"),
        ({"face": "all"}, "a continuum is of one face"),
    ],
)
def test_what_cannot_be(wrong: dict, line: str) -> None:
    with pytest.raises(FacereliefError, match=line):
        Continuum(**wrong)
