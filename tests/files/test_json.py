"""One reader of JSON: whatever a file holds, it gives an object or one line of reasons, soon and in bounded memory."""

import json
import math
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from memory import memory_growth

from facerelief.errors import CheckpointError, FacereliefError
from facerelief.files.json import (
    MAX_DEPTH,
    MAX_LINE_BYTES,
    append_lines,
    parse,
    read_lines,
    read_object,
    to_dataclass,
)

BAD = {
    "deep lists": b"[" * 200_000,
    "deep objects": b'{"a":' * 100_000 + b"1" + b"}" * 100_000,
    "a list too deep": b"[" * (MAX_DEPTH + 1) + b"]" * (MAX_DEPTH + 1),
    "not UTF-8": b'{"a": "\xff"}',
    "UTF-16": '{"a": 1}'.encode("utf-16"),
    "NUL byte": b'{"a": "\0"}',
    "NUL escape": b'{"a": "x\\u0000y"}',
    "NUL in a key": b'{"\\u0000": 1}',
    "NaN": b'{"a": NaN}',
    "Infinity": b'{"a": -Infinity}',
    "a float too large": b'{"a": 1e999}',
    "an integer of a hundred digits": b'{"a": ' + b"9" * 100 + b"}",
    "an integer of a million digits": b'{"a": ' + b"9" * 1_000_000 + b"}",
    "65 bits": b'{"a": 18446744073709551616}',
    "a key twice": b'{"a": 1, "a": 2}',
    "cut off": b'{"a": [1, 2',
    "two values": b"{} {}",
    "nothing": b"",
    "blanks": b" \n\t",
}
VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**64 - 1)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters(exclude_characters="\0")),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text("abé\ud800", max_size=3), inner, max_size=4),
    max_leaves=12,
)


@dataclass(frozen=True)
class Row:
    name: str
    count: int
    share: float = 0.5
    keep: bool = True
    words: tuple[str, ...] = ()
    note: str | None = None


@settings(derandomize=True)
@given(VALUES)
def test_what_the_library_writes_is_read_back(value: Any) -> None:
    text = json.dumps(value)
    assert parse(text) == value
    assert parse(b"\xef\xbb\xbf" + text.encode()) == value  # with the byte order mark of some editors


@pytest.mark.parametrize("text", BAD.values(), ids=BAD)
def test_what_is_no_json_is_refused_in_one_line(tmp_path: Path, text: bytes) -> None:
    with pytest.raises(ValueError, match=r".") as caught:
        parse(text)
    assert "\n" not in str(caught.value)
    path = tmp_path / "config.json"
    path.write_bytes(text)
    with pytest.raises(CheckpointError) as refused:
        read_object(path, "choose another run", CheckpointError)
    message = str(refused.value)
    assert message.startswith(f"{path} is damaged (")
    assert message.endswith("; choose another run")
    assert "\n" not in message
    assert len(message) < len(str(path)) + 200


@settings(max_examples=300, derandomize=True)
@given(st.binary(max_size=60) | st.text('{}[]",:0123456789.eE+-\\unftalsr \n').map(str.encode))
def test_any_bytes_give_a_value_or_a_value_error(text: bytes) -> None:
    try:
        value = parse(text)
    except ValueError as reason:
        assert "\n" not in str(reason)
    else:
        assert json.loads(text.decode("utf-8-sig")) == value


def test_other_files_than_objects(tmp_path: Path) -> None:
    path = tmp_path / "a.json"
    for text, reason in (("[1]", "a list, not an object"), ("null", "a NoneType"), ('"x"', "a str"), ("3", "a int")):
        path.write_text(text)
        with pytest.raises(FacereliefError, match=reason):
            read_object(path, "write it again")
    with pytest.raises(FacereliefError, match="cannot be read"):
        read_object(tmp_path / "absent", "write it again")
    with pytest.raises(FacereliefError, match="cannot be read"):
        read_object(tmp_path, "write it again")
    path.write_text(json.dumps({"a": "x" * 2_000_000}))
    with pytest.raises(FacereliefError, match="larger than 1 MB"):
        read_object(path, "write it again", largest=1_000_000)


def test_a_pipe_is_no_file_and_is_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(FacereliefError, match="a FIFO, not a file"):
        read_object(tmp_path / "pipe", "write it again")
    assert list(read_lines(tmp_path / "pipe")) == []


def test_a_file_of_gigabytes_of_zeros_takes_no_memory(tmp_path: Path) -> None:
    path = tmp_path / "sparse"
    path.touch()
    os.truncate(path, 1 << 30)
    with memory_growth() as growth:
        with pytest.raises(FacereliefError, match="larger than 67 MB"):
            read_object(path, "write it again")
        assert list(read_lines(path)) == []
    assert growth.bytes < 300 << 20


@pytest.mark.parametrize("text", [*BAD.values(), b"[1]", b"3", b'{"a": "' + b"x" * MAX_LINE_BYTES + b'"}'])
def test_lines_that_cannot_be_read_count_for_nothing(tmp_path: Path, text: bytes) -> None:
    path = tmp_path / "journal.jsonl"
    path.write_bytes(b'{"n": 1}\n' + text + b'\n\n{"n": 2}\r\n' + text)
    assert list(read_lines(path)) == [{"n": 1}, {"n": 2}]
    append_lines(path, {"n": 3}, {"n": 4})  # after a line that was cut off
    assert [line["n"] for line in read_lines(path)] == [1, 2, 3, 4]


@settings(derandomize=True, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(rows=st.lists(st.dictionaries(st.text("ab\n\u2028é", max_size=3), st.text("\n\r\u2028x")), max_size=5))
def test_lines_come_back_as_they_were_added(tmp_path: Path, rows: list[dict[str, str]]) -> None:
    path = tmp_path / "journal.jsonl"
    path.unlink(missing_ok=True)
    for row in rows:
        append_lines(path, row)
    assert list(read_lines(path)) == rows


def test_lines_that_cannot_be_added(tmp_path: Path) -> None:
    with pytest.raises(FacereliefError, match="free space and run the same command again"):
        append_lines(tmp_path, {"n": 1})


def test_a_row_is_taken_with_the_types_that_it_names() -> None:
    assert to_dataclass(Row, {"name": "a", "count": 2}) == Row("a", 2)
    found = to_dataclass(Row, {"name": "a", "count": 2, "share": 1, "keep": False, "words": ["x"], "note": "n"})
    assert found == Row("a", 2, 1, False, ("x",), "n")


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"name": ["a"]}, r"name is \['a'\], which is not of type str"),
        ({"name": None}, "name is None"),
        ({"count": 2.5}, "count is 2.5, which is not of type int"),
        ({"count": True}, "count is True"),
        ({"share": "0.5"}, "share is '0.5', which is not of type float"),
        ({"share": False}, "share is False"),
        ({"keep": 1}, "keep is 1, which is not of type bool"),
        ({"words": "x"}, "words is 'x'"),
        ({"words": ["x", 3]}, "words is"),
        ({"note": 3}, "note is 3"),
        ({"mood": "fair"}, "unknown entry 'mood'"),
        ({"name": {"a": "x" * 1000}}, r"\.\.\., which is not of type str"),
    ],
)
def test_a_row_of_other_types_is_refused(change: dict[str, Any], reason: str) -> None:
    with pytest.raises(ValueError, match=reason):
        to_dataclass(Row, {"name": "a", "count": 2, **change})
    with pytest.raises(ValueError, match="missing entries: 'count'"):
        to_dataclass(Row, {"name": "a"})


def test_what_is_just_deep_enough_is_read() -> None:
    assert parse("[" * MAX_DEPTH + "1" + "]" * MAX_DEPTH)


def test_numbers_keep_their_values() -> None:
    assert parse("18446744073709551615") == 2**64 - 1
    assert parse("-9223372036854775808") == -(2**63)
    assert math.isclose(parse("1e-400"), 0)
