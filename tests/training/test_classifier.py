"""The judge: accuracy by hand, what it learns, whom it sees, and that it goes on where it was."""

import dataclasses
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from shells import CLASSES, change_rows, write_dataset
from torch import Tensor, nn

from facerelief.checkpoint import load_checkpoint
from facerelief.config import ClassifierTraining
from facerelief.data import Dataset
from facerelief.data.arrays import Arrays
from facerelief.data.batches import make_batch
from facerelief.errors import CheckpointError, DatasetError
from facerelief.training.classifier import Accuracy, accuracy_on, load_classifier, predict, train_classifier
from facerelief.training.identity import known_persons
from facerelief.training.run.folder import read_metrics
from facerelief.training.splits import load_splits
from facerelief.training.verification import person_digest

Small = Callable[..., Any]
Splits = dict[str, Arrays]
DATA_FACTS = {"metadata_sha256": "ab"}


class Killed(Exception):
    """Stands for a kill between two steps."""


def test_accuracy_by_hand() -> None:
    accuracy = Accuracy(CLASSES, [[3, 1, 0], [2, 2, 4], [0, 0, 0]])
    assert accuracy.per_class == {"neutral": 0.75, "happiness": 0.25}
    assert accuracy.balanced == 0.5
    assert accuracy.overall == 5 / 12


class ReadsLevel(nn.Module):
    """Calls an image by its left half's grey level: class k is 40 * k."""

    def forward(self, image: Tensor) -> Tensor:
        level = (image[..., :16].mean(dim=(1, 2, 3)) + 1) * 127.5 / 40
        return -10 * (level[:, None] - torch.arange(3)).square()


def levels(values: list[int], label: list[int]) -> Arrays:
    """Even pictures."""
    image = np.ones((len(values), 3, 32, 32), np.uint8) * np.array(values, np.uint8)[:, None, None, None]
    empty = np.zeros((len(values), 32, 32), np.uint16)
    return Arrays(image, empty, np.zeros((len(values), 3, 32, 32), np.int8), np.array(label), CLASSES, ())


@pytest.mark.parametrize("batch", [1, 4, 64])
def test_the_confusion_of_true_and_called(batch: int) -> None:
    arrays = levels([0, 40, 80, 0, 80, 40, 42], [0, 1, 2, 2, 0, 1, 1])
    assert accuracy_on(ReadsLevel(), arrays, batch).confusion == [[1, 0, 1], [0, 3, 0], [1, 0, 1]]


def test_an_image_and_its_mirror_image_are_heard() -> None:
    """Left half class 0, right half class 2; the two sides agree on 1 when their log-probabilities are added."""
    image = torch.full((1, 3, 32, 32), 0 / 127.5 - 1)
    image[..., 16:] = 80 / 127.5 - 1
    assert ReadsLevel()(image).argmax(1).item() == 0
    assert ReadsLevel()(image.flip(-1)).argmax(1).item() == 2
    assert predict(ReadsLevel(), image).item() == 1
    assert predict(ReadsLevel(), image.flip(-1)).item() == 1


def test_it_learns_a_planted_mark_and_says_how_well(small: Small, splits: Splits, tmp_path: Path) -> None:
    config = small(ClassifierTraining, steps=60, batch=12, lr=5e-3, ema=0.9)
    path, accuracy = train_classifier(config, splits["train"], splits["test"], tmp_path, DATA_FACTS)
    assert accuracy.confusion == [[2, 0, 0], [0, 2, 0], [0, 0, 2]]
    facts = load_checkpoint(path, "judge").facts
    assert facts["accuracy_on_real"] == {**dict.fromkeys(CLASSES, 1.0), "balanced": 1.0}
    judge, loaded = load_classifier(tmp_path)
    assert loaded == config
    assert not judge.training
    assert not any(p.requires_grad for p in judge.parameters())
    assert accuracy_on(judge, splits["test"]) == accuracy
    unmarked = dataclasses.replace(splits["test"], label=np.roll(splits["test"].label, 1))
    assert accuracy_on(judge, unmarked).overall == 0.0  # it reads the picture, not the row


def test_the_averaged_judge_has_the_running_statistics_of_what_it_saw(
    small: Small, splits: Splits, tmp_path: Path
) -> None:
    """The stem's batch norm sees the unerased pictures' statistics, roughly; at the start it has 0 and 1."""
    path, _ = train_classifier(
        small(ClassifierTraining, steps=40, batch=12, ema=0.9), splits["train"], splits["test"], tmp_path, {}
    )
    judge, _ = load_classifier(path)
    batch = make_batch(splits["train"], np.arange(24), "depth")
    with torch.no_grad():
        stem = judge.stem[0](batch.image)
    torch.testing.assert_close(judge.stem[1].running_var, stem.var(dim=(0, 2, 3)), rtol=0.5, atol=0.02)
    state = load_checkpoint(tmp_path / "state.safetensors", "state")
    assert state.part("average.module")["stem.1.num_batches_tracked"].item() == 40


def test_it_goes_on_bit_for_bit_dropout_and_statistics_included(small: Small, splits: Splits, tmp_path: Path) -> None:
    config = small(ClassifierTraining, steps=9, save_every=4)

    def stop(done: int, total: int, values: dict[str, float]) -> None:
        if done == 6:
            raise Killed

    unbroken, accuracy = train_classifier(config, splits["train"], splits["test"], tmp_path / "a", DATA_FACTS)
    with pytest.raises(Killed):
        train_classifier(config, splits["train"], splits["test"], tmp_path / "b", DATA_FACTS, stop)
    assert not (tmp_path / "b" / "weights.safetensors").exists()
    torch.rand(5)
    broken, again = train_classifier(config, splits["train"], splits["test"], tmp_path / "b", DATA_FACTS)
    assert again == accuracy
    assert read_metrics(tmp_path / "b") == read_metrics(tmp_path / "a")
    first, second = load_checkpoint(unbroken, "judge"), load_checkpoint(broken, "judge")
    assert first.facts == second.facts
    assert set(first.tensors) == set(second.tensors)
    assert all(np.array_equal(value, second.tensors[name]) for name, value in first.tensors.items())


def test_it_never_sees_people_of_the_test_photos(small: Small, tmp_path: Path) -> None:
    config, dataset = small(ClassifierTraining), write_dataset(tmp_path / "faces")
    material = load_splits(Dataset(dataset), config)
    people = {split: {s.identity for s in getattr(material, split).samples} for split in ("train", "val", "test")}
    assert {split: len(names) for split, names in people.items()} == {"train": 8, "val": 2, "test": 2}
    assert not people["train"] & (people["val"] | people["test"])


@pytest.mark.parametrize("split", ["val", "test"])
def test_a_person_in_two_splits_is_refused_by_name(small: Small, tmp_path: Path, split: str) -> None:
    dataset = write_dataset(tmp_path / "faces")
    change_rows(dataset, lambda row: row.identity == f"{split}1", identity="train3")
    with pytest.raises(DatasetError) as caught:
        load_splits(Dataset(dataset), small(ClassifierTraining))
    assert str(caught.value) == (f"{dataset}: train3 is in train and in {split}; a person must be in one split only")


def test_weights_of_something_else_are_refused(tmp_path: Path) -> None:
    with pytest.raises(CheckpointError, match="no weights at"):
        load_classifier(tmp_path)


def test_the_file_says_by_digests_whom_it_was_trained_on(small: Small, splits: Splits, tmp_path: Path) -> None:
    """So that it can be refused where it would judge one of them."""
    path, _ = train_classifier(
        small(ClassifierTraining, steps=1), splits["train"], splits["test"], tmp_path, DATA_FACTS
    )
    digests = {split: {person_digest(s.identity) for s in arrays.samples} for split, arrays in splits.items()}
    assert known_persons(path, "judge") == digests["train"]
    assert not known_persons(path, "judge") & (digests["val"] | digests["test"])
