"""Geometry errors of predictors whose error is known."""

import dataclasses
import math
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from shells import SPLITS, read_split, write_dataset
from torch import Tensor, nn

from facerelief.data.arrays import Arrays
from facerelief.data.batches import Batch, make_batch
from facerelief.evaluation import depth_accuracy
from facerelief.evaluation.depth_accuracy import geometry_accuracy, save_figure3
from facerelief.geometry.depth_maps import FAR, NEAR

Splits = dict[str, Arrays]


@pytest.fixture(scope="module")
def splits(tmp_path_factory: pytest.TempPathFactory) -> Splits:
    torch.set_num_threads(1)
    folder = write_dataset(tmp_path_factory.mktemp("data") / "faces")
    return {split: read_split(folder, split) for split in SPLITS}


class Oracle(nn.Module):
    """Finds the map of each photo in the arrays by its pixels, and gives it back changed."""

    def __init__(self, arrays: Arrays, guide: str, change: Callable[[Tensor], Tensor] = lambda maps: maps) -> None:
        super().__init__()
        self.place = nn.Parameter(torch.zeros(()))  # says on which device it lives
        self.known = make_batch(arrays, np.arange(len(arrays.label)), guide)
        self.change = change

    def forward(self, image: Tensor) -> Tensor:
        rows = [int((self.known.image - one).abs().sum(dim=(1, 2, 3)).argmin()) for one in image]
        return self.change(self.known.geometry[rows])


def flat(splits: Splits) -> Splits:
    """The same faces with all normals towards the viewer, which 8 bits hold exactly."""
    found = {}
    for split, arrays in splits.items():
        normal = np.zeros_like(arrays.normal)
        normal[:, 2] = np.where(arrays.depth > 0, 127, 0)
        found[split] = dataclasses.replace(arrays, normal=normal)
    return found


@pytest.mark.parametrize("batch", [1, 4, 32])
def test_the_real_depth_map_has_no_error(splits: Splits, batch: int) -> None:
    error = geometry_accuracy(Oracle(splits["test"], "depth"), splits["train"], splits["test"], "depth", batch)
    assert (error.samples, error.depth, error.normal, error.normal_trivial) == (6, 0.0, None, None)
    assert error.mask_iou == 1.0


@pytest.mark.parametrize("offset", [0.1, -0.05])
def test_an_offset_of_depth_in_inter_ocular_distances(splits: Splits, offset: float) -> None:
    oracle = Oracle(splits["test"], "depth", lambda maps: maps + offset)
    error = geometry_accuracy(oracle, splits["train"], splits["test"], "depth")
    assert error.depth == pytest.approx(abs(offset) / 2 * (NEAR - FAR), abs=1e-6)


def test_the_mean_map_is_of_some_photos_a_batch_at_a_time(splits: Splits, monkeypatch: pytest.MonkeyPatch) -> None:
    """However many there are, no more than that are in memory."""
    train, sizes = splits["train"], []
    real = depth_accuracy.make_batch

    def noted(arrays: Arrays, rows: np.ndarray, *more: str) -> Batch:
        if arrays is train:
            sizes.append(len(rows))
        return real(arrays, rows, *more)

    monkeypatch.setattr(depth_accuracy, "make_batch", noted)
    monkeypatch.setattr(depth_accuracy, "_MOST", 5)
    assert len(train.label) > 5
    geometry_accuracy(Oracle(splits["test"], "depth"), train, splits["test"], "depth", batch=2)
    assert max(sizes) <= 2
    assert 0 < sum(sizes) <= 5


def test_only_face_pixels_count_for_depth(splits: Splits) -> None:
    oracle = Oracle(splits["test"], "both", lambda maps: torch.where(maps[:, :1] > -1, maps, 0.5))
    assert geometry_accuracy(oracle, splits["train"], splits["test"], "both").depth == 0.0


@pytest.mark.parametrize("guide", ["normal", "both"])
@pytest.mark.parametrize("degrees", [0.0, 20.0, 90.0, 180.0])
@pytest.mark.parametrize("length", [1.0, 0.7])
def test_tilted_normals_of_any_length(splits: Splits, guide: str, degrees: float, length: float) -> None:
    splits, angle = flat(splits), math.radians(degrees)

    def tilt(maps: Tensor) -> Tensor:
        normal = torch.tensor([math.sin(angle), 0, math.cos(angle)])[:, None, None] * maps[:, -1:] * length
        return torch.cat([maps[:, :-3], normal], dim=1)

    error = geometry_accuracy(Oracle(splits["test"], guide, tilt), splits["train"], splits["test"], guide)
    assert error.normal == pytest.approx(degrees, abs=0.05)
    assert error.depth == (None if guide == "normal" else 0.0)
    assert error.normal_trivial == pytest.approx(0.0, abs=0.05)  # all of them look the same way


@pytest.mark.parametrize("guide", ["normal", "both"])
def test_the_real_normal_map_has_no_error(splits: Splits, guide: str) -> None:
    error = geometry_accuracy(Oracle(splits["test"], guide), splits["train"], splits["test"], guide)
    assert error.normal == pytest.approx(0.0, abs=0.05)


def test_the_trivial_predictor_gives_the_mean_training_map(splits: Splits) -> None:
    """Against numpy on the arrays as they are kept."""
    error = geometry_accuracy(Oracle(splits["test"], "depth"), splits["train"], splits["test"], "depth")
    mean = splits["train"].depth.astype(float).mean(axis=0) / 65535
    expected, ious = [], []
    for real in splits["test"].depth / 65535:
        expected.append(np.abs(mean - real)[real > 0].mean() * (NEAR - FAR))
        guessed = mean > 0.05
        ious.append((guessed & (real > 0)).sum() / (guessed | (real > 0)).sum())
    assert error.depth_trivial == pytest.approx(np.mean(expected), rel=1e-5)
    assert error.mask_iou_trivial == pytest.approx(np.mean(ious), rel=1e-5)
    same = Oracle(splits["test"], "depth", lambda maps: torch.from_numpy(mean * 2 - 1).float().expand_as(maps))
    again = geometry_accuracy(same, splits["train"], splits["test"], "depth")
    assert again.depth == pytest.approx(error.depth_trivial, rel=1e-5)
    assert again.mask_iou == pytest.approx(error.mask_iou_trivial)


@pytest.mark.parametrize("guide", ["depth", "normal", "both"])
def test_the_region_of_half_a_face_and_of_none(splits: Splits, guide: str) -> None:
    background = torch.tensor({"depth": [-1.0], "normal": [0.0] * 3, "both": [-1.0, 0.0, 0.0, 0.0]}[guide])

    def left_half(maps: Tensor) -> Tensor:  # the shells are symmetric
        return torch.where(torch.arange(32) < 16, maps, background[:, None, None])

    error = geometry_accuracy(Oracle(splits["test"], guide, left_half), splits["train"], splits["test"], guide)
    assert error.mask_iou == pytest.approx(0.5)
    nothing = Oracle(splits["test"], guide, lambda maps: background[:, None, None].expand_as(maps))
    assert geometry_accuracy(nothing, splits["train"], splits["test"], guide).mask_iou == 0.0


def test_figure_3_shows_a_photo_its_map_and_the_prediction(splits: Splits, tmp_path: Path) -> None:
    test, path = splits["test"], tmp_path / "figure3.png"
    nets = {"depth": Oracle(test, "depth"), "normal": Oracle(test, "normal", lambda maps: -maps)}
    save_figure3(path, nets, test, np.array([0, 4]))
    picture = np.asarray(Image.open(path))
    assert picture.shape == (2 * 128, 5 * 128, 3)
    tiles = picture[::4, ::4].reshape(2, 32, 5, 32, 3).swapaxes(1, 2)  # row, column, 32, 32, 3
    assert np.array_equal(tiles[1, 0], np.moveaxis(test.image[4], 0, 2))
    assert np.array_equal(tiles[:, 1], tiles[:, 2])
    assert np.abs(tiles[:, 3].astype(int) + tiles[:, 4] - 255).max() <= 1
