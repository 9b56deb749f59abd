"""Copies of a dataset whose maps carry no geometry."""

import errno
import os
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from shells import Handmade

from facerelief.data import Dataset
from facerelief.data import sham as sham_module
from facerelief.data.manifest import Sample
from facerelief.data.review.selection import review
from facerelief.data.sham import make_sham, shuffled_within_splits
from facerelief.data.sources.depth_overlays import normals_from_depth
from facerelief.errors import DatasetError, FacereliefError
from facerelief.faces.alignment import inter_ocular
from facerelief.files.arrays import read_npz
from facerelief.files.png import read_png
from facerelief.geometry.depth_maps import FAR, NEAR, load_depth, load_normal


@pytest.fixture
def faces(handmade: Handmade) -> Dataset:
    for number in range(5):
        handmade.add(f"p{number}", expression=("neutral", "happiness")[number % 2], split="train")
    handmade.add("q", split="test")
    return Dataset(handmade.write())


def test_luminance_stands_in_the_face_and_nowhere_else(faces: Dataset, tmp_path: Path) -> None:
    rows = make_sham(faces, tmp_path / "sham", "luminance")
    sham = Dataset(tmp_path / "sham")
    assert rows == list(sham.samples)
    for before, after in zip(faces.samples, sham.samples, strict=True):
        picture = read_png(sham.path / after.file_name, "RGB").astype(float)
        face = load_depth(faces.path / before.depth_file_name) > 0
        expected = np.round(picture @ (0.299, 0.587, 0.114)) / 255
        assert np.allclose(load_depth(sham.path / after.depth_file_name), np.where(face, expected, 0), atol=1e-4)
        normal = load_normal(sham.path / after.normal_file_name)
        scale = (NEAR - FAR) * inter_ocular(read_npz(faces.path / before.mesh)["landmarks"])
        own = normals_from_depth(load_depth(sham.path / after.depth_file_name), face, scale)
        assert (
            np.abs(normal - own).mean()
            < 0.01
            < np.abs(normal - load_normal(faces.path / before.normal_file_name)).mean()
        )
        assert (after.expression, after.identity, after.split) == (before.expression, before.identity, before.split)
    assert sham.digest != faces.digest  # no run takes the one for the other


def test_shuffled_maps_are_those_of_others_of_the_split(faces: Dataset, tmp_path: Path) -> None:
    make_sham(faces, tmp_path / "sham", "shuffled")
    sham = Dataset(tmp_path / "sham")
    for before, after in zip(faces.samples, sham.samples, strict=True):
        assert (sham.path / after.file_name).read_bytes() == (faces.path / before.file_name).read_bytes()
    donors = shuffled_within_splits(faces.samples, 0)
    for donor, after in zip(donors, sham.samples, strict=True):
        for name in ("depth_file_name", "normal_file_name"):
            given, taken = faces.path / getattr(donor, name), sham.path / getattr(after, name)
            assert taken.read_bytes() == given.read_bytes()


def test_everybody_gives_once_and_nobody_keeps_its_own(row: Callable[..., Sample]) -> None:
    samples = [row(f"s{k}", split=("train", "val")[k % 2], keep=k % 5 > 0) for k in range(40)]
    donors = shuffled_within_splits(samples, 3)
    assert sorted(donors, key=lambda s: s.file_name) == sorted(samples, key=lambda s: s.file_name)
    assert all(a.file_name != b.file_name for a, b in zip(samples, donors, strict=True))
    assert all((a.split, a.keep) == (b.split, b.keep) for a, b in zip(samples, donors, strict=True))
    assert donors != shuffled_within_splits(samples, 4)


def torn(path: Path, _: np.ndarray) -> None:
    """Writes half a map, as on a disk that gets full."""
    path.write_bytes(b"half")
    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


def test_it_resumes_and_refuses_what_is_something_else(
    faces: Dataset, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    make_sham(faces, tmp_path / "sham", "luminance")
    gone = tmp_path / "sham" / Dataset(tmp_path / "sham").samples[2].normal_file_name
    before = gone.read_bytes()
    gone.unlink()
    make_sham(faces, tmp_path / "sham", "luminance")
    assert gone.read_bytes() == before
    gone.unlink()
    monkeypatch.setattr(sham_module, "save_normal", torn)
    with pytest.raises(FacereliefError, match="free space"):
        make_sham(faces, tmp_path / "sham", "luminance")
    assert not gone.exists()
    monkeypatch.undo()
    make_sham(faces, tmp_path / "sham", "luminance")
    assert gone.read_bytes() == before
    with pytest.raises(DatasetError, match="was built with another sham"):
        make_sham(faces, tmp_path / "sham", "shuffled")
    with pytest.raises(DatasetError, match="no sham maps 'noise'; choose from luminance, shuffled"):
        make_sham(faces, tmp_path / "other", "noise")
    with pytest.raises(DatasetError, match="has sham maps; review the dataset that it was made from"):
        review(tmp_path / "sham")
