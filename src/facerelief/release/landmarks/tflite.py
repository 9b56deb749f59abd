"""A reader of TFLite models: tensors, constants and operators of the first graph, from the flatbuffer's bytes.

Field numbers are those of TensorFlow's `schema.fbs`, version 3.
"""

import struct
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from facerelief.errors import FacereliefError
from facerelief.files import read_file

_LARGEST = 1 << 28  # bytes
_DTYPES = {0: "<f4", 1: "<f2", 2: "<i4", 3: "u1", 4: "<i8", 9: "i1"}
_INDEX_DTYPES = {1: "<i4", 2: "<u2", 3: "u1"}  # of sparse tensors
# The operators that are read, and the options of each: name, field, format, default.
_OPERATORS: dict[int, tuple[str, tuple[tuple[str, int, str, int], ...]]] = {
    0: ("ADD", (("activation", 0, "b", 0),)),
    2: ("CONCATENATION", (("axis", 0, "i", 0), ("activation", 1, "b", 0))),
    3: ("CONV_2D", (("padding", 0, "b", 0), ("stride", 1, "i", 1), ("activation", 3, "b", 0))),
    4: ("DEPTHWISE_CONV_2D", (("padding", 0, "b", 0), ("stride", 1, "i", 1), ("activation", 4, "b", 0))),
    5: ("DEPTH_TO_SPACE", (("block", 0, "i", 1),)),
    6: ("DEQUANTIZE", ()),
    17: ("MAX_POOL_2D", (("padding", 0, "b", 0), ("stride", 1, "i", 1), ("size", 3, "i", 1))),
    19: ("RELU", ()),
    22: ("RESHAPE", ()),
    23: ("RESIZE_BILINEAR", (("corners", 2, "b", 0), ("half_pixel", 3, "b", 0))),
    34: ("PAD", ()),
    54: ("PRELU", ()),
    124: ("DENSIFY", ()),
}


@dataclass(frozen=True)
class Operator:
    """An operator of a graph.

    Attributes:
        name: As TensorFlow's schema names it, e.g. "CONV_2D".
        inputs: Numbers of the tensors it reads; -1: left out.
        output: Number of the tensor it makes.
        options: E.g. "stride", "padding" (0: SAME, 1: VALID), "activation" (0: none, 1: ReLU).
    """

    name: str
    inputs: list[int]
    output: int
    options: dict[str, int] = field(default_factory=dict)


@dataclass(frozen=True)
class TFLiteGraph:
    """The first graph of a model.

    Attributes:
        shapes: Of each tensor, NHWC.
        constants: By the number of the tensor; sparse ones are dense here.
        operators: In the order in which they run.
        inputs: Numbers of tensors.
        outputs: Numbers of tensors.
    """

    shapes: list[list[int]]
    constants: dict[int, np.ndarray]
    operators: list[Operator]
    inputs: list[int]
    outputs: list[int]


def read_tflite(path: Path) -> TFLiteGraph:
    """Read a model.

    Raises:
        FacereliefError: The file is missing, no TFLite model, or has an operator that is not read.
    """
    try:
        content = read_file(path, _LARGEST)
    except OSError as reason:
        raise FacereliefError(f"cannot read {path} ({reason.strerror}); name a .tflite file") from reason
    if content[4:8] != b"TFL3":
        raise FacereliefError(f"{path} is no TFLite model; name a .tflite file")
    try:
        return _graph(_Table(content, struct.unpack_from("<I", content)[0]))
    except (struct.error, ValueError, IndexError) as reason:
        raise FacereliefError(f"{path} is damaged ({reason}); get the file again") from reason


class _Table:
    """A table of a flatbuffer: fields by number."""

    def __init__(self, content: bytes, start: int) -> None:
        self._content, self._start = content, start
        self._fields = start - struct.unpack_from("<i", content, start)[0]
        self._end = struct.unpack_from("<H", content, self._fields)[0]

    def number(self, index: int, form: str, default: int = 0) -> int:
        place = self._place(index)
        return struct.unpack_from("<" + form, self._content, place)[0] if place else default

    def table(self, index: int) -> "_Table | None":
        place = self._place(index)
        return _Table(self._content, self._follow(place)) if place else None

    def vector(self, index: int, dtype: str) -> np.ndarray:
        start, count = self._vector(index)
        return np.frombuffer(self._content, dtype, count, start) if count else np.zeros(0, dtype)

    def tables(self, index: int) -> list["_Table"]:
        start, count = self._vector(index)
        return [_Table(self._content, self._follow(start + 4 * i)) for i in range(count)]

    def _place(self, index: int) -> int:
        """Where a field is; 0 where it is left out."""
        entry = 4 + 2 * index
        offset = struct.unpack_from("<H", self._content, self._fields + entry)[0] if entry < self._end else 0
        return self._start + offset if offset else 0

    def _follow(self, place: int) -> int:
        return place + int(struct.unpack_from("<I", self._content, place)[0])

    def _vector(self, index: int) -> tuple[int, int]:
        """Where a vector's items start, and their number."""
        place = self._place(index)
        if not place:
            return 0, 0
        start = self._follow(place)
        return start + 4, struct.unpack_from("<I", self._content, start)[0]


def _graph(model: _Table) -> TFLiteGraph:
    codes = [max(code.number(0, "b"), code.number(3, "i")) for code in model.tables(1)]
    if unknown := sorted(set(codes) - set(_OPERATORS)):
        raise FacereliefError(f"operators {unknown} of TFLite are not read; name one of MediaPipe's face models")
    buffers, graph = model.tables(4), model.tables(2)[0]
    tensors = graph.tables(0)
    constants = {}
    for i, tensor in enumerate(tensors):
        data = buffers[tensor.number(2, "I")].vector(0, "u1")
        if len(data):
            constants[i] = _constant(tensor, data)
    return TFLiteGraph(
        [tensor.vector(0, "<i4").tolist() for tensor in tensors],
        constants,
        [_operator(one, codes) for one in graph.tables(3)],
        graph.vector(1, "<i4").tolist(),
        graph.vector(2, "<i4").tolist(),
    )


def _operator(table: _Table, codes: list[int]) -> Operator:
    name, fields = _OPERATORS[codes[table.number(0, "I")]]
    options = table.table(4)
    read = {option: options.number(i, form, least) if options else least for option, i, form, least in fields}
    return Operator(name, table.vector(1, "<i4").tolist(), int(table.vector(2, "<i4")[0]), read)


def _constant(tensor: _Table, data: np.ndarray) -> np.ndarray:
    shape = tensor.vector(0, "<i4").tolist()
    values = data.view(np.uint8).tobytes()
    flat = np.frombuffer(values, _DTYPES[tensor.number(1, "b")])
    sparsity = tensor.table(6)
    return _dense(sparsity, flat, shape) if sparsity else flat.reshape(shape)


def _dense(sparsity: _Table, values: np.ndarray, shape: list[int]) -> np.ndarray:
    """A sparse tensor as a dense one: levels of dense or compressed (CSR) sides, the last ones of blocks."""
    order, blocked = sparsity.vector(0, "<i4").tolist(), sparsity.vector(1, "<i4").tolist()
    levels = sparsity.tables(2)
    places = np.zeros((1, 0), dtype=np.int64)  # coordinates of each node of the level
    for level in levels:
        if level.number(0, "b") == 0:
            size = level.number(1, "i")
            places = np.column_stack([np.repeat(places, size, axis=0), np.tile(np.arange(size), len(places))])
        else:
            starts, indices = (_indices(level, i) for i in (2, 4))
            places = np.column_stack([np.repeat(places, np.diff(starts), axis=0), indices])
    sides = len(shape)
    found = np.zeros((len(places), sides), dtype=np.int64)
    blocks = {dim: levels[sides + i].number(1, "i") for i, dim in enumerate(blocked)}
    for column, dim in enumerate(order):
        if dim < sides:
            found[:, dim] += places[:, column] * blocks.get(dim, 1)
        else:
            found[:, blocked[dim - sides]] += places[:, column]
    dense = np.zeros(shape, values.dtype)
    dense[tuple(found.T)] = values
    return dense


def _indices(level: _Table, index: int) -> Any:
    table = level.table(index + 1)
    if table is None:
        raise ValueError("a sparse tensor without indices")
    return table.vector(0, _INDEX_DTYPES[level.number(index, "b")]).astype(np.int64)
