"""Reading of untrusted or damaged JSON and JSON lines, with limits.

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

MAX_JSON_BYTES = 64 << 20  # bytes of a JSON file
MAX_LINE_BYTES = 1 << 20  # bytes of a line of JSON
MAX_DEPTH = 50  # nesting of lists and objects
_PIECE = 1 << 16

_T = TypeVar("_T")


def parse(text: bytes | str) -> Any:
    """Parse JSON text. A byte order mark is skipped.

    Raises:
        ValueError: It is not JSON or not UTF-8, nests deeper than `MAX_DEPTH`, or has a duplicate key, a NUL character,
            a number that is not finite (NaN, Infinity, 1e999) or an integer of more than 64 bits. One line.

    Example:
        >>> parse('{"a": [1, 2]}')
        {'a': [1, 2]}
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
        raise ValueError(f"nested deeper than {MAX_DEPTH}") from reason
    _check_texts(value)
    return value


def read_object(
    path: Path, remedy: str, error: type[FacereliefError] = FacereliefError, largest: int = MAX_JSON_BYTES
) -> dict[str, Any]:
    """Read a JSON file that holds an object.

    Args:
        path: The file.
        remedy: What the user can do; the end of the message.
        error: The class of the error.
        largest: The limit in bytes.

    Raises:
        FacereliefError: An `error`, if the file cannot be read, is not an object, or is larger than `largest`.
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
    """The objects of a JSON lines file; none if it does not exist.

    Other lines are skipped, such as a torn last line, and so are lines of more than `MAX_LINE_BYTES`.
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
    path: Path, *values: Mapping[str, Any], remedy: str = "free space and run the same command again"
) -> None:
    """Append objects to a JSON lines file; a torn last line stays on its own line.

    Args:
        path: The file, created if it does not exist.
        *values: The objects.
        remedy: What the user can do; the end of the message.

    Raises:
        FacereliefError: It cannot be written.
    """
    text = "".join(json.dumps(value) + "\n" for value in values)
    try:
        with path.open("ab+") as stream:
            torn = stream.tell() and stream.seek(-1, os.SEEK_END) >= 0 and stream.read(1) != b"\n"
            stream.write((("\n" if torn else "") + text).encode())
    except OSError as reason:
        raise FacereliefError(f"cannot write {path}: {reason.strerror or reason}; {remedy}") from reason


def to_dataclass(cls: type[_T], values: Mapping[str, Any]) -> _T:
    """A dataclass from parsed JSON; integers are accepted as floats, and lists as tuples.

    Raises:
        ValueError: An entry is unknown, missing or of another type; the message names the first.
    """
    hints = get_type_hints(cls)
    unknown = sorted(set(values) - set(hints))
    if unknown:
        raise ValueError(f"unknown entry {unknown[0]!r}")
    plain = {}
    for name, value in values.items():
        if not _fits(value, hints[name]):
            raise ValueError(f"{name} is {_shown(value)}, which is not of type {_named(hints[name])}")
        plain[name] = tuple(value) if isinstance(value, list) else value
    try:
        return cls(**plain)
    except TypeError as reason:
        raise ValueError(f"missing entries: {str(reason).rpartition(': ')[2]}") from reason


def _lines(stream: BinaryIO) -> Iterator[bytes]:
    """The lines of at most `MAX_LINE_BYTES`; longer ones are skipped in pieces."""
    while line := stream.readline(MAX_LINE_BYTES + 1):
        if line.endswith(b"\n") or len(line) <= MAX_LINE_BYTES:
            yield line
            continue
        while (piece := stream.readline(_PIECE)) and not piece.endswith(b"\n"):
            pass


def _check_texts(value: Any) -> None:
    """Raises `ValueError` for a NUL, which no file name can hold, and for deep nesting."""
    level, depth = [value], 0
    while level:
        if depth == MAX_DEPTH and any(isinstance(one, dict | list) for one in level):
            raise ValueError(f"nested deeper than {MAX_DEPTH}")
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
