"""What an ONNX file may not do: name other files, whatever its bytes; and limits where the system has its own."""

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from recognisers import write_onnx

from facerelief.errors import CheckpointError
from facerelief.evaluation import onnx_files
from facerelief.evaluation.external_networks import load_feature_network

onnx = pytest.importorskip("onnx")
pytest.importorskip("onnxruntime")

ENTRY = b"\n\x08location\x12\nsecret.bin"  # key and value, as protobuf writes them
OTHERWISE = {
    "as onnx writes it": lambda data: data,
    "a longer length": lambda data: data.replace(ENTRY, b"\n\x88\x00" + ENTRY[2:]),
    "the value first": lambda data: data.replace(ENTRY, ENTRY[10:] + ENTRY[:10]),
    "a longer tag": lambda data: data.replace(ENTRY, b"\x8a\x00" + ENTRY[1:]),
}


def elsewhere(path: Path) -> bytes:
    """A network with its weights in another file."""
    whole = onnx.load(str(write_onnx(path, weights=np.ones((3, 3, 1, 1), np.float32))))
    onnx.save(whole, str(path), save_as_external_data=True, location="secret.bin", size_threshold=0)
    data = path.read_bytes()
    assert ENTRY in data
    return data


@pytest.mark.parametrize("way", OTHERWISE)
def test_numbers_in_other_files_are_not_read(tmp_path: Path, way: str) -> None:
    path = tmp_path / "arc.onnx"
    changed = OTHERWISE[way](elsewhere(path))
    path.write_bytes(changed)
    with pytest.raises(CheckpointError, match="in other files, which are not read; save it as one file"):
        load_feature_network(path, size=8)


def _in_a_function(model: object, tensor: object) -> None:
    node = onnx.helper.make_node("Constant", [], ["c"], value=tensor)
    function = onnx.helper.make_function("own", "F", [], ["c"], [node], [onnx.helper.make_opsetid("", 17)])
    model.functions.append(function)  # type: ignore[attr-defined]


def _in_a_branch(model: object, tensor: object) -> None:
    branch = onnx.helper.make_graph([], "branch", [], [], [tensor])
    model.graph.node.append(  # type: ignore[attr-defined]
        onnx.helper.make_node("If", ["yes"], ["z"], then_branch=branch, else_branch=branch)
    )


@pytest.mark.parametrize(
    "put",
    [
        lambda model, tensor: model.graph.initializer.append(tensor),
        lambda model, tensor: model.graph.node.append(onnx.helper.make_node("Constant", [], ["c"], value=tensor)),
        lambda model, tensor: model.graph.sparse_initializer.add().values.CopyFrom(tensor),
        lambda model, tensor: model.training_info.add().algorithm.initializer.append(tensor),
        _in_a_function,
        _in_a_branch,
    ],
)
def test_wherever_in_a_model_a_tensor_is(tmp_path: Path, put: Callable[..., None]) -> None:
    model = onnx.load(str(write_onnx(tmp_path / "arc.onnx", image="location")))
    tensor = onnx.numpy_helper.from_array(np.ones(3, np.float32), "w")
    put(model, tensor)
    assert not onnx_files._is_elsewhere(model.SerializeToString())
    model = onnx.load(str(tmp_path / "arc.onnx"))
    onnx.external_data_helper.set_external_data(tensor, "secret.bin")
    put(model, tensor)
    assert onnx_files._is_elsewhere(model.SerializeToString())


def test_an_input_may_be_called_location(tmp_path: Path) -> None:
    assert load_feature_network(write_onnx(tmp_path / "arc.onnx", image="location")).dimensions == 48


@pytest.mark.parametrize(
    "before",
    [
        "resource.setrlimit(resource.RLIMIT_AS, (LESS, LESS))",
        "onnx_files.sys = types.SimpleNamespace(platform='win32'); sys.modules['resource'] = None",
    ],
)
def test_it_is_tried_under_a_lower_limit_and_without_limits_too(tmp_path: Path, before: str) -> None:
    """As after `ulimit -v`, and as on Windows."""
    code = f"""
import resource, sys, types
from pathlib import Path
from facerelief.evaluation import onnx_files
from facerelief.evaluation.onnx_files import MEMORY, _Trial
limits, LESS = resource.getrlimit, MEMORY - 1
{before}
before = limits(resource.RLIMIT_AS)
trial = _Trial(MEMORY)
assert limits(resource.RLIMIT_AS) == before, limits(resource.RLIMIT_AS)
assert trial((Path(sys.argv[1]), 8)) is None
"""
    call = [sys.executable, "-c", code, str(write_onnx(tmp_path / "arc.onnx"))]
    done = subprocess.run(call, capture_output=True, text=True, timeout=300, check=False)
    assert (done.returncode, done.stderr) == (0, "")
