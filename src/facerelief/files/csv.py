"""Lines of an untrusted CSV file for `csv.reader`, in bounded memory."""

import contextlib
import csv
import io
from collections.abc import Iterator
from pathlib import Path

from facerelief.files import open_file

MAX_CSV_BYTES = 2 << 30  # bytes; AffectNet's list, the longest known, has 0.4 GB
MAX_CSV_LINE = 1 << 20  # characters


@contextlib.contextmanager
def csv_lines(path: Path) -> Iterator[Iterator[str]]:
    """The lines of a UTF-8 file with their ends; a byte order mark is skipped.

    Raises:
        OSError: It cannot be read.
        UnicodeDecodeError: It is not UTF-8.
        csv.Error: The file or a line is too long for a table.
    """
    with open_file(path) as raw:
        if raw.seek(0, io.SEEK_END) > MAX_CSV_BYTES:
            raise csv.Error(f"more than {MAX_CSV_BYTES >> 20} MiB")
        raw.seek(0)
        with io.TextIOWrapper(raw, encoding="utf-8-sig", newline="") as stream:
            yield _bounded(stream)


def _bounded(stream: io.TextIOWrapper) -> Iterator[str]:
    while line := stream.readline(MAX_CSV_LINE + 1):
        if len(line) > MAX_CSV_LINE:
            raise csv.Error(f"a line of more than {MAX_CSV_LINE} characters")
        yield line
