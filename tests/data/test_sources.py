import os
from collections import Counter
from pathlib import Path

import numpy as np
import pytest

from facerelief.data.sources.labelled import split_by_identity
from facerelief.data.sources.layouts import SOURCES, Reading, read_labelled
from facerelief.errors import DatasetError, FacereliefError


def touch(root: Path, *names: str) -> Path:
    for name in names:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_bytes(b"never decoded")
    return root


def table(root: Path, text: str) -> Path:
    (root / "labels.csv").write_text(text, encoding="utf-8")
    return root / "labels.csv"


def rows(reading: Reading, root: Path) -> list[tuple[str, str, str, str | None]]:
    return [(p.photo.relative_to(root).as_posix(), p.expression, p.identity, p.split) for p in reading.photos]


def test_a_folder_per_expression(tmp_path: Path) -> None:
    touch(
        tmp_path, "sad/deep/Ann_1.jpg", "happiness/Bo_1.JPEG", "Happy/Bo_2.png", "drawings/x.jpg", "readme.txt", "y.jpg"
    )
    reading = read_labelled(tmp_path)
    assert rows(reading, tmp_path) == [
        ("Happy/Bo_2.png", "happiness", "Bo", None),
        ("happiness/Bo_1.JPEG", "happiness", "Bo", None),
        ("sad/deep/Ann_1.jpg", "sadness", "Ann", None),
    ]
    assert reading.source == "folder"
    assert reading.notes == [
        "read as 'folder', by folders named by expression",
        "ignored folders that name no expression: drawings",
        "ignored 1 photos outside the folders of expressions: y.jpg",
    ]


def test_folders_of_splits_and_numbers(tmp_path: Path) -> None:
    touch(tmp_path, "train/0/p1.jpg", "valid/7/p2.jpg", "test/8/p3.jpg", "test/4/p4.jpg")
    reading = read_labelled(tmp_path, source="folder")
    assert rows(reading, tmp_path) == [
        ("test/4/p4.jpg", "fear", "p4", "test"),
        ("train/0/p1.jpg", "neutral", "p1", "train"),
        ("valid/7/p2.jpg", "contempt", "p2", "val"),
    ]
    assert any("test/8" in note for note in reading.notes)
    assert any("AffectNet's order" in note for note in reading.notes)


def test_a_folder_takes_identities_from_the_table(tmp_path: Path) -> None:
    touch(tmp_path, "fear/a_1.jpg", "fear/b_1.jpg", "fear/c_1.jpg")
    table(tmp_path, "path,expression,identity\nfear/a_1.jpg,anger,Zoe\nfear/b_1.jpg,fear,\n")
    reading = read_labelled(tmp_path, source="folder")
    assert [(p.expression, p.identity) for p in reading.photos] == [("fear", "Zoe"), ("fear", "b"), ("fear", "c")]


@pytest.mark.parametrize(
    ("names", "says"),
    [
        ([], "no photos found; looked for folders named neutral, happiness"),
        (["faces/1.jpg", "more/2.jpg"], r"no photos found; .* \(it has faces, more\)"),
        (["fear/1.jpg", "anger/notes.txt"], r"no photos \(.jpg .*\) in anger; add some or remove the folder"),
    ],
)
def test_folders_without_photos_are_refused(tmp_path: Path, names: list[str], says: str) -> None:
    touch(tmp_path, *names)
    with pytest.raises(DatasetError, match=says):
        read_labelled(tmp_path)


def test_a_folder_empty_in_one_split_is_no_error(tmp_path: Path) -> None:
    touch(tmp_path, "train/fear/1.jpg", "val/fear/none.txt")
    assert len(read_labelled(tmp_path).photos) == 1


def test_a_table_with_its_own_headers(tmp_path: Path) -> None:
    touch(tmp_path, "a.jpg", "deep/b_2.jpg", "c.jpg")
    file = table(tmp_path, "Image,Emotion,Subject,Usage\nc.jpg,Happy,7,PublicTest\ndeep\\b_2.jpg,sad,,Training\n")
    reading = read_labelled(file)
    assert rows(reading, tmp_path) == [("c.jpg", "happiness", "7", "val"), ("deep/b_2.jpg", "sadness", "b", "train")]
    assert reading.source == "csv"
    assert "labels.csv: 1 rows give no identity; guessed from their file names" in reading.notes
    assert read_labelled(tmp_path).photos == reading.photos


def test_repeated_rows_are_dropped_and_contradictions_refused(tmp_path: Path) -> None:
    touch(tmp_path, "a.jpg", "b.jpg")
    table(tmp_path, "path,expression,identity\na.jpg,fear,x\nb.jpg,fear,x\n./a.jpg,afraid,x\n")
    reading = read_labelled(tmp_path)
    assert [p.photo.name for p in reading.photos] == ["a.jpg", "b.jpg"]
    assert "labels.csv: dropped 1 repeated rows" in reading.notes
    table(tmp_path, "path,expression\na.jpg,fear\nb.jpg,fear\na.jpg,anger\n")
    with pytest.raises(DatasetError, match=r"lines 2 and 4 give a\.jpg two expressions, fear and anger"):
        read_labelled(tmp_path)


def test_rows_without_an_expression_are_left_out_and_counted(tmp_path: Path) -> None:
    """As FER+ has them where fewer than half of its ten people agree."""
    touch(tmp_path, "a.jpg", "b.jpg")
    table(tmp_path, "path,expression\na.jpg,\nb.jpg,fear\nnowhere.jpg,  \n")
    reading = read_labelled(tmp_path)
    assert [p.photo.name for p in reading.photos] == ["b.jpg"]
    assert [note for note in reading.notes if "without" in note] == [
        "labels.csv: left out 2 rows without an expression"
    ]
    table(tmp_path, "path,expression\na.jpg,\n")
    with pytest.raises(DatasetError, match=r"no labelled photos .*left out 1 rows without an expression"):
        read_labelled(tmp_path)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("path,expression\na.jpg,fear\na.jpg,bored\n", r"labels\.csv, line 3: unknown expression 'bored'; .* contempt"),
        ("path,expression\n../a.jpg,fear\n", r"labels\.csv, line 2: '\.\./a\.jpg' is not a file below"),
        ("path,expression,split\na.jpg,fear,later\n", r"line 2: unknown split 'later'"),
        (
            "path,expression\na.jpg,fear\n1.jpg,fear\n2.jpg,fear\n3.jpg,fear\n4.jpg,fear\n",
            r"4 photos .* 3\.jpg and 1 more",
        ),
        ("path,expression\n", "no labelled photos"),
    ],
)
def test_bad_tables_are_refused(tmp_path: Path, text: str, says: str) -> None:
    touch(tmp_path, "a.jpg")
    table(tmp_path, text)
    with pytest.raises(DatasetError, match=says) as caught:
        read_labelled(tmp_path)
    assert "\n" not in str(caught.value)


def test_numbered_labels_are_pointed_out(tmp_path: Path) -> None:
    touch(tmp_path, "a.jpg")
    table(tmp_path, "path,label\na.jpg,3\n")
    reading = read_labelled(tmp_path)
    assert reading.photos[0].expression == "surprise"
    assert any("AffectNet's order" in note for note in reading.notes)


def test_the_source_is_told_from_what_is_there(tmp_path: Path) -> None:
    touch(tmp_path, "rafd/x/Rafd090_01_Caucasian_female_angry_frontal.jpg", "plain/happy/1.jpg", "listed/1.jpg")
    table(touch(tmp_path / "listed"), "path,expression\n1.jpg,sad\n")
    touch(tmp_path, "eight/train_set/images/0.jpg", "eight/train_set/annotations/0_exp.npy")
    np.save(tmp_path / "eight/train_set/annotations/0_exp.npy", np.array("0"))
    expected = {
        "rafd": "rafd",
        "plain": "folder",
        "listed": "csv",
        "eight": "affectnet",
        "listed/labels.csv": "csv",
    }
    for name, source in expected.items():
        reading = read_labelled(tmp_path / name)
        assert reading.source == source
        assert reading.notes[0].startswith(f"read as {source!r}")
        assert reading.photos == read_labelled(tmp_path / name, source=source).photos


def test_what_cannot_be_read_is_refused(tmp_path: Path) -> None:
    touch(tmp_path, "fear/1.jpg", "photos.zip")
    with pytest.raises(DatasetError, match="does not exist"):
        read_labelled(tmp_path / "absent")
    with pytest.raises(DatasetError, match="unpack archives first"):
        read_labelled(tmp_path / "photos.zip")
    with pytest.raises(FacereliefError, match="no source 'ferg'; choose from affectnet, csv, ferplus, folder, "):
        read_labelled(tmp_path, source="ferg")
    with pytest.raises(DatasetError, match="'folder' has no option cameras"):
        read_labelled(tmp_path, cameras=(90,))
    with pytest.raises(DatasetError, match="per_class is 0"):
        read_labelled(tmp_path, per_class=0)
    with pytest.raises(DatasetError, match=r"no labels\.csv found"):
        read_labelled(tmp_path, source="csv")
    with pytest.raises(DatasetError, match=r"no labelled photos for source 'rafd'; ignored 1 photos"):
        read_labelled(tmp_path, source="rafd")


def test_the_cap_is_per_expression_and_split_and_stable(tmp_path: Path) -> None:
    names = [f"train/{label}/P{n}_1.jpg" for label in ("fear", "anger") for n in range(20)]
    touch(tmp_path, *names, "val/fear/Q_1.jpg")
    reading = read_labelled(tmp_path, per_class=5)
    counts = Counter((p.expression, p.split) for p in reading.photos)
    assert counts == {("fear", "train"): 5, ("anger", "train"): 5, ("fear", "val"): 1}
    assert "kept 11 of 41 photos, at most 5 of a class" in reading.notes
    kept = {p.photo for p in reading.photos}
    assert kept == {p.photo for p in read_labelled(tmp_path, per_class=5).photos}
    assert kept < {p.photo for p in read_labelled(tmp_path, per_class=6).photos}
    assert len(read_labelled(tmp_path, per_class=50).photos) == 41


def test_doubtful_identities_are_pointed_out(tmp_path: Path) -> None:
    touch(tmp_path, *(f"alone/fear/{n}.jpg" for n in range(3)), *(f"one/fear/scan_{n}.jpg" for n in range(30)))
    assert read_labelled(tmp_path / "alone").notes[-1].startswith("every photo is its own identity")
    assert read_labelled(tmp_path / "one").notes[-1].startswith("30 of 30 photos are of 'scan'")


def test_every_source_reads_an_empty_folder_as_an_error(tmp_path: Path) -> None:
    for source in SOURCES:
        with pytest.raises(DatasetError) as caught:
            read_labelled(tmp_path, source=source)
        assert str(tmp_path) in str(caught.value)


def test_on_the_development_photos() -> None:
    shared = os.environ.get("FACERELIEF_SHARED", Path(__file__).resolve().parents[2].parent / "shared")
    photos = Path(shared) / "data" / "facial_expressions"
    if not photos.is_dir():
        pytest.skip(f"no development photos at {photos}; FACERELIEF_SHARED names their folder")
    listed, folders = read_labelled(photos), read_labelled(photos, source="folder")
    assert listed.source == "csv"
    assert len(listed.photos) == 9341
    assert len({p.expression for p in listed.photos}) == 8
    assert len({p.identity for p in listed.photos}) == 4382
    assert folders.photos == listed.photos
    splits = split_by_identity(p.identity for p in listed.photos)
    shares = Counter(splits[p.identity] for p in listed.photos)
    assert shares["train"] / 9341 == pytest.approx(0.8, abs=0.1)


def test_photos_that_are_only_counted_are_counted_anew_in_each_published_split(tmp_path: Path) -> None:
    """Elsewhere one name is one person: of photos in folders of expressions, each of them may show all."""
    touch(tmp_path, "train/happy/0001.jpg", "train/sad/0001.jpg", "test/happy/0001.jpg", "test/sad/IMG_7.jpg")
    touch(tmp_path, "train/happy/Ann.jpg", "train/sad/Ann_2.jpg", "test/sad/Ann_1.jpg")
    found = {name: (identity, split) for name, _, identity, split in rows(read_labelled(tmp_path), tmp_path)}
    assert found == {
        "train/happy/0001.jpg": ("train/0001", "train"),
        "train/sad/0001.jpg": ("train/0001", "train"),
        "test/happy/0001.jpg": ("test/0001", "test"),
        "test/sad/IMG_7.jpg": ("test/IMG_7", "test"),
        "train/happy/Ann.jpg": ("Ann", "train"),
        "train/sad/Ann_2.jpg": ("Ann", "train"),
        "test/sad/Ann_1.jpg": ("Ann", "test"),
    }
    other = touch(tmp_path / "unsplit", "happy/0001.jpg", "sad/0001.jpg")
    assert {row.identity for row in read_labelled(other).photos} == {"0001"}


def test_photos_that_are_links_to_files_elsewhere_are_said(tmp_path: Path) -> None:
    photos, elsewhere = tmp_path / "photos", tmp_path / "elsewhere"
    for folder in (photos / "happy", photos / "sad", elsewhere):
        folder.mkdir(parents=True)
        (folder / "Ann_1.jpg").touch()
    assert not any("links" in note for note in read_labelled(photos).notes)
    (photos / "happy" / "Ann_2.jpg").symlink_to("Ann_1.jpg")
    assert not any("links" in note for note in read_labelled(photos).notes)
    (photos / "happy" / "Ann_3.jpg").symlink_to(elsewhere / "Ann_1.jpg")
    (photos / "angry").symlink_to(elsewhere)
    assert f"2 photos are links to files outside of {photos}: Ann_1.jpg, Ann_3.jpg" in read_labelled(photos).notes
