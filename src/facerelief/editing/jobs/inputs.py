"""What a user names to be edited: files, folders, patterns, addresses and standard input, as a list of photos."""

import contextlib
import glob
import io
import os
import sys
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from facerelief.editing.jobs.fetch import DownloadLimits, download, is_url, name_of
from facerelief.errors import FacereliefError, PhotoError
from facerelief.files import open_file, read_file
from facerelief.photos.photo import Photo, read_mark, read_photo
from facerelief.photos.video_container import MADE_BY, video_comment
from facerelief.suffixes import PHOTO_SUFFIXES, UNREADABLE, VIDEO_SUFFIXES

STDIN = "-"
# What is written beside an edit; such pictures are edited only where a user names them.
BEFORE, AFTER, RECEIPT = "-depth-before.png", "-depth-after.png", "-receipt.png"
PHOTOS = (*PHOTO_SUFFIXES, ".gif", ".avif", ".ppm")
_SIDES = (BEFORE, AFTER, RECEIPT)
_NAMELESS, _STARTS = "suffixless photo", (b"\xff\xd8\xff", b"\x89PNG", b"II*\0", b"MM\0*")
_MOST_STDIN = 200_000_000  # bytes


@dataclass(frozen=True)
class Input:
    """One photo or video to edit.

    Attributes:
        source: Its file, its address, or "-".
        below: The folders between a folder that the user named and the file.
        named: Whether the user named this file and nothing else: then it is edited even where it is an edit already. A
            shell makes many names of a pattern, so that one of several names was not necessarily typed.
    """

    source: Path | str
    below: Path = Path()
    named: bool = True

    @property
    def file(self) -> Path:
        """A name with a suffix that tells the kind; of what is no file, made up from its address."""
        if isinstance(self.source, Path):
            return self.source
        return Path("stdin" if self.source == STDIN else name_of(self.source))

    @property
    def is_video(self) -> bool:
        """Whether it is a film by its suffix."""
        return self.file.suffix.lower() in VIDEO_SUFFIXES

    @property
    def is_beside_an_edit(self) -> bool:
        """Whether it is a receipt's or a depth's picture by its name."""
        return self.file.name.endswith(_SIDES)

    def __str__(self) -> str:
        return "standard input" if self.source == STDIN else str(self.source)

    def content(self, limits: DownloadLimits | None = None) -> bytes:
        """Its bytes. Raises `PhotoError` where they cannot be had."""
        if isinstance(self.source, Path):
            try:
                return read_file(self.source)
            except OSError as reason:
                raise PhotoError(f"{self.source} cannot be read ({reason.strerror}); check the name") from reason
        if self.source != STDIN:
            return download(self.source, limits)
        if sys.stdin is None:
            raise PhotoError("standard input is closed; name a file")
        found = sys.stdin.buffer.read(_MOST_STDIN + 1)
        if len(found) > _MOST_STDIN:
            raise PhotoError(f"standard input is larger than {_MOST_STDIN // 1_000_000} MB; shrink the photo")
        return found

    def tells_of_an_edit(self) -> bool:
        """Whether a file says itself that it was edited."""
        if not isinstance(self.source, Path):
            return False
        with contextlib.suppress(FacereliefError):  # what cannot be read says nothing
            return MADE_BY in video_comment(self.source) if self.is_video else read_mark(self.source) is not None
        return False

    def photo(self, limits: DownloadLimits | None = None) -> Photo:
        """The photo. Raises `PhotoError` where there is none."""
        if isinstance(self.source, Path):
            return read_photo(self.source)
        stream = io.BytesIO(self.content(limits))
        stream.name = str(self)  # what messages call it
        return read_photo(stream)


def expand(
    arguments: Sequence[str],
    without: Path | None = None,
    in_folders: Sequence[str] = PHOTOS,
    notes: list[str] | None = None,
) -> list[Input]:
    """What a user's arguments name, in their order and each thing once.

    Args:
        arguments: Files, addresses, "-"; folders, which stand for all photos in them and below; and patterns
            (`photos/*.jpg`, `**` for folders), which stand for what matches them.
        without: A folder in which nothing is looked for.
        in_folders: The suffixes of what a folder stands for.
        notes: Takes a line for a folder with photos that cannot be read, such as HEIC.

    Returns:
        One input per photo or video. Files that are named directly are not opened here.

    Raises:
        FacereliefError: A folder has no photos, or a pattern matches nothing.
    """
    found: dict[str, Input] = {}
    skipped: list[str] = []
    for argument in arguments:
        for one in _meant(argument, without, in_folders, len(set(arguments)) == 1, skipped):
            found.setdefault(_identity(one), one)
    if notes is not None:
        notes += skipped
    return list(found.values())


def _meant(
    argument: str, without: Path | None, in_folders: Sequence[str], alone: bool, skipped: list[str]
) -> Iterator[Input]:
    path = Path(argument)
    if argument == STDIN or is_url(argument):
        yield Input(argument, named=alone)
    elif path.is_dir():
        yield from _in_folder(path, without, in_folders, skipped)
    elif glob.has_magic(argument) and not os.path.lexists(path):
        matches = [Path(match) for match in sorted(glob.glob(argument, recursive=True))]
        known = [match for match in matches if match.is_file() and match.suffix.lower() in PHOTOS + VIDEO_SUFFIXES]
        files = [match for match in known if not match.name.endswith(_SIDES)]
        if not files:
            raise FacereliefError(f"{argument} matches no photo; check the pattern")
        yield from (Input(file, named=False) for file in files)
    else:
        yield Input(path, named=alone)


def _in_folder(folder: Path, without: Path | None, suffixes: Sequence[str], skipped: list[str]) -> Iterator[Input]:
    """Photos, by their suffixes, below a folder, those in hidden folders left out."""
    count, unread, left_out = 0, Counter[str](), os.path.realpath(without) if without else None
    for root, folders, files in os.walk(folder):
        folders[:] = sorted(f for f in folders if not f.startswith(".") and os.path.realpath(Path(root, f)) != left_out)
        for name in sorted(files):
            path = Path(root, name)
            if path.suffix.lower() in suffixes and _is_meant(path):
                count += 1
                yield Input(path, Path(root).relative_to(folder), named=False)
            elif kind := unreadable_kind(path):
                unread[kind] += 1
    if unread:
        skipped.append(f"{folder}: {_skipped(unread)}")
    if not count:
        if unread:
            raise FacereliefError(f"there are no photos that can be read in {folder}: {_skipped(unread)}")
        raise FacereliefError(f"there are no photos in {folder}; name another folder")


def unreadable_kind(path: Path) -> str | None:
    """What a photo that cannot be read is called, or one whose name does not tell that it is one; None of others."""
    suffix = path.suffix.lower()
    if path.name.startswith(".") or suffix:
        return UNREADABLE.get(suffix) if not path.name.startswith(".") else None
    with contextlib.suppress(OSError), open_file(path) as stream:
        return _NAMELESS if stream.read(12).startswith(_STARTS) else None
    return None


def _skipped(unread: Counter[str]) -> str:
    """How many photos of which kinds are skipped, and the remedy."""
    parts = []
    for kind, count in unread.items():
        remedy = "name them .jpg or .png" if kind == _NAMELESS else "export as JPEG"
        parts.append(f"{count} {kind} file{'s' * (count != 1)} skipped; {remedy}")
    return ", ".join(parts)


def _is_meant(path: Path) -> bool:
    """Whether a file in a folder is neither hidden, nor beside an edit, nor a FIFO."""
    return not path.name.startswith(".") and not path.name.endswith(_SIDES) and path.is_file()


def _identity(one: Input) -> str:
    return os.path.realpath(one.source) if isinstance(one.source, Path) else one.source
