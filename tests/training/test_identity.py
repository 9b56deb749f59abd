"""The identity encoder: its loss by hand, what it learns and from whom, and that it goes on where it was."""

import dataclasses
import hashlib
import math
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from rounding import assert_same_but_for_rounding
from shells import CLASSES, change_rows, mark, marked, write_dataset
from torch import Tensor, nn

from facerelief.checkpoint import load_checkpoint, save_checkpoint
from facerelief.config import ClassifierTraining, IdentityTraining
from facerelief.data import Dataset
from facerelief.data.arrays import Arrays
from facerelief.data.manifest import read_samples
from facerelief.errors import CheckpointError, DatasetError
from facerelief.networks.weights import named_tensors
from facerelief.training.classifier import build_classifier
from facerelief.training.identity import (
    PersonPairSampler,
    build_encoder,
    contrast,
    embed,
    embed_all,
    jitter,
    known_persons,
    load_identity,
    train_identity,
)
from facerelief.training.launch import count_persons, run_identity
from facerelief.training.run.folder import read_metrics
from facerelief.training.steps.step_random import StepRandom
from facerelief.training.verification import draw_pairs, verification

Small = Callable[..., Any]
Splits = dict[str, Arrays]
DATA_FACTS = {"metadata_sha256": "ab"}


class Killed(Exception):
    """Stands for a kill between two steps."""


# --- the loss ---


def test_the_contrast_by_hand() -> None:
    """Ann at 0 and 60 degrees, Bob at 90 and 180; temperature 1/2, so that logits are cosines times two."""
    angles = torch.deg2rad(torch.tensor([0.0, 60.0, 90.0, 180.0]))
    vectors = torch.stack([angles.cos(), angles.sin()], dim=1)
    half = math.sqrt(3)  # 2 cos 30
    own, others = [1, 1, 0, 0], [(0, -2), (half, -1), (0, half), (-2, -1)]
    expected = [math.log(math.exp(to) + sum(map(math.exp, away))) - to for to, away in zip(own, others, strict=True)]
    assert contrast(vectors, 0.5).item() == pytest.approx(sum(expected) / 4, abs=1e-5)


def test_the_contrast_of_vectors_that_tell_all_and_nothing() -> None:
    known_classes = torch.eye(6).repeat_interleave(2, dim=0)  # six persons at right angles
    assert contrast(known_classes, 0.05).item() == pytest.approx(10 * math.exp(-20), abs=1e-6)
    alike = torch.ones(12, 4) / 2
    assert contrast(alike, 0.05).item() == pytest.approx(math.log(11), abs=1e-5)


# --- the vectors ---


@pytest.mark.parametrize("colour", ["rgb", "luma"])
@pytest.mark.parametrize("size", [32, 48])
def test_vectors_have_length_1_and_do_not_know_left_from_right(small: Small, colour: str, size: int) -> None:
    encoder = build_encoder(small(IdentityTraining, colour=colour, size=size, dimensions=5)).eval()
    image = torch.rand(3, 1 if colour == "luma" else 3, size, size) * 2 - 1
    found = embed(encoder, image)
    assert found.shape == (3, 5)
    for vectors in (found, encoder(image)):
        torch.testing.assert_close(vectors.norm(dim=1), torch.ones(3))
    assert_same_but_for_rounding(embed(encoder, image.flip(-1)), found)
    assert not torch.allclose(encoder(image.flip(-1)), encoder(image), atol=1e-3)  # by itself it does


def test_a_vector_is_the_mean_of_the_image_and_its_mirror_image() -> None:
    class Angle(nn.Module):
        """The grey level of the left half, in degrees."""

        def forward(self, image: Tensor) -> Tensor:
            angle = torch.deg2rad((image[..., :16].mean(dim=(1, 2, 3)) + 1) * 127.5)
            return torch.stack([angle.cos(), angle.sin()], dim=1)

    image = torch.full((1, 1, 32, 32), 20 / 127.5 - 1)
    image[..., 16:] = 80 / 127.5 - 1
    expected = torch.tensor([[math.cos(math.radians(50)), math.sin(math.radians(50))]])
    torch.testing.assert_close(embed(Angle(), image), expected)


@pytest.mark.parametrize("batch", [1, 4, 64])
def test_vectors_of_all_photos_in_their_order(small: Small, splits: Splits, batch: int) -> None:
    encoder = build_encoder(small(IdentityTraining)).eval()
    images = torch.from_numpy(np.array(splits["test"].image)).float() / 127.5 - 1
    expected = embed(encoder, images)
    assert_same_but_for_rounding(torch.from_numpy(embed_all(encoder, splits["test"], batch)), expected)


# --- what it sees ---


def test_two_photos_of_each_person_whoever_has_more_photos(small: Small) -> None:
    """Ann has 30 photos, six others two, and eight one; a batch of 12 shows six persons, two of them with one photo."""
    people = ["ann"] * 30 + [f"two{k}" for k in range(6)] * 2 + [f"one{k}" for k in range(8)]
    draws, shown = PersonPairSampler(people, small(IdentityTraining, batch=12, singleton_share=0.3)), Counter[str]()
    seen = set()
    for step in range(400):
        rows = draws(step)
        first, second = ([people[row] for row in rows[start::2]] for start in (0, 1))
        assert first == second
        assert len(set(first)) == 6  # nobody is a stranger to himself
        assert sum(name.startswith("one") for name in first) == 2
        assert all((a == b) == people[a].startswith("one") for a, b in rows.reshape(-1, 2))
        shown.update(first)
        seen |= {*rows.tolist()}
    assert seen == set(range(len(people)))
    assert all(abs(shown[name] - 400 * 4 / 7) < 60 for name in ("ann", "two0", "two5"))  # six deviations
    assert all(abs(shown[f"one{k}"] - 400 * 2 / 8) < 52 for k in range(8))


@pytest.mark.parametrize(
    ("people", "single", "several"),
    [(["a", "b", "c", "d"] * 2, 0.5, 4), (["a", "b", "c", "d", "d"], 0.0, 1), (["a", "a", "b", "b", "c"], 0.0, 2)],
)
def test_where_one_kind_of_persons_is_short_the_other_fills_up(
    small: Small, people: list[str], single: float, several: int
) -> None:
    rows = PersonPairSampler(people, small(IdentityTraining, batch=8, single=single))(0).reshape(-1, 2)
    assert {people[row] for row in rows.ravel()} == set(people)
    assert sum(a != b for a, b in rows) == several


def test_a_step_draws_the_same_photos_whenever_it_is_taken(small: Small) -> None:
    people = [f"person {number // 3}" for number in range(60)]
    one, other = (PersonPairSampler(people, small(IdentityTraining, batch=12, seed=seed)) for seed in (0, 1))
    again = PersonPairSampler(people, small(IdentityTraining, batch=12, seed=0))
    assert one(7).tolist() == again(7).tolist()
    assert one(7).tolist() != one(8).tolist()
    assert one(7).tolist() != other(7).tolist()
    assert len(one) == len(one(7)) == 12


def test_jitter_is_a_function_of_the_noise_and_moves_the_light_and_the_face() -> None:
    image = torch.zeros(64, 1, 32, 32)
    image[:, :, 12:20, 4:8] = 1.0  # on the left
    moved = jitter(image, StepRandom(0, 0, torch.device("cpu")))
    assert torch.equal(moved, jitter(image, StepRandom(0, 0, torch.device("cpu"))))
    assert moved.shape == image.shape
    left, right = moved[..., :16].amax(dim=(1, 2, 3)), moved[..., 16:].amax(dim=(1, 2, 3))
    assert 16 < (left < right).sum() < 48  # half of them are mirrored
    assert moved.mean(dim=(1, 2, 3)).std() > 0.05
    assert (moved - image).abs().mean() < 0.5


def test_it_never_sees_people_of_the_test_photos(small: Small, tmp_path: Path) -> None:
    dataset = write_dataset(tmp_path / "faces")
    path, _ = run_identity(Dataset(dataset), small(IdentityTraining, steps=1), tmp_path / "run")
    people = {
        split: {s.identity for s in read_samples(dataset) if s.split == split} for split in ("train", "val", "test")
    }
    digests = {split: {hashlib.sha256(n.encode()).hexdigest()[:16] for n in names} for split, names in people.items()}
    assert known_persons(path) == digests["train"]
    assert not known_persons(path) & (digests["val"] | digests["test"])
    assert b"train0" not in path.read_bytes()  # it names nobody
    change_rows(dataset, lambda row: row.identity == "test1", identity="train3")
    with pytest.raises(DatasetError, match="train3 is in train and in test; a person must be in one split only"):
        run_identity(Dataset(dataset), small(IdentityTraining), tmp_path / "other")


def test_how_many_persons_have_photos_enough(small: Small, tmp_path: Path) -> None:
    dataset = write_dataset(tmp_path / "faces")
    change_rows(dataset, lambda row: row.identity == "train0" and row.expression != "neutral", keep=False)
    change_rows(dataset, lambda row: row.identity in ("train1", "train2") and row.expression == "neutral", keep=False)
    assert count_persons(Dataset(dataset), small(IdentityTraining)) == (8, 7, 5)


# --- what it learns ---


def crowd(samples: Arrays, people: range, photos: int = 4) -> Arrays:
    """Persons who are a colour pattern each, under a contrast, a level and a bar that are the photo's alone."""
    random = np.random.default_rng(people.start)
    images, rows = [], []
    for person in people:
        pattern = marked(person, 32, 0).astype(float)
        pattern[mark(32, 0)] = pattern.mean(axis=(0, 1))
        for _ in range(photos):
            rgb = 128 + (pattern - pattern.mean()) * random.uniform(0.4, 1.0) + random.uniform(-80, 80)
            rgb[mark(32, int(random.integers(3)))] = random.choice([0, 255])
            images.append(np.moveaxis(rgb.clip(0, 255).astype(np.uint8), 2, 0))
            rows.append(dataclasses.replace(samples.samples[0], identity=f"person {person}"))
    count = len(images)
    empty, flat = np.zeros((count, 32, 32), np.uint16), np.zeros((count, 3, 32, 32), np.int8)
    return Arrays(np.array(images), empty, flat, np.zeros(count, int), CLASSES, tuple(rows))


def test_it_tells_persons_apart_whom_it_never_saw(small: Small, splits: Splits, tmp_path: Path) -> None:
    train, unseen = crowd(splits["train"], range(40)), crowd(splits["train"], range(100, 120))
    config = small(IdentityTraining, steps=60, batch=24, lr=3e-3, ema=0.9)
    path, measured = train_identity(config, train, [unseen], tmp_path, DATA_FACTS)
    pairs = draw_pairs([sample.identity for sample in unseen.samples])
    untrained = verification(pairs, embed_all(build_encoder(config).eval(), unseen))
    assert (measured.persons, measured.same) == (20, 20 * 6)
    assert measured.auc > 0.9 > 0.8 > untrained.auc
    facts = load_checkpoint(path, "identity").facts
    assert facts["verification"] == dataclasses.asdict(measured)
    encoder, loaded = load_identity(tmp_path)
    assert loaded == config
    assert not encoder.training
    assert not any(p.requires_grad for p in encoder.parameters())
    assert verification(pairs, embed_all(encoder, unseen)) == measured
    assert "It must not be used to recognise anyone" in (tmp_path / "README.md").read_text()


def test_it_goes_on_bit_for_bit(small: Small, splits: Splits, tmp_path: Path) -> None:
    config = small(IdentityTraining, steps=9, save_every=4)
    held_out = [splits["val"], splits["test"]]

    def stop(done: int, total: int, values: dict[str, float]) -> None:
        if done == 6:
            raise Killed

    unbroken, measured = train_identity(config, splits["train"], held_out, tmp_path / "a", DATA_FACTS)
    with pytest.raises(Killed):
        train_identity(config, splits["train"], held_out, tmp_path / "b", DATA_FACTS, stop)
    assert not (tmp_path / "b" / "weights.safetensors").exists()
    torch.rand(5)
    broken, again = train_identity(config, splits["train"], held_out, tmp_path / "b", DATA_FACTS)
    assert again == measured
    assert read_metrics(tmp_path / "b") == read_metrics(tmp_path / "a")
    for name, kind in (("weights", "identity"), ("state", "state")):
        first, second = (load_checkpoint(tmp_path / run / f"{name}.safetensors", kind) for run in "ab")
        assert first.facts == second.facts
        assert set(first.tensors) == set(second.tensors)
        assert all(np.array_equal(value, second.tensors[key]) for key, value in first.tensors.items())
    assert (unbroken, broken) == (tmp_path / "a" / "weights.safetensors", tmp_path / "b" / "weights.safetensors")


# --- what it cannot learn from ---


def strangers(arrays: Arrays) -> Arrays:
    """The same photos, each of a person of its own."""
    alone = [dataclasses.replace(s, identity=f"{s.identity} {number}") for number, s in enumerate(arrays.samples)]
    return dataclasses.replace(arrays, samples=tuple(alone))


@pytest.mark.parametrize("alone", ["train", "test"])
def test_without_a_person_with_two_photos(small: Small, splits: Splits, tmp_path: Path, alone: str) -> None:
    given = {split: strangers(arrays) if split == alone else arrays for split, arrays in splits.items()}
    with pytest.raises(DatasetError) as caught:
        train_identity(small(IdentityTraining), given["train"], [given["test"]], tmp_path / "run", DATA_FACTS)
    assert str(caught.value).startswith("a split needs at least two people, one of them with two photos")
    assert str(caught.value).endswith("add photos, or name the persons in a CSV with an identity column")
    assert not (tmp_path / "run").exists()


def test_weights_of_something_else_are_refused(small: Small, tmp_path: Path) -> None:
    with pytest.raises(CheckpointError, match="no weights at"):
        load_identity(tmp_path)
    judge = named_tensors(judge=build_classifier(small(ClassifierTraining)))
    save_checkpoint(tmp_path / "weights.safetensors", "judge", judge, {})
    for load in (load_identity, known_persons):
        with pytest.raises(CheckpointError, match="is facerelief-judge, not facerelief-identity; name another file"):
            load(tmp_path)
