"""Weights of TensorFlow.js: read as they were written, and refused where they are anything else."""

from pathlib import Path
from typing import Any

import pytest
import torch
from face_api_files import Change, fill, write_tfjs

from facerelief.errors import CheckpointError
from facerelief.evaluation.outside.face_api_weights import load_tfjs
from facerelief.networks.face_api import FaceApiExpressions


@pytest.fixture
def network() -> FaceApiExpressions:
    made = FaceApiExpressions()
    fill(made, 3)
    return made


def test_what_was_written_is_read(tmp_path: Path, network: FaceApiExpressions) -> None:
    write_tfjs(tmp_path, "face_expression", network)
    found = load_tfjs(FaceApiExpressions(), tmp_path, "face_expression")
    for (name, wanted), value in zip(network.state_dict().items(), found.state_dict().values(), strict=True):
        step = float(wanted.max() - wanted.min()) / 255 if wanted.ndim == 4 else 0.0
        torch.testing.assert_close(value, wanted, atol=0.51 * step, rtol=0, msg=name)
    assert not found.training
    assert not any(value.requires_grad for value in found.parameters())
    image = torch.rand(2, 3, 112, 112, generator=torch.Generator().manual_seed(0)) * 255
    probabilities = found(image)
    torch.testing.assert_close(probabilities.sum(dim=1), torch.ones(2))
    torch.testing.assert_close(probabilities, network(image), atol=0.1, rtol=0)


def first(**values: Any) -> Change:
    return lambda manifest: manifest[0]["weights"][0].update(values)


CHANGES: dict[str, tuple[Change, str]] = {
    "an object": (lambda manifest: {"weights": manifest}, "it must list one group of weights"),
    "two groups": (lambda manifest: manifest * 2, "it must list one group of weights"),
    "another file": (
        lambda manifest: manifest[0].update(paths=["../../etc/passwd"]),
        "its numbers must be in face_expression_model.bin",
    ),
    "no weights": (lambda manifest: manifest[0].update(weights=7), "it lists no weights"),
    "one missing": (lambda manifest: manifest[0]["weights"].pop() and None, "48 of 49 weights"),
    "one twice": (
        lambda manifest: manifest[0]["weights"].append(manifest[0]["weights"][0]),
        "'dense0/conv0/filters' stands twice",
    ),
    "an unknown name": (first(name="dense9/filters"), "the network has no 'dense9/filters'"),
    "no name": (first(name=None), "the network has no None"),
    "a name that cannot be hashed": (first(name=["a"]), "the network has no ['a']"),
    "an enormous shape": (first(shape=[3, 3, 3, 10**15]), "instead of 'float32' [3, 3, 3, 32]"),
    "another kind": (first(dtype="int32"), "dense0/conv0/filters is 'int32'"),
    "another coding": (first(quantization={"dtype": "uint16", "scale": 1.0, "min": 0.0}), "which is not known"),
    "a coding without a range": (first(quantization={"dtype": "uint8"}), "which is not known"),
    "a coding that is no coding": (first(quantization="uint8"), "which is not known"),
}


@pytest.mark.parametrize("what", CHANGES)
def test_a_manifest_that_does_not_fit(tmp_path: Path, network: FaceApiExpressions, what: str) -> None:
    change, why = CHANGES[what]
    write_tfjs(tmp_path, "face_expression", network, change=change)
    with pytest.raises(CheckpointError) as error:
        load_tfjs(FaceApiExpressions(), tmp_path, "face_expression")
    assert why in str(error.value)
    assert "npm pack @vladmandic/face-api" in str(error.value)


def test_numbers_that_are_too_few_or_too_many_or_none(tmp_path: Path, network: FaceApiExpressions) -> None:
    write_tfjs(tmp_path, "face_expression", network, cut=-1)
    with pytest.raises(CheckpointError, match=r"face_expression_model\.bin has [\d,]+ bytes instead of [\d,]+"):
        load_tfjs(FaceApiExpressions(), tmp_path, "face_expression")
    write_tfjs(tmp_path, "face_expression", network)
    path = tmp_path / "face_expression_model.bin"
    path.write_bytes(path.read_bytes() + b"\0")
    with pytest.raises(CheckpointError, match=r"face_expression_model\.bin cannot be read \(larger than"):
        load_tfjs(FaceApiExpressions(), tmp_path, "face_expression")
    path.unlink()
    with pytest.raises(CheckpointError, match=r"face_expression_model\.bin cannot be read \(No such file"):
        load_tfjs(FaceApiExpressions(), tmp_path, "face_expression")


def test_numbers_that_are_not_finite(tmp_path: Path, network: FaceApiExpressions) -> None:
    with torch.no_grad():
        network.fc.bias[0] = float("nan")
    write_tfjs(tmp_path, "face_expression", network)
    with pytest.raises(CheckpointError, match="not finite in fc/bias"):
        load_tfjs(FaceApiExpressions(), tmp_path, "face_expression")


def test_no_json(tmp_path: Path) -> None:
    (tmp_path / "face_expression_model-weights_manifest.json").write_text("{")
    with pytest.raises(CheckpointError, match="is not that of face-api's face_expression network"):
        load_tfjs(FaceApiExpressions(), tmp_path, "face_expression")
