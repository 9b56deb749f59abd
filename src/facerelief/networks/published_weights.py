"""Published weights of other projects: files known by their checksum, of which tensors are read and nothing else."""

from collections.abc import Mapping
from pathlib import Path

import torch
from torch import Tensor, nn

from facerelief.errors import CheckpointError
from facerelief.files import sha256

_LARGEST = 1 << 30  # bytes; VGG19's file has 0.57 GB


def checksum(path: Path) -> str:
    """The SHA-256 of a file that may be a published one. Raises `CheckpointError` where it cannot be read."""
    try:
        size = path.stat().st_size
        if size > _LARGEST:
            raise CheckpointError(f"{path} has {size >> 20} MiB, which no published file has; name another")
        return sha256(path)
    except OSError as reason:
        raise CheckpointError(f"{path} cannot be read ({reason.strerror or reason}); name another file") from reason


def read_tensors(path: Path) -> dict[str, Tensor]:
    """The tensors of a file whose checksum is a published one; anything else in it is refused, not run.

    Raises `CheckpointError`.
    """
    try:
        found = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as reason:  # of many classes; a file of another content with this checksum can be made
        text = str(reason).strip().splitlines() or [type(reason).__name__]
        raise CheckpointError(f"{path} holds no tensors ({text[0][:100]}); get the file again") from reason
    if not isinstance(found, dict) or not all(isinstance(value, Tensor) for value in found.values()):
        raise CheckpointError(f"{path} holds other things than tensors; get the file again")
    return found


def fill(module: nn.Module, tensors: Mapping[str, Tensor], path: Path) -> None:
    """Load all tensors of a module by their names here. Raises `CheckpointError` for what does not fit."""
    for name, wanted in module.state_dict().items():
        value = tensors[name]
        if value.shape != wanted.shape or value.is_floating_point() != wanted.is_floating_point():
            raise CheckpointError(
                f"{path} does not fit {type(module).__name__} ({name} is {tuple(value.shape)}, {value.dtype}); "
                "get the file again"
            )
        if not value.isfinite().all():
            raise CheckpointError(f"{path}: {name} holds NaN or infinity; get the file again")
    module.load_state_dict(tensors)
