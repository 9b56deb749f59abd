"""Published weights of other projects: files known by their checksum, from which only tensors are read."""

from collections.abc import Mapping
from pathlib import Path

import torch
from torch import Tensor, nn

from facerelief.errors import CheckpointError, one_line
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
    """The tensors of a file with a published checksum; pickled code is never run.

    Raises:
        CheckpointError: The file holds anything else than tensors.
    """
    try:
        found = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as reason:  # of many classes; a file of another content with this checksum can be made
        raise CheckpointError(f"{path} holds no tensors ({one_line(reason, 100)}); get the file again") from reason
    if not isinstance(found, dict) or not all(isinstance(value, Tensor) for value in found.values()):
        raise CheckpointError(f"{path} holds other things than tensors; get the file again")
    return found


def fill(module: nn.Module, tensors: Mapping[str, Tensor], path: Path) -> None:
    """Load all tensors of a module.

    Args:
        module: The network.
        tensors: By the module's own names.
        path: Their file, for messages.

    Raises:
        CheckpointError: A shape or type does not fit, or a value is NaN or infinite.
    """
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
