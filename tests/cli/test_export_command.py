"""`facerelief export`, and `edit --engine`."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest

pytest.importorskip("onnxruntime", reason="needs the extra engines")
pytest.importorskip("onnx", reason="needs the extra engines")


def test_export_tells_the_errors(command: Callable, weights: Path, tmp_path: Path) -> None:
    result = command("export", weights, "--format", "onnx", "-o", tmp_path / "model")
    assert (result.code, result.err) == (0, "")
    first, second, *lines = result.out.splitlines()
    assert first == str(tmp_path / "model" / "model.onnx")
    assert second == "errors against PyTorch, largest / mean:"
    assert [line.partition(":")[0] for line in lines] == ["torch f32", "onnx f32"]
    assert json.loads((tmp_path / "model" / "parity.json").read_text())["model"] == "model.onnx"


def test_wrong_formats_and_engines(refused: Callable, weights: Path, portrait_jpg: Path, tmp_path: Path) -> None:
    line = refused("export", weights, "--format", "coreml", "-o", tmp_path / "model")
    assert line == "no export format 'coreml'; choose from onnx, openvino"
    line = refused("edit", portrait_jpg, "--to", "happy", "--weights", weights, "--engine", "cuda")
    assert line.startswith("no engine 'cuda'; choose from onnx")


def test_an_edit_by_another_engine(command: Callable, weights: Path, portrait_jpg: Path) -> None:
    target = portrait_jpg.with_name("edited.png")
    result = command("edit", portrait_jpg, "--to", "happy", "--weights", weights, "--engine", "onnx", "-o", target)
    assert (result.code, result.err, result.out) == (0, "", f"{target}\n")
