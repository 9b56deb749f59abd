"""A dataset on disk as one object, whose tables are read once."""

import functools
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from facerelief.colour import GREY
from facerelief.data.manifest import METADATA, Sample, read_dataset_settings, read_samples
from facerelief.errors import DatasetError
from facerelief.files import sha256

SPLITS = ("train", "val", "test")
_GREY_SHARE = 0.2  # of the photos, which makes a dataset grey


class Dataset:
    """What `dataset build` or `dataset synthesize` made, opened for reading.

    Nothing is read before it is asked for, and each table only once; a change on disk is seen by a new `Dataset`.

    Args:
        path: The dataset's folder.

    Example:
        >>> Dataset("datasets/mine").name
        'mine'
    """

    def __init__(self, path: Path | str) -> None:
        self.path = Path(path)

    def __repr__(self) -> str:
        return f"Dataset({str(self.path)!r})"

    def __str__(self) -> str:
        return str(self.path)

    @functools.cached_property
    def samples(self) -> tuple[Sample, ...]:
        """All samples, kept or not. Raises `DatasetError` where this is no dataset, or its table is damaged."""
        return tuple(read_samples(self.path))

    @functools.cached_property
    def settings(self) -> dict[str, Any]:
        """dataset.json. Raises `DatasetError` where this is no dataset or one of another version."""
        return read_dataset_settings(self.path)

    @functools.cached_property
    def digest(self) -> str:
        """SHA-256 of metadata.csv. Runs record it as the state of the dataset that they were trained on."""
        return sha256(self.path / METADATA)

    @property
    def name(self) -> str:
        """The folder's name."""
        return self.path.resolve().name

    @property
    def facts(self) -> dict[str, str]:
        """What a run records of the dataset that it is trained on."""
        return {"dataset": self.name, "metadata_sha256": self.digest}

    def select(self, split: str, expressions: Sequence[str] | None = None) -> list[Sample]:
        """The kept samples of one split, in the manifest's order.

        Args:
            split: "train", "val", "test", or "all" for the three one after the other.
            expressions: Which are wanted; by default all.

        Raises:
            DatasetError: For another split.
        """
        if split not in (*SPLITS, "all"):
            raise DatasetError(f"no split {split!r}; choose from {', '.join(SPLITS)}, all")
        kept = [s for s in self.samples if s.keep and (expressions is None or s.expression in expressions)]
        return [s for one in (SPLITS if split == "all" else (split,)) for s in kept if s.split == one]

    def natural_colour(self) -> str:
        """Either "luma", where more than a fifth of the kept photos are grey, or "rgb"."""
        kept = [s for s in self.samples if s.keep]
        grey = sum(s.chroma < GREY for s in kept)
        return "luma" if grey > _GREY_SHARE * len(kept) else "rgb"
