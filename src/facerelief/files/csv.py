"""The lines of a CSV file that somebody else may have written, as `csv.reader` takes them, in bounded memory."""

import contextlib
import csv
import io
from collections.abc import Iterator
from pathlib import Path

from facerelief.files import open_file

LARGEST = 2 << 30  # bytes; AffectNet's list, the longest known, has 0.4 GB
LONGEST = 1 << 20  # letters of a line


@contextlib.contextmanager
def csv_lines(path: Path) -> Iterator[Iterator[str]]:
    """The lines of a UTF-8 file with their ends; a byte order mark, which spreadsheets write, is skipped.

    Raises `OSError` where it is no file that can be read, `UnicodeDecodeError`, and `csv.Error` for a file or a line
    that no table has.
    """
    with open_file(path) as raw:
        if raw.seek(0, io.SEEK_END) > LARGEST:
            raise csv.Error(f"more than {LARGEST >> 20} MiB")
        raw.seek(0)
        with io.TextIOWrapper(raw, encoding="utf-8-sig", newline="") as stream:
            yield _bounded(stream)


def _bounded(stream: io.TextIOWrapper) -> Iterator[str]:
    while line := stream.readline(LONGEST + 1):
        if len(line) > LONGEST:
            raise csv.Error(f"a line of more than {LONGEST} letters")
        yield line
