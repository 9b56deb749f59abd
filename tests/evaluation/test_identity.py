"""The identity distance of edits that turn a known angle, by an encoder that reads angles."""

import dataclasses
import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from shells import read_split, write_dataset
from torch import Tensor, nn

from facerelief.checkpoint import save_checkpoint
from facerelief.config import IdentityTraining
from facerelief.data.arrays import Arrays
from facerelief.errors import DatasetError, FacereliefError
from facerelief.evaluation.leakage import check_unseen
from facerelief.evaluation.metric_networks import MetricNetworks
from facerelief.evaluation.metrics.identity import real_distances, summarise_distances
from facerelief.evaluation.scoring import score_edits
from facerelief.evaluation.systems import EditFunction, System, photo_rows
from facerelief.networks.weights import named_tensors
from facerelief.training.identity import build_encoder
from facerelief.training.verification import person_digest


class ReadsAngle(nn.Module):
    """A picture's level of grey is an angle in degrees."""

    def forward(self, image: Tensor) -> Tensor:
        angle = torch.deg2rad((image.mean(dim=(1, 2, 3)) + 1) * 127.5)
        return torch.stack([angle.cos(), angle.sin()], dim=1)


def grey(levels: np.ndarray, like: Arrays) -> Arrays:
    """The photos of `like`, each of one level."""
    return dataclasses.replace(like, image=np.ones_like(like.image) * levels.astype(np.uint8)[:, None, None, None])


def turning(test: Arrays, degrees: tuple[int, ...]) -> EditFunction:
    """Edits that turn by so much for each target."""

    def edit(rows: np.ndarray, target: int) -> Tensor:
        return torch.from_numpy(test.image[rows]).float() / 127.5 - 1 + degrees[target] / 127.5

    return edit


def edit_distances(edits: EditFunction, encoder: nn.Module, test: Arrays, rows: np.ndarray, *how: Any) -> np.ndarray:
    networks = MetricNetworks(identity=encoder, pixels=False)
    return score_edits(System("edits", edits), networks, test, rows, *how).values["identity"]


@pytest.fixture(scope="module")
def photos(tmp_path_factory: pytest.TempPathFactory) -> Arrays:
    """Two persons with a neutral, a happy and a surprised photo each."""
    torch.set_num_threads(1)
    return read_split(write_dataset(tmp_path_factory.mktemp("data") / "faces"), "test")


@pytest.mark.parametrize("batch", [1, 4, 32])
def test_every_photo_is_edited_to_every_other_expression(photos: Arrays, batch: int) -> None:
    """Four photos of other expressions for each target; an edit's distance hangs on its own source alone."""
    test = grey(np.array([0, 40, 80, 100, 120, 140]), photos)
    moved: list[tuple[int, int]] = []
    found = edit_distances(
        turning(test, (30, 60, 90)), ReadsAngle(), test, np.arange(6), lambda *place: moved.append(place), batch
    )
    assert sorted(found) == pytest.approx([1 - math.sqrt(3) / 2] * 4 + [0.5] * 4 + [1.0] * 4, abs=1e-5)
    assert moved[-1] == (6, 6)


def test_an_image_is_at_no_distance_from_itself(photos: Arrays) -> None:
    encoder = build_encoder(IdentityTraining(size=32, width=4)).eval()
    untouched = edit_distances(turning(photos, (0, 0, 0)), encoder, photos, np.arange(6))
    assert untouched == pytest.approx(np.zeros(12), abs=1e-6)
    touched = edit_distances(turning(photos, (60, 60, 60)), encoder, photos, np.arange(6))
    assert touched.min() > 1e-3


def test_only_the_chosen_photos_are_edited(photos: Arrays) -> None:
    """Photo 2 is surprised: it becomes neutral and happy."""
    test = grey(np.array([0, 40, 80, 100, 120, 140]), photos)
    found = edit_distances(turning(test, (60, 90, 0)), ReadsAngle(), test, np.array([2]))
    assert found == pytest.approx([0.5, 1.0], abs=1e-5)


def test_a_fixed_draw_of_photos(photos: Arrays) -> None:
    assert photo_rows(photos).tolist() == photo_rows(photos, 99).tolist() == list(range(6))
    few = photo_rows(photos, 3)
    assert len(set(few)) == 3
    assert few.tolist() != [0, 1, 2]  # a dataset lists its classes in turn
    assert few.tolist() == sorted(few) == photo_rows(photos, 3).tolist()
    assert set(few) < set(photo_rows(photos, 4).tolist())


def test_real_photos_give_the_numbers_their_meaning(photos: Arrays) -> None:
    """One person at 0, 30 and 60 degrees, the other at 120, 150 and 180."""
    assert [sample.identity for sample in photos.samples] == ["test0"] * 3 + ["test1"] * 3
    angles = np.array([0, 30, 60, 120, 150, 180])
    real = real_distances(ReadsAngle(), grey(angles, photos))
    assert sorted(real.same) == pytest.approx([1 - math.sqrt(3) / 2] * 4 + [0.5] * 2, abs=1e-5)
    apart = [1 - math.cos(math.radians(b - a)) for a in angles[:3] for b in angles[3:]]
    assert sorted(real.different) == pytest.approx(sorted(apart), abs=1e-5)
    assert sorted(real.changed) == sorted(real.same)  # every photo shows another expression
    assert (real.verified.persons, real.verified.same, real.verified.different) == (2, 6, 9)
    assert real.verified.tar == 1.0
    labels = np.array([0, 0, 2, 1, 1, 1])
    some = real_distances(ReadsAngle(), dataclasses.replace(grey(angles, photos), label=labels))
    assert sorted(some.changed) == pytest.approx([1 - math.sqrt(3) / 2, 0.5], abs=1e-5)  # photos 0 and 1 against 2
    alone = tuple(dataclasses.replace(s, identity=str(number)) for number, s in enumerate(photos.samples))
    with pytest.raises(DatasetError, match="at least two people"):
        real_distances(ReadsAngle(), dataclasses.replace(photos, samples=alone))


def test_a_distribution_in_a_few_numbers() -> None:
    found = summarise_distances(np.array([0.5, 0.1, 0.2, 0.3, 0.4]))
    assert (found.count, found.mean, found.deviation) == (5, pytest.approx(0.3), pytest.approx(math.sqrt(0.02)))
    assert found.quartiles == pytest.approx((0.2, 0.3, 0.4))


def test_an_encoder_that_knows_somebody_in_the_test_photos_is_refused(photos: Arrays, tmp_path: Path) -> None:
    config = IdentityTraining(size=32, width=4)
    tensors, path = named_tensors(encoder=build_encoder(config)), tmp_path / "weights.safetensors"
    facts = {"config": dataclasses.asdict(config), "persons_sha256": [person_digest("train0")]}
    save_checkpoint(path, "identity", tensors, facts)
    check_unseen(tmp_path, photos)
    save_checkpoint(path, "identity", tensors, facts | {"persons_sha256": [person_digest("test1")]})
    with pytest.raises(FacereliefError, match="was trained on photos of test1, who is in the test photos; give the"):
        check_unseen(tmp_path, photos)
