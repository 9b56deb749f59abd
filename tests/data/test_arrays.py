"""A dataset decoded once: values against numpy on the files, the cache, and what is said of damaged files."""

import errno
import os
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from shells import CLASSES, change_rows, read_split, write_dataset

from facerelief.colour import to_luma
from facerelief.data import Dataset
from facerelief.data.arrays import create_memmap, load_arrays
from facerelief.data.manifest import read_samples
from facerelief.errors import DatasetError, FacereliefError
from facerelief.geometry.depth_maps import load_depth, load_normal


@pytest.fixture
def dataset(tmp_path: Path) -> Path:
    """Crops of 64 pixels."""
    return write_dataset(tmp_path / "faces", size=64)


def blocks(plane: np.ndarray, size: int = 32) -> np.ndarray:
    """(..., S, S) as (..., size, size, pixels of each block)."""
    k = plane.shape[-1] // size
    split = plane.reshape(*plane.shape[:-2], size, k, size, k)
    return np.moveaxis(split, -3, -2).reshape(*plane.shape[:-2], size, size, k * k)


def refusal(action: Callable[[], object]) -> str:
    with pytest.raises(DatasetError) as caught:
        action()
    assert "\n" not in str(caught.value)
    assert ";" in str(caught.value)
    return str(caught.value)


def test_shapes_and_labels(dataset: Path) -> None:
    arrays = read_split(dataset, "train")
    assert arrays.image.shape == (24, 3, 32, 32)
    assert (arrays.depth.shape, arrays.normal.shape) == ((24, 32, 32), (24, 3, 32, 32))
    kinds = [getattr(arrays, name).dtype for name in ("image", "depth", "normal", "label")]
    assert kinds == [np.uint8, np.uint16, np.int8, np.int64]
    assert arrays.size == 32
    assert arrays.expressions == CLASSES
    assert [CLASSES[k] for k in arrays.label] == [s.expression for s in arrays.samples]
    assert {s.split for s in arrays.samples} == {"train"}


def test_labels_number_the_runs_expressions_not_all_of_them(dataset: Path) -> None:
    samples = [s for s in read_samples(dataset) if s.expression != "neutral" and s.split == "test"]
    arrays = load_arrays(Dataset(dataset), samples, 32, "rgb", ("surprise", "happiness"))
    assert arrays.label.tolist() == [1, 0, 1, 0]


def test_pictures_are_averaged_over_boxes(dataset: Path) -> None:
    arrays = read_split(dataset, "test")
    for row, sample in enumerate(arrays.samples):
        rgb = np.moveaxis(np.asarray(Image.open(dataset / sample.file_name)), 2, 0)
        assert np.abs(arrays.image[row] - blocks(rgb).mean(axis=-1)).max() <= 1


def test_at_their_own_size_they_stay_as_they_are(dataset: Path) -> None:
    arrays = read_split(dataset, "test", size=64)
    for row, sample in enumerate(arrays.samples):
        assert np.array_equal(np.moveaxis(arrays.image[row], 0, 2), np.asarray(Image.open(dataset / sample.file_name)))
        assert np.array_equal(arrays.depth[row], np.asarray(Image.open(dataset / sample.depth_file_name)))


def test_depth_is_averaged_over_the_face_only(dataset: Path) -> None:
    """A block that is half face or more is face, and the background has no part in its depth."""
    arrays = read_split(dataset, "test")
    for row, sample in enumerate(arrays.samples):
        parts = blocks(load_depth(dataset / sample.depth_file_name).astype(float))
        count = (parts > 0).sum(axis=-1)
        expected = np.where(count >= 2, parts.sum(axis=-1) / np.maximum(count, 1), 0)
        assert np.abs(arrays.depth[row] / 65535 - expected).max() < 1e-4
        assert ((arrays.depth[row] > 0) == (count >= 2)).all()
    assert 0 < (arrays.depth > 0).mean() < 1


def test_normals_are_unit_and_point_where_the_mean_does(dataset: Path) -> None:
    arrays = read_split(dataset, "test")
    for row, sample in enumerate(arrays.samples):
        found, face = arrays.normal[row] / 127, arrays.depth[row] > 0
        lengths = np.linalg.norm(found, axis=0)
        assert np.abs(lengths[face] - 1).max() < 0.01
        assert (found[:, ~face] == 0).all()
        mean = blocks(load_normal(dataset / sample.normal_file_name).astype(float)).mean(axis=-1)
        mean /= np.maximum(np.linalg.norm(mean, axis=0), 1e-9)
        assert (found * mean).sum(axis=0)[face].min() > 0.99


def test_luma(dataset: Path) -> None:
    assert to_luma(np.array([[255, 255, 255], [255, 0, 0], [0, 255, 0], [0, 0, 255]], np.uint8)).tolist() == [
        255, 76, 150, 29
    ]  # fmt: skip
    grey, colour = read_split(dataset, "test", colour="luma"), read_split(dataset, "test")
    assert grey.image.shape == (6, 1, 32, 32)
    assert np.array_equal(grey.image[:, 0], to_luma(np.moveaxis(colour.image, 1, 3)))
    pillow = np.asarray(Image.fromarray(np.moveaxis(colour.image[3], 0, 2)).convert("L"))
    assert np.abs(grey.image[3, 0] - pillow.astype(int)).max() <= 1


# --- the cache ---


def load_again(dataset: Path, size: int = 32, colour: str = "rgb") -> int:
    """How many photos are decoded when the training split is loaded."""
    decoded: list[tuple[int, int]] = []
    samples = [s for s in read_samples(dataset) if s.split == "train" and s.keep]
    load_arrays(Dataset(dataset), samples, size, colour, CLASSES, lambda done, total: decoded.append((done, total)))
    assert decoded in ([], [(k + 1, len(samples)) for k in range(len(samples))])
    return len(decoded)


def test_photos_are_decoded_once_for_each_size_and_colour(dataset: Path) -> None:
    assert [load_again(dataset), load_again(dataset)] == [24, 0]
    assert [load_again(dataset, size=48), load_again(dataset, colour="luma")] == [24, 24]
    assert [load_again(dataset, size=48), load_again(dataset, colour="luma"), load_again(dataset)] == [0, 0, 0]
    first = read_split(dataset, "train")
    for folder in ("rgb", "depth", "normal"):
        for path in (dataset / folder).iterdir():
            path.unlink()
    second = read_split(dataset, "train")
    assert all(np.array_equal(getattr(first, n), getattr(second, n)) for n in ("image", "depth", "normal", "label"))


def test_the_arrays_are_mapped_not_read(dataset: Path) -> None:
    arrays = read_split(dataset, "train")
    for array in (arrays.image, arrays.depth, arrays.normal):
        assert isinstance(array, np.memmap)
        assert not array.flags.writeable


def test_another_label_is_seen_at_once_and_another_photo_is_decoded(dataset: Path) -> None:
    load_again(dataset)
    change_rows(dataset, lambda row: row.identity == "train0", expression="neutral")
    assert load_again(dataset) == 0
    assert read_split(dataset, "train").label[:3].tolist() == [0, 0, 0]
    change_rows(dataset, lambda row: row.file_name == "rgb/000004.png", fingerprint="f" * 16)
    assert load_again(dataset) == 24
    change_rows(dataset, lambda row: row.file_name == "rgb/000004.png", keep=False)
    assert load_again(dataset) == 23


def test_a_cache_that_was_cut_off_is_named(dataset: Path) -> None:
    load_again(dataset)
    path = next((dataset / ".arrays").glob("*-depth.npy"))
    os.truncate(path, path.stat().st_size - 100)
    message = refusal(lambda: read_split(dataset, "train"))
    assert str(dataset / ".arrays") in message
    assert "delete it" in message
    path.unlink()
    assert load_again(dataset) == 24


# --- what is wrong with a dataset ---


@pytest.mark.parametrize("folder", ["rgb", "depth", "normal"])
@pytest.mark.parametrize("damage", ["missing", "empty", "cut off", "another file"])
def test_a_damaged_picture_is_named_and_nothing_is_kept(dataset: Path, folder: str, damage: str) -> None:
    path = dataset / folder / "000007.png"
    if damage == "missing":
        path.unlink()
    else:
        content = {"empty": b"", "cut off": path.read_bytes()[:300], "another file": b"GIF87 is not a picture"}[damage]
        path.write_bytes(content)
    message = refusal(lambda: read_split(dataset, "train"))
    assert str(path) in message
    assert "build the dataset again" in message
    assert not list(dataset.glob(".arrays/*"))


def test_maps_of_another_kind_are_named(dataset: Path) -> None:
    depth, normal = dataset / "depth" / "000007.png", dataset / "normal" / "000007.png"
    whole = depth.read_bytes()
    Image.new("L", (64, 64)).save(depth)
    assert f"{depth} is not a 16-bit depth map" in refusal(lambda: read_split(dataset, "train"))
    depth.write_bytes(whole)
    Image.new("L", (64, 64)).save(normal)
    assert f"{normal} is not a normal map" in refusal(lambda: read_split(dataset, "train"))


def test_an_expression_without_photos(dataset: Path) -> None:
    samples = [s for s in read_samples(dataset) if s.expression != "happiness"]
    message = refusal(lambda: load_arrays(Dataset(dataset), samples, 32, "rgb", CLASSES))
    assert f"{dataset} has no kept photos of happiness" in message
    assert "--expressions neutral,surprise" in message
    arrays = load_arrays(Dataset(dataset), samples, 32, "rgb", CLASSES, complete=False)
    assert np.bincount(arrays.label, minlength=3).tolist() == [12, 0, 12]


@pytest.mark.parametrize("complete", [True, False])
def test_no_photos_at_all(dataset: Path, complete: bool) -> None:
    message = refusal(lambda: load_arrays(Dataset(dataset), [], 32, "rgb", CLASSES, complete=complete))
    assert f"facerelief dataset stats {dataset}" in message


def test_space_is_taken_before_it_is_written_to(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A mapped file that finds the disk full as it is filled kills the process."""
    with create_memmap(tmp_path / "a.npy", np.uint8, (1000, 1000)):
        (part,) = tmp_path.iterdir()
        assert part.stat().st_blocks * 512 >= 1_000_000
    (tmp_path / "a.npy").unlink()

    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "posix_fallocate", full)
    wish = create_memmap(tmp_path / "a.npy", np.uint8, (1000, 1000))
    with pytest.raises(FacereliefError, match=r"a\.npy: No space left on device; free space"), wish:
        pass
    assert list(tmp_path.iterdir()) == []
