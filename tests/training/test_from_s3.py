"""A training from shards in S3, of a server on loopback: that of the folder; what is said where the server fails."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from s3 import KEY, Bucket, s3_server

from facerelief.checkpoint import load_checkpoint
from facerelief.config import DepthTraining
from facerelief.data.dataset import Dataset
from facerelief.data.shards.cache import open_copy
from facerelief.data.shards.convert import pack
from facerelief.errors import FacereliefError
from facerelief.training.launch import run_depth

pytest.importorskip("moto", reason="needs moto[server] and the extra `remote`")
s3fs = pytest.importorskip("s3fs", reason="needs the extra `remote`")
SHARDS = "s3://bucket/some/shards"


@pytest.fixture
def bucket(faces: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Bucket]:
    """A server that holds the dataset as shards of 10 samples; and an empty cache."""
    monkeypatch.setenv("FACERELIEF_DATASETS", str(tmp_path / "cache"))
    with s3_server() as server:
        for name, value in server.settings.items():
            monkeypatch.setenv(name, value)
        s3fs.S3FileSystem.clear_instance_cache()
        monkeypatch.setattr(s3fs.S3FileSystem, "retries", 1)
        s3fs.S3FileSystem().mkdir("bucket")
        pack(faces, SHARDS, 10)
        server.requests.clear()
        yield server
        monkeypatch.setenv("AWS_ACCESS_KEY_ID", KEY)
        s3fs.S3FileSystem.clear_instance_cache()
        s3fs.S3FileSystem().rm("bucket", recursive=True)
        s3fs.S3FileSystem.clear_instance_cache()


def shards_read(bucket: Bucket) -> list[str]:
    return [line for line in bucket.requests if line.startswith("GET") and line.endswith(".tar")]


def test_the_same_training(bucket: Bucket, faces: Path, small: Callable[..., Any], tmp_path: Path) -> None:
    """Bit for bit; and each shard is read once, also by a training that goes on."""
    whole = run_depth(Dataset(faces), small(DepthTraining, steps=4), tmp_path / "whole")
    run_depth(open_copy(SHARDS), small(DepthTraining, steps=2, save_every=2), tmp_path / "run")
    again = run_depth(open_copy(SHARDS), small(DepthTraining, steps=4), tmp_path / "run")
    found, expected = (load_checkpoint(path, "depth").tensors for path in (again, whole))
    assert all(np.array_equal(found[name], value) for name, value in expected.items())
    assert shards_read(bucket) and len(shards_read(bucket)) == len(set(shards_read(bucket)))


def test_a_bucket_that_fails_half_way(bucket: Bucket, faces: Path) -> None:
    """One line; and what was copied is not copied again."""
    bucket.fails = lambda method, path: path.endswith(".tar") and len(shards_read(bucket)) > 2
    with pytest.raises(FacereliefError) as caught:
        open_copy(SHARDS)
    assert "\n" not in str(caught.value) and "s3://bucket/some/shards" in str(caught.value)
    first = set(shards_read(bucket)[:2])
    bucket.fails = lambda method, path: False
    bucket.requests.clear()
    assert open_copy(SHARDS).digest == Dataset(faces).digest
    assert not first & set(shards_read(bucket))


def test_wrong_credentials(bucket: Bucket, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "stranger")
    s3fs.S3FileSystem.clear_instance_cache()
    with pytest.raises(FacereliefError) as caught:
        open_copy(SHARDS)
    assert "\n" not in str(caught.value) and "check the address and the credentials" in str(caught.value)
