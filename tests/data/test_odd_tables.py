"""Tables against spreadsheets and chance: no cell is a formula, and any damage gives a result or one line."""

import csv
import dataclasses
import json
import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from damage import change
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from shells import CLASSES, Handmade, row_of

from facerelief.data import Dataset
from facerelief.data.arrays import load_arrays
from facerelief.data.manifest import (
    METADATA,
    Sample,
    harmless,
    read_dataset_settings,
    read_rows,
    read_samples,
    write_rows,
)
from facerelief.data.portraits import DatasetPortraits
from facerelief.data.review.contact_sheet import write_contact_sheet
from facerelief.data.review.selection import review
from facerelief.data.stats import dataset_warnings, render, table4
from facerelief.errors import FacereliefError


@pytest.fixture
def foreign(handmade: Handmade) -> Handmade:
    for number in range(12):
        handmade.add(f"p{number}", expression=CLASSES[number % 3])
    handmade.write()
    return handmade


def uses(dataset: Path) -> dict[str, Callable[[], object]]:
    """All that reads a dataset's files."""
    return {
        "review": lambda: review(dataset),
        "sheet": lambda: write_contact_sheet(dataset),
        "stats": lambda: (render(table4(read_samples(dataset), "x")), dataset_warnings(read_samples(dataset))),
        "arrays": lambda: load_arrays(Dataset(dataset), read_samples(dataset), 32, "rgb", CLASSES, complete=False),
        "portraits": lambda: [DatasetPortraits(dataset)[0]],
    }


NAMES = {
    "+1": "'+1",
    "-1+1": "'-1+1",
    "=cmd|'/c calc'!A1": "'=cmd|'/c calc'!A1",
    "@SUM(1+1)*cmd|calc": "'@SUM(1+1)*cmd|calc",
    '=HYPERLINK("x","y")': '\'=HYPERLINK("x","y")',
    "\uff1d1": "'\uff1d1",
    "\n=1": "'\n=1",
    "\t=1": r"\t=1",
    "a\rb\x1b[2J\udcff": r"a\rb\x1b[2J\udcff",
    "Tony = Blair": "Tony = Blair",
    "'quoted'": "'quoted'",
    "na\u200cme": "na\u200cme",
}


@pytest.mark.parametrize(("name", "cell"), NAMES.items())
def test_no_cell_is_a_formula_and_all_readers_read_the_same(tmp_path: Path, name: str, cell: str) -> None:
    path = tmp_path / METADATA
    row = row_of("a", identity=harmless(name), yaw=-12.5)
    assert harmless(row.identity) == row.identity == cell
    write_rows(path, Sample, [row])
    assert read_rows(path, Sample) == [row]
    with path.open(newline="", encoding="utf-8") as stream:
        (cells,) = csv.DictReader(stream)
    assert (cells["identity"], cells["yaw"]) == (cell, "-12.5")  # a number stays one
    write_rows(path, Sample, [dataclasses.replace(row, identity=name)])  # by whoever forgot
    assert read_rows(path, Sample) == [row]


@settings(derandomize=True, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(name=st.text() | st.text("=+-@\r\n\t'\",;\0\x1b\udcff"))
def test_any_name_can_stand_in_a_table(tmp_path: Path, name: str) -> None:
    row = row_of("a", identity=name, source=name)
    write_rows(tmp_path / METADATA, Sample, [row])
    (found,) = read_rows(tmp_path / METADATA, Sample)
    assert found == dataclasses.replace(row, identity=harmless(name), source=harmless(name))
    assert not found.identity.startswith(("=", "+", "-", "@", "\t", "\r", "\n"))


# -- anything -------------------------------------------------------------------------------------------------------


def test_any_damage_of_tables_and_settings_gives_a_result_or_one_line(foreign: Handmade) -> None:
    path = foreign.path
    names = (METADATA, "dataset.json", "overrides.csv", "rejects.csv")
    review(path)
    whole = {name: (path / name).read_bytes() for name in names}

    @settings(max_examples=60, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))
    @given(st.sampled_from(names), st.integers(0, 2**32))
    def check(name: str, seed: int) -> None:
        for one, data in whole.items():
            (path / one).write_bytes(data)
        (path / name).write_bytes(spoilt(whole[name], random.Random(seed)))
        for use in (*uses(path).values(), lambda: read_dataset_settings(path)):
            try:
                use()
            except FacereliefError as problem:
                assert "\n" not in str(problem)
                assert len(str(problem)) < 600

    check()


def spoilt(data: bytes, chance: random.Random) -> bytes:
    """Bytes with one damage: a cell, a line, some bytes, or an entry."""
    lines = data.splitlines(keepends=True)
    way = chance.randrange(4)
    if data.startswith(b"{"):
        tree: Any = json.loads(data)
        change(tree, chance, (None, -1, 1e308, "", "x", [], {}, True, 10**30, "9" * 5000))
        return json.dumps(tree).encode() if way else data[: chance.randrange(len(data))] + b"[" * 10_000
    row = chance.randrange(len(lines))
    if way == 0:
        cells = lines[row].split(b",")
        odd = (b"", b"nan", b"inf", b"-1", b"1e999", b"\xff", b"\0", b'"', b"x" * 200, b"9" * 5000, b"../x", b"True")
        cells[chance.randrange(len(cells))] = chance.choice(odd)
        lines[row] = b",".join(cells)
    elif way == 1:
        lines[row] = chance.choice((b"", lines[0], lines[row] * 2, lines[row][: len(lines[row]) // 2]))
    else:
        at = chance.randrange(len(data))
        return data[:at] + chance.choice((b"", b"\0", b"\xfe\xff", chance.randbytes(20), b'"')) + data[at + way :]
    return b"".join(lines)
