"""A photo's edits as files: how often the photo is hashed, and which bytes a receipt names."""

import hashlib
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from facerelief.editing.jobs import job, photo_job
from facerelief.editing.jobs.batch import make_jobs
from facerelief.editing.jobs.inputs import Input
from facerelief.editing.jobs.job import EditOutcome, EditSettings
from facerelief.editing.jobs.photo_job import FileEditor
from facerelief.faces.detector import LandmarkFinder
from facerelief.photos import photo as photo_module
from facerelief.photos.photo import Photo

NAMES = ("happiness", "sadness", "surprise")


@pytest.fixture
def source(tmp_path: Path, photo: Photo) -> Path:
    path = tmp_path / "me.png"
    Image.fromarray(photo.rgb).save(path)
    return path


@pytest.fixture
def hashed(source: Path, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Grows by a line each time that the source is hashed, as a file or as bytes."""
    found, data, of_file, of_bytes = [], source.read_bytes(), job.sha256, hashlib.sha256

    def count_file(path: Path) -> str:
        found.extend(["file"] * (path == source))
        return of_file(path)

    class Hashlib:
        @staticmethod
        def sha256(given: Any) -> Any:
            found.extend(["bytes"] * (given == data))
            return of_bytes(given)

    monkeypatch.setattr(job, "sha256", count_file)
    monkeypatch.setattr(photo_module, "hashlib", Hashlib)
    return found


def edit(source: Path, finder: LandmarkFinder, monkeypatch: pytest.MonkeyPatch) -> EditOutcome:
    monkeypatch.setattr(photo_job, "load_finder", lambda **_: finder)
    settings = EditSettings(method="morphable", receipt=True)
    targets = {name: source.parent / "out" / f"{name}.png" for name in NAMES}
    (job,) = make_jobs({Input(source): targets}, settings)
    return FileEditor(settings)(job)


def test_a_photo_is_hashed_once_for_all_of_its_edits(
    source: Path, hashed: list[str], finder: LandmarkFinder, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert len(edit(source, finder, monkeypatch).written) == 3 * len(NAMES)
    assert hashed == ["bytes"]


def test_a_photo_whose_edits_are_there_is_not_decoded_again(
    source: Path, hashed: list[str], finder: LandmarkFinder, monkeypatch: pytest.MonkeyPatch
) -> None:
    edit(source, finder, monkeypatch)
    hashed.clear()
    assert edit(source, finder, monkeypatch).state == "skipped"
    assert hashed == ["file"]
