import io
import zipfile
from pathlib import Path

import numpy as np
import pytest

from facerelief.data.sources.published import is_affectnet, is_rafd, read_affectnet, read_rafd
from facerelief.errors import DatasetError

HEADER = "subDirectory_filePath,face_x,face_y,face_width,face_height,facial_landmarks,expression,valence,arousal"


def touch(root: Path, *names: str) -> None:
    for name in names:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_bytes(b"never decoded")


def row(name: str, label: object, box: str = "10,20,100,110") -> str:
    return f"{name},{box},1.0;2.0;3.0;4.0,{label},0.1,-0.2"


def manual(root: Path, images: str = "Manually_Annotated/Manually_Annotated_Images") -> Path:
    """AffectNet as its authors publish it, the validation list without header."""
    touch(root / images, "1/a.jpg", "1/b.JPG", "2/c.png", "2/d.jpg")
    lists = root / "Manually_Annotated_file_lists"
    lists.mkdir()
    training = [
        HEADER,
        row("1/a.jpg", 1),
        row("1/b.JPG", 7, "NULL,NULL,NULL,NULL"),
        row("2/n.jpg", 8),
        row("2/u.jpg", 10),
    ]
    (lists / "training.csv").write_text("\n".join([*training, row("1/a.jpg", 1), row("9/gone.jpg", 0)]))
    (lists / "validation.csv").write_text("\n".join([row("2/c.png", 0, "-5,0,-1,-1"), row("2/d.jpg", 9)]))
    return lists


@pytest.mark.parametrize(
    "images",
    [
        "Manually_Annotated_Images",
        "Manually_Annotated/Manually_Annotated_Images",
        "Manually_Annotated_Images/Manually_Annotated_Images",
        "Manually_Annotated_file_lists",
    ],
)
def test_affectnet_by_its_lists(tmp_path: Path, images: str) -> None:
    if images == "Manually_Annotated_file_lists":
        manual(tmp_path, "elsewhere")
        touch(tmp_path / images, "1/a.jpg", "1/b.JPG", "2/c.png")
    else:
        manual(tmp_path, images)
    assert is_affectnet(tmp_path)
    photos, notes = read_affectnet(tmp_path)
    got = [
        (p.photo.relative_to(tmp_path / images).as_posix(), p.expression, p.identity, p.box, p.split) for p in photos
    ]
    assert got == [
        ("1/a.jpg", "happiness", "1/a", (10, 20, 110, 130), "train"),
        ("1/b.JPG", "contempt", "1/b", None, "train"),
        ("2/c.png", "neutral", "2/c", None, "val"),
    ]
    assert notes == [
        "training.csv names 1 photos that are absent: 9/gone.jpg",
        "left out photos without one of the eight labels: 1 No-Face, 1 None, 1 Uncertain",
    ]


def test_one_affectnet_list_can_be_named(tmp_path: Path) -> None:
    lists = manual(tmp_path)
    assert is_affectnet(lists / "validation.csv")
    photos, _ = read_affectnet(lists / "validation.csv")
    assert [(p.photo.name, p.split) for p in photos] == [("c.png", "val")]


@pytest.mark.parametrize(
    ("line", "says"),
    [
        (row("1/a.jpg", 11), "training.csv, line 2: unknown expression '11'"),
        (row("1/a.jpg", "happy"), "training.csv, line 2: unknown expression 'happy'"),
        (row("../a.jpg", 1), "line 2: '../a.jpg' is not a file below"),
        (row("1/z.jpg", 1), "none of its 1 photos is there, e.g. 1/z.jpg"),
    ],
)
def test_a_bad_affectnet_list_is_refused(tmp_path: Path, line: str, says: str) -> None:
    lists = manual(tmp_path)
    (lists / "training.csv").write_text(f"{HEADER}\n{line}\n")
    with pytest.raises(DatasetError, match=says):
        read_affectnet(tmp_path)


def eight_labels(root: Path) -> None:
    """The release with one array a photo; labels are published as strings of no dimensions."""
    for place, name, label in (
        ("train_set", "0", np.array("1")),
        ("train_set", "1", np.array(6)),
        ("train_set", "2", np.array([2.0])),
        ("train_set", "3", np.array(b"3")),
        ("train_set", "4", np.array("8")),
        ("val_set", "0", np.array("5")),
    ):
        touch(root, f"{place}/images/{name}.jpg", f"{place}/annotations/{name}_exp.npy")
        np.save(root / place / "annotations" / f"{name}_exp.npy", label)


def test_affectnet_by_its_annotations(tmp_path: Path) -> None:
    eight_labels(tmp_path)
    assert is_affectnet(tmp_path)
    photos, notes = read_affectnet(tmp_path)
    assert [(p.identity, p.expression, p.split) for p in photos] == [
        ("train_set/images/0", "happiness", "train"),
        ("train_set/images/1", "anger", "train"),
        ("train_set/images/2", "sadness", "train"),
        ("train_set/images/3", "surprise", "train"),
        ("val_set/images/0", "disgust", "val"),
    ]
    assert notes == ["left out photos without one of the eight labels: 1 None"]
    (alone, _) = read_affectnet(tmp_path / "val_set")
    assert [(p.identity, p.split) for p in alone] == [("images/0", "val")]


def test_damaged_and_pickled_annotations_are_not_loaded(tmp_path: Path) -> None:
    eight_labels(tmp_path)
    touch(tmp_path, "train_set/images/9.jpg")
    annotations = tmp_path / "train_set/annotations"
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w") as stream:
        stream.writestr("a.npy", b"x")
    np.save(annotations / "0_exp.npy", np.array({"a": Path("b")}, dtype=object), allow_pickle=True)
    (annotations / "1_exp.npy").write_bytes(b"")
    (annotations / "2_exp.npy").write_bytes((annotations / "2_exp.npy").read_bytes()[:-4])
    (annotations / "3_exp.npy").write_bytes(archive.getvalue())
    np.save(annotations / "4_exp.npy", np.array([1, 2]))
    photos, notes = read_affectnet(tmp_path)
    assert [p.identity for p in photos] == ["val_set/images/0"]
    assert notes == [
        "train_set: 1 photos have no annotation: 9.jpg",
        "train_set: 5 annotations cannot be read: 0_exp.npy, 1_exp.npy, 2_exp.npy and 2 more",
    ]


def test_an_unknown_annotation_is_refused(tmp_path: Path) -> None:
    eight_labels(tmp_path)
    np.save(tmp_path / "val_set/annotations/0_exp.npy", np.array("nan"))
    with pytest.raises(DatasetError, match=r"0_exp\.npy: unknown expression 'nan'"):
        read_affectnet(tmp_path)


def test_where_affectnet_is_looked_for_is_said(tmp_path: Path) -> None:
    (tmp_path / "training.csv").write_text("path,expression\n")
    assert not is_affectnet(tmp_path)
    with pytest.raises(DatasetError, match=r"no AffectNet found; looked for training\.csv"):
        read_affectnet(tmp_path)


RAFD = {"angry": "anger", "contemptuous": "contempt", "disgusted": "disgust", "fearful": "fear"}
RAFD |= {"happy": "happiness", "neutral": "neutral", "sad": "sadness", "surprised": "surprise"}


@pytest.mark.parametrize(("name", "expression"), RAFD.items())
def test_rafd_by_its_file_names(tmp_path: Path, name: str, expression: str) -> None:
    for camera in ("000", "045", "090", "135", "180"):
        touch(tmp_path, f"any/Rafd{camera}_01_Caucasian_female_{name}_frontal.jpg")
    touch(tmp_path, f"Rafd090_64_Kid_male_{name}_left.png", f"aligned_Rafd090_72_Moroccan_male_{name}_right.jpg")
    photos, notes = read_rafd(tmp_path)
    assert {p.expression for p in photos} == {expression}
    assert sorted(p.identity for p in photos) == ["01", "01", "01", "64", "72"]
    assert notes == ["left out 2 photos of cameras other than 45, 90, 135"]
    assert len(read_rafd(tmp_path, cameras=(0, 180))[0]) == 2


def test_rafd_names_what_it_ignores_and_refuses(tmp_path: Path) -> None:
    touch(tmp_path, "Rafd090_01_Caucasian_female_angry_frontal.jpg", "x.jpg", "Rafd090_01_Kid_male_bored_left.jpg")
    photos, notes = read_rafd(tmp_path)
    assert len(photos) == 1
    assert notes == ["ignored 2 photos that are not named as RaFD's: Rafd090_01_Kid_male_bored_left.jpg, x.jpg"]
    assert not is_rafd(tmp_path / "x.jpg")
    for cameras in ((90, 91), ()):
        with pytest.raises(DatasetError, match="RaFD has no camera"):
            read_rafd(tmp_path, cameras=cameras)
