"""A dataset's splits: checked before anything long begins, then decoded."""

from dataclasses import dataclass
from typing import Any

from facerelief.config import Training
from facerelief.data.arrays import Arrays, check_classes, load_arrays
from facerelief.data.dataset import SPLITS, Dataset
from facerelief.data.manifest import Sample
from facerelief.errors import DatasetError
from facerelief.progress import Progress, no_progress


@dataclass(frozen=True)
class SplitArrays:
    """A dataset's splits as arrays.

    Attributes:
        train: Training samples.
        val: Validation samples.
        test: Test samples.
        data_facts: What config.json records of the data.
    """

    train: Arrays
    val: Arrays
    test: Arrays
    data_facts: dict[str, Any]


@dataclass(frozen=True)
class Splits:
    """A dataset's splits, checked but not decoded.

    Attributes:
        dataset: The dataset.
        rows: The samples of "train", "val" and "test".
        data_facts: What config.json records of the data.
        complete: Every expression of the run has training photos.
    """

    dataset: Dataset
    rows: dict[str, list[Sample]]
    data_facts: dict[str, Any]
    complete: bool


def choose_splits(dataset: Dataset, config: Training, *, complete: bool = True) -> Splits:
    """The kept samples of the run's expressions; no picture is read.

    Args:
        dataset: The dataset.
        config: Its expressions and its batch, of which there must be one at least.
        complete: Refuse an expression without training photos.

    Raises:
        DatasetError: A split is too small, a person is in two, or `complete` is not met.
    """
    splits = {split: dataset.select(split, config.expressions) for split in SPLITS}
    if len(splits["train"]) < config.batch:
        raise DatasetError(
            f"{dataset} has {len(splits['train'])} kept training photos, fewer than a batch of {config.batch}; "
            "add photos, or give a smaller --set batch"
        )
    _check_leak(dataset, splits)
    for split, rows in splits.items():
        check_classes(dataset, rows, config.expressions if complete and split == "train" else ())
    return Splits(dataset, splits, dict(dataset.facts), complete)


def decode_splits(splits: Splits, config: Training, decoding: Progress = no_progress) -> SplitArrays:
    """The splits as arrays at the run's size; the long part. Raises `DatasetError` for a damaged file."""

    def arrays(split: str) -> Arrays:
        rows, every = splits.rows[split], splits.complete and split == "train"
        return load_arrays(
            splits.dataset, rows, config.size, config.colour, config.expressions, decoding, complete=every
        )

    return SplitArrays(arrays("train"), arrays("val"), arrays("test"), splits.data_facts)


def load_splits(
    dataset: Dataset, config: Training, decoding: Progress = no_progress, *, complete: bool = True
) -> SplitArrays:
    """All splits decoded at the run's size. Raises as `choose_splits` and `decode_splits`."""
    return decode_splits(choose_splits(dataset, config, complete=complete), config, decoding)


def load_split(dataset: Dataset, split: str, config: Training) -> Arrays:
    """The kept samples of one split, or of "all", with the run's expressions, as far as they occur."""
    rows = dataset.select(split, config.expressions)
    return load_arrays(dataset, rows, config.size, config.colour, config.expressions, complete=False)


def _check_leak(dataset: Dataset, splits: dict[str, list[Sample]]) -> None:
    people = {split: {s.identity for s in rows} for split, rows in splits.items()}
    for held_out in ("val", "test"):
        shared = people["train"] & people[held_out]
        if shared:
            raise DatasetError(
                f"{dataset}: {sorted(shared)[0]} is in train and in {held_out}; a person must be in one split only"
            )
