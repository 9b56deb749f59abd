"""Folders by path and by URL behave alike; fsspec's memory stands for a store on the net."""

import pickle
from pathlib import Path

import pytest

from facerelief.errors import FacereliefError
from facerelief.files.store import Store, is_remote, open_store, path_of

fsspec = pytest.importorskip("fsspec")


@pytest.fixture(params=["disk", "memory"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Store:
    """An empty one."""
    if request.param == "disk":
        return open_store(tmp_path / "store")
    fsspec.filesystem("memory").store.clear()
    return open_store("memory://bucket/store/")


def test_what_is_written_can_be_read(store: Store, tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"file")
    store.write("a/b.txt", b"bytes")
    store.write("c", tmp_path / "file")
    assert (store.read("a/b.txt"), store.read("c", most=4)) == (b"bytes", b"file")
    with store.local("a/b.txt") as path:
        assert (path.name, path.read_bytes()) == ("b.txt", b"bytes")
    assert set(store.listing()) == {"a/b.txt", "c"}
    store.remove("c")
    store.remove("c")
    assert set(store.listing()) == {"a/b.txt"}


def test_stamps_tell_changes(store: Store) -> None:
    store.write("a", b"one")
    store.write("b", b"one")
    before = store.listing()
    store.write("a", b"others")
    after = store.listing()
    assert after["a"] != before["a"] and after["b"] == before["b"]


def test_what_is_absent_and_what_is_too_large(store: Store) -> None:
    assert store.listing() == {}
    with pytest.raises(FileNotFoundError):
        store.read("a")
    with pytest.raises(FileNotFoundError), store.local("a") as path:
        path.read_bytes()
    store.write("a", bytes(3_000_000))
    with pytest.raises(FacereliefError):
        store.read("a", most=2_000_000)


def test_they_go_to_other_processes(store: Store) -> None:
    store.write("a", b"one")
    other = pickle.loads(pickle.dumps(store))
    assert (str(other), other.read("a")) == (str(store), b"one")


def test_an_unfinished_file_is_not_listed(tmp_path: Path) -> None:
    store = open_store(tmp_path)
    (tmp_path / ".partial-0123abcd.tar").write_bytes(b"of a process that was killed")
    assert store.listing() == {}


def test_a_write_that_fails_leaves_what_was_there(tmp_path: Path) -> None:
    store = open_store(tmp_path)
    store.write("a", b"old")
    with pytest.raises(FacereliefError, match="cannot write"):
        store.write("a", tmp_path / "absent")
    assert store.read("a") == b"old" and set(store.listing()) == {"a"}


@pytest.mark.parametrize(
    ("place", "url", "path"),
    [
        ("photos", False, "photos"),
        ("/a b/c", False, "/a b/c"),
        ("file:///a%20b/c", False, "/a b/c"),
        ("file:///a#2/b?/c", False, "/a#2/b?/c"),
        ("file://localhost/a", False, "/a"),
        ("C:\\photos", False, "C:\\photos"),
        ("s3://bucket/a", True, None),
        ("HF://datasets/me/a", True, None),
    ],
)
def test_paths_and_urls(place: str, url: bool, path: str | None) -> None:
    assert is_remote(place) is url
    if path is not None:
        assert path_of(place) == Path(path)


@pytest.mark.parametrize("place", ["nothing://bucket/x", "s3://", "memory://", "zip://a::nothing://b"])
def test_urls_that_are_none_are_one_line(place: str) -> None:
    with pytest.raises(FacereliefError) as problem:
        open_store(place)
    assert "\n" not in str(problem.value)
