"""Labelled photos to shards, on this machine or a cluster; an interrupted build goes on with the shards not yet done.

No photo and no map passes through this process: workers read photos from one store and write shards to the other. It
plans, and when all is done it reads the parts, judges the samples as `dataset review` does, and writes the tables.
"""

import contextlib
import functools
import tempfile
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from facerelief.data.build import Built, build_settings, photo_tasks
from facerelief.data.extract import Extractor, Recipe
from facerelief.data.journal import check_settings, open_dataset
from facerelief.data.manifest import METADATA, REJECTS, SETTINGS, Reject, Sample, read_dataset_settings, write_rows
from facerelief.data.review.limits import Thresholds
from facerelief.data.review.overrides import OVERRIDES, read_overrides
from facerelief.data.review.selection import Review, judge
from facerelief.data.shards.maker import ShardMaker, look_at
from facerelief.data.shards.photos import Photos
from facerelief.data.shards.plan import (
    MOST_PART,
    PARTS,
    PER_SHARD,
    SHARD_LIST,
    Shard,
    ShardFacts,
    ShardPhoto,
    ShardRow,
    plan_shards,
    read_part,
    read_part_head,
    shard_list,
)
from facerelief.data.sources.labelled import splits_by_person
from facerelief.errors import DatasetError
from facerelief.files.csv import MAX_CSV_BYTES
from facerelief.files.json import MAX_JSON_BYTES
from facerelief.files.store import Store, open_store
from facerelief.processes.cluster import Spread, View, check_cluster, map_over
from facerelief.progress import Progress, no_progress

_THREADS = 16
_SHARE = "give both places by URL, or in a folder that all machines share"


def build_shards(
    photos: Photos,
    out: str,
    recipe: Recipe | None = None,
    *,
    spread: Spread | None = None,
    per_shard: int = PER_SHARD,
    seed: int = 0,
    progress: Progress = no_progress,
) -> tuple[Built, Review]:
    """Make shards from labelled photos, and review them.

    After an interruption the same call resumes: shards whose photos, labels and settings are as they were are not done
    again.

    Args:
        photos: The photos.
        out: The folder of the shards, a path or URL.
        recipe: How samples are made.
        spread: Where; by default on all cores of this machine.
        per_shard: Photos of a shard, at most.
        seed: Of the split by identity, where the publisher gives none.
        progress: Called with the number of photos done and the total.

    Returns:
        The outcome of the build, and of the review; overrides.csv of `out` is heeded if it is there.

    Raises:
        DatasetError: `out` holds something else.
        FacereliefError: It cannot be written, the photos cannot be read, or the recipe cannot be followed.
    """
    recipe, spread = recipe or Recipe(), spread or Spread(fewest=2)
    check_cluster(spread.cluster)
    splits, notes = splits_by_person(photos.reading.photos, seed)
    tasks = photo_tasks(photos.reading.photos, photos.root, {}, splits)
    named = [ShardPhoto(task, photos.name_of(task.labelled)) for task in tasks]
    Extractor(recipe, Path())  # before anything is written: it may find something missing
    store, settings = open_store(out), build_settings(recipe, seed)
    shards = plan_shards(named, photos.stamps, settings, per_shard)
    there = _opened(store, settings)
    done = _finished(store, shards, there)
    todo = [shard for shard in shards if shard.name not in done]
    finished = sum(len(shard.photos) for shard in shards if shard.name in done)
    progress(finished, len(tasks))
    if todo:
        store.remove(SHARD_LIST)  # what it lists is about to change
    view = View(functools.partial(look_at, photos.place, out, named[0].name, SETTINGS), _SHARE)
    work = map_over(spread, ShardMaker, (recipe, photos.place, out), todo, view=view)
    for shard, facts in zip(todo, work, strict=True):
        done[shard.name] = facts
        finished += len(shard.photos)
        progress(finished, len(tasks))
    seen = _all_seen(store, shards)
    rows = [seen[task.source] for task in tasks]
    built, judged = _tables(store, rows, recipe.size)
    store.write(SHARD_LIST, shard_list([done[shard.name] for shard in shards]))
    _remove_others(store, shards, there)
    return Built(built.samples, built.rejects, notes), judged


def _opened(store: Store, settings: Mapping[str, object]) -> set[str]:
    """Begin a new store, or go on with one of the same settings; returns the names of its files."""
    there = set(store.listing())
    with tempfile.TemporaryDirectory() as folder:
        ours = Path(folder, "ours")
        try:
            ours.mkdir()
            (ours / SETTINGS).write_bytes(store.read(SETTINGS, MAX_JSON_BYTES))
            before = read_dataset_settings(ours)
        except FileNotFoundError:
            if there:
                raise DatasetError(f"{store} holds other files; choose an empty folder for the shards") from None
            open_dataset(ours, dict(settings))
            store.write(SETTINGS, (ours / SETTINGS).read_bytes())
            return there
        except DatasetError as problem:
            raise DatasetError(str(problem).replace(str(ours), str(store))) from problem
        check_settings(str(store), before, settings)
        if any(name.startswith("rgb/") for name in there):
            raise DatasetError(f"{store} is a dataset in a folder, not shards; choose another folder")
    return there


def _finished(store: Store, shards: Sequence[Shard], there: set[str]) -> dict[str, ShardFacts]:
    """The shards that an earlier run has finished, from the same photos with the same labels."""

    def facts(shard: Shard) -> ShardFacts | None:
        try:
            digest, found = read_part_head(store.read(shard.part, MOST_PART))
        except (FileNotFoundError, ValueError, KeyError, AttributeError):
            return None
        return found if digest == shard.digest and (not found.samples or shard.archive in there) else None

    some = [shard for shard in shards if shard.part in there]
    with ThreadPoolExecutor(_THREADS) as pool:
        return {shard.name: found for shard, found in zip(some, pool.map(facts, some), strict=True) if found}


def _all_seen(store: Store, shards: Sequence[Shard]) -> dict[str, ShardRow]:
    """What became of every photo, by source. Raises `DatasetError` where a part does not tell of its shard's photos."""

    def read(shard: Shard) -> list[ShardRow]:
        problem = "tells of other photos"
        try:
            found = read_part(store.read(shard.part, MOST_PART))
        except FileNotFoundError:
            found, problem = [], "is missing"
        except (ValueError, KeyError, TypeError) as reason:
            found, problem = [], f"is damaged ({reason})"
        if [one.row.source for one in found] != [photo.task.source for photo in shard.photos]:
            raise DatasetError(f"{store}/{shard.part} {problem}; delete it and run the same command again")
        return found

    with ThreadPoolExecutor(_THREADS) as pool:
        return {one.row.source: one for found in pool.map(read, shards) for one in found}


def _tables(store: Store, rows: Sequence[ShardRow], size: int) -> tuple[Built, Review]:
    """Judge the samples and write the tables."""
    built = [one for one in rows if isinstance(one.row, Sample)]
    samples = [one.row for one in built if isinstance(one.row, Sample)]
    rejects = [one.row for one in rows if isinstance(one.row, Reject)]
    reviews = [one.review for one in built if one.review is not None]
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        with contextlib.suppress(FileNotFoundError):
            (folder / OVERRIDES).write_bytes(store.read(OVERRIDES, MAX_CSV_BYTES))
        overrides = read_overrides(folder, (sample.file_name for sample in samples))
        thumbnails = [one.thumbnail for one in built if one.thumbnail is not None]
        look = lambda index: thumbnails[index].astype(float)  # noqa: E731
        judged = judge(samples, reviews, look, size, overrides, Thresholds()) if samples else []
        write_rows(folder / REJECTS, Reject, rejects)
        write_rows(folder / METADATA, Sample, judged)
        store.write(REJECTS, folder / REJECTS)
        store.write(METADATA, folder / METADATA)
    return Built(samples, rejects), Review(judged, len(overrides))


def _remove_others(store: Store, shards: Sequence[Shard], there: set[str]) -> None:
    """Remove shards of an earlier plan, which a reader would take for some of these."""
    ours = {name for shard in shards for name in (shard.archive, shard.part)}
    for name in there - ours:
        if name.startswith(PARTS) or (name.endswith(".tar") and "/" not in name):
            store.remove(name)
