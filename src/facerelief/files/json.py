"""JSON and JSON lines in files that somebody else may have written, or something damaged: one reader, with limits.

settings = read_object(folder / "config.json", "choose another run", CheckpointError)
rows = [row_of(line) for line in read_lines(folder / "build.jsonl")]
"""

import json
import math
import os
import types
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, BinaryIO, TypeVar, Union, get_args, get_origin, get_type_hints

from facerelief.errors import FacereliefError
from facerelief.files import open_file, read_file

LARGEST = 64 << 20  # bytes of a JSON file
LONGEST = 1 << 20  # bytes of a line of JSON
DEEPEST = 50  # lists and objects in each other
_PIECE = 1 << 16

T = TypeVar("T")


def parse(text: bytes | str) -> Any:
    """The value of a JSON text. A byte order mark is skipped.

    Raises `ValueError`, of one line, for what is not JSON or not UTF-8, nests deeper than `DEEPEST`, has a key twice,
    a NUL in a text, or a number that is none (NaN, Infinity, 1e999) or needs more than 64 bits.
    """
    if isinstance(text, bytes):
        text = text.decode("utf-8-sig")
    try:
        value = json.loads(
            text.removeprefix("\ufeff"),
            parse_int=_integer,
            parse_float=_real,
            parse_constant=_real,
            object_pairs_hook=_object,
        )
    except RecursionError as reason:
        raise ValueError(f"nested deeper than {DEEPEST}") from reason
    _check_texts(value)
    return value


def read_object(
    path: Path, remedy: str, error: type[FacereliefError] = FacereliefError, largest: int = LARGEST
) -> dict[str, Any]:
    """The object of a JSON file.

    Raises `error`, which names the file, the reason and the `remedy`, where it cannot be read, holds something else,
    or is larger than `largest` bytes.
    """
    try:
        value = parse(read_file(path, largest))
        if not isinstance(value, dict):
            raise ValueError(f"a {type(value).__name__}, not an object")
    except OSError as reason:
        raise error(f"{path} cannot be read ({reason.strerror or reason}); {remedy}") from reason
    except ValueError as reason:
        raise error(f"{path} is damaged ({reason}); {remedy}") from reason
    return value


def read_lines(path: Path) -> Iterator[dict[str, Any]]:
    """The objects of a file with one a line; none where there is no such file.

    Lines that hold anything else count for nothing, such as the last one after a kill or those of a foreign hand, and
    so do lines of more than `LONGEST` bytes.
    """
    try:
        with open_file(path) as stream:
            for line in _lines(stream):
                try:
                    value = parse(line)
                except ValueError:
                    continue
                if isinstance(value, dict):
                    yield value
    except OSError:
        return


def append_lines(
    path: Path, *values: Mapping[str, Any], remedy: str = "make room and run the same command again"
) -> None:
    """Add objects to a file with one a line; a last line that was cut off stays a line of its own.

    Raises `FacereliefError`, with the `remedy`, where it cannot be written.
    """
    text = "".join(json.dumps(value) + "\n" for value in values)
    try:
        with path.open("ab+") as stream:
            torn = stream.tell() and stream.seek(-1, os.SEEK_END) >= 0 and stream.read(1) != b"\n"
            stream.write((("\n" if torn else "") + text).encode())
    except OSError as reason:
        raise FacereliefError(f"cannot write {path}: {reason.strerror or reason}; {remedy}") from reason


def typed(kind: type[T], values: Mapping[str, Any]) -> T:
    """A dataclass from what JSON held; integers do where numbers are asked for, and lists where tuples are.

    Raises `ValueError` that names the first entry that is unknown, missing or of another type.
    """
    hints = get_type_hints(kind)
    unknown = sorted(set(values) - set(hints))
    if unknown:
        raise ValueError(f"unknown entry {unknown[0]!r}")
    plain = {}
    for name, value in values.items():
        if not _fits(value, hints[name]):
            raise ValueError(f"{name} is {_shown(value)}, which is not of type {_named(hints[name])}")
        plain[name] = tuple(value) if isinstance(value, list) else value
    try:
        return kind(**plain)
    except TypeError as reason:
        raise ValueError(f"missing entries: {str(reason).rpartition(': ')[2]}") from reason


def _lines(stream: BinaryIO) -> Iterator[bytes]:
    """The lines of at most `LONGEST` bytes; what is longer is passed over in pieces."""
    while line := stream.readline(LONGEST + 1):
        if line.endswith(b"\n") or len(line) <= LONGEST:
            yield line
            continue
        while (piece := stream.readline(_PIECE)) and not piece.endswith(b"\n"):
            pass


def _check_texts(value: Any) -> None:
    """Raise `ValueError` for a NUL, which no file's name can hold, and for deep nesting."""
    level, depth = [value], 0
    while level:
        if depth == DEEPEST and any(isinstance(one, dict | list) for one in level):
            raise ValueError(f"nested deeper than {DEEPEST}")
        below: list[Any] = []
        for one in level:
            if isinstance(one, str) and "\0" in one:
                raise ValueError("a NUL in a text")
            if isinstance(one, dict):
                below += [*one, *one.values()]
            if isinstance(one, list):
                below += one
        level, depth = below, depth + 1


def _integer(digits: str) -> int:
    if len(digits) > 20 or not -(2**63) <= int(digits) < 2**64:
        raise ValueError(f"{digits[:20]}... needs more than 64 bits")
    return int(digits)


def _real(digits: str) -> float:
    number = float(digits)
    if not math.isfinite(number):
        raise ValueError(f"{digits[:20]} is no number")
    return number


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        seen: set[str] = set()
        twice = next(name for name, _ in pairs if name in seen or seen.add(name))  # type: ignore[func-returns-value]
        raise ValueError(f"{twice!r:.40} stands twice")
    return found


def _fits(value: Any, hint: Any) -> bool:
    if hint is Any:
        return True
    origin, parts = get_origin(hint), get_args(hint)
    if origin in (Union, types.UnionType):
        return any(_fits(value, part) for part in parts)
    if origin is tuple:
        inner = parts[0] if parts else Any
        return isinstance(value, list | tuple) and all(_fits(one, inner) for one in value)
    if isinstance(value, bool) or hint is bool:
        return hint is bool and isinstance(value, bool)
    return isinstance(value, int | float if hint is float else origin or hint)


def _shown(value: Any) -> str:
    text = ascii(value)
    return text if len(text) <= 40 else text[:40] + "..."


def _named(hint: Any) -> str:
    return getattr(hint, "__name__", str(hint)) if get_origin(hint) is None else str(hint)
