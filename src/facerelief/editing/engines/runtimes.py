"""What runs a generator: PyTorch, ONNX Runtime or OpenVINO, all from images and conditions to what an editor needs.

engine = ENGINES["openvino"](generator, (image, condition))   # of one picture: their shapes count
(edited,) = engine(images, conditions)      # of a StarGAN; of a relief network: flow, mask, colour
"""

import ctypes
import importlib
import io
import os
import sys
import weakref
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np

from facerelief.array_types import Float32
from facerelief.errors import MissingExtra
from facerelief.faces.landmarks.networks import import_onnxruntime
from facerelief.processes.threads import available_threads
from facerelief.registry import Registry

if TYPE_CHECKING:
    from torch import nn

# images float32 (N, C, S, S) in [-1, 1] and conditions float32 (N, ...) to `output_names`, float32; for any threads
Engine = Callable[[Float32, Float32], list[Float32]]
# An image (1, C, S, S) and a condition (1, ...) of a network's shapes; what is in them does not matter.
Example = tuple[Float32, Float32]
ENGINES: Registry[Callable[["nn.Module", Example], Engine]] = Registry("engine")
INPUTS = ("image", "condition")

PACKAGES = {"torch": "torch", "onnx": "onnxruntime", "openvino": "openvino", "openvino-bf16": "openvino"}


def conversion() -> Any:
    """The module `conversion`. Raises `MissingExtra` where torch is not installed."""
    try:
        return importlib.import_module("facerelief.editing.engines.conversion")
    except ModuleNotFoundError as reason:
        raise MissingExtra("torch", "train") from reason


@ENGINES.add("torch")
def _torch_engine(generator: "nn.Module", example: Example) -> Engine:
    """PyTorch itself, fp32. Raises `MissingExtra` where it is not installed."""
    engine: Engine = conversion().torch_engine(generator)
    return engine


@ENGINES.add("onnx")
def onnx_engine(generator: "nn.Module", example: Example) -> Engine:
    """ONNX Runtime, fp32. Raises `MissingExtra` where it is not installed."""
    return load_onnx(conversion().to_onnx(generator, example))


def load_onnx(model: bytes | str, threads: int | None = None) -> Engine:
    """An engine from an ONNX model's bytes or its file's name, of so many threads, by default those that there are."""
    return session_engine(onnx_session(model, threads or available_threads()))


def onnx_session(model: bytes | str, threads: int) -> Any:
    """ONNX Runtime's session of a model's bytes or file. Its threads sleep between edits."""
    runtime = import_onnxruntime()
    options = runtime.SessionOptions()
    options.intra_op_num_threads, options.inter_op_num_threads = threads, 1
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    options.log_severity_level = 4  # errors are raised
    return runtime.InferenceSession(model, options, providers=["CPUExecutionProvider"])


def session_engine(session: Any) -> Engine:
    """An engine from a session."""

    def run(image: Float32, condition: Float32) -> list[Float32]:
        return session.run(None, dict(zip(INPUTS, (image, condition), strict=True)))

    return _kept_by_forks(run)


@ENGINES.add("openvino")
def openvino_engine(generator: "nn.Module", example: Example) -> Engine:
    """OpenVINO, fp32. Raises `MissingExtra` where it is not installed."""
    return load_openvino(conversion().to_onnx(generator, example), "f32")


@ENGINES.add("openvino-bf16")
def openvino_bf16_engine(generator: "nn.Module", example: Example) -> Engine:
    """OpenVINO, bf16: fast on processors with AMX or AVX-512 BF16. Raises `MissingExtra` where it is not installed."""
    return load_openvino(conversion().to_onnx(generator, example), "bf16")


def load_openvino(model: bytes | str, precision: str) -> Engine:
    """An engine from an ONNX model's bytes or the name of an .onnx or .xml file; precision: "f32" or "bf16"."""
    core = import_openvino().Core()
    read = core.read_model(io.BytesIO(model) if isinstance(model, bytes) else model)
    settings = {  # by itself it would take bf16 on some machines
        "INFERENCE_PRECISION_HINT": precision,
        "PERFORMANCE_HINT": "LATENCY",
        "INFERENCE_NUM_THREADS": available_threads(),
    }
    compiled = core.compile_model(read, "CPU", settings)

    def run(image: Float32, condition: Float32) -> list[Float32]:
        results = compiled.create_infer_request().infer([image, condition])  # a request of its own for each thread
        return [np.array(results[port]) for port in compiled.outputs]

    return _kept_by_forks(run)


def _kept_by_forks(engine: Engine) -> Engine:
    """An engine that a forked process inherits without its threads, for which it would wait in ending the engine."""
    _WITH_THREADS.add(engine)
    return engine


def _keep_inherited() -> None:
    for engine in _WITH_THREADS:
        ctypes.pythonapi.Py_IncRef(ctypes.py_object(engine))


_WITH_THREADS: weakref.WeakSet[Engine] = weakref.WeakSet()
if hasattr(os, "register_at_fork"):  # not on Windows
    os.register_at_fork(after_in_child=_keep_inherited)


def import_openvino() -> Any:
    """OpenVINO without its conversion tools: being imported, they would tell their makers so over the network.

    Raises `MissingExtra` where it is not installed.
    """
    tools = "openvino.tools.ovc"
    if "openvino" in sys.modules or tools in sys.modules:
        return imported("openvino")
    sys.modules[tools] = None  # type: ignore[assignment]  # which Python reads as "not to be imported"
    try:
        return imported("openvino")
    finally:
        del sys.modules[tools]


def imported(package: str) -> Any:
    """A package of the extra `engines`. Raises `MissingExtra`."""
    try:
        return importlib.import_module(package)
    except ImportError as reason:
        raise MissingExtra(package, "engines") from reason
