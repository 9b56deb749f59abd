"""Rare expressions filled up by edits, which stay with their person and never leave the training photos."""

from collections import Counter
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from shells import Handmade, row_of

from facerelief.data import Dataset
from facerelief.data.arrays import load_arrays
from facerelief.data.manifest import Sample, read_samples
from facerelief.data.review.selection import review
from facerelief.editing.augmentation import PlannedEdit, augment_dataset, plan_edits
from facerelief.errors import DatasetError
from facerelief.faces.detector import Face
from facerelief.files.png import read_png

NAMES = ("neutral", "happiness", "surprise")


class Inverts:
    """Stands in for an editor: makes a negative. Its finder finds the face where it was, or not at all."""

    method = "negative"

    def __init__(self, blind_to: str = "") -> None:
        self.made: list[str] = []
        self._blind_to = blind_to
        self.finder = self

    def target(self, name: str) -> str:
        return name

    def apply(self, rgb: np.ndarray, face: Face, to: str, strength: float) -> SimpleNamespace:
        self.made.append(to)
        return SimpleNamespace(photo=255 - rgb)

    def follow(self, rgb: np.ndarray, face: Face) -> Face | None:
        return None if self.made[-1] == self._blind_to else face


@pytest.fixture
def faces(tmp_path: Path) -> Dataset:
    """Of training photos 6 neutral, 2 happy and 1 surprised one; one of each for the test."""
    handmade = Handmade(tmp_path / "faces")
    for name, count in zip(NAMES, (6, 2, 1), strict=True):
        for number in range(count):
            handmade.add(f"{name}{number}", expression=name)
        handmade.add(f"{name}-test", expression=name, split="test")
    handmade.add("left-out", expression="neutral", keep=False)
    return Dataset(handmade.write())


def counts(samples: list[Sample], split: str) -> dict[str, int]:
    return dict(Counter(sample.expression for sample in samples if sample.split == split and sample.keep))


def test_every_expression_has_as_many_and_nothing_crosses_a_split(faces: Dataset, tmp_path: Path) -> None:
    editor: Any = Inverts()
    made = augment_dataset(faces, tmp_path / "more", editor, plan_edits(faces.samples, NAMES), "0" * 64)
    samples = read_samples(tmp_path / "more")
    assert samples == made.samples
    assert counts(samples, "train") == dict.fromkeys(NAMES, 6)
    assert counts(samples, "test") == dict.fromkeys(NAMES, 1)
    assert made.edits == {"happiness": 4, "surprise": 5}
    real = {sample.source: sample for sample in faces.samples}
    for edit in samples[len(faces.samples) :]:
        source = real[edit.source.partition("#")[0]]
        assert source.split == edit.split == "train"
        assert source.keep
        assert source.identity == edit.identity
        assert edit.reasons == f"edited from {source.expression} by negative"
        assert edit.expression != source.expression
        before, after = (read_png(tmp_path / "more" / name, "RGB") for name in (source.file_name, edit.file_name))
        assert np.array_equal(after, 255 - before)
    split = Dataset(tmp_path / "more").select("train")
    assert load_arrays(Dataset(tmp_path / "more"), split, 32, "luma", NAMES).image.shape == (18, 1, 32, 32)


def test_it_resumes_without_editing_again(faces: Dataset, tmp_path: Path) -> None:
    planned = plan_edits(faces.samples, NAMES)
    first: Any = Inverts()
    augment_dataset(faces, tmp_path / "more", first, planned[:3], "0" * 64)
    second: Any = Inverts()
    augment_dataset(faces, tmp_path / "more", second, planned, "0" * 64)
    assert len(first.made) == 3
    assert len(second.made) == len(planned) - 3
    with pytest.raises(DatasetError, match="was built with another editor; choose another folder"):
        augment_dataset(faces, tmp_path / "more", second, planned, "1" * 64)


def test_an_edit_in_which_no_face_is_found_is_left_out(faces: Dataset, tmp_path: Path) -> None:
    editor: Any = Inverts(blind_to="surprise")
    made = augment_dataset(faces, tmp_path / "more", editor, plan_edits(faces.samples, NAMES), "0" * 64)
    assert made.lost == 5
    assert made.edits == {"happiness": 4}
    assert "surprise" in (tmp_path / "more" / "rejects.csv").read_text()


def test_the_plan() -> None:
    samples = [row_of(f"n{k}") for k in range(5)] + [row_of("h", expression="happiness")]
    samples += [row_of("t", split="val"), row_of("o", keep=False)]
    planned = plan_edits(samples, ["happiness"], per_class=3, seed=1)
    assert [one.target for one in planned] == ["happiness", "happiness"]
    assert len({one.sample.file_name for one in planned}) == 2
    assert planned == plan_edits(samples, ["happiness"], per_class=3, seed=1)
    assert PlannedEdit(samples[0], "fear").source == "photos/n0.jpg#fear"
    with pytest.raises(DatasetError, match="6 photos of happiness are missing, and 5 of other"):
        plan_edits(samples, ["happiness"], per_class=7)


def test_edits_are_not_reviewed(faces: Dataset, tmp_path: Path) -> None:
    editor: Any = Inverts()
    augment_dataset(faces, tmp_path / "more", editor, [], "0" * 64)
    with pytest.raises(DatasetError, match="has edits; review the dataset that it was made from"):
        review(tmp_path / "more")
