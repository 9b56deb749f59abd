"""A network that a user could bring."""

from pathlib import Path


def write_onnx(path: Path, side: int | str = 8, batch: int | str = "n") -> Path:
    """Mean of each of 2 x 2 patches' colour: (N, 3, 8, 8) to (N, 3 * 4 * 4)."""
    import onnx

    pool = onnx.helper.make_node("AveragePool", ["image"], ["small"], kernel_shape=[2, 2], strides=[2, 2])
    flat = onnx.helper.make_node("Flatten", ["small"], ["vector"])
    kind = onnx.TensorProto.FLOAT
    image = onnx.helper.make_tensor_value_info("image", kind, [batch, 3, side, side])
    vector = onnx.helper.make_tensor_value_info("vector", kind, None)
    graph = onnx.helper.make_graph([pool, flat], "patches", [image], [vector])
    onnx.save(onnx.helper.make_model(graph, opset_imports=[onnx.helper.make_opsetid("", 17)], ir_version=8), str(path))
    return path
