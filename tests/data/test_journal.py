"""The journal of a build: what is finished comes back, whatever cut it off, and strange folders are refused."""

import dataclasses
import json
from collections.abc import Callable
from pathlib import Path

import pytest

from facerelief.data.extract import FOLDERS
from facerelief.data.journal import JOURNAL, append, open_dataset, read_journal, stamp_of
from facerelief.data.manifest import METADATA, Reject, Sample, read_dataset_settings, write_rows
from facerelief.errors import DatasetError, FacereliefError

Row = Callable[..., Sample]
REJECT = Reject("fear/é 1.jpg", "fear", "Zoë", "unreadable", "cut off, at byte 7")


def written(path: Path, *rows: Sample | Reject) -> Path:
    for one in rows:
        append(path, one)
    return path


def refusal(call: Callable[[], object], path: Path) -> str:
    with pytest.raises(FacereliefError) as caught:
        call()
    message = str(caught.value)
    assert str(path) in message
    assert "\n" not in message
    assert ";" in message  # the remedy
    return message


# -- lines ----------------------------------------------------------------------------------------------------------


def test_rows_come_back_by_their_source(tmp_path: Path, row: Row) -> None:
    first, second = row("a", yaw=-12.25, keep=False, reasons="blurred; dark"), row("b", source="b/ü\n.jpg")
    journal = written(tmp_path / JOURNAL, first, REJECT, second)
    assert read_journal(journal) == {one.source: one for one in (first, REJECT, second)}
    lines = journal.read_text().splitlines()
    assert [json.loads(line)["kind"] for line in lines] == ["Sample", "Reject", "Sample"]


def test_the_last_row_of_a_source_counts(tmp_path: Path, row: Row) -> None:
    before, after = row("a", yaw=1.0), row("a", yaw=2.0)
    assert read_journal(written(tmp_path / JOURNAL, before, REJECT, after))[after.source] == after


@pytest.mark.parametrize("name", ["rgb/\ud800.png", "rgb\ud800/a.png", "\udfff"])
def test_a_row_with_a_name_that_no_file_can_have_counts_for_nothing(tmp_path: Path, row: Row, name: str) -> None:
    """JSON spells it; a file system does not take it."""
    journal = written(tmp_path / JOURNAL, row("a", file_name=name), row("b", mesh=name), row("c"))
    assert [one.source for one in read_journal(journal).values()] == [row("c").source]


def test_no_journal_and_an_empty_one_hold_nothing(tmp_path: Path) -> None:
    assert read_journal(tmp_path / JOURNAL) == {}
    (tmp_path / JOURNAL).touch()
    assert read_journal(tmp_path / JOURNAL) == {}


def test_a_journal_cut_off_anywhere_keeps_its_whole_lines_and_goes_on(tmp_path: Path, row: Row) -> None:
    rows = [row("a"), REJECT, row("b")]
    whole = written(tmp_path / "whole", *rows).read_bytes()
    ends = [n + 1 for n, byte in enumerate(whole) if byte == ord("\n")]
    journal = tmp_path / JOURNAL
    for length in (1, ends[0] - 1, ends[0], ends[0] + 1, ends[1] - 1, ends[1] + 40, len(whole) - 1):
        journal.write_bytes(whole[:length])
        kept = list(read_journal(journal).values())
        assert kept == rows[: len(kept)]
        assert len(kept) in (sum(end <= length for end in ends), sum(end <= length + 1 for end in ends))
        for one in rows[len(kept) :]:
            append(journal, one)
        assert list(read_journal(journal).values()) == rows


@pytest.mark.parametrize(
    "damage",
    [
        *("", "{}", "[]", "null", '{"kind": "Sample"}', '{"kind": "Photo", "source": "a"}', '{"kind": "Rej'),
        *("[" * 100_000, '{"kind": ["Sample"]}', "\0\0", '{"kind": "Reject", "kind": "Reject"}'),
    ],
)
def test_a_line_that_is_no_row_counts_for_nothing(tmp_path: Path, row: Row, damage: str) -> None:
    journal = written(tmp_path / JOURNAL, REJECT)
    with journal.open("a") as stream:
        stream.write(damage + "\n")
    append(journal, row("a"))
    assert list(read_journal(journal).values()) == [REJECT, row("a")]


@pytest.mark.parametrize(
    "change",
    [
        *({"mood": "fair"}, {"source": ["a"]}, {"source": None}, {"faces": "1"}, {"faces": True}, {"keep": 1}),
        *({"yaw": None}, {"yaw": 10**400}, {"file_name": "/etc/passwd"}, {"mesh": "../x.npz"}, {"mesh": "a\\..\\x"}),
    ],
)
def test_a_row_of_another_form_or_with_files_elsewhere_counts_for_nothing(
    tmp_path: Path, row: Row, change: dict[str, object]
) -> None:
    journal = tmp_path / JOURNAL
    journal.write_text(json.dumps(dataclasses.asdict(row("a")) | {"kind": "Sample"} | change) + "\n")
    append(journal, row("b"))
    assert list(read_journal(journal).values()) == [row("b")]


def test_a_journal_that_cannot_be_written(tmp_path: Path, row: Row) -> None:
    (tmp_path / JOURNAL).mkdir()
    message = refusal(lambda: append(tmp_path / JOURNAL, row("a")), tmp_path / JOURNAL)
    assert message.endswith("; free space and run the same command again")


# -- folders --------------------------------------------------------------------------------------------------------


def test_a_new_folder_gets_its_settings_and_its_folders(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    for dataset in (tmp_path / "new" / "one", tmp_path / "empty"):
        open_dataset(dataset, {"size": 64, "seed": 1})
        assert read_dataset_settings(dataset)["seed"] == 1
        assert all((dataset / name).is_dir() for name in FOLDERS)
        assert not (dataset / METADATA).exists()


def test_the_same_settings_open_it_again_and_leave_it_as_it_is(tmp_path: Path, row: Row) -> None:
    settings = {"size": 64, "seed": 1, "recipe": {"finder": "mediapipe", "task_file": None}}
    open_dataset(tmp_path, settings)
    (tmp_path / "mesh").rmdir()
    write_rows(tmp_path / METADATA, Sample, [row("a")])
    before = {path: path.read_bytes() for path in tmp_path.iterdir() if path.is_file()}
    open_dataset(tmp_path, settings)
    assert {path: path.read_bytes() for path in tmp_path.iterdir() if path.is_file()} == before
    assert (tmp_path / "mesh").is_dir()


@pytest.mark.parametrize(
    ("settings", "name"),
    [
        ({"size": 96, "seed": 1}, "size"),
        ({"size": 64, "seed": 2}, "seed"),
        ({"size": 64, "seed": 1, "face_sha256": "0" * 64}, "face"),
    ],
)
def test_other_settings_are_named(tmp_path: Path, settings: dict[str, object], name: str) -> None:
    open_dataset(tmp_path, {"size": 64, "seed": 1})
    message = refusal(lambda: open_dataset(tmp_path, settings), tmp_path)
    assert f"was built with another {name}; choose another folder or delete it" in message
    assert read_dataset_settings(tmp_path)["size"] == 64


def test_a_setting_that_is_off_may_be_missing(tmp_path: Path) -> None:
    """A build of an earlier version, which could not do it yet."""
    open_dataset(tmp_path, {"size": 64})
    open_dataset(tmp_path, {"size": 64, "depth_maps": False})


def test_folders_of_something_else(tmp_path: Path) -> None:
    letter = tmp_path / "letter.txt"
    letter.write_text("dear")
    assert "is a file; name a folder" in refusal(lambda: open_dataset(letter, {}), letter)
    assert "holds other files; choose an empty folder" in refusal(lambda: open_dataset(tmp_path, {}), tmp_path)
    assert list(tmp_path.iterdir()) == [letter]


def test_settings_of_another_version_and_a_file_in_a_folders_place(tmp_path: Path) -> None:
    open_dataset(tmp_path, {"size": 64})
    (tmp_path / "mask").rmdir()
    (tmp_path / "mask").touch()
    assert "cannot write to" in refusal(lambda: open_dataset(tmp_path, {"size": 64}), tmp_path)
    (tmp_path / "dataset.json").write_text('{"format": "facerelief-dataset", "version": 9}')
    with pytest.raises(DatasetError, match="is of version 9, this program reads 1"):
        open_dataset(tmp_path, {"size": 64})


def test_files_that_changed_since_are_not_finished(tmp_path: Path, row: Row) -> None:
    files = {name: tmp_path / f"{name}.bin" for name in "abc"}
    for file in files.values():
        file.write_bytes(bytes(9000))
    journal = tmp_path / JOURNAL
    for name, file in files.items():
        append(journal, row(name), stamp_of(file))
    append(journal, row("d"))  # of a build before there were stamps
    files["b"].write_bytes(bytes(8999) + b"x")
    files["c"].unlink()
    stamps = {row(name).source: stamp_of(file) for name, file in files.items()}
    assert list(read_journal(journal, stamps)) == [row("a").source, row("d").source]
    assert len(read_journal(journal)) == 4
