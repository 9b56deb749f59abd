"""What a training learns from: a dataset's splits, checked before anything long begins, and then decoded."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from facerelief.config import Training
from facerelief.data.arrays import Arrays, check_classes, load_arrays
from facerelief.data.manifest import METADATA, Sample, chosen, read_samples
from facerelief.errors import DatasetError
from facerelief.files import sha256
from facerelief.progress import Progress, no_progress


@dataclass(frozen=True)
class Material:
    """A dataset's splits as arrays, and what a run records of it."""

    train: Arrays
    val: Arrays
    test: Arrays
    basis: dict[str, Any]


@dataclass(frozen=True)
class Splits:
    """A dataset's rows by split, which have been found fit to train on, and what a run records of it."""

    dataset: Path
    rows: dict[str, list[Sample]]
    basis: dict[str, Any]
    complete: bool


def choose_splits(dataset: Path, config: Training, *, complete: bool = True) -> Splits:
    """The kept samples of the run's expressions; takes no longer than to read a table.

    Raises `DatasetError` where a split is too small, a person is in two, or an expression has no training photos
    although the material must be `complete`.
    """
    samples = read_samples(dataset)
    splits = {split: chosen(samples, split, config.expressions) for split in ("train", "val", "test")}
    if len(splits["train"]) < config.batch:
        raise DatasetError(
            f"{dataset} has {len(splits['train'])} kept training photos, fewer than a batch of {config.batch}; "
            "add photos, or give a smaller --set batch"
        )
    _check_leak(dataset, splits)
    for split, rows in splits.items():
        check_classes(dataset, rows, config.expressions if complete and split == "train" else ())
    basis = {"dataset": dataset.resolve().name, "metadata_sha256": sha256(dataset / METADATA)}
    return Splits(dataset, splits, basis, complete)


def decode(splits: Splits, config: Training, decoding: Progress = no_progress) -> Material:
    """The splits as arrays at the run's size; the long part. Raises `DatasetError` for a damaged file."""

    def arrays(split: str) -> Arrays:
        rows, every = splits.rows[split], splits.complete and split == "train"
        return load_arrays(
            splits.dataset, rows, config.size, config.colour, config.expressions, decoding, complete=every
        )

    return Material(arrays("train"), arrays("val"), arrays("test"), splits.basis)


def _check_leak(dataset: Path, splits: dict[str, list[Sample]]) -> None:
    people = {split: {s.identity for s in rows} for split, rows in splits.items()}
    for held_out in ("val", "test"):
        shared = people["train"] & people[held_out]
        if shared:
            raise DatasetError(
                f"{dataset}: {sorted(shared)[0]} is in train and in {held_out}; a person must be in one split only"
            )
