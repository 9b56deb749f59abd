"""Folders by path or by URL (`s3://`, `gs://`, `hf://`, whatever fsspec knows), with the same few operations.

A file gets its name when it is whole: an object store shows an upload when it ends, a disk when it is renamed.
"""

import contextlib
import os
import re
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Protocol
from urllib.request import url2pathname

from facerelief.errors import FacereliefError, MissingExtra, shown
from facerelief.files.disk import atomic, is_partial, read_file

_PACKAGES = {"s3": "s3fs", "s3a": "s3fs", "gs": "gcsfs", "gcs": "gcsfs", "hf": "huggingface_hub"}
_AGAIN = "check the address and the credentials, then run the same command again to resume"


class Store(Protocol):
    """A folder whose files are named by relative paths with `/`."""

    def __str__(self) -> str:
        """Its path or URL, for messages."""

    def listing(self) -> dict[str, str]:
        """A stamp of every file below it, by name; the stamp changes with the file. Empty where there is no folder."""

    def read(self, name: str, most: int | None = None) -> bytes:
        """A file's bytes. Raises `FileNotFoundError`; `FacereliefError` where it is larger than `most` bytes."""

    def local(self, name: str) -> contextlib.AbstractContextManager[Path]:
        """In the block, the file's path on this machine. Raises `FileNotFoundError` where there is none."""

    def write(self, name: str, content: bytes | Path) -> None:
        """Write a file from bytes or from another file, whole or not at all."""

    def remove(self, name: str) -> None:
        """Remove a file, if there is one."""


def is_remote(place: str | Path) -> bool:
    """Whether a place is one on the net, not on disk; `file://` is on disk.

    Example:
        >>> is_remote("s3://bucket/photos"), is_remote("file:///photos"), is_remote("photos")
        (True, False, False)
    """
    scheme = re.match(r"([a-z][a-z0-9+.-]+)://", str(place), re.IGNORECASE)
    return scheme is not None and scheme[1].lower() != "file"


def path_of(place: str | Path) -> Path:
    """The path of a place on disk, which may be written as `file://`."""
    text = str(place)
    if not text.lower().startswith("file://"):
        return Path(text)
    _, slash, path = text[len("file://") :].partition("/")  # before it a host, which is this one
    return Path(url2pathname(slash + path))  # with a drive on Windows; # and ? are letters like others


def open_store(place: str | Path) -> Store:
    """A folder by path or URL; nothing is created.

    Raises:
        FacereliefError: It is no such URL, or the package of its scheme is not installed.
    """
    return _Remote(str(place)) if is_remote(place) else _Local(path_of(place))


class _Local:
    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def __str__(self) -> str:
        return str(self.folder)

    def listing(self) -> dict[str, str]:
        found = {}
        for place, _, names in os.walk(self.folder):
            for name in names:
                path = Path(place, name)
                if not is_partial(name):
                    with contextlib.suppress(OSError):  # a link that leads nowhere, or gone
                        state = path.stat()
                        found[path.relative_to(self.folder).as_posix()] = f"{state.st_size}-{state.st_mtime_ns}"
        return found

    def read(self, name: str, most: int | None = None) -> bytes:
        try:
            return read_file(self.folder / name, most)
        except FileNotFoundError:
            raise
        except OSError as reason:
            raise FacereliefError(f"{self.folder / name} cannot be read ({reason.strerror}); check it") from reason

    @contextlib.contextmanager
    def local(self, name: str) -> Iterator[Path]:
        yield self.folder / name

    def write(self, name: str, content: bytes | Path) -> None:
        with atomic(self.folder / name) as temporary:
            if isinstance(content, bytes):
                temporary.write_bytes(content)
            else:
                with content.open("rb") as source, temporary.open("wb") as target:
                    while piece := source.read(1 << 20):
                        target.write(piece)

    def remove(self, name: str) -> None:
        (self.folder / name).unlink(missing_ok=True)


class _Remote:
    def __init__(self, url: str) -> None:
        self.url = url.rstrip("/")
        self._fs, self._root = _file_system(url)

    def __reduce__(self) -> tuple[Any, ...]:
        return _Remote, (self.url,)  # connections stay in their process

    def __str__(self) -> str:
        return self.url

    def listing(self) -> dict[str, str]:
        with self._explained("", "listed"):
            try:
                found = self._fs.find(self._root, detail=True)
            except FileNotFoundError:
                return {}
        prefix = self._root.rstrip("/") + "/"
        below = {path.removeprefix(prefix): facts for path, facts in found.items() if path.startswith(prefix)}
        return {name: _stamp(facts) for name, facts in below.items() if name and not name.endswith("/")}

    def read(self, name: str, most: int | None = None) -> bytes:
        with self._explained(name, "read"):
            if most is not None and self._fs.size(self._at(name)) > most:
                raise FacereliefError(f"{self.url}/{name} is larger than {most // 1_000_000} MB; it is not one of ours")
            data: bytes = self._fs.cat_file(self._at(name))
            return data

    @contextlib.contextmanager
    def local(self, name: str) -> Iterator[Path]:
        with tempfile.TemporaryDirectory(prefix="facerelief-") as folder:
            path = Path(folder, Path(name).name)
            with self._explained(name, "read"):
                self._fs.get_file(self._at(name), str(path))
            yield path

    def write(self, name: str, content: bytes | Path) -> None:
        with self._explained(name, "written"):
            if isinstance(content, bytes):
                self._fs.pipe_file(self._at(name), content)
            else:
                self._fs.put_file(str(content), self._at(name))

    def remove(self, name: str) -> None:
        with contextlib.suppress(FileNotFoundError), self._explained(name, "removed"):
            self._fs.rm_file(self._at(name))

    def _at(self, name: str) -> str:
        return f"{self._root}/{name}"

    @contextlib.contextmanager
    def _explained(self, name: str, done: str) -> Iterator[None]:
        """Errors of any storage's package in one line; that a file is absent passes."""
        try:
            yield
        except (FacereliefError, FileNotFoundError):
            raise
        except Exception as reason:  # each package has errors of its own
            where = f"{self.url}/{name}" if name else self.url
            raise FacereliefError(f"{where} cannot be {done} ({_first_cause(reason)}); {_AGAIN}") from reason


def _file_system(url: str) -> tuple[Any, str]:
    scheme, _, rest = url.partition("://")
    if not rest.strip("/"):
        raise FacereliefError(f"{shown(url)} names no folder; give {scheme}://BUCKET/FOLDER")
    try:
        import fsspec
    except ImportError as reason:
        raise MissingExtra("fsspec", "remote") from reason
    try:
        fs, root = fsspec.url_to_fs(url, use_listings_cache=False)  # other machines write there too
    except ImportError as reason:
        raise MissingExtra(_PACKAGES.get(scheme.lower(), f"fsspec's package for {scheme}://"), "remote") from reason
    except Exception as reason:  # ValueError: an unknown scheme; others while a package looks for credentials
        raise FacereliefError(f"{shown(url)} cannot be opened ({_first_cause(reason)}); {_AGAIN}") from reason
    return fs, str(root).rstrip("/")


def _stamp(facts: dict[str, Any]) -> str:
    """Size and what the store says of the content, or of the time."""
    mark = next(
        (facts[key] for key in ("ETag", "etag", "md5Hash", "blob_id", "mtime", "LastModified") if key in facts), ""
    )
    return f"{facts.get('size')}-{str(mark).strip(chr(34))}"


def _first_cause(reason: BaseException) -> str:
    """What went wrong, in few words; the first cause says it best."""
    while reason.__cause__ is not None and str(reason.__cause__):
        reason = reason.__cause__
    text = " ".join(str(reason).split())
    return f"{type(reason).__name__}: {text[:160]}" if text else type(reason).__name__
