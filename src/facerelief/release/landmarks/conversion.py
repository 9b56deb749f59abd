"""TFLite graphs (NHWC) as ONNX models (NCHW) whose input is a picture's bytes."""

import importlib
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from facerelief.errors import FacereliefError, MissingExtra
from facerelief.release.landmarks.tflite import Operator, TFLiteGraph

_OPSET, _IR = 17, 8  # read by every ONNX Runtime since 1.12
_RELU = 1  # TFLite's number of a fused activation
_SAME = 0  # TFLite's padding
_BLOCK = 16  # channels that ONNX Runtime computes at a time; others would be reordered before and after each step


def convert_graph(graph: TFLiteGraph, low: float, high: float, outputs: Mapping[str, tuple[int, ...]]) -> Any:
    """Convert a graph.

    Args:
        graph: One input, a picture.
        low: What the graph expects for black.
        high: For white.
        outputs: Name and shape, without the number of pictures, of each output, in the order of `graph.outputs`.

    Returns:
        The ONNX model: input "image", uint8 (N, height, width, 3). Weights are as precise as TFLite's.

    Raises:
        MissingExtra: onnx is not installed.
        FacereliefError: The graph has something that is not converted.
    """
    try:
        onnx = importlib.import_module("onnx")
    except ImportError as reason:
        raise MissingExtra("onnx", "engines") from reason
    return _Conversion(onnx, graph).model(low, high, outputs)


class _Conversion:
    """The nodes and weights of an ONNX graph, as they are added. Tensor 7 of TFLite is `t7`."""

    def __init__(self, onnx: Any, graph: TFLiteGraph) -> None:
        self._onnx, self._graph, self._constants = onnx, graph, dict(graph.constants)
        self._nodes: list[Any] = []
        self._weights: dict[str, Any] = {}
        self._padded: dict[int, tuple[int, list[int]]] = {}  # what pads rows and columns: its input and how much
        leave = (i for operator in graph.operators if operator.name in _EXACT for i in operator.inputs)
        self._exact = {*leave, *graph.inputs, *graph.outputs}  # tensors that are not filled up to whole blocks

    def model(self, low: float, high: float, outputs: Mapping[str, tuple[int, ...]]) -> Any:
        helper, types = self._onnx.helper, self._onnx.TensorProto
        _, height, width, channels = self._graph.shapes[self._graph.inputs[0]]
        self._add("Cast", "numbers", "image", to=types.FLOAT)
        self._add("Mul", "scaled", "numbers", self._weight("scale", np.float32((high - low) / 255)))
        self._add("Add", "shifted", "scaled", self._weight("offset", np.float32(low)))
        self._add("Transpose", f"t{self._graph.inputs[0]}", "shifted", perm=[0, 3, 1, 2])
        for operator in self._graph.operators:
            _CONVERTED[operator.name](self, operator)
        results = []
        for number, (name, shape) in zip(self._graph.outputs, outputs.items(), strict=True):
            self._add("Reshape", name, f"t{number}", self._weight(f"{name}_shape", np.array([-1, *shape])))
            results.append(helper.make_tensor_value_info(name, types.FLOAT, ["N", *shape]))
        image = helper.make_tensor_value_info("image", types.UINT8, ["N", height, width, channels])
        whole = helper.make_graph(self._nodes, "face", [image], results, [*self._weights.values()])
        model = helper.make_model(whole, opset_imports=[helper.make_opsetid("", _OPSET)], ir_version=_IR)
        self._onnx.checker.check_model(model)
        return model

    def _add(self, kind: str, output: str, *inputs: str, **attributes: Any) -> str:
        self._nodes.append(self._onnx.helper.make_node(kind, inputs, [output], **attributes))
        return output

    def _weight(self, name: str, values: np.ndarray | np.float32) -> str:
        """Store a constant; one of half precision is converted when the model is loaded."""
        values = np.asarray(values)
        self._weights[name] = self._onnx.numpy_helper.from_array(np.array(values, order="C"), name)
        if values.dtype != np.float16:
            return name
        return self._add("Cast", f"{name}_float", name, to=self._onnx.TensorProto.FLOAT)

    def _channels(self, number: int) -> int:
        """Of a tensor, filled up with zeros to whole blocks."""
        channels = self._graph.shapes[number][3]
        return channels if number in self._exact else -(-channels // _BLOCK) * _BLOCK

    def constant(self, operator: Operator) -> None:
        """DEQUANTIZE and DENSIFY of weights: they are stored as they were."""
        self._constants[operator.output] = self._constants[operator.inputs[0]]

    def convolution(self, operator: Operator) -> None:
        """CONV_2D and DEPTHWISE_CONV_2D."""
        source, weight, bias = operator.inputs
        depthwise = operator.name.startswith("DEPTHWISE")
        kernel = self._constants[weight].transpose((3, 0, 1, 2) if depthwise else (0, 3, 1, 2))
        source, padding = self._padded.get(source, (source, None))
        width = self._channels(operator.output)
        kernel = _filled(kernel, width, 1 if depthwise else self._channels(source))
        how: dict[str, Any] = {"auto_pad": "SAME_UPPER"} if operator.options["padding"] == _SAME else {}
        if padding:
            how = {"pads": padding}
        names = (
            f"t{source}",
            self._weight(f"w{weight}", kernel),
            self._weight(f"b{bias}", _filled(self._constants[bias], width)),
        )
        how |= {"strides": [operator.options["stride"]] * 2, "group": len(kernel) if depthwise else 1}
        self._activated(operator, "Conv", *names, kernel_shape=list(kernel.shape[2:]), **how)

    def pad(self, operator: Operator) -> None:
        """PAD of rows and columns, which the next convolution does, or of channels."""
        source = operator.inputs[0]
        (_, (top, bottom), (left, right), (_, channels)) = self._constants[operator.inputs[1]].tolist()
        if channels == 0:
            self._padded[operator.output] = source, [top, left, bottom, right]
            return
        more = self._channels(operator.output) - self._channels(source)
        if more or top or bottom or left or right:
            pads = self._weight(f"p{operator.output}", np.array([0, 0, top, left, 0, more, bottom, right]))
            self._add("Pad", f"t{operator.output}", f"t{source}", pads)
        else:  # the last block had room
            self._add("Identity", f"t{operator.output}", f"t{source}")

    def prelu(self, operator: Operator) -> None:
        """PRELU as slope * x + (1 - slope) * relu(x): ONNX Runtime's PRelu takes three times as long as the whole."""
        slopes = _filled(self._constants[operator.inputs[1]].reshape(-1, 1, 1, 1), self._channels(operator.output))
        source, made, group = f"t{operator.inputs[0]}", f"t{operator.output}", len(slopes)
        slope = self._weight(f"{made}_slope", slopes)
        rest = self._add("Sub", f"{made}_rest", self._weight(f"{made}_one", np.float32(1)), slope)
        positive = self._add("Relu", f"{made}_positive", source)
        parts = (
            self._add("Conv", f"{made}_{name}", values, weight, group=group, kernel_shape=[1, 1])
            for name, values, weight in (("line", source, slope), ("bend", positive, rest))
        )
        self._add("Add", made, *parts)

    def relu(self, operator: Operator) -> None:
        """RELU."""
        self._add("Relu", f"t{operator.output}", f"t{operator.inputs[0]}")

    def sum(self, operator: Operator) -> None:
        """ADD."""
        self._activated(operator, "Add", *(f"t{i}" for i in operator.inputs))

    def max_pool(self, operator: Operator) -> None:
        """MAX_POOL_2D."""
        size, stride = operator.options["size"], operator.options["stride"]
        how = "SAME_UPPER" if operator.options["padding"] == _SAME else "VALID"
        kernel = {"kernel_shape": [size, size], "strides": [stride, stride], "auto_pad": how}
        self._add("MaxPool", f"t{operator.output}", f"t{operator.inputs[0]}", **kernel)

    def resize(self, operator: Operator) -> None:
        """RESIZE_BILINEAR by a whole factor."""
        source, output = operator.inputs[0], operator.output
        factors = np.array([1, 1, *(self._graph.shapes[output][i] / self._graph.shapes[source][i] for i in (1, 2))])
        corners, half = operator.options["corners"], operator.options["half_pixel"]
        mode = "align_corners" if corners else "half_pixel" if half else "asymmetric"
        scales = self._weight(f"r{output}", factors.astype(np.float32))
        self._add("Resize", f"t{output}", f"t{source}", "", scales, mode="linear", coordinate_transformation_mode=mode)

    def depth_to_space(self, operator: Operator) -> None:
        """DEPTH_TO_SPACE."""
        block = operator.options["block"]
        self._add("DepthToSpace", f"t{operator.output}", f"t{operator.inputs[0]}", blocksize=block)

    def reshape(self, operator: Operator) -> None:
        """RESHAPE of a map to a list of boxes, whose order is that of NHWC."""
        made = f"t{operator.output}"
        channels_last = self._add("Transpose", f"{made}_nhwc", f"t{operator.inputs[0]}", perm=[0, 2, 3, 1])
        shape = self._weight(f"{made}_shape", np.array([-1, *self._graph.shapes[operator.output][1:]]))
        self._add("Reshape", made, channels_last, shape)

    def concatenation(self, operator: Operator) -> None:
        """CONCATENATION of lists of boxes."""
        self._add("Concat", f"t{operator.output}", *(f"t{i}" for i in operator.inputs), axis=operator.options["axis"])

    def _activated(self, operator: Operator, kind: str, *inputs: str, **attributes: Any) -> None:
        """A node with the activation that TFLite fuses with it."""
        activation, made = operator.options["activation"], f"t{operator.output}"
        if activation not in (0, _RELU):
            raise FacereliefError(f"activation {activation} of TFLite is not converted; name another model")
        plain = self._add(kind, f"{made}_plain" if activation else made, *inputs, **attributes)
        if activation:
            self._add("Relu", made, plain)


def _filled(values: np.ndarray, *sides: int) -> np.ndarray:
    """Values with zeros behind, so that the first sides are as given."""
    wanted = (*sides, *values.shape[len(sides) :])
    return np.pad(values, [(0, want - have) for want, have in zip(wanted, values.shape, strict=True)])


_EXACT = ("RESHAPE", "DEPTH_TO_SPACE")  # which mix channels with places
_CONVERTED: Mapping[str, Callable[[_Conversion, Operator], None]] = {
    "ADD": _Conversion.sum,
    "CONCATENATION": _Conversion.concatenation,
    "CONV_2D": _Conversion.convolution,
    "DENSIFY": _Conversion.constant,
    "DEPTHWISE_CONV_2D": _Conversion.convolution,
    "DEPTH_TO_SPACE": _Conversion.depth_to_space,
    "DEQUANTIZE": _Conversion.constant,
    "MAX_POOL_2D": _Conversion.max_pool,
    "PAD": _Conversion.pad,
    "PRELU": _Conversion.prelu,
    "RELU": _Conversion.relu,
    "RESHAPE": _Conversion.reshape,
    "RESIZE_BILINEAR": _Conversion.resize,
}
