"""A dataset's portraits: which are taken, what is read of them, and what is wrong with a dataset."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from facerelief.data.portraits import DatasetPortraits
from facerelief.errors import DatasetError

MATRIX = np.array([(0.5, -0.1, 12.0), (0.1, 0.5, -7.0)])


def add(handmade: Any, name: str, **changes: Any) -> Path:
    """A face with a mesh file as builds write it, from a photo of 320 by 200 pixels; returns that file."""
    sample = handmade.add(name, **changes)
    path: Path = handmade.path / sample.mesh
    with np.load(path) as arrays:
        landmarks = arrays["landmarks"].astype(np.float32)
    np.savez(path, landmarks=landmarks, vertices=landmarks, matrix=MATRIX, photo_size=(320, 200))
    return path


def refusal(dataset: Path, path: Path | None = None) -> str:
    with pytest.raises(DatasetError) as caught:
        DatasetPortraits(dataset)
    message = str(caught.value)
    assert "\n" not in message
    assert str(path or dataset) in message
    return message


def test_kept_training_photos_from_the_front_are_taken_in_order(handmade: Any) -> None:
    taken = {"a": {}, "b": {"yaw": -19.5}, "c": {"pitch": 24.0, "expression": "fear"}, "d": {"roll": 40.0}}
    left = {
        "e": {"yaw": 20.0},
        "f": {"yaw": -31.0},
        "g": {"pitch": -25.0},
        "h": {"keep": False},
        "i": {"split": "val"},
        "j": {"split": "test"},
    }
    for name in "hajbeicfdg":
        add(handmade, name, **(taken | left)[name])
    found = DatasetPortraits(handmade.write())
    assert [Path(sample.file_name).stem for sample in found.samples] == ["a", "b", "c", "d"]


def test_what_is_known_of_them(handmade: Any) -> None:
    add(handmade, "a", chroma=12.5, identity="Ada")
    add(handmade, "b", expression="happiness", chroma=0.0)
    found = DatasetPortraits(handmade.write())
    assert found.expression.tolist() == ["neutral", "happiness"]
    assert found.identity.tolist() == ["Ada", "b"]
    assert found.coloured.tolist() == [12.5, 0.0]
    assert (found.landmarks.shape, found.landmarks.dtype) == ((2, 468, 3), np.float64)
    with np.load(handmade.path / "mesh" / "b.npz") as arrays:
        np.testing.assert_array_equal(found.landmarks[1], arrays["landmarks"])


def test_one_portrait(handmade: Any) -> None:
    for name in "ab":
        add(handmade, name)
    portrait = DatasetPortraits(handmade.write())[1]
    np.testing.assert_array_equal(portrait.rgb, np.asarray(Image.open(handmade.path / "rgb" / "b.png")))
    np.testing.assert_array_equal(portrait.crop.matrix, MATRIX)
    assert portrait.crop.size == 64
    assert portrait.photo_size == (320, 200)
    # The crop finds its way back into the photo: its point (12, -7) was the photo's corner.
    np.testing.assert_allclose(portrait.crop.to_photo(np.array([(12.0, -7.0)])), [(0, 0)], atol=1e-12)


def test_a_dataset_without_any(handmade: Any, tmp_path: Path) -> None:
    add(handmade, "a", split="val")
    dataset = handmade.write()
    message = refusal(dataset)
    assert message.startswith(f"{dataset} has no kept training photos from the front; see: facerelief dataset stats")
    assert "is not a dataset" in refusal(tmp_path)


def test_a_dataset_of_an_earlier_version(handmade: Any) -> None:
    path = add(handmade, "a")
    with np.load(path) as arrays:
        np.savez(path, landmarks=arrays["landmarks"], vertices=arrays["vertices"], matrix=arrays["matrix"])
    message = refusal(handmade.write(), path)
    assert "photo_size" in message
    assert "is from an earlier version" in message


@pytest.mark.parametrize("damage", ["missing", "empty", "cut off", "text", "pickled", "few", "nan"])
def test_a_damaged_mesh_is_named(handmade: Any, damage: str) -> None:
    add(handmade, "a")
    path = add(handmade, "b")
    points = np.zeros((467 if damage == "few" else 468, 3))
    points[0, 0] = np.nan if damage == "nan" else 0
    if damage == "missing":
        path.unlink()
    elif damage == "pickled":
        np.savez(path, landmarks=np.array([{}]), matrix=MATRIX, photo_size=(320, 200))
    elif damage in ("few", "nan"):
        np.savez(path, landmarks=points, matrix=MATRIX, photo_size=(320, 200))
    else:
        path.write_bytes({"empty": b"", "cut off": path.read_bytes()[:900], "text": b"a mesh"}[damage])
    assert refusal(handmade.write(), path).endswith("; build the dataset again")


@pytest.mark.parametrize("content", [None, b"", b"GIF87 is not a picture"])
def test_a_damaged_picture_is_named(handmade: Any, content: bytes | None) -> None:
    add(handmade, "a")
    dataset = handmade.write()
    path = dataset / "rgb" / "a.png"
    if content is None:
        path.unlink()
    else:
        path.write_bytes(content)
    found = DatasetPortraits(dataset)
    with pytest.raises(DatasetError) as caught:
        found[0]
    assert str(caught.value).startswith(str(path))
    assert str(caught.value).endswith("; build the dataset again")
