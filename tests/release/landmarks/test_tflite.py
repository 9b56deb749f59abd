"""Reading TFLite files: a sparse tensor written by the flatbuffers package, and files that are none."""

from pathlib import Path

import flatbuffers
import numpy as np
import pytest

from facerelief.errors import FacereliefError
from facerelief.release.landmarks.tflite import _dense, _Table, read_tflite


def sparsity(order: list[int], blocked: list[int], levels: list[tuple[int, list[int], list[int]]]) -> _Table:
    """`SparsityParameters` of TensorFlow's schema; levels: the dense size, or 0 and the segments and indices."""
    builder = flatbuffers.Builder()

    def vector(values: list[int]) -> int:
        return builder.CreateNumpyVector(np.array(values, np.int32))

    def indices(values: list[int]) -> int:
        made = vector(values)
        builder.StartObject(1)
        builder.PrependUOffsetTRelativeSlot(0, made, 0)
        return builder.EndObject()

    tables = []
    for size, segments, places in levels:
        offsets = (indices(segments), indices(places)) if not size else ()
        builder.StartObject(6)
        builder.PrependInt8Slot(0, 0 if size else 1, 0)
        builder.PrependInt32Slot(1, size, 0)
        for slot, offset in zip((3, 5), offsets, strict=False):
            builder.PrependUint8Slot(slot - 1, 1, 0)  # of 32-bit integers
            builder.PrependUOffsetTRelativeSlot(slot, offset, 0)
        tables.append(builder.EndObject())
    builder.StartVector(4, len(tables), 4)
    for table in reversed(tables):
        builder.PrependUOffsetTRelative(table)
    made = builder.EndVector(), vector(order), vector(blocked)
    builder.StartObject(3)
    for slot, offset in zip((2, 0, 1), made, strict=True):
        builder.PrependUOffsetTRelativeSlot(slot, offset, 0)
    builder.Finish(builder.EndObject())
    content = bytes(builder.Output())
    return _Table(content, int.from_bytes(content[:4], "little"))


def test_rows_with_few_values() -> None:
    """The compressed rows of [[0, 7, 0], [0, 0, 0], [8, 0, 9]]."""
    table = sparsity([0, 1], [], [(3, [], []), (0, [0, 1, 1, 3], [1, 0, 2])])
    found = _dense(table, np.array([7, 8, 9], np.float16), [3, 3])
    assert found.tolist() == [[0, 7, 0], [0, 0, 0], [8, 0, 9]]


def test_blocks() -> None:
    """Blocks of 1 x 2 along the second side, which traversal 2 stands for."""
    table = sparsity([0, 1, 2], [1], [(2, [], []), (0, [0, 1, 2], [1, 0]), (2, [], [])])
    found = _dense(table, np.array([1, 2, 3, 4], np.float32), [2, 4])
    assert found.tolist() == [[0, 0, 1, 2], [3, 4, 0, 0]]


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (None, "cannot read .*; name a .tflite file"),
        (b"", "is no TFLite model; name a .tflite file"),
        (b"PK\3\4 a task file", "is no TFLite model"),
        (b"\x1c\0\0\0TFL3", "is damaged .*; get the file again"),
        (b"\x08\0\0\0TFL3" + b"\xff" * 64, "is damaged"),
    ],
)
def test_files_that_are_none(tmp_path: Path, content: bytes | None, said: str) -> None:
    path = tmp_path / "model.tflite"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(FacereliefError, match=said) as caught:
        read_tflite(path)
    assert "\n" not in str(caught.value)
