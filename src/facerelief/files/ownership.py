"""A journal of written files, `.facerelief.jsonl` beside them, so that no other file is ever overwritten.

A file is ours if a line records the same source, settings and content. The line is written before the file is renamed
to its name, so that a killed process leaves no file of ours without a line.
"""

import contextlib
import functools
import hashlib
import json
import os
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from facerelief.errors import FacereliefError
from facerelief.files import check_writable, override_replace, rename_new, sha256
from facerelief.files.json import append_lines, read_lines, to_dataclass

OWNERSHIP_JOURNAL = ".facerelief.jsonl"


@dataclass(frozen=True)
class WrittenFile:
    """A line of the journal.

    Args:
        name: The file's name.
        source: SHA-256 of its source.
        settings: Digest of the settings.
        made: SHA-256 of its content.
        what: Which of the outputs of this source and settings, such as the expression.
    """

    name: str
    source: str
    settings: str
    made: str
    what: str = ""


def settings_digest(settings: Mapping[str, object]) -> str:
    """A digest of all that a file depends on beside its source."""
    return hashlib.sha256(json.dumps(settings, sort_keys=True).encode()).hexdigest()


def read_written(folder: Path) -> dict[str, frozenset[WrittenFile]]:
    """The written files of a folder by name. Unreadable lines are skipped."""
    try:
        now = os.stat(folder / OWNERSHIP_JOURNAL)
    except OSError:
        return {}
    return _read(folder / OWNERSHIP_JOURNAL, (now.st_dev, now.st_ino, now.st_size, now.st_mtime_ns))


@functools.lru_cache(maxsize=4)
def _read(journal: Path, state: tuple[int, ...]) -> dict[str, frozenset[WrittenFile]]:
    """Cached by the state of the journal, since a batch reads it for every photo."""
    found: dict[str, set[WrittenFile]] = defaultdict(set)
    for line in read_lines(journal):
        with contextlib.suppress(ValueError):  # a line of another program
            one = to_dataclass(WrittenFile, line)
            found[one.name].add(one)
    return {name: frozenset(lines) for name, lines in found.items()}


def was_written(path: Path, what: str) -> bool:
    """Whether a file is as the journal notes it for one of the outputs that are called `what`."""
    made = {one.made for one in read_written(path.parent).get(path.name, ()) if one.what == what}
    return bool(made) and path.is_file() and not path.is_symlink() and sha256(path) in made


class Claim:
    """A claim on an output path: only our own file of the same source and settings may be replaced there.

    `finish` is called with the written temporary file before it is renamed; `notes` collects problems with the journal.

    Args:
        path: The output.
        source: As in `WrittenFile`, and so are `settings` and `what`.
        known: Known journal entries of this name. If they do not explain an existing file, the journal is read again,
            since another process may have written it.
        overwrite: Whether any file may be replaced.
    """

    def __init__(
        self,
        path: Path,
        source: str,
        settings: str,
        what: str = "",
        known: Iterable[WrittenFile] = (),
        *,
        overwrite: bool = False,
    ) -> None:
        self.path, self.source, self.settings, self.what, self.overwrite = path, source, settings, what, overwrite
        self.notes: list[str] = []
        self.finish: Callable[[Path], object] = lambda path: None
        self._known = set(known)

    def was_made(self) -> bool:
        """Whether a file of this source and settings was written here, even if it was changed since."""
        return self._is_known() or (self._learns() and self._is_known())

    def is_ours(self) -> bool:
        """Whether the existing file is of this source and settings, and unchanged."""
        return self._is_known_as_ours() or (self._learns() and self._is_known_as_ours())

    def check(self) -> None:
        """Raises `FacereliefError` if another file exists there."""
        if self.path.is_dir():
            raise FacereliefError(f"cannot write {self.path}: Is a directory; choose another name")
        check_writable(self.path)
        if os.path.lexists(self.path) and not self.overwrite and not self.is_ours():
            raise FacereliefError(self._what_is_there())

    def place(self, temporary: Path, path: Path) -> None:
        """Record a finished file and rename it. Raises `FacereliefError` if another file has appeared there."""
        self.finish(temporary)
        made = WrittenFile(path.name, self.source, self.settings, sha256(temporary), self.what)
        try:
            append_lines(_journal(path.parent), vars(made), remedy="make it writable")
        except FacereliefError as problem:
            self.notes.append(f"{problem}; until then files of this command are not recognized as its own")
        if self.overwrite or self._is_known_as_ours():
            os.replace(temporary, path)
        else:
            self._move(temporary, made)
        self._known.add(made)

    def _move(self, temporary: Path, made: WrittenFile) -> None:
        try:
            rename_new(temporary, self.path)
        except FileExistsError:
            if not self.is_ours():  # by another process of the same command
                self._known.discard(made)
                raise FacereliefError(self._what_is_there()) from None

    def _learns(self) -> bool:
        """Read the journal again if a file exists. Returns whether there are new entries."""
        noted = read_written(self.path.parent).get(self.path.name, frozenset()) if os.path.lexists(self.path) else set()
        before = len(self._known)
        self._known |= noted
        return len(self._known) > before

    def _is_known(self) -> bool:
        return any(map(self._is_like, self._known))

    def _is_known_as_ours(self) -> bool:
        return self._is_one_of(filter(self._is_like, self._known))

    def _is_like(self, one: WrittenFile) -> bool:
        return (one.source, one.settings, one.what) == (self.source, self.settings, self.what)

    def _is_one_of(self, made: Iterable[WrittenFile]) -> bool:
        """Whether the existing file is one of these."""
        digests = {one.made for one in made}
        return bool(digests) and self.path.is_file() and not self.path.is_symlink() and sha256(self.path) in digests

    def _what_is_there(self) -> str:
        if self._is_one_of(one for one in self._known if one.source == self.source):
            why = "was made with other settings"
        elif self._is_one_of(self._known):
            why = "was made from something else"
        elif self._known:
            why = "was changed since it was written"
        else:
            why = "was not written by this command"
        return f"{self.path} exists and {why}; choose another name, or add --overwrite to replace it"


def _journal(folder: Path) -> Path:
    """The journal's path. Raises `FacereliefError` for a link, which might point to any file of the user."""
    path = folder / OWNERSHIP_JOURNAL
    if path.is_symlink():
        raise FacereliefError(f"cannot write {path}: it is a link; remove it")
    return path


@contextlib.contextmanager
def claimed(claims: Iterable[Claim]) -> Iterator[None]:
    """In the block, `files.atomic` renames files at claimed paths by `Claim.place`."""
    with contextlib.ExitStack() as stack:
        for claim in claims:
            stack.enter_context(override_replace(claim.path, claim.place))
        yield
