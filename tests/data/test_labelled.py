from pathlib import Path

import pytest

from facerelief.data.sources.labelled import (
    fixed_draw,
    guess_identity,
    photo_named,
    photos_under,
    read_table,
    split_by_identity,
)
from facerelief.errors import DatasetError

COLUMNS = {"path": ("path", "file"), "expression": ("expression", "label"), "identity": ("identity", "id")}


@pytest.mark.parametrize(
    ("name", "identity"),
    [
        ("Tony_Blair_0086.jpg", "Tony_Blair"),
        ("Kim_Ryong-sung_0006.jpg", "Kim_Ryong-sung"),
        ("subject_12_0003.png", "subject_12"),
        ("Ana María 2.jpg", "Ana María"),
        ("s05-017.jpg", "s05"),
        ("portrait.jpg", "portrait"),
        ("0001.jpg", "0001"),
        ("2020_01.jpg", "2020_01"),
        ("3f2a9c81.jpg", "3f2a9c81"),
        ("IMG_2041.jpg", "IMG_2041"),
        ("IMG_20200101_123456.jpg", "IMG_20200101_123456"),
        ("Training_3908.jpg", "Training_3908"),
        ("happy_017.jpg", "happy_017"),
    ],
)
def test_identity_is_guessed_from_the_file_name(name: str, identity: str) -> None:
    assert guess_identity(Path("anywhere") / name) == identity


def test_splits_hang_on_the_name_alone() -> None:
    people = [f"person {n}" for n in range(500)]
    few, many = split_by_identity(people[:50]), split_by_identity(reversed(people))
    assert all(many[person] == split for person, split in few.items())
    assert split_by_identity(people, seed=1) != many
    assert split_by_identity(["b", "b", "a"]).keys() == {"a", "b"}


def test_splits_meet_their_shares_in_the_mean() -> None:
    splits = list(split_by_identity([str(n) for n in range(4000)], seed=3, shares=(0.7, 0.2, 0.1)).values())
    got = [splits.count(name) / 4000 for name in ("train", "val", "test")]
    assert got == pytest.approx([0.7, 0.2, 0.1], abs=0.03)  # four standard deviations
    assert set(split_by_identity("abc", shares=(0, 0, 1)).values()) == {"test"}


@pytest.mark.parametrize("shares", [(0.8, 0.1, 0.2), (1.2, -0.1, -0.1)])
def test_shares_that_are_none_are_refused(shares: tuple[float, float, float]) -> None:
    with pytest.raises(DatasetError, match="sum to 1"):
        split_by_identity(["a"], shares=shares)


def test_the_draw_never_changes() -> None:
    # Computed with sha256sum: the first six bytes of the digest of "0:Tony_Blair", over 2^48.
    assert fixed_draw("0:Tony_Blair") == 0xE7D2E00AAC61 / 2**48


def test_a_tree_is_walked_in_order_without_debris(tmp_path: Path) -> None:
    for name in ("b/2.JPG", "b/1.png", "a/x.webp", "a/notes.txt", "._b/1.jpg", "__MACOSX/1.jpg", "b/._1.png"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).touch()
    (tmp_path / "b" / "loop").symlink_to(tmp_path, target_is_directory=True)
    found = [photo.relative_to(tmp_path).as_posix() for photo in photos_under(tmp_path)]
    assert found == ["a/x.webp", "b/1.png", "b/2.JPG"]


@pytest.mark.parametrize("separator", [",", ";", "\t"])
def test_tables_come_with_several_separators_and_headers(tmp_path: Path, separator: str) -> None:
    file = tmp_path / "t.csv"
    lines = [
        ["File", "Other", "LABEL"],
        ["a, b.jpg" if separator != "," else '"a, b.jpg"', "1", " happy "],
        [],
        ["c.jpg"],
    ]
    file.write_text("\n".join(separator.join(line) for line in lines), encoding="utf-8-sig")
    assert list(read_table(file, COLUMNS)) == [
        (2, {"path": "a, b.jpg", "expression": "happy"}),
        (4, {"path": "c.jpg", "expression": ""}),
    ]


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"", "is empty"),
        (b"name,label\na.jpg,sad\n", "no column path or file; its first line has name, label"),
        (b"path\na.jpg\n", "no column expression or label"),
        ("path,label\nJosé.jpg,sad\n".encode("latin-1"), "not UTF-8"),
        (b'path,label\n"a' + b"x" * 200_000 + b'",sad\n', "not a CSV table"),
    ],
)
def test_what_is_no_table_is_refused(tmp_path: Path, content: bytes, says: str) -> None:
    file = tmp_path / "t.csv"
    file.write_bytes(content)
    with pytest.raises(DatasetError, match=says) as caught:
        list(read_table(file, COLUMNS))
    assert str(file) in str(caught.value)
    assert "\n" not in str(caught.value)


def test_photos_of_a_table_stay_below_its_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert photo_named("a\\b.jpg", tmp_path, "here") == tmp_path / "a/b.jpg"
    assert photo_named("a/../b.jpg", tmp_path, "here") == tmp_path / "b.jpg"
    assert photo_named(str(tmp_path / "c.jpg"), tmp_path, "here") == tmp_path / "c.jpg"
    monkeypatch.chdir(tmp_path)
    assert photo_named("a.jpg", Path("."), "here") == Path("a.jpg")
    for outside in ("../a.jpg", "a/../../b.jpg", "/etc/a.jpg", "..\\a.jpg", "", f"../{tmp_path.name}-other/a.jpg"):
        with pytest.raises(DatasetError, match=r"^here: "):
            photo_named(outside, Path("."), "here")


def test_of_three_people_and_more_every_split_gets_one() -> None:
    """Whatever the draws: of few people, chance alone leaves a split empty every fifth time."""
    for count in (3, 4, 5, 10):
        for seed in range(300):
            assert set(split_by_identity([f"p{n}" for n in range(count)], seed).values()) == {"train", "val", "test"}
