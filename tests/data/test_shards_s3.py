"""Photos in S3 to shards in S3, against a server on loopback; what is said where the server refuses or fails."""

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from photos import write_tree
from s3 import Bucket, s3_server

from facerelief.data.manifest import METADATA, read_samples
from facerelief.data.shards.build import build_shards
from facerelief.data.shards.convert import pack, unpack
from facerelief.data.shards.photos import labelled_photos
from facerelief.data.shards.plan import SHARD_LIST
from facerelief.errors import DatasetError, FacereliefError, MissingExtra
from facerelief.files import store as store_module
from facerelief.processes.cluster import Spread

pytest.importorskip("moto", reason="needs moto[server] and the extra `remote`")
s3fs = pytest.importorskip("s3fs", reason="needs the extra `remote`")
PHOTOS, OUT = "s3://bucket/some/photos", "s3://bucket/shards"


@pytest.fixture(scope="module")
def photos(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Six photos, with identities in a table, and one that is no photo."""
    folder = tmp_path_factory.mktemp("photos")
    write_tree(folder, ("neutral", "happy"), 3)
    (folder / "happy" / "empty.jpg").touch()
    rows = [
        f"{path.relative_to(folder).as_posix()},{path.parent.name},{path.stem[:7]}" for path in folder.rglob("*.jpg")
    ]
    (folder / "labels.csv").write_text("\n".join(["path,expression,identity", *rows]) + "\n")
    return folder


@pytest.fixture
def bucket(photos: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Bucket]:
    """A server that holds the photos."""
    with s3_server() as server:
        for name, value in server.settings.items():
            monkeypatch.setenv(name, value)
        s3fs.S3FileSystem.clear_instance_cache()
        monkeypatch.setattr(s3fs.S3FileSystem, "retries", 1)
        fs = s3fs.S3FileSystem()
        fs.mkdir("bucket")
        fs.put(f"{photos}/", "bucket/some/photos", recursive=True)
        yield server
        fs.rm("bucket", recursive=True)
        s3fs.S3FileSystem.clear_instance_cache()


def build(place: str, out: str) -> Any:
    with labelled_photos(place) as found:
        return build_shards(found, out, spread=Spread(workers=1), per_shard=2)


def contents(fs: Any, place: str) -> dict[str, bytes]:
    return {path.partition("/")[2].removeprefix("shards/"): fs.cat(path) for path in fs.find(place)}


def test_the_same_shards_as_from_a_folder(bucket: Bucket, photos: Path, tmp_path: Path) -> None:
    built, _ = build(PHOTOS, OUT)
    assert (len(built.samples), [one.source for one in built.rejects]) == (6, ["happy/empty.jpg"])
    build(str(photos), str(tmp_path / "out"))
    here = {
        path.relative_to(tmp_path / "out").as_posix(): path.read_bytes() for path in (tmp_path / "out").rglob("*.*")
    }
    there = contents(s3fs.S3FileSystem(), "bucket/shards")
    assert {name: there[name] for name in here if not name.startswith("parts")} == {
        name: content for name, content in here.items() if not name.startswith("parts")
    }
    asked = len(bucket.requests)
    build(f"{PHOTOS}/labels.csv", OUT)  # the same photos by their table: all is done already
    assert not [one for one in bucket.requests[asked:] if one.startswith("GET") and one.endswith(".jpg")]


def test_there_and_back(bucket: Bucket, photos: Path, tmp_path: Path) -> None:
    build(PHOTOS, OUT)
    unpack(OUT, tmp_path / "folder")
    assert len(read_samples(tmp_path / "folder")) == 6
    pack(tmp_path / "folder", "s3://bucket/again")
    fs = s3fs.S3FileSystem()
    first, again = contents(fs, "bucket/shards"), contents(fs, "bucket/again")
    assert {name.removeprefix("again/"): content for name, content in again.items()} == {
        name: content for name, content in first.items() if not name.startswith("parts")
    }


def test_what_another_machine_writes_is_seen(bucket: Bucket) -> None:
    store = store_module.open_store("s3://bucket/shared")
    other = s3fs.S3FileSystem(skip_instance_cache=True)
    other.pipe_file("bucket/shared/parts/a", b"first")
    assert set(store.listing()) == {"parts/a"}
    other.pipe_file("bucket/shared/parts/b", b"second")
    assert store.read("parts/b", most=100) == b"second"
    assert set(store.listing()) == {"parts/a", "parts/b"}


def refuse(bucket: Bucket, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "stolen")


def leave(bucket: Bucket, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:9")


def fail(bucket: Bucket, monkeypatch: pytest.MonkeyPatch) -> None:
    bucket.fails = lambda method, path: True


@pytest.mark.parametrize("trouble", [refuse, leave, fail])
def test_a_store_that_cannot_be_read_is_one_line(
    bucket: Bucket, monkeypatch: pytest.MonkeyPatch, trouble: Callable[..., None]
) -> None:
    with monkeypatch.context() as context:
        trouble(bucket, context)
        s3fs.S3FileSystem.clear_instance_cache()
        with pytest.raises(FacereliefError) as problem:
            build(PHOTOS, OUT)
        said = str(problem.value)
        assert said.startswith(f"{PHOTOS} cannot be listed (")
        assert said.endswith("check the address and the credentials, then run the same command again to resume")
        assert "\n" not in said and len(said) < 400
    bucket.fails = lambda method, path: False
    s3fs.S3FileSystem.clear_instance_cache()


def test_no_such_folder(bucket: Bucket) -> None:
    with pytest.raises(DatasetError, match="s3://bucket/none holds no files; check the address"):
        build("s3://bucket/none", OUT)


@pytest.mark.parametrize("what", ["GET .jpg", "PUT .tar", "PUT .jsonl"])
def test_a_bucket_that_fails_half_way(bucket: Bucket, tmp_path: Path, what: str) -> None:
    """Nothing half-written: what is there is whole, and the same command goes on from it."""
    verb, ending = what.split()
    seen: list[str] = []

    def fails(method: str, path: str) -> bool:
        if method == verb and path.endswith(ending):
            seen.append(path)
            return len(set(seen)) > 2
        return False

    bucket.fails = fails
    with pytest.raises(FacereliefError, match=r"cannot be (read|written) \(.*run the same command again to resume"):
        build(PHOTOS, OUT)
    with pytest.raises(DatasetError, match=f"no {SHARD_LIST}.*not finished"):
        unpack(OUT, tmp_path / "none")
    bucket.fails = lambda method, path: False
    build(PHOTOS, OUT)
    unpack(OUT, tmp_path / "folder")
    assert len((tmp_path / "folder" / METADATA).read_text().splitlines()) == 7


def test_a_package_that_is_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "gcsfs", None)
    with pytest.raises(MissingExtra, match=r"gcsfs is not installed; install it with: .*\[remote\]"):
        store_module.open_store("gs://bucket/photos")


def test_the_command_says_it_in_one_line(bucket: Bucket) -> None:
    words = ["dataset", "build", PHOTOS, "--shards", "-o", OUT, "--workers", "1"]
    environment = {**os.environ, "AWS_ACCESS_KEY_ID": "stolen"}
    done = subprocess.run([sys.executable, "-m", "facerelief", *words], env=environment, capture_output=True, text=True)
    assert done.returncode == 2
    assert len(done.stderr.splitlines()) == 1, done.stderr
    assert f"facerelief: {PHOTOS} cannot be listed (" in done.stderr
