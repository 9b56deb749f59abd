"""Generators of PyTorch as engines, and as ONNX models."""

import contextlib
import io
import os
from typing import Any

import torch
from torch import Tensor, nn

from facerelief.array_types import Float32
from facerelief.editing.engines.runtimes import INPUTS, Engine, Example, imported
from facerelief.networks.relief import ReliefGenerator
from facerelief.quiet import quiet

_OPSET = 17


class Outputs(nn.Module):
    """A generator that gives what its editor needs, and nothing else, as a tuple."""

    def __init__(self, generator: nn.Module) -> None:
        super().__init__()
        self.generator = generator.eval()

    def forward(self, image: Tensor, condition: Tensor) -> tuple[Tensor, ...]:
        """What `output_names` says, of images (N, C, S, S) in [-1, 1] and conditions (N, ...)."""
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


def to_onnx(generator: nn.Module, example: Example, *, fixed: bool = False) -> bytes:
    """A generator as an ONNX model, opset 17: inputs `INPUTS` of any batch, outputs `output_names`.

    Args:
        generator: The network.
        example: An image and a condition of its shapes.
        fixed: Whether it is to take images of the example's size alone; weights then stay as they are, under their
            names.

    Raises:
        MissingExtra: onnx, which torch's exporter calls at its end, is not installed.
    """
    imported("onnx")
    image, condition = map(torch.from_numpy, example)
    stream: Any = io.BytesIO()
    names = output_names(generator)
    sides = {} if fixed else {2: "height", 3: "width"}
    spatial, constant = {0: "batch"} | sides, {0: "batch"}
    axes = dict.fromkeys(("image", *names), spatial) | {"condition": spatial if condition.ndim == 4 else constant}
    with quiet(), open(os.devnull, "w") as nowhere, contextlib.redirect_stdout(nowhere):
        # The older exporter: ten times faster than the new one, without a further package, for torch from 2.4 on.
        torch.onnx.export(
            Outputs(generator),
            (image, condition),
            stream,
            dynamo=False,
            opset_version=_OPSET,
            input_names=list(INPUTS),
            output_names=list(names),
            dynamic_axes=axes,
            do_constant_folding=not fixed,  # which would transpose weights
        )
    return bytes(stream.getvalue())
