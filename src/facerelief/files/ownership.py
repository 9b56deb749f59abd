"""What this program wrote, a line of `.facerelief.jsonl` beside it a file, so that nothing else is ever written over.

A file is ours where a line says that it was made from the same source with the same settings, and its bytes are still
those that were written. The line is written before the file gets its name: whenever a process is killed, no file of
ours is taken for somebody else's.
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
from facerelief.files import guarded, move_new, sha256
from facerelief.files.json import append_lines, read_lines, typed

JOURNAL = ".facerelief.jsonl"


@dataclass(frozen=True)
class Done:
    """A written file. name: its own. source, made: SHA-256 of what it was made from and of it. settings: their digest.
    what: of all that can be made of a source with these settings, e.g. the expression.
    """

    name: str
    source: str
    settings: str
    made: str
    what: str = ""


def settings_digest(settings: Mapping[str, object]) -> str:
    """What stands for all that a file depends on, beside its source."""
    return hashlib.sha256(json.dumps(settings, sort_keys=True).encode()).hexdigest()


def read_done(folder: Path) -> dict[str, frozenset[Done]]:
    """What was written in a folder, by name. Lines that cannot be read count for nothing."""
    try:
        now = os.stat(folder / JOURNAL)
    except OSError:
        return {}
    return _read(folder / JOURNAL, (now.st_dev, now.st_ino, now.st_size, now.st_mtime_ns))


@functools.lru_cache(maxsize=4)
def _read(journal: Path, state: tuple[int, ...]) -> dict[str, frozenset[Done]]:
    """A long journal is read once in each state: a batch asks for it photo by photo."""
    found: dict[str, set[Done]] = defaultdict(set)
    for line in read_lines(journal):
        with contextlib.suppress(ValueError):  # somebody else's
            one = typed(Done, line)
            found[one.name].add(one)
    return {name: frozenset(lines) for name, lines in found.items()}


class Claim:
    """A place where a file is to go, if nothing is there but what was made from the same source with the same settings.

    what: as in `Done`. known: what is known to have been written under its name; where that does not explain what is
    there, the journal is read again, as another process may have written it since. overwrite: whatever is there may be
    replaced.
    `finish` is a last step on a written file before it gets its name; `notes` tells what could not be noted.
    """

    def __init__(
        self,
        path: Path,
        source: str,
        settings: str,
        what: str = "",
        known: Iterable[Done] = (),
        *,
        overwrite: bool = False,
    ) -> None:
        self.path, self.source, self.settings, self.what, self.overwrite = path, source, settings, what, overwrite
        self.notes: list[str] = []
        self.finish: Callable[[Path], object] = lambda path: None
        self._known = set(known)

    def was_made(self) -> bool:
        """Whether what is there was written before, whatever became of it."""
        return self._is_known() or (self._learns() and self._is_known())

    def is_ours(self) -> bool:
        """Whether what is there was made from the same source with the same settings, and is as it was written."""
        return self._is_known_as_ours() or (self._learns() and self._is_known_as_ours())

    def check(self) -> None:
        """Raise `FacereliefError` where something is in the way."""
        if self.path.is_dir():
            raise FacereliefError(f"cannot write {self.path}: Is a directory; choose another name")
        if os.path.lexists(self.path) and not self.overwrite and not self.is_ours():
            raise FacereliefError(self._what_is_there())

    def place(self, temporary: Path, path: Path) -> None:
        """Give a finished file its name, and note it. Raises `FacereliefError` where something came in the way."""
        self.finish(temporary)
        made = Done(path.name, self.source, self.settings, sha256(temporary), self.what)
        try:
            append_lines(_journal(path.parent), vars(made), remedy="see that it can be written")
        except FacereliefError as problem:
            self.notes.append(f"{problem}; until then what is written is not known as this command's own")
        if self.overwrite or self._is_known_as_ours():
            os.replace(temporary, path)
        else:
            self._move(temporary, made)
        self._known.add(made)

    def _move(self, temporary: Path, made: Done) -> None:
        try:
            move_new(temporary, self.path)
        except FileExistsError:
            if not self.is_ours():  # by another process of the same command
                self._known.discard(made)
                raise FacereliefError(self._what_is_there()) from None

    def _learns(self) -> bool:
        """Read the journal again, where something is there. Returns whether it tells more than was known."""
        noted = read_done(self.path.parent).get(self.path.name, frozenset()) if os.path.lexists(self.path) else set()
        before = len(self._known)
        self._known |= noted
        return len(self._known) > before

    def _is_known(self) -> bool:
        return any(map(self._is_like, self._known))

    def _is_known_as_ours(self) -> bool:
        return self._is_one_of(filter(self._is_like, self._known))

    def _is_like(self, one: Done) -> bool:
        return (one.source, one.settings, one.what) == (self.source, self.settings, self.what)

    def _is_one_of(self, made: Iterable[Done]) -> bool:
        """Whether what is there is as it was written in one of these cases."""
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
    """Raises `FacereliefError` for a link, which might lead to any file of the user's."""
    path = folder / JOURNAL
    if path.is_symlink():
        raise FacereliefError(f"cannot write {path}: it is a link; remove it")
    return path


@contextlib.contextmanager
def claimed(claims: Iterable[Claim]) -> Iterator[None]:
    """In the block, what `files.atomic` writes to places that are claimed is held to `Claim.place`."""
    with contextlib.ExitStack() as stack:
        for claim in claims:
            stack.enter_context(guarded(claim.path, claim.place))
        yield
