"""What a batch of edits has finished, a line of `.facerelief.jsonl` beside the edits a picture, so that it can go on.

A picture counts as done where it was made from the same photo, byte for byte, with the same settings and weights, and
is still as it was written.
"""

import hashlib
import json
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from facerelief.errors import FacereliefError
from facerelief.files import sha256

JOURNAL = ".facerelief.jsonl"


@dataclass(frozen=True)
class Done:
    """A finished picture. name: its file's. source, made: SHA-256 of photo and picture. settings: `settings_digest`."""

    name: str
    source: str
    settings: str
    made: str


def settings_digest(settings: dict[str, object]) -> str:
    """What stands for all that an edit depends on, beside the photo."""
    return hashlib.sha256(json.dumps(settings, sort_keys=True).encode()).hexdigest()


def read_done(folder: Path) -> dict[str, Done]:
    """The finished pictures of a folder by their names. Lines that cannot be read count for nothing."""
    try:
        lines = (folder / JOURNAL).read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return {}
    found = {}
    for line in lines:
        try:
            one = Done(**json.loads(line))
            found[one.name] = one
        except (ValueError, TypeError):  # cut off by a kill, or somebody else's
            continue
    return found


def note_done(folder: Path, done: Iterable[Done]) -> None:
    """Add finished pictures. Raises `FacereliefError` where the disk is full."""
    text = "".join(json.dumps(vars(one), ensure_ascii=True) + "\n" for one in done)
    try:
        with (folder / JOURNAL).open("ab+") as log:
            torn = log.tell() and log.seek(-1, 2) >= 0 and log.read(1) != b"\n"  # the last line of a killed run
            log.write(("\n" if torn else "").encode() + text.encode())
    except OSError as reason:
        raise FacereliefError(f"cannot write {folder / JOURNAL}: {reason.strerror}; make room") from reason


def is_done(known: Done | None, target: Path, source: str, settings: str) -> bool:
    """Whether a picture need not be made again."""
    if known is None or (known.source, known.settings) != (source, settings):
        return False
    return target.is_file() and sha256(target) == known.made
