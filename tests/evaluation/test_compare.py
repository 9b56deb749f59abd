"""Editors side by side: editors whose edits can be computed by hand, a judge and an encoder that read them."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from torch import Tensor, nn

from facerelief.data import Dataset
from facerelief.data.arrays import Arrays, load_arrays
from facerelief.editing.edit import EditPlan
from facerelief.editing.editor import Editor
from facerelief.errors import FacereliefError
from facerelief.evaluation.compare import (
    COMPARE_TILE,
    Comparison,
    compare,
    generation_rates,
    mean_distances,
    save_sheet,
)
from facerelief.evaluation.metric_networks import MetricNetworks
from facerelief.faces.alignment import align
from facerelief.faces.detector import Face

NAMES = ("happiness", "neutral", "anger")


@dataclass(frozen=True, repr=False)
class LevelPlan(EditPlan):
    """Of a photo of one level."""

    level: int


class Levels(Editor[LevelPlan]):
    """Paints the whole photo in 50 levels for each place among its own expressions, which are in another order."""

    def __init__(self, ahead: int = 0) -> None:
        super().__init__(("neutral", "happiness", "surprise", "anger"))
        self.ahead = ahead

    def _plan(self, rgb: np.ndarray, face: Face, to: str) -> LevelPlan:
        level = {"happiness": 0, "neutral": 1, "anger": 2}[to] + self.ahead
        crop = align(face.landmarks, 16)
        return LevelPlan(face, crop, crop.cut(rgb), 50 * level)

    def _render(self, rgb: np.ndarray, plan: LevelPlan, strength: float) -> np.ndarray:
        return np.full_like(rgb, plan.level)


class ReadsLevel(nn.Module):
    """Calls a picture by the nearest of 0, 50, 100 and 150 levels; the last is no class of theirs."""

    def forward(self, image: Tensor) -> Tensor:
        level = (image.mean(dim=(1, 2, 3)) + 1) * 127.5
        return -(level[:, None] - torch.tensor([0.0, 50.0, 100.0, 150.0])).abs()


class ReadsAngle(nn.Module):
    """A picture's mean level is an angle in degrees."""

    def forward(self, image: Tensor) -> Tensor:
        angle = torch.deg2rad((image.mean(dim=(1, 2, 3)) + 1) * 127.5)
        return torch.stack([angle.cos(), angle.sin()], dim=1)


@pytest.fixture(scope="module")
def test_photos(synthetic: Path) -> Arrays:
    return load_arrays(data := Dataset(synthetic), data.select("test", NAMES), 32, "luma", NAMES)


@pytest.fixture(scope="module")
def compared(synthetic: Path, test_photos: Arrays) -> Comparison:
    moves: list[tuple[int, int]] = []
    editors = {"right": Levels(), "wrong": Levels(ahead=1)}
    networks = MetricNetworks(ReadsLevel(), identity=ReadsAngle(), pixels=False)
    made = compare(
        editors, Dataset(synthetic), test_photos, np.array([2, 0]), networks, lambda *move: moves.append(move)
    )
    assert moves == [(1, 4), (2, 4), (3, 4), (4, 4)]
    return made


def test_every_editor_edits_the_same_photos_to_every_expression(
    compared: Comparison, test_photos: Arrays, synthetic: Path
) -> None:
    assert list(compared.edits) == ["right", "wrong"]
    for photo, row in zip(compared.source, (2, 0), strict=True):
        np.testing.assert_array_equal(photo, np.asarray(Image.open(synthetic / test_photos.samples[row].file_name)))
    for name, ahead in (("right", 0), ("wrong", 1)):
        assert compared.edits[name].shape == (2, 3, 64, 64, 3)
        levels = compared.edits[name].mean(axis=(2, 3, 4))
        assert levels.tolist() == [[50.0 * (k + ahead) for k in range(3)]] * 2


def test_scores_leave_out_the_photos_own_expression(compared: Comparison, test_photos: Arrays) -> None:
    labels = test_photos.label[[2, 0]]
    for scores in compared.scores.values():
        found = sorted(zip(scores.row.tolist(), scores.target.tolist(), strict=True))
        assert found == sorted(
            (row, k) for row, label in zip((2, 0), labels, strict=True) for k in range(3) if k != label
        )
    rates = generation_rates(compared)
    assert (rates["right"], rates["wrong"]) == (1.0, 0.0)
    called = [min(3, round(float(test_photos.image[row].mean()) / 50)) for row in (2, 0)]  # as the network sees them
    hits = [called[n] == k for n in range(2) for k in range(3) if k != labels[n]]
    assert rates["photo"] == pytest.approx(np.mean(hits))


def test_the_distance_is_that_of_the_photo_to_its_edit(compared: Comparison, test_photos: Arrays) -> None:
    distances = mean_distances(compared)
    for name, ahead in (("right", 0), ("wrong", 1)):
        expected = []
        for row in (2, 0):
            others = np.arange(3) != test_photos.label[row]
            angle = test_photos.image[row].mean()
            turns = np.array([50.0 * (k + ahead) for k in range(3)]) - angle
            expected += (1 - np.cos(np.deg2rad(turns)))[others].tolist()
        assert distances[name] == pytest.approx(np.mean(expected), abs=0.01)


@pytest.mark.parametrize("suffix", [".png", ".jpg"])
def test_the_picture_has_a_block_a_photo_and_a_row_an_editor(compared: Comparison, tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"side{suffix}"
    save_sheet(path, compared.source, compared.edits, NAMES)
    sheet = np.asarray(Image.open(path).convert("RGB")).astype(int)
    gap = 6
    left, top = sheet.shape[1] - 4 * COMPARE_TILE, sheet.shape[0] - 2 * (2 * COMPARE_TILE + gap)
    for number in range(2):
        for place, name in enumerate(compared.edits):
            corner = top + number * (2 * COMPARE_TILE + gap) + place * COMPARE_TILE
            row = sheet[corner : corner + COMPARE_TILE, left:]
            for column, tile in enumerate([compared.source[number], *compared.edits[name][number]]):
                shown = row[20:-20, column * COMPARE_TILE + 20 : (column + 1) * COMPARE_TILE - 20]
                inner = tile[8:-8, 8:-8]
                assert shown.mean() == pytest.approx(inner.mean(), abs=2)


def test_a_name_that_says_no_format(compared: Comparison, tmp_path: Path) -> None:
    with pytest.raises(FacereliefError, match=r"side\.gif names no picture format"):
        save_sheet(tmp_path / "side.gif", compared.source, compared.edits, NAMES)
    assert not list(tmp_path.iterdir())
