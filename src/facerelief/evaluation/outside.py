"""Networks that a user brings, as ONNX or TorchScript files: face recognisers, or features for FID and KID.

They get RGB in [-1, 1] (N, 3, S, S) and give one vector an image (N, D). What else a network wants, such as BGR or
other means, belongs into its file.
"""

import warnings
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from facerelief.errors import CheckpointError, FacereliefError, MissingExtra

SUFFIXES = (".onnx", ".pt", ".ts", ".torchscript")


class Outside(nn.Module):
    """Images (N, C, H, W) in [-1, 1], C of 1 or 3, to vectors (N, D) by a network from a file, at its own size."""

    def __init__(self, path: Path, size: int) -> None:
        super().__init__()
        self.path, self.size, self.dimensions = path, size, 0
        self._call = _onnx(path, size) if path.suffix == ".onnx" else _torchscript(path)
        self.dimensions = self._run(torch.zeros(2, 3, size, size)).shape[1]

    def forward(self, image: Tensor) -> Tensor:
        """The vectors, on the images' device."""
        rgb = image.expand(-1, 3, -1, -1).float()
        shrinks = self.size < image.shape[-1]
        rgb = F.interpolate(rgb, (self.size, self.size), mode="bilinear", align_corners=False, antialias=shrinks)
        return self._run(rgb).to(image.device)

    def _run(self, rgb: Tensor) -> Tensor:
        try:
            vectors = self._call(rgb)
        except Exception as reason:  # whatever a foreign file raises
            text = str(reason).strip().splitlines()
            raise CheckpointError(
                f"{self.path} fails on images {tuple(rgb.shape)} ({text[-1] if text else type(reason).__name__}); "
                "it must take RGB (N, 3, S, S), S as --input-size says"
            ) from reason
        if not isinstance(vectors, Tensor) or vectors.ndim != 2 or len(vectors) != len(rgb):
            shape = tuple(vectors.shape) if isinstance(vectors, Tensor) else type(vectors).__name__
            raise CheckpointError(
                f"{self.path} gives {shape} for {len(rgb)} images; it must give one vector each, (N, D)"
            )
        if self.dimensions and vectors.shape[1] != self.dimensions:
            raise CheckpointError(
                f"{self.path} gives vectors of {vectors.shape[1]} numbers, {self.dimensions} before; bring another file"
            )
        return vectors.float()


def load_outside(path: Path, size: int | None = None) -> Outside:
    """The network of a file. size: side of its images; by default what an ONNX file says, else 112.

    Raises `CheckpointError` for a file that is no such network, `MissingExtra` without onnxruntime.
    """
    if not path.is_file():
        raise CheckpointError(f"no network at {path}; name an .onnx or TorchScript file")
    if path.suffix not in SUFFIXES:
        raise CheckpointError(f"{path} is of no known kind; end its name with {', '.join(SUFFIXES)}")
    if size is not None and size < 1:
        raise FacereliefError(f"an input size of {size} is too small; give the side of its images in pixels")
    return Outside(path, size or _stated_size(path) or 112)


def _stated_size(path: Path) -> int | None:
    """The side that an ONNX file fixes, if it does."""
    if path.suffix != ".onnx":
        return None
    side = _session(path).get_inputs()[0].shape[-1]
    return side if isinstance(side, int) else None


def _onnx(path: Path, size: int) -> Any:
    session = _session(path)
    name, batch = session.get_inputs()[0].name, session.get_inputs()[0].shape[0]

    def call(rgb: Tensor) -> Tensor:
        pixels = rgb.detach().cpu().numpy().astype(np.float32)
        step = batch if isinstance(batch, int) else max(1, len(pixels))
        found = [session.run(None, {name: pixels[k : k + step]})[0] for k in range(0, len(pixels), step)]
        return torch.from_numpy(np.concatenate(found))

    return call


def _session(path: Path) -> Any:
    try:
        import onnxruntime
    except ImportError as reason:
        raise MissingExtra("onnxruntime", "eval") from reason
    try:
        return onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    except Exception as reason:  # onnxruntime raises classes of its own making
        raise CheckpointError(
            f"{path} is no ONNX network ({str(reason).splitlines()[0]}); get the file again"
        ) from reason


def _torchscript(path: Path) -> Any:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)  # torch has better formats now; recognisers have not
            network = torch.jit.load(str(path), map_location="cpu").eval()  # type: ignore[no-untyped-call]
    except (RuntimeError, ValueError) as reason:
        raise CheckpointError(
            f"{path} is no TorchScript network ({str(reason).splitlines()[0]}); save it with torch.jit.save"
        ) from reason

    def call(rgb: Tensor) -> Tensor:
        with torch.inference_mode():
            return network.to(rgb.device)(rgb)

    return call
