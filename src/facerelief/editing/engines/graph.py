"""Graphs of shipped networks: ONNX models whose weights stay in the .safetensors file beside them, in half precision.

So ONNX Runtime runs the very weights that training loads, without torch, and nothing is carried twice.
"""

from pathlib import Path
from typing import TYPE_CHECKING, Any

from facerelief.checkpoint import data_offsets
from facerelief.editing.engines.runtimes import Engine, Example, conversion, imported, onnx_session, session_engine
from facerelief.errors import CheckpointError, FacereliefError
from facerelief.files import atomic, sha256

if TYPE_CHECKING:
    from torch import nn

_DIGEST = "weights_sha256"  # key in the graph's metadata
_SHOWN = 160  # letters of a reason, whose end says most
_REMEDY = "reinstall facerelief, or remove the graph and install the extra train"


def graph_of(weights: Path) -> Path | None:
    """The graph beside a file of weights, if there is one."""
    path = weights.with_suffix(".onnx")
    return path if path.is_file() else None


def load_graph(graph: Path, weights: Path, threads: int) -> Engine:
    """An engine from a graph.

    Args:
        graph: Its file, in the folder of the weights.
        weights: Their file.
        threads: At most as many.

    Raises:
        CheckpointError: The graph is damaged, or is not that of these weights.
    """
    try:
        session = onnx_session(str(graph), threads)
        digest = session.get_modelmeta().custom_metadata_map.get(_DIGEST)
    except FacereliefError:
        raise
    except Exception as reason:  # those of ONNX Runtime have no class in common
        why = " ".join(str(reason).split())[-_SHOWN:]
        raise CheckpointError(f"{graph} is damaged or not a graph of {weights.name} (...{why}); {_REMEDY}") from reason
    if digest != sha256(weights):
        raise CheckpointError(f"{graph} is the graph of other weights than {weights.name}; {_REMEDY}")
    return session_engine(session)


def write_graph(weights: Path, generator: "nn.Module", example: Example) -> Path:
    """Write the graph of shipped weights beside them.

    Args:
        weights: The .safetensors file of the generator, in half precision.
        generator: The network.
        example: An image and a condition of its shapes.

    Returns:
        The graph's file, of some ten kilobytes.

    Raises:
        MissingExtra: onnx is not installed.
    """
    onnx = imported("onnx")
    model = onnx.load_model_from_string(conversion().to_onnx(generator, example, fixed=True))
    offsets = data_offsets(weights)
    casts = [_move(onnx, one, weights.name, *offsets[one.name]) for one in model.graph.initializer]
    nodes = [*casts, *model.graph.node]
    del model.graph.node[:]
    model.graph.node.extend(nodes)
    onnx.helper.set_model_props(model, {_DIGEST: sha256(weights)})
    path = weights.with_suffix(".onnx")
    with atomic(path) as part:
        part.write_bytes(model.SerializeToString(deterministic=True))
    return path


def _move(onnx: Any, tensor: Any, file: str, start: int, end: int) -> Any:
    """Move a tensor of a graph to a place in a file, as float16; returns the node that makes it float32 again."""
    name = tensor.name
    tensor.ClearField("raw_data")
    tensor.name, tensor.data_type = f"{name}.half", onnx.TensorProto.FLOAT16
    tensor.data_location = onnx.TensorProto.EXTERNAL
    for key, value in {"location": file, "offset": str(start), "length": str(end - start)}.items():
        entry = tensor.external_data.add()
        entry.key, entry.value = key, value
    return onnx.helper.make_node("Cast", [tensor.name], [name], to=onnx.TensorProto.FLOAT)
