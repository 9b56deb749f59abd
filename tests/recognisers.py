"""Networks that a user could bring, and some that nobody should."""

from pathlib import Path
from typing import Any

import numpy as np


def write_onnx(
    path: Path,
    side: int | str = 8,
    batch: int | str = "n",
    *,
    weights: np.ndarray | None = None,
    flat: bool = True,
    image: str = "image",
) -> Path:
    """Mean of each of 2 x 2 patches' colour: (N, 3, 8, 8) to (N, 3 * 4 * 4).

    weights: of a convolution (3, 3, 1, 1) before it. flat: vectors, not maps. image: what its input is called.
    """
    import onnx

    steps = [("AveragePool", {"kernel_shape": [2, 2], "strides": [2, 2]})]
    steps += [("Flatten", {})] if flat else []
    nodes, name, initial = [], image, []
    if weights is not None:
        nodes.append(onnx.helper.make_node("Conv", [name, "weights"], ["mixed"]))
        initial, name = [onnx.numpy_helper.from_array(weights, "weights")], "mixed"
    for number, (kind, options) in enumerate(steps):
        nodes.append(onnx.helper.make_node(kind, [name], [f"step{number}"], **options))
        name = f"step{number}"
    return _save(path, nodes, name, initial, side, batch, image)


def write_square(path: Path) -> Path:
    """Vectors that are as long as the batch, (N, N)."""
    import onnx

    nodes = [
        onnx.helper.make_node("ReduceMean", ["image"], ["mean"], axes=[1, 2, 3]),
        onnx.helper.make_node("Flatten", ["mean"], ["column"]),
        onnx.helper.make_node("Transpose", ["column"], ["row"], perm=[1, 0]),
        onnx.helper.make_node("MatMul", ["column", "row"], ["square"]),
    ]
    return _save(path, nodes, "square", [])


def write_endless(path: Path, turns_from: str = "") -> Path:
    """A loop of 2^62 turns; with turns_from="image" of none for black images, and as many for others."""
    import onnx

    helper, kind = onnx.helper, onnx.TensorProto
    state = helper.make_tensor_value_info("before", kind.FLOAT, [1, 1])
    after = helper.make_tensor_value_info("after", kind.FLOAT, [1, 1])
    turn = helper.make_tensor_value_info("turn", kind.INT64, [])
    going, still = (helper.make_tensor_value_info(name, kind.BOOL, []) for name in ("going", "still"))
    body = helper.make_graph(
        [helper.make_node("Identity", ["going"], ["still"]), helper.make_node("Sin", ["before"], ["after"])],
        "body",
        [turn, going, state],
        [still, after],
    )
    nodes = [
        helper.make_node("ReduceMax", ["image"], ["most"], keepdims=0),
        helper.make_node("Greater", ["most", "limit"], ["yes"]),
        helper.make_node("Loop", ["turns", "yes", "start"], ["last"], body=body),
        helper.make_node("ReduceMean", ["image"], ["vector"], axes=[2, 3], keepdims=0),
        helper.make_node("Add", ["vector", "last"], ["out"]),
    ]
    initial = [
        onnx.numpy_helper.from_array(np.array(2**62), "turns"),
        onnx.numpy_helper.from_array(np.array([[0.5]], np.float32), "start"),
        onnx.numpy_helper.from_array(np.float32(0 if turns_from else -1), "limit"),
    ]
    return _save(path, nodes, "out", initial)


def write_enormous(path: Path) -> Path:
    """A file of some hundred bytes that asks for 4 TB."""
    import onnx

    nodes = [
        onnx.helper.make_node("ConstantOfShape", ["shape"], ["zeros"]),
        onnx.helper.make_node("ReduceSum", ["zeros"], ["sum"], keepdims=0),
        onnx.helper.make_node("ReduceMean", ["image"], ["mean"], axes=[2, 3], keepdims=0),
        onnx.helper.make_node("Add", ["mean", "sum"], ["out"]),
    ]
    return _save(path, nodes, "out", [onnx.numpy_helper.from_array(np.array([10**6, 10**6]), "shape")])


def _save(
    path: Path,
    nodes: list[Any],
    last: str,
    initial: list[Any],
    side: int | str = 8,
    batch: int | str = "n",
    name: str = "image",
) -> Path:
    import onnx

    image = onnx.helper.make_tensor_value_info(name, onnx.TensorProto.FLOAT, [batch, 3, side, side])
    vector = onnx.helper.make_tensor_value_info(last, onnx.TensorProto.FLOAT, None)
    graph = onnx.helper.make_graph(nodes, "patches", [image], [vector], initial)
    onnx.save(onnx.helper.make_model(graph, opset_imports=[onnx.helper.make_opsetid("", 17)], ir_version=8), str(path))
    return path
