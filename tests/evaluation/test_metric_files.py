"""By what features a distance goes, and what it may be called; who was in the training photos."""

from pathlib import Path

import pytest
import torch
from runs import write_judge
from shells import read_split, write_dataset
from torch import nn

from facerelief.config import ClassifierTraining
from facerelief.data import Dataset
from facerelief.data.manifest import METADATA
from facerelief.errors import FacereliefError
from facerelief.evaluation import metric_files
from facerelief.evaluation.leakage import check_unseen
from facerelief.evaluation.metric_files import MetricFiles, load_feature_net
from facerelief.files import sha256
from facerelief.networks.inception import PUBLISHED
from facerelief.training.classifier import load_classifier
from facerelief.training.presets import make_config


@pytest.fixture
def judge(tmp_path: Path) -> Path:
    return write_judge(tmp_path / "judge", knows="test1")


def test_the_judges_own_features_are_not_called_fid(judge: Path) -> None:
    network, _ = load_classifier(judge)
    features = load_feature_net(MetricFiles(judge), network)
    assert (features.frechet, features.kernel) == ("expression-FID", "expression-KID")
    assert features.sha256 == sha256(judge / "weights.safetensors")
    image = torch.rand(3, 3, 32, 32) * 2 - 1
    found = features.call(image)
    assert found.shape == (3, 32)
    torch.testing.assert_close(network.head[1](found), network(image))  # what the class is told from


@pytest.mark.parametrize(("digest", "names"), [("6726825d", ("FID", "KID")), ("0cc3c7bd", None)])
def test_published_weights_are_called_as_the_field_does(
    judge: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, digest: str, names: tuple[str, str] | None
) -> None:
    """The usual ones plainly, torchvision's with their name."""
    file = tmp_path / PUBLISHED[digest].file
    file.write_bytes(b"weights")
    monkeypatch.setattr(metric_files, "load_inception", lambda path: (nn.Identity(), PUBLISHED[digest]))
    features = load_feature_net(MetricFiles(judge, features=file), load_classifier(judge)[0])
    expected = names or ("FID (torchvision's Inception)", "KID (torchvision's Inception)")
    assert (features.frechet, features.kernel) == expected
    assert features.sha256 == sha256(file)


def test_a_judge_that_knows_a_test_person_is_refused_by_name(judge: Path, tmp_path: Path) -> None:
    dataset = write_dataset(tmp_path / "faces")
    check_unseen(judge, read_split(dataset, "train"), "judge")
    with pytest.raises(FacereliefError, match=f"{judge} was trained on photos of test1, who is in the test photos; "):
        check_unseen(judge, read_split(dataset, "test"), "judge")


def test_a_judge_of_another_dataset_is_not_taken_for_this_one(tmp_path: Path) -> None:
    dataset, config = write_dataset(tmp_path / "faces"), make_config(ClassifierTraining, "cpu")
    folder = write_judge(tmp_path / "report" / "judge", metadata_sha256="of another")
    with pytest.raises(FacereliefError, match=f"{folder} is of another dataset, or another state of it; choose"):
        metric_files.train_missing_classifier(Dataset(dataset), config, folder, lambda done, total: None)
    write_judge(folder, metadata_sha256=sha256(dataset / METADATA))
    assert metric_files.train_missing_classifier(Dataset(dataset), config, folder, lambda done, total: None) == folder
