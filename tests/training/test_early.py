"""What is wrong with a dataset, a folder or a teacher is said before anything long begins."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from shells import CLASSES

from facerelief.config import ClassifierTraining, DepthTraining, ExpressionTraining, IdentityTraining, Training
from facerelief.data import Dataset
from facerelief.errors import FacereliefError
from facerelief.training import launch, splits


@pytest.fixture
def no_decoding(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is wrong must be said before the long part begins."""
    monkeypatch.setattr(splits, "load_arrays", lambda *_, **__: pytest.fail("photos were decoded"))
    monkeypatch.setattr(launch, "load_vgg19", lambda *_: pytest.fail("VGG19 was fetched"))


RUNS: dict[type[Training], Callable[..., Any]] = {
    DepthTraining: launch.run_depth,
    ExpressionTraining: lambda *args, **kw: launch.run_expression(*args, **kw),
    ClassifierTraining: launch.run_classifier,
    IdentityTraining: launch.run_identity,
}


@pytest.mark.parametrize("kind", RUNS)
@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"batch": 10_000}, "fewer than a batch of 10000"),
        ({"expressions": ("contempt", "disgust")}, "has 0 kept training photos, fewer than a batch of 4"),
        ({}, "holds other files"),
    ],
)
def test_what_is_wrong_is_said_before_photos_are_decoded(
    faces: Path, tmp_path: Path, no_decoding: None, kind: type[Training], changes: dict[str, Any], reason: str
) -> None:
    guide = {"guide": "none"} if kind is ExpressionTraining else {}
    small = {"size": 32, "width": 4, "batch": 4, "expressions": CLASSES, "perceptual": "vgg19", **guide}
    (tmp_path / "letter.txt").write_text("dear")
    with pytest.raises(FacereliefError, match=reason):
        RUNS[kind](Dataset(faces), kind(**{**small, **changes}), tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["letter.txt"]


def test_a_teacher_that_is_missing_is_said_before_photos_are_decoded(
    faces: Path, tmp_path: Path, no_decoding: None
) -> None:
    config = DepthTraining(size=32, width=4, batch=4, expressions=CLASSES, perceptual="judge")
    with pytest.raises(FacereliefError, match="needs a classifier"):
        launch.run_depth(Dataset(faces), config, tmp_path / "run")
    with pytest.raises(FacereliefError, match="no weights at"):
        launch.run_depth(Dataset(faces), config, tmp_path / "run", judge=tmp_path / "absent")
    assert list(tmp_path.iterdir()) == []


def test_an_expression_without_photos_in_a_later_split_is_said_at_once(
    faces: Path, tmp_path: Path, no_decoding: None
) -> None:
    config = ClassifierTraining(size=32, width=4, batch=4, expressions=(*CLASSES, "contempt"))
    with pytest.raises(FacereliefError, match="has no kept photos of contempt in this split"):
        launch.run_classifier(Dataset(faces), config, tmp_path / "run")
