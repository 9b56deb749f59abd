"""Graphs of shipped weights: the same numbers as PyTorch, and what is said of files that do not fit."""

import shutil
from pathlib import Path

import numpy as np
import pytest

from facerelief.editing.engines.agreement import example_inputs, synthetic_inputs
from facerelief.editing.engines.conversion import torch_engine
from facerelief.editing.engines.graph import graph_of, load_graph, write_graph
from facerelief.editing.loading import carried_weights, load_network_editor
from facerelief.errors import CheckpointError

BACKBONES = ("relief", "stargan")


@pytest.fixture
def copied(tmp_path: Path) -> Path:
    """StarGAN's weights and graph in a folder of their own."""
    for path in carried_weights("stargan").parent.glob("stargan-depth.*"):
        shutil.copy(path, tmp_path)
    return tmp_path / "stargan-depth.safetensors"


@pytest.mark.parametrize("backbone", BACKBONES)
def test_a_graph_gives_what_torch_gives(backbone: str) -> None:
    editor, reference = load_network_editor(None, None, backbone), load_network_editor(None, None, backbone, "torch")
    assert (editor.engine, reference.engine) == ("onnx", "torch")
    images, conditions = synthetic_inputs(editor.config, editor.condition, persons=1)
    expected = torch_engine(reference.generator)(images, conditions)
    weights = carried_weights(backbone)
    got = load_graph(weights.with_suffix(".onnx"), weights, 1)(images, conditions)
    assert len(got) == len(expected)
    for one, other in zip(got, expected, strict=True):
        np.testing.assert_allclose(one, other, atol=1e-4)


@pytest.mark.parametrize("backbone", BACKBONES)
def test_a_graph_holds_no_weights_and_no_path(backbone: str) -> None:
    data = carried_weights(backbone).with_suffix(".onnx").read_bytes()
    assert len(data) < 200_000
    assert b"site-packages" not in data and b".py" not in data


def test_a_graph_is_written_again(copied: Path) -> None:
    pytest.importorskip("onnx", reason="needs the extra engines")
    graph = copied.with_suffix(".onnx")
    graph.unlink()
    editor = load_network_editor(copied)
    assert editor.engine == "torch"
    assert (
        write_graph(copied, editor.generator, example_inputs(editor.config, editor.condition))
        == graph
        == graph_of(copied)
    )
    images, conditions = synthetic_inputs(editor.config, editor.condition, persons=1)
    (got,) = load_graph(graph, copied, 1)(images[:1], conditions[:1])
    (expected,) = torch_engine(editor.generator)(images[:1], conditions[:1])
    np.testing.assert_allclose(got, expected, atol=1e-4)


def test_a_graph_of_other_weights(copied: Path) -> None:
    data = bytearray(copied.read_bytes())
    data[-1] ^= 1
    copied.write_bytes(data)
    assert "is the graph of other weights than stargan-depth.safetensors; reinstall facerelief" in refusal(copied)


@pytest.mark.parametrize("kept", [0, 100, -100])
def test_a_damaged_graph(copied: Path, kept: int) -> None:
    graph = copied.with_suffix(".onnx")
    graph.write_bytes(graph.read_bytes()[:kept])
    line = refusal(copied)
    assert "stargan-depth.onnx is damaged or not a graph of stargan-depth.safetensors (..." in line
    assert (
        line.endswith("); reinstall facerelief, or remove the graph and install the extra train") and "\n" not in line
    )


def test_a_graph_of_weights_that_end_early(copied: Path, tmp_path: Path) -> None:
    shutil.copy(carried_weights("relief").with_suffix(".onnx"), copied.with_suffix(".onnx"))
    copied.rename(tmp_path / "relief-depth.safetensors")  # whose places a graph of relief does not find in it
    with pytest.raises(CheckpointError, match="damaged or not a graph"):
        load_graph(copied.with_suffix(".onnx"), tmp_path / "relief-depth.safetensors", 1)


def refusal(weights: Path) -> str:
    with pytest.raises(CheckpointError) as caught:
        load_network_editor(weights)
    assert "\n" not in str(caught.value)
    return str(caught.value)
