"""What runs a generator: PyTorch, ONNX Runtime or OpenVINO, all from images and conditions to what an editor needs.

engine = ENGINES["openvino"](generator)
(edited,) = engine(images, conditions)      # of a StarGAN; of a relief network: flow, mask, colour
"""

import contextlib
import ctypes
import importlib
import io
import os
import sys
import weakref
from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from facerelief.array_types import Float32
from facerelief.errors import MissingExtra
from facerelief.networks.relief import ReliefGenerator
from facerelief.quiet import quiet
from facerelief.registry import Registry

# images float32 (N, C, S, S) in [-1, 1] and conditions float32 (N, K) to `output_names`, float32; for any threads
Engine = Callable[[Float32, Float32], list[Float32]]
# An image (1, C, S, S) and a condition (1, ...) of a network's shapes; what is in them does not matter.
Example = tuple[Tensor, Tensor]
ENGINES: Registry[Callable[[nn.Module, Example], Engine]] = Registry("engine")
INPUTS = ("image", "condition")

_OPSET = 17
PACKAGES = {"torch": "torch", "onnx": "onnxruntime", "openvino": "openvino", "openvino-bf16": "openvino"}


class Outputs(nn.Module):
    """A generator that gives what its editor needs, and nothing else, as a tuple."""

    def __init__(self, generator: nn.Module) -> None:
        super().__init__()
        self.generator = generator.eval()

    def forward(self, image: Tensor, condition: Tensor) -> tuple[Tensor, ...]:
        """What `output_names` says, of images (N, C, S, S) in [-1, 1] and conditions (N, K)."""
        if isinstance(self.generator, ReliefGenerator):
            return tuple(self.generator.maps(image, condition))
        return (self.generator(image, condition).image,)


def output_names(generator: nn.Module) -> tuple[str, ...]:
    """The names of what `Outputs` gives."""
    return ("flow", "mask", "colour") if isinstance(generator, ReliefGenerator) else ("edited",)


def torch_engine(generator: nn.Module) -> Engine:
    """PyTorch itself, fp32."""
    outputs = Outputs(generator)

    def run(image: Float32, condition: Float32) -> list[Float32]:
        with torch.inference_mode():
            return [part.numpy() for part in outputs(torch.from_numpy(image), torch.from_numpy(condition))]

    return run


ENGINES.add("torch")(lambda generator, example: torch_engine(generator))


@ENGINES.add("onnx")
def onnx_engine(generator: nn.Module, example: Example) -> Engine:
    """ONNX Runtime, fp32. Raises `MissingExtra` where it is not installed."""
    return load_onnx(to_onnx(generator, example))


def load_onnx(model: bytes | str) -> Engine:
    """An engine from an ONNX model's bytes or its file's name."""
    runtime = imported("onnxruntime")
    options = runtime.SessionOptions()
    options.intra_op_num_threads = torch.get_num_threads()
    options.log_severity_level = 3  # errors only
    session = runtime.InferenceSession(model, options, providers=["CPUExecutionProvider"])

    def run(image: Float32, condition: Float32) -> list[Float32]:
        return session.run(None, dict(zip(INPUTS, (image, condition), strict=True)))

    return _kept_by_forks(run)


@ENGINES.add("openvino")
def openvino_engine(generator: nn.Module, example: Example) -> Engine:
    """OpenVINO, fp32. Raises `MissingExtra` where it is not installed."""
    return load_openvino(to_onnx(generator, example), "f32")


@ENGINES.add("openvino-bf16")
def openvino_bf16_engine(generator: nn.Module, example: Example) -> Engine:
    """OpenVINO, bf16: fast on processors with AMX or AVX-512 BF16. Raises `MissingExtra` where it is not installed."""
    return load_openvino(to_onnx(generator, example), "bf16")


def load_openvino(model: bytes | str, precision: str) -> Engine:
    """An engine from an ONNX model's bytes or the name of an .onnx or .xml file; precision: "f32" or "bf16"."""
    core = import_openvino().Core()
    read = core.read_model(io.BytesIO(model) if isinstance(model, bytes) else model)
    settings = {  # by itself it would take bf16 on some machines
        "INFERENCE_PRECISION_HINT": precision,
        "PERFORMANCE_HINT": "LATENCY",
        "INFERENCE_NUM_THREADS": torch.get_num_threads(),
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


def to_onnx(generator: nn.Module, example: Example) -> bytes:
    """A generator as an ONNX model, opset 17: inputs `INPUTS` of any batch, outputs `output_names`.

    Raises `MissingExtra` where onnx, which torch's exporter calls at its end, is not installed.
    """
    imported("onnx")
    stream: Any = io.BytesIO()
    names = output_names(generator)
    spatial, constant = {0: "batch", 2: "height", 3: "width"}, {0: "batch"}
    axes = dict.fromkeys(("image", *names), spatial) | {"condition": spatial if example[1].ndim == 4 else constant}
    with quiet(), open(os.devnull, "w") as nowhere, contextlib.redirect_stdout(nowhere):
        # The older exporter: ten times faster than the new one, without a further package, for torch from 2.4 on.
        torch.onnx.export(
            Outputs(generator),
            example,
            stream,
            dynamo=False,
            opset_version=_OPSET,
            input_names=list(INPUTS),
            output_names=list(names),
            dynamic_axes=axes,
        )
    return bytes(stream.getvalue())
