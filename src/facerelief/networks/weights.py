"""Weights between checkpoints, which hold numpy arrays, and the modules of torch."""

from collections.abc import Callable, Mapping
from typing import Any, TypeVar

import numpy as np
import torch
from torch import Tensor, nn
from torch.overrides import TorchFunctionMode

from facerelief.checkpoint import COUNTS, FLOATS, Checkpoint, shown_name
from facerelief.errors import CheckpointError

_Network = TypeVar("_Network", bound=nn.Module)


class _NoInitialValues(TorchFunctionMode):
    """Leaves out `torch.nn.init`: to draw from a normal distribution for tensors without memory, torch imports its
    compiler, which takes seconds.
    """

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        """Do what was called, but for initial values."""
        if getattr(func, "__module__", None) == "torch.nn.init":
            return args[0] if args else kwargs["tensor"]
        return func(*args, **(kwargs or {}))


def build_network(saved: Checkpoint, make: Callable[[], _Network], prefix: str) -> _Network:
    """The network that `make` gives, with the tensors of a checkpoint below `prefix.`.

    Raises:
        CheckpointError: A name, type or shape does not fit; then no memory has been taken for the network.
    """
    with torch.device("meta"), _NoInitialValues():
        _check(saved, make().state_dict(), prefix)
    module = make()
    module.load_state_dict(as_tensors(saved.part(prefix)))
    return module


def fill_network(saved: Checkpoint, module: nn.Module, prefix: str) -> None:
    """Load the tensors of a checkpoint below `prefix.` into a module; every name, type and shape must fit."""
    _check(saved, module.state_dict(), prefix)
    module.load_state_dict(as_tensors(saved.part(prefix)))


def as_tensors(arrays: Mapping[str, np.ndarray]) -> dict[str, Tensor]:
    """Arrays as tensors that share their memory."""
    return {name: torch.from_numpy(value) for name, value in arrays.items()}


def as_arrays(tensors: Mapping[str, Tensor]) -> dict[str, np.ndarray]:
    """Tensors of any device as arrays for `save_checkpoint`; those on the CPU share their memory."""
    return {name: value.detach().cpu().numpy() for name, value in tensors.items()}


def named_tensors(**modules: nn.Module) -> dict[str, np.ndarray]:
    """The state of modules under their names: `named_tensors(generator=G)["generator.layers.0.weight"]`."""
    return {
        f"{prefix}.{name}": value
        for prefix, module in modules.items()
        for name, value in as_arrays(module.state_dict()).items()
    }


def _check(saved: Checkpoint, wanted: Mapping[str, Tensor], prefix: str) -> None:
    """Compare names, types and shapes, before anything is read."""
    have = saved.below(prefix)
    problem = ""
    if missing := [name for name in wanted if name not in have]:
        problem = f"it lacks {_listed(missing)}"
    elif unknown := [name for name in have if name not in wanted]:
        problem = f"it has {_listed(unknown)} besides"
    for name, value in {} if problem else wanted.items():
        dtype, shape = have[name]
        if shape != tuple(value.shape):
            problem = f"{name} is {shape}, not {tuple(value.shape)}"
        elif dtype not in (FLOATS if value.is_floating_point() else COUNTS):
            problem = f"{name} is of type {dtype}, not {'a float' if value.is_floating_point() else 'an integer'}"
    if problem:
        raise CheckpointError(f"{saved.path}: {prefix} does not fit this version: {problem}; use matching weights")


def _listed(names: list[str]) -> str:
    return ", ".join(f'"{shown_name(name)}"' for name in names[:3]) + (f" and {len(names) - 3} more" * (len(names) > 3))
