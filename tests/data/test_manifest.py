import csv
import dataclasses
import json
from pathlib import Path
from typing import Any, get_type_hints

import pytest

from facerelief.data import Dataset
from facerelief.data.manifest import (
    METADATA,
    SETTINGS,
    Reject,
    Sample,
    read_dataset_settings,
    read_rows,
    read_samples,
    write_rows,
    write_settings,
)
from facerelief.errors import DatasetError


def sample(**values: Any) -> Sample:
    plain = {str: "text", int: 1, float: 0.5, bool: True}
    return Sample(**{name: plain[kind] for name, kind in get_type_hints(Sample).items()} | values)


def rejected(path: Path, kind: type = Sample) -> str:
    with pytest.raises(DatasetError) as caught:
        read_rows(path, kind)
    message = str(caught.value)
    assert "\n" not in message
    assert str(path) in message
    return message


def edit(path: Path, line: int, **values: str) -> None:
    """Change cells of a CSV, as a person does."""
    with path.open(newline="", encoding="utf-8") as stream:
        table = list(csv.reader(stream))
    for name, value in values.items():
        table[line][table[0].index(name)] = value
    with path.open("w", newline="", encoding="utf-8") as stream:
        csv.writer(stream).writerows(table)


def test_rows_come_back(tmp_path: Path) -> None:
    path = tmp_path / METADATA
    rows = [
        sample(yaw=-12.25, faces=3, keep=False, reasons="blurred; 2 faces"),
        sample(source='a "b", c/ü 1.jpg', identity="", quality=1 / 3, fingerprint="0012345678901234"),
        sample(reasons="first line\nsecond", yaw=1e-17),
    ]
    write_rows(path, Sample, rows)
    assert read_rows(path, Sample) == rows
    assert path.read_text(encoding="utf-8").startswith("file_name,depth_file_name,normal_file_name,")
    write_rows(path, Sample, [])
    assert read_rows(path, Sample) == []


def test_rejects_come_back(tmp_path: Path) -> None:
    rows = [Reject("a.jpg", "fear", "a", "unreadable", "cut off, at byte 7"), Reject("b", "", "", "", "")]
    write_rows(tmp_path / "rejects.csv", Reject, rows)
    assert read_rows(tmp_path / "rejects.csv", Reject) == rows


def test_a_failed_write_leaves_the_old_rows(tmp_path: Path) -> None:
    path = tmp_path / METADATA
    write_rows(path, Sample, [sample()])
    with pytest.raises(TypeError):
        write_rows(path, Sample, [sample(), None])  # type: ignore[list-item]
    assert read_rows(path, Sample) == [sample()]
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize(
    ("text", "kept"), [("True", True), ("TRUE", True), ("1", True), ("false", False), ("FALSE", False), ("0", False)]
)
def test_a_person_may_write_truth_as_spreadsheets_do(tmp_path: Path, text: str, kept: bool) -> None:
    path = tmp_path / METADATA
    write_rows(path, Sample, [sample()])
    edit(path, 1, keep=text)
    path.write_bytes(b"\xef\xbb\xbf" + path.read_bytes())  # with the mark that spreadsheets put first
    assert read_rows(path, Sample) == [sample(keep=kept)]


@pytest.mark.parametrize(
    ("cell", "reason"),
    [
        ({"keep": "perhaps"}, "'perhaps' is neither true nor false"),
        ({"keep": ""}, "'' is neither true nor false"),
        ({"yaw": "left"}, "'left'"),
        ({"faces": "1.5"}, "'1.5'"),
    ],
)
def test_a_wrong_cell_is_named_by_its_line(tmp_path: Path, cell: dict[str, str], reason: str) -> None:
    path = tmp_path / METADATA
    write_rows(path, Sample, [sample(), sample(), sample()])
    edit(path, 2, **cell)
    message = rejected(path)
    assert "line 3" in message
    assert reason in message


@pytest.mark.parametrize("kind", [Sample, Reject])
def test_a_line_that_is_cut_off(tmp_path: Path, kind: type) -> None:
    path = tmp_path / "rows.csv"
    write_rows(path, kind, [sample() if kind is Sample else Reject("a", "b", "c", "d", "e")])
    path.write_text(path.read_text().rstrip("\n").rpartition(",")[0] + "\n")
    assert "line 2: the line is cut off" in rejected(path, kind)


def test_other_tables(tmp_path: Path) -> None:
    path = tmp_path / METADATA
    assert "facerelief dataset build" in rejected(path)
    path.write_text("")
    assert "has no column 'file_name'" in rejected(path)
    names = [field.name for field in dataclasses.fields(Sample)]
    path.write_text(",".join(name for name in names if name != "yaw") + "\n")
    assert "has no column 'yaw'; it is from another version" in rejected(path)
    path.write_text(",".join(names) + "\nnaïve\n", encoding="latin-1")
    assert "utf-8" in rejected(path)


def test_further_columns_are_left_alone(tmp_path: Path) -> None:
    path = tmp_path / METADATA
    write_rows(path, Sample, [sample()])
    header, row, _ = path.read_text().split("\n")
    path.write_text(f"mine,{header}\nnote,{row}\n")
    assert read_rows(path, Sample) == [sample()]


def test_settings_come_back(tmp_path: Path) -> None:
    write_settings(tmp_path, {"size": 256, "recipe": {"finder": "mediapipe"}})
    settings = read_dataset_settings(tmp_path)
    assert (settings["size"], settings["recipe"]) == (256, {"finder": "mediapipe"})
    assert (settings["format"], settings["version"]) == ("facerelief-dataset", 1)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        (None, "is not a dataset (no dataset.json)"),
        ("", "is damaged"),
        ('{"format": "facerel', "is damaged"),
        ("[]", "is damaged"),
        ("null", "is damaged"),
        (json.dumps({"format": "facerelief-dataset", "version": 2}), "is of version 2, this program reads 1"),
        ("{}", "is of version None"),
    ],
)
def test_settings_that_cannot_be_read(tmp_path: Path, text: str | None, reason: str) -> None:
    if text is not None:
        (tmp_path / SETTINGS).write_text(text)
    for read in (read_dataset_settings, read_samples):
        with pytest.raises(DatasetError) as caught:
            read(tmp_path)
        message = str(caught.value)
        assert reason in message
        assert "\n" not in message
        assert str(tmp_path) in message


def test_samples_of_a_dataset_are_selected_in_order(tmp_path: Path) -> None:
    write_settings(tmp_path, {})
    rows = [
        sample(source="1", split="train", expression="fear"),
        sample(source="2", split="val", expression="fear"),
        sample(source="3", split="train", expression="anger"),
        sample(source="4", split="train", expression="neutral", keep=True),
        sample(source="5", split="train", expression="fear", keep=False),
        sample(source="6", split="train", expression="fear"),
    ]
    write_rows(tmp_path / METADATA, Sample, rows)
    dataset = Dataset(tmp_path)
    assert list(dataset.samples) == rows
    assert [s.source for s in dataset.select("train", ("neutral", "fear"))] == ["1", "4", "6"]
    assert dataset.select("test", ("fear",)) == []
