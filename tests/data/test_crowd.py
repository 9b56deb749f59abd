"""FER+ as published and as a table of votes, and the London set."""

from pathlib import Path

import pytest
from shells import Handmade

from facerelief.data.manifest import METADATA, read_samples
from facerelief.data.sources.crowd import read_ferplus, read_london
from facerelief.data.sources.layouts import read_labelled
from facerelief.errors import DatasetError
from facerelief.expressions import EXPRESSIONS

PUBLISHED = "Usage,Image name,neutral,happiness,surprise,sadness,anger,disgust,fear,contempt,unknown,NF\n"
OWN = "path,split,expression,neutral,happiness,surprise,sadness,anger,disgust,fear,contempt,unknown,not_face\n"


def touch(root: Path, *names: str) -> None:
    for name in names:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_bytes(b"never decoded")


def ferplus(root: Path) -> Path:
    """The published table with six lines: three majorities, a draw, a plurality of four, and a face that is none."""
    touch(root, "FER2013Train/fer0000000.png", "FER2013Valid/fer0000001.png", "FER2013Test/fer0000002.png")
    touch(root, *(f"FER2013Train/fer000000{k}.png" for k in (3, 4, 5)))
    (root / "fer2013new.csv").write_text(
        PUBLISHED
        + "Training,fer0000000.png,1,8,1,0,0,0,0,0,0,0\n"
        + "PublicTest,fer0000001.png,0,0,0,2,6,0,1,0,1,0\n"
        + "PrivateTest,fer0000002.png,0,0,0,0,0,5,4,1,0,0\n"
        + "Training,fer0000003.png,5,0,0,5,0,0,0,0,0,0\n"
        + "Training,fer0000004.png,4,2,2,2,0,0,0,0,0,0\n"
        + "Training,fer0000005.png,0,0,0,0,0,0,0,0,1,9\n"
        + "Training,,0,0,0,0,0,0,0,0,0,10\n"
    )
    return root


def test_ferplus_by_its_votes(tmp_path: Path) -> None:
    """Votes come in FER+'s order of columns and are kept in the order of `EXPRESSIONS`."""
    reading = read_labelled(ferplus(tmp_path))
    assert reading.source == "ferplus"
    found = [(p.photo.name, p.expression, p.split, p.identity, p.votes) for p in reading.photos]
    assert EXPRESSIONS[:4] == ("neutral", "happiness", "sadness", "surprise")
    assert found == [
        ("fer0000002.png", "disgust", "test", "fer0000002", (0, 0, 0, 0, 4, 5, 0, 1)),
        ("fer0000000.png", "happiness", "train", "fer0000000", (1, 8, 0, 1, 0, 0, 0, 0)),
        ("fer0000001.png", "anger", "val", "fer0000001", (0, 0, 2, 0, 1, 0, 6, 0)),
    ]
    assert "left out photos without a majority of 5 votes for an expression: 2 no face, 2 no majority" in reading.notes


def test_a_table_of_votes_with_paths_is_ferplus_too(tmp_path: Path) -> None:
    touch(tmp_path, "train/a.png", "val/b.png")
    (tmp_path / "labels.csv").write_text(
        OWN + "train/a.png,train,,6,0,1,1,0,0,0,0,2,0\nval/b.png,val,,0,0,0,7,3,0,0,0,0,0\ntrain/c.png,train,fear,"
        "0,0,0,0,0,0,9,0,1,0\n"
    )
    photos, notes = read_ferplus(tmp_path)
    assert [(p.photo.name, p.expression, p.split) for p in photos] == [
        ("a.png", "neutral", "train"),
        ("b.png", "sadness", "val"),
    ]
    assert notes == ["labels.csv: 1 listed photos do not exist: c.png"]
    assert read_labelled(tmp_path / "labels.csv").photos == sorted(photos, key=lambda p: str(p.photo))


@pytest.mark.parametrize(
    ("line", "says"),
    [
        ("train/a.png,train,,x,0,0,0,0,0,0,0,0,0", r"line 2: 'x' is no number of votes for neutral"),
        ("train/a.png,train,,9", r"line 2: '' is no number of votes for happiness"),
        ("train/a.png,other,,9,0,0,0,0,0,0,0,1,0", r"line 2: unknown split 'other'"),
        ("../a.png,train,,9,0,0,0,0,0,0,0,1,0", r"'\.\./a\.png' is not a file below"),
        ("train/a.png,train,,9,0,0,0,0,0,0,0,1,0", r"1 photos do not exist below .*: a\.png"),
    ],
)
def test_damaged_tables_are_refused(tmp_path: Path, line: str, says: str) -> None:
    (tmp_path / "labels.csv").write_text(OWN + line + "\n")
    with pytest.raises(DatasetError, match=says):
        read_ferplus(tmp_path)
    (tmp_path / "labels.csv").write_text("path,expression\n")
    with pytest.raises(DatasetError, match=r"no FER\+ found; looked for fer2013new\.csv and labels\.csv"):
        read_ferplus(tmp_path)


def test_the_london_set(tmp_path: Path) -> None:
    touch(tmp_path, "neutral_front/001_03.jpg", "smiling_front/001_08.jpg", "smiling_front/002_08.jpg")
    touch(tmp_path, "neutral_front/001_03.tem", "neutral_front/notes.png")
    reading = read_labelled(tmp_path)
    assert reading.source == "london"
    assert [(p.photo.name, p.expression, p.identity) for p in reading.photos] == [
        ("001_03.jpg", "neutral", "001"),
        ("001_08.jpg", "happiness", "001"),
        ("002_08.jpg", "happiness", "002"),
    ]
    assert "ignored 1 photos that are not named like 001_03.jpg: notes.png" in reading.notes
    with pytest.raises(DatasetError, match="no London set found"):
        read_london(tmp_path / "neutral_front")


def test_votes_survive_in_the_table_and_older_tables_have_none(handmade: Handmade) -> None:
    handmade.add("a", votes="1 8 0 1 0 0 0 0")
    handmade.add("b")
    folder = handmade.write()
    assert [sample.votes for sample in read_samples(folder)] == ["1 8 0 1 0 0 0 0", ""]
    lines = (folder / METADATA).read_text().splitlines()
    assert lines[0].endswith(",votes")
    (folder / METADATA).write_text("\n".join(line.rpartition(",")[0] for line in lines) + "\n")
    assert [sample.votes for sample in read_samples(folder)] == ["", ""]
