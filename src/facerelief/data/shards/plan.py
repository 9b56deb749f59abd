"""Which photo is in which shard, and what is noted of a finished one; both depend on the photos alone.

OUT/SPLIT-NUMBER.tar             the shards
OUT/parts/SPLIT-NUMBER.jsonl     of each: its digest, then a line a photo; written after the shard
OUT/shards.json                  the list of shards with their checksums, written when all are done
OUT/metadata.csv, rejects.csv, dataset.json      as in a folder
"""

import base64
import dataclasses
import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from facerelief.data.dataset import SPLITS
from facerelief.data.extract import ExtractionTask
from facerelief.data.manifest import Reject, Sample
from facerelief.data.review.inputs import ReviewInput
from facerelief.errors import DatasetError
from facerelief.files.json import parse, to_dataclass

PARTS, SHARD_LIST = "parts/", "shards.json"
FORMAT, VERSION = "facerelief-shards", 1
PER_SHARD = 256  # photos; a shard of 256 px has about 45 MB
MOST_PART = 256 << 20  # bytes


@dataclass(frozen=True)
class ShardPhoto:
    """A photo of a shard.

    Attributes:
        task: What is to be done.
        name: The photo in the store of photos.
    """

    task: ExtractionTask
    name: str


@dataclass(frozen=True)
class Shard:
    """What becomes one shard.

    Attributes:
        name: Such as "train-000000".
        photos: In their order.
        digest: Of all that its content depends on.
    """

    name: str
    photos: tuple[ShardPhoto, ...]
    digest: str

    @property
    def archive(self) -> str:
        """The shard's file."""
        return f"{self.name}.tar"

    @property
    def part(self) -> str:
        """The file that tells that the shard is finished."""
        return f"{PARTS}{self.name}.jsonl"


@dataclass(frozen=True)
class ShardFacts:
    """What shards.json and the head of a part say of a shard.

    Attributes:
        name: As in `Shard`.
        samples: Number of samples; a shard without any has no file.
        bytes: Size of the file.
        sha256: Of the file.
    """

    name: str
    samples: int
    bytes: int
    sha256: str


@dataclass(frozen=True)
class ShardRow:
    """A finished photo: its row, and of a sample what a review reads of it.

    Attributes:
        row: The sample or the reject.
        review: What the checks need, of a sample.
        thumbnail: (32, 32) uint8, of a sample.
    """

    row: Sample | Reject
    review: ReviewInput | None = None
    thumbnail: np.ndarray | None = None


def plan_shards(
    photos: Sequence[ShardPhoto], stamps: Mapping[str, str], settings: Mapping[str, Any], per_shard: int
) -> list[Shard]:
    """Share out photos by split, `per_shard` to a shard.

    Args:
        photos: In their order.
        stamps: By name, what changes with the photo.
        settings: Of the dataset.
        per_shard: Photos, at most.
    """
    shards = []
    for split in SPLITS:
        those = [photo for photo in photos if photo.task.split == split]
        for number, start in enumerate(range(0, len(those), per_shard)):
            some = tuple(those[start : start + per_shard])
            told = [[p.name, stamps.get(p.name, ""), *_label(p.task)] for p in some]
            digest = hashlib.sha256(json.dumps([VERSION, settings, told], sort_keys=True).encode()).hexdigest()
            shards.append(Shard(shard_name(split, number), some, digest))
    return shards


def shard_name(split: str, number: int) -> str:
    """The name of a shard without suffix."""
    return f"{split}-{number:06}"


def write_part(digest: str, facts: ShardFacts, seen: Sequence[ShardRow]) -> bytes:
    """The bytes of a part."""
    lines = [{"digest": digest, **dataclasses.asdict(facts)}, *map(_line, seen)]
    return "".join(json.dumps(line) + "\n" for line in lines).encode()


def read_part_head(part: bytes) -> tuple[str, ShardFacts]:
    """The digest and the facts of a part. Raises `ValueError` where it is damaged."""
    values = parse(part.partition(b"\n")[0])
    return values.pop("digest"), to_dataclass(ShardFacts, values)


def read_part(part: bytes) -> list[ShardRow]:
    """The photos of a part. Raises `ValueError` where it is damaged."""
    return [_seen(parse(line)) for line in part.split(b"\n")[1:] if line]


def shard_list(facts: Sequence[ShardFacts]) -> bytes:
    """The bytes of shards.json."""
    those = [dataclasses.asdict(one) for one in facts if one.samples]
    return (json.dumps({"format": FORMAT, "version": VERSION, "shards": those}, indent=1) + "\n").encode()


def read_shard_list(content: bytes, where: str) -> list[ShardFacts]:
    """The shards of shards.json. Raises `DatasetError` where it is damaged or of another version."""
    try:
        values = parse(content)
        if (values["format"], values["version"]) != (FORMAT, VERSION):
            raise DatasetError(f"{where}/{SHARD_LIST} is of another version; build the shards again")
        return [to_dataclass(ShardFacts, one) for one in values["shards"]]
    except (ValueError, KeyError, TypeError) as reason:
        raise DatasetError(f"{where}/{SHARD_LIST} is damaged ({reason}); build the shards again") from reason


def _label(task: ExtractionTask) -> list[Any]:
    one = task.labelled
    votes = [list(one.votes)] if one.votes else []
    return [task.source, task.split, one.expression, one.identity, list(one.box) if one.box else None, *votes]


def _line(seen: ShardRow) -> dict[str, Any]:
    line = {"kind": type(seen.row).__name__, **dataclasses.asdict(seen.row)}
    if seen.review is None or seen.thumbnail is None:
        return line
    review = {"fit": seen.review.fit, "residual": seen.review.residual, "problem": seen.review.problem}
    arrays = {"landmarks": seen.review.landmarks.astype("<f4"), "thumbnail": seen.thumbnail}
    return line | {"review": review | {name: base64.b64encode(one.tobytes()).decode() for name, one in arrays.items()}}


def _seen(values: dict[str, Any]) -> ShardRow:
    kind, review = values.pop("kind"), values.pop("review", None)
    if kind != "Sample" or review is None:
        return ShardRow(to_dataclass(Reject, values))
    landmarks = np.frombuffer(base64.b64decode(review["landmarks"]), "<f4").reshape(468, 3)
    thumbnail = np.frombuffer(base64.b64decode(review["thumbnail"]), np.uint8).reshape(32, 32)
    read = ReviewInput(landmarks, float(review["fit"]), str(review["problem"]), float(review["residual"]))
    return ShardRow(to_dataclass(Sample, values), read, thumbnail)
