"""Weights in the form in which TensorFlow.js keeps them, written independently of the reader."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn

from facerelief.networks.face_api import FaceApiExpressions, FaceApiRecognition

Change = Callable[[list[dict[str, Any]]], Any]  # of a manifest


def write_instruments(folder: Path, seed: int = 0) -> Path:
    """Both networks with random numbers, as the npm package's folder `model` has them."""
    for number, (name, network) in enumerate(
        {"face_expression": FaceApiExpressions(), "face_recognition": FaceApiRecognition()}.items()
    ):
        fill(network, seed + number)
        write_tfjs(folder, name, network)
    return folder


def fill(network: nn.Module, seed: int) -> None:
    """Random numbers of a size that keeps activations alive."""
    random = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for name, value in network.named_parameters():
            inputs = max(1, value[0].numel())
            value.copy_(torch.randn(value.shape, generator=random) * (2 / inputs) ** 0.5)
            if name.endswith("scale.weights"):
                value.fill_(0.7)


def write_tfjs(
    folder: Path, name: str, network: nn.Module, *, change: Change | None = None, cut: int | None = None
) -> None:
    """A manifest and its numbers: those of four axes in bytes, the others as they are.

    change: of the manifest, before it is written. cut: so many bytes of the numbers.
    """
    folder.mkdir(parents=True, exist_ok=True)
    entries: list[dict[str, Any]] = []
    parts = []
    for key, tensor in network.state_dict().items():
        values = tensor.numpy()
        values = {4: lambda v: v.transpose(2, 3, 1, 0), 2: lambda v: v.T}.get(values.ndim, lambda v: v)(values)
        entry: dict[str, Any] = {"name": key.replace(".", "/"), "shape": list(values.shape), "dtype": "float32"}
        if values.ndim == 4:
            low, scale = float(values.min()), float(np.ptp(values)) / 255 or 1.0
            entry["quantization"] = {"dtype": "uint8", "scale": scale, "min": low}
            parts.append(np.rint((values - low) / scale).astype(np.uint8).tobytes())
        else:
            parts.append(values.astype("<f4").tobytes())
        entries.append(entry)
    manifest: Any = [{"weights": entries, "paths": [f"{name}_model.bin"]}]
    if change:
        manifest = change(manifest) or manifest
    (folder / f"{name}_model-weights_manifest.json").write_text(json.dumps(manifest))
    (folder / f"{name}_model.bin").write_bytes(b"".join(parts)[:cut])
