"""Weights on disk: safetensors, whole or absent, with what they are in the header. Nothing is ever unpickled."""

import contextlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor, nn

from facerelief.config import Config, from_json
from facerelief.errors import CheckpointError, FacereliefError
from facerelief.files import atomic

VERSION = 1
WEIGHTS = "weights.safetensors"  # in a run's folder


@dataclass(frozen=True)
class Checkpoint:
    """Named tensors and the facts that travel with them."""

    kind: str  # "editor", "depth", "judge", "identity", "face" or "state"
    tensors: dict[str, Tensor]
    facts: dict[str, Any]
    path: Path

    def part(self, prefix: str) -> dict[str, Tensor]:
        """The tensors below `prefix.`, without it, as float32 where they are half precision."""
        start = prefix + "."
        part = {name.removeprefix(start): value for name, value in self.tensors.items() if name.startswith(start)}
        return {name: value.float() if value.dtype == torch.float16 else value for name, value in part.items()}

    def config(self, kind: type[Config]) -> Config:
        """The configuration of the run that made it. Raises `CheckpointError` where it is not of this version."""
        try:
            return from_json(kind, self.facts["config"])
        except (FacereliefError, KeyError, TypeError) as reason:
            raise CheckpointError(
                f"{self.path} has no config of this version ({reason}); use matching weights"
            ) from reason

    def fill(self, module: nn.Module, prefix: str) -> None:
        """Load the tensors below `prefix.` into a module; every name and shape must fit."""
        try:
            module.load_state_dict(self.part(prefix), strict=True)
        except RuntimeError as reason:
            detail = str(reason).split("\n\t")[1:2] or [str(reason)]
            raise CheckpointError(
                f"{self.path}: {prefix} does not fit this version: {detail[0]}; use matching weights"
            ) from reason


def weights_in(path: Path) -> Path:
    """The weights of a run's folder, or the file itself."""
    return path / WEIGHTS if path.is_dir() else path


def save_checkpoint(path: Path, kind: str, tensors: Mapping[str, Tensor], facts: Mapping[str, Any]) -> None:
    """Write a checkpoint, whole or not at all; the same contents give the same bytes."""
    plain = {name: value.detach().cpu().contiguous() for name, value in tensors.items()}
    header = {"format": f"facerelief-{kind}", "version": str(VERSION), "facts": json.dumps(facts, sort_keys=True)}
    with atomic(path) as part:
        try:
            save_file(plain, part, metadata=header)
            _sort_metadata(part)
        except SafetensorError as reason:  # e.g. a full disk; `atomic` names the file and the remedy
            raise OSError(str(reason)) from reason


def _sort_metadata(path: Path) -> None:
    """Put the metadata in order in place; safetensors writes it in a random one, and runs are known by checksums."""
    with path.open("r+b") as stream:
        length = int.from_bytes(stream.read(8), "little")
        header = json.loads(stream.read(length))
        header["__metadata__"] = dict(sorted(header["__metadata__"].items()))
        text = json.dumps(header, separators=(",", ":"), ensure_ascii=False).encode()
        if len(text) > length:
            raise ValueError(f"{path}: the header of {length} bytes became {len(text)} bytes")
        stream.seek(8)
        stream.write(text.ljust(length))


def load_checkpoint(path: Path, kind: str) -> Checkpoint:
    """Read a checkpoint. Raises `CheckpointError` where it is absent, damaged, pickled, or of another kind."""
    if not path.is_file():
        raise CheckpointError(f"no weights at {path}; name a run folder or a .safetensors file")
    try:
        with safe_open(path, framework="pt") as stream:
            header = stream.metadata() or {}
            tensors = {name: stream.get_tensor(name) for name in stream.keys()}  # noqa: SIM118  (not a dict)
    except (SafetensorError, OSError, ValueError) as reason:
        raise CheckpointError(
            f"{path} is {_what_is(path)}; only whole .safetensors files of facerelief are read"
        ) from reason
    if header.get("format") != f"facerelief-{kind}":
        found = header.get("format", "not a facerelief file")
        raise CheckpointError(f"{path} is {found}, not facerelief-{kind}; name another file")
    if header.get("version") != str(VERSION):
        raise CheckpointError(
            f"{path} is of version {header.get('version')}, this program reads {VERSION}; train it again"
        )
    try:
        facts = json.loads(header["facts"])
    except (KeyError, ValueError) as reason:
        raise CheckpointError(f"{path} has no readable facts in its header ({reason}); get the file again") from reason
    return Checkpoint(kind, tensors, facts, path)


def stored_kind(path: Path) -> str:
    """The kind of a checkpoint, "" for a file that is none; `load_checkpoint` says what is wrong with it."""
    return _header(path).get("format", "").removeprefix("facerelief-")


def read_facts(path: Path) -> dict[str, Any]:
    """The facts of a checkpoint without its tensors, none for a file that is absent or no checkpoint."""
    with contextlib.suppress(ValueError):
        facts: dict[str, Any] = json.loads(_header(path).get("facts", "{}"))
        return facts
    return {}


def _header(path: Path) -> dict[str, str]:
    try:
        with safe_open(path, framework="pt") as stream:
            return stream.metadata() or {}
    except (SafetensorError, OSError, ValueError):
        return {}


def named_tensors(**modules: nn.Module) -> dict[str, Tensor]:
    """The state of modules under their names: `named_tensors(generator=G)["generator.layers.0.weight"]`."""
    return {
        f"{prefix}.{name}": value for prefix, module in modules.items() for name, value in module.state_dict().items()
    }


def half(tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Float tensors in half precision, for files that are shipped; `Checkpoint.part` gives them back as float32."""
    return {name: value.half() if value.is_floating_point() else value for name, value in tensors.items()}


def _what_is(path: Path) -> str:
    """In words, what a file that is no safetensors file seems to be."""
    with path.open("rb") as stream:
        start = stream.read(8)
    if start[:4] == b"PK\x03\x04" or start[:1] == b"\x80":
        return "a pickled checkpoint, which could run code"
    return "empty" if not start else "damaged or not a safetensors file"
