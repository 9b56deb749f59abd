"""Weights as TensorFlow.js keeps them: a manifest (JSON) of names and shapes, and one file of numbers.

They are somebody else's files: names, shapes and sizes are compared with the network before numbers are read.
"""

import math
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
import torch
from torch import nn

from facerelief.array_types import Float32
from facerelief.errors import CheckpointError, shown
from facerelief.files import read_file, sha256
from facerelief.files.json import parse

_MANIFEST_BYTES = 1 << 20
_BYTES = {"uint8": 1, "float32": 4}  # of a number, by its kind in the file
_WHERE = "npm pack @vladmandic/face-api@1.7.15 and unpack it: the folder is package/model"

NetworkT = TypeVar("NetworkT", bound=nn.Module)


def load_tfjs(network: NetworkT, folder: Path, name: str) -> NetworkT:
    """Fill a network with weights that face-api keeps under a name.

    Args:
        network: Its parameters have the manifest's names, with dots for slashes. Filled in place, and set to `eval`.
        folder: Has NAME_model-weights_manifest.json and NAME_model.bin.
        name: NAME.

    Returns:
        The network.

    Raises:
        CheckpointError: A file is missing or damaged, or does not fit the network.
    """
    manifest, numbers = folder / f"{name}_model-weights_manifest.json", folder / f"{name}_model.bin"
    expected = {key.replace(".", "/"): value for key, value in network.state_dict().items()}
    try:
        entries = _entries(parse(read_file(manifest, _MANIFEST_BYTES)), numbers.name)
        sizes = [_checked_size(entry, expected) for entry in entries]
        if len(entries) != len(expected):
            raise ValueError(f"{len(entries)} of {len(expected)} weights")
        data = read_file(numbers, sum(sizes))
        if len(data) != sum(sizes):
            raise ValueError(f"{numbers.name} has {len(data):,} bytes instead of {sum(sizes):,}")
    except OSError as reason:
        raise CheckpointError(f"{reason.filename or numbers} cannot be read ({reason.strerror}); {_WHERE}") from reason
    except ValueError as reason:
        raise CheckpointError(f"{manifest} is not that of face-api's {name} network ({reason}); {_WHERE}") from reason
    at = 0
    state = {}
    for entry, size in zip(entries, sizes, strict=True):
        values = _values(entry, data[at : at + size])
        if not np.isfinite(values).all():
            raise CheckpointError(f"{numbers} has numbers that are not finite in {entry['name']}; {_WHERE}")
        state[entry["name"].replace("/", ".")] = torch.from_numpy(_in_torch_order(values))
        at += size
    network.load_state_dict(state)
    return network.eval().requires_grad_(False)


def tfjs_digest(folder: Path, name: str) -> str:
    """SHA-256 of the numbers that face-api keeps under a name. Raises `CheckpointError` where the file is missing."""
    numbers = folder / f"{name}_model.bin"
    try:
        return sha256(numbers)
    except OSError as reason:
        raise CheckpointError(f"{numbers} cannot be read ({reason.strerror}); {_WHERE}") from reason


def _entries(manifest: Any, file: str) -> list[dict[str, Any]]:
    """The weights that a manifest lists, in the order of the file. Raises `ValueError`."""
    if not isinstance(manifest, list) or len(manifest) != 1 or not isinstance(manifest[0], dict):
        raise ValueError("it must list one group of weights")
    weights = manifest[0].get("weights")
    if manifest[0].get("paths") != [file]:
        raise ValueError(f"its numbers must be in {file}")
    if not isinstance(weights, list) or not all(isinstance(entry, dict) for entry in weights):
        raise ValueError("it lists no weights")
    names = [entry.get("name") for entry in weights]
    twice = next((name for name in names if names.count(name) > 1), None)
    if twice is not None:
        raise ValueError(f"{shown(twice)} stands twice")
    return weights


def _checked_size(entry: dict[str, Any], expected: dict[str, torch.Tensor]) -> int:
    """Bytes of a weight. Raises `ValueError` where the network has none of its name, shape and kind."""
    name, shape, coding = entry.get("name"), entry.get("shape"), entry.get("quantization")
    if not isinstance(name, str) or name not in expected:
        raise ValueError(f"the network has no {shown(name)}")
    wanted = _in_tfjs_order(expected[name].shape)
    if shape != wanted or entry.get("dtype") != "float32":
        raise ValueError(f"{name} is {shown(entry.get('dtype'))} {shown(shape)} instead of 'float32' {wanted}")
    if coding is None:
        return math.prod(wanted) * _BYTES["float32"]
    if not isinstance(coding, dict) or coding.get("dtype") != "uint8" or not all(map(_is_number, _range(coding))):
        raise ValueError(f"{name} is coded as {shown(coding)}, which is not known")
    return math.prod(wanted) * _BYTES["uint8"]


def _range(coding: dict[str, Any]) -> tuple[Any, Any]:
    return coding.get("scale"), coding.get("min")


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _values(entry: dict[str, Any], data: bytes) -> Float32:
    """The numbers of a weight in the manifest's shape. A byte q stands for q * scale + min."""
    coding = entry.get("quantization")
    if coding is None:
        return np.frombuffer(data, "<f4").astype(np.float32).reshape(entry["shape"])
    scale, low = _range(coding)
    return (np.frombuffer(data, np.uint8) * float(scale) + float(low)).astype(np.float32).reshape(entry["shape"])


def _in_torch_order(values: Float32) -> Float32:
    """From (height, width, in, out) to (out, in, height, width), from (in, out) to (out, in)."""
    order = {4: (3, 2, 0, 1), 2: (1, 0)}.get(values.ndim)
    return np.ascontiguousarray(values if order is None else values.transpose(order))


def _in_tfjs_order(shape: tuple[int, ...]) -> list[int]:
    order = {4: (2, 3, 1, 0), 2: (1, 0)}.get(len(shape))
    return list(shape) if order is None else [shape[k] for k in order]
