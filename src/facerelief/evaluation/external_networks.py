"""Networks that a user brings as ONNX files: face recognisers, or features for FID and KID.

They get RGB in [-1, 1] (N, 3, S, S) and give one vector an image (N, D). What else a network wants, such as BGR or
other means, belongs into its file. TorchScript is refused: it is a program.
"""

from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from facerelief.errors import CheckpointError, FacereliefError, one_line
from facerelief.evaluation.onnx_files import LARGEST_SIDE, load_onnx_network

_SCRIPTS = (".pt", ".ts", ".torchscript")
SUFFIXES = (".onnx", *_SCRIPTS)  # what is taken for a file of the user's, not a run


class OnnxFeatureNetwork(nn.Module):
    """Images (N, C, H, W) in [-1, 1], C of 1 or 3, to vectors (N, D) by a network from a file, at its own size."""

    def __init__(self, path: Path, size: int | None) -> None:
        super().__init__()
        self._network = load_onnx_network(path, size)
        self.path, self.size, self.dimensions = path, size or self._network.side or 112, 0
        self.dimensions = self._run(torch.zeros(2, 3, self.size, self.size)).shape[1]

    def forward(self, image: Tensor) -> Tensor:
        """The vectors, on the images' device."""
        rgb = image.expand(-1, 3, -1, -1).float()
        shrinks = self.size < image.shape[-1]
        rgb = F.interpolate(rgb, (self.size, self.size), mode="bilinear", align_corners=False, antialias=shrinks)
        return self._run(rgb).to(image.device)

    def _run(self, rgb: Tensor) -> Tensor:
        try:
            vectors = self._network(rgb.detach().cpu().numpy().astype(np.float32))
        except Exception as reason:  # whatever a foreign file raises
            raise CheckpointError(
                f"{self.path} fails on images {tuple(rgb.shape)} ({one_line(reason)}); "
                "it must take RGB (N, 3, S, S), S as --input-size says"
            ) from reason
        if vectors.ndim != 2 or len(vectors) != len(rgb) or vectors.dtype.kind != "f" or not vectors.size:
            given = f"{vectors.dtype} {vectors.shape}"
            raise CheckpointError(
                f"{self.path} gives {given} for {len(rgb)} images; it must give one vector each, (N, D)"
            )
        if self.dimensions and vectors.shape[1] != self.dimensions:
            raise CheckpointError(
                f"{self.path} gives vectors of {vectors.shape[1]} numbers, {self.dimensions} before; bring another file"
            )
        if not np.isfinite(vectors).all():
            raise CheckpointError(f"{self.path} gives vectors that are not numbers; bring another file")
        return torch.from_numpy(vectors.astype(np.float32))


def load_feature_network(path: Path, size: int | None = None) -> OnnxFeatureNetwork:
    """The network of a file. size: side of its images; by default what the file says, else 112.

    Raises `CheckpointError` for a file that is no such network, `MissingExtra` without onnxruntime.
    """
    if path.suffix in _SCRIPTS:
        raise CheckpointError(
            f"{path} is TorchScript, which is a program and is not run; export it to ONNX: torch.onnx.export("
            f"network.eval(), torch.zeros(2, 3, S, S), '{path.stem}.onnx', dynamo=False, input_names=['image'], "
            "dynamic_axes={'image': {0: 'n'}})"
        )
    if not path.is_file():
        raise CheckpointError(f"no network at {path}; name an .onnx file")
    if path.suffix != ".onnx":
        raise CheckpointError(f"{path} is of no known kind; bring an .onnx file")
    if size is not None and not 1 <= size <= LARGEST_SIDE:
        raise FacereliefError(f"an input size of {size} is not between 1 and {LARGEST_SIDE}; give it in pixels")
    return OnnxFeatureNetwork(path, size)
