"""A dataset in a folder to shards, and back: the same files, bit for bit."""

import tempfile
from collections.abc import Sequence
from itertools import islice
from pathlib import Path

from facerelief.data.dataset import SPLITS
from facerelief.data.extract import FOLDERS
from facerelief.data.journal import JOURNAL
from facerelief.data.manifest import METADATA, REJECTS, SETTINGS, Sample, inside, read_samples
from facerelief.data.review.overrides import OVERRIDES
from facerelief.data.shards.archive import ShardWriter, files_of, read_shard, stem_of
from facerelief.data.shards.plan import PER_SHARD, SHARD_LIST, ShardFacts, read_shard_list, shard_list, shard_name
from facerelief.errors import DatasetError, FacereliefError
from facerelief.files import atomic, is_partial, lock_folder, read_file, sha256
from facerelief.files.csv import MAX_CSV_BYTES
from facerelief.files.json import MAX_JSON_BYTES, append_lines, read_lines
from facerelief.files.store import Store, open_store
from facerelief.progress import Progress, no_progress

_TABLES = (REJECTS, OVERRIDES, JOURNAL, SETTINGS, METADATA)  # as they are; the last two make it a dataset
_UNPACKED = "unpack.jsonl"  # of a folder that is being filled: the shards that are done


def pack(dataset: Path, out: str, per_shard: int = PER_SHARD, progress: Progress = no_progress) -> list[ShardFacts]:
    """Write a dataset's folder as shards; what came from shards becomes the same shards again.

    Args:
        dataset: The folder.
        out: An empty folder, or one that an earlier call has begun; a path or URL.
        per_shard: Samples of a shard, at most, where the dataset did not come from shards.
        progress: Called with the number of samples done and the total.

    Raises:
        DatasetError: It is no dataset, its files are missing, or `out` holds something else.
        FacereliefError: It cannot be written.
    """
    samples, store = read_samples(dataset), open_store(out)
    groups = _groups(dataset, samples, per_shard)
    for sample in samples:
        stem_of(sample)  # before anything is written
    _check_target(store, dataset, {f"{name}.tar" for name, _ in groups} | {*_TABLES, SHARD_LIST})
    store.write(SETTINGS, inside(dataset, SETTINGS))
    facts, done = [], 0
    progress(0, len(samples))
    for name, some in groups:
        facts.append(_packed(dataset, store, name, some))
        done += len(some)
        progress(done, len(samples))
    for table in _TABLES:
        if (dataset / table).is_file():
            store.write(table, inside(dataset, table))
    store.write(SHARD_LIST, shard_list(facts))
    return facts


def unpack(shards: str, dataset: Path, progress: Progress = no_progress) -> int:
    """Write shards as a dataset's folder.

    After an interruption the same call resumes.

    Args:
        shards: Where the shards are, a path or URL.
        dataset: An empty folder, or one that an earlier call has begun.
        progress: Called with the number of samples done and the total.

    Returns:
        The number of samples.

    Raises:
        DatasetError: They are not shards, not finished, or damaged, or `dataset` holds something else.
        FacereliefError: It cannot be written.
    """
    store = open_store(shards)
    try:
        listed = store.read(SHARD_LIST, MAX_JSON_BYTES)
    except FileNotFoundError:
        raise DatasetError(
            f"{store} holds no {SHARD_LIST}: no shards, or not finished; run the command that makes them again"
        ) from None
    facts = read_shard_list(listed, str(store))
    if (
        dataset.is_dir()
        and not (dataset / _UNPACKED).is_file()
        and any(not is_partial(p.name) for p in dataset.iterdir())
    ):
        raise DatasetError(f"{dataset} holds other files; choose an empty folder for the dataset")
    with lock_folder(dataset):
        append_lines(dataset / _UNPACKED, {"from": str(store)})
        for folder in FOLDERS:
            (dataset / folder).mkdir(exist_ok=True)
        _unpack_all(store, facts, dataset, progress)
        for table in _TABLES:
            _copy_table(store, table, dataset)
        with atomic(dataset / SHARD_LIST) as temporary:
            temporary.write_bytes(listed)
        _check_complete(dataset)
        (dataset / _UNPACKED).unlink()
    return sum(one.samples for one in facts)


def _unpack_all(store: Store, facts: Sequence[ShardFacts], dataset: Path, progress: Progress) -> None:
    done = {line.get("shard"): line.get("sha256") for line in read_lines(dataset / _UNPACKED)}
    count, total = 0, sum(one.samples for one in facts)
    for one in facts:
        if done.get(one.name) != one.sha256:
            _unpack(store, one, dataset)
            append_lines(dataset / _UNPACKED, {"shard": one.name, "sha256": one.sha256})
        count += one.samples
        progress(count, total)


def _unpack(store: Store, facts: ShardFacts, dataset: Path) -> None:
    name = f"{facts.name}.tar"
    try:
        with store.local(name) as path:
            if sha256(path) != facts.sha256:
                raise DatasetError(f"{store}/{name} is not as it was written; copy or build it again")
            for file, content in read_shard(path):
                (dataset / file).write_bytes(content)
    except FileNotFoundError:
        raise DatasetError(f"{store}/{name} is missing; copy or build it again") from None
    except OSError as reason:
        raise FacereliefError(
            f"cannot write to {dataset}: {reason.strerror or reason}; free space and run it again"
        ) from reason


def _copy_table(store: Store, table: str, dataset: Path) -> None:
    try:
        content = store.read(table, MAX_CSV_BYTES)
    except FileNotFoundError:
        return
    with atomic(dataset / table) as temporary:
        temporary.write_bytes(content)


def _check_complete(dataset: Path) -> None:
    """Raises `DatasetError` where a file that the table names is in no shard."""
    for sample in read_samples(dataset):
        missing = next((path for path in files_of(sample).values() if not (dataset / path).is_file()), None)
        if missing:
            raise DatasetError(f"{dataset / METADATA} names {missing}, which is in no shard; build the shards again")


def _check_target(store: Store, dataset: Path, ours: set[str]) -> None:
    """Raises `DatasetError` where a store holds something else than this dataset, whole or in part."""
    there = set(store.listing())
    for table in (SETTINGS, METADATA):
        if table in there and store.read(table, MAX_CSV_BYTES) != read_file(inside(dataset, table), MAX_CSV_BYTES):
            raise DatasetError(f"{store} holds another dataset, or another state of it; choose an empty folder")
    if there - ours or (there and SETTINGS not in there):
        raise DatasetError(f"{store} holds other files; choose an empty folder for the shards")


def _groups(dataset: Path, samples: Sequence[Sample], per_shard: int) -> list[tuple[str, list[Sample]]]:
    """Samples by shard: as they were, if they came from shards, else by number."""
    by_split = {split: [sample for sample in samples if sample.split == split] for split in SPLITS}
    sizes: dict[str, list[int]] = {split: [] for split in SPLITS}
    names: dict[str, list[str]] = {split: [] for split in SPLITS}
    for one in _listed(dataset):
        split = one.name.rpartition("-")[0]
        sizes.setdefault(split, []).append(one.samples)
        names.setdefault(split, []).append(one.name)
    if {split: sum(counts) for split, counts in sizes.items()} != {s: len(those) for s, those in by_split.items()}:
        sizes = {split: _sizes(len(those), per_shard) for split, those in by_split.items()}
        names = {split: [shard_name(split, number) for number in range(len(sizes[split]))] for split in SPLITS}
    groups = []
    for split in SPLITS:
        rest = iter(by_split[split])
        groups += [(name, [*islice(rest, count)]) for name, count in zip(names[split], sizes[split], strict=True)]
    return groups


def _sizes(count: int, most: int) -> list[int]:
    return [min(most, count - start) for start in range(0, count, most)]


def _listed(dataset: Path) -> list[ShardFacts]:
    """The shards that a folder came from; none if it did not."""
    path = dataset / SHARD_LIST
    return read_shard_list(read_file(path, MAX_JSON_BYTES), str(dataset)) if path.is_file() else []


def _packed(dataset: Path, store: Store, name: str, samples: Sequence[Sample]) -> ShardFacts:
    with tempfile.TemporaryDirectory(prefix="facerelief-shards-") as folder:
        file = Path(folder, "shard.tar")
        with ShardWriter(file) as archive:
            for sample in samples:
                archive.add(sample, dataset)
        store.write(f"{name}.tar", file)
        return ShardFacts(name, len(samples), file.stat().st_size, sha256(file))
