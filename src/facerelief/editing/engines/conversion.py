"""Generators of PyTorch as engines, and as ONNX models."""

import contextlib
import io
import os
from typing import Any

import torch
from torch import Tensor, nn

from facerelief.array_types import Float32
from facerelief.editing.engines.runtimes import INPUTS, Engine, imported
from facerelief.networks.relief import ReliefGenerator
from facerelief.quiet import quiet

_OPSET = 17


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


def to_onnx(generator: nn.Module, size: int | None = None) -> bytes:
    """A generator as an ONNX model, opset 17: inputs `INPUTS` of any batch, outputs `output_names`.

    Args:
        generator: The network.
        size: The side of the only crops that it is to take; weights then stay as they are, under their names. None:
            crops of any side.

    Raises:
        MissingExtra: onnx, which torch's exporter calls at its end, is not installed.
    """
    imported("onnx")
    of_one: Any = generator
    example = torch.zeros(1, of_one.channels, size or 64, size or 64), torch.zeros(1, of_one.conditions)
    stream: Any = io.BytesIO()
    names = output_names(generator)
    sides = {} if size else {2: "height", 3: "width"}
    axes = {name: {0: "batch"} | sides for name in ("image", *names)} | {"condition": {0: "batch"}}
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
            do_constant_folding=size is None,  # which would transpose weights
        )
    return bytes(stream.getvalue())
