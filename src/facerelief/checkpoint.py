"""Weights on disk: safetensors files that are written atomically and described in their header; no pickles."""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor, nn
from torch.overrides import TorchFunctionMode

from facerelief.config import Config, from_json
from facerelief.errors import CheckpointError, FacereliefError
from facerelief.files import atomic, open_file
from facerelief.files.json import parse

VERSION = 1
WEIGHTS = "weights.safetensors"  # in a run's folder
_LARGEST = 1 << 30  # bytes of weights
# Bytes of files by kind; a state is compared with its run.
_LIMITS = {"face": 64 << 20, "mouth": 8 << 20, "glasses": 1 << 20, "responses": 4 << 20, "state": 1 << 40}
_LONGEST = 8 << 20  # bytes of a header
_FLOATS, _COUNTS = ("F64", "F32", "F16", "BF16"), ("I64", "I32")
_SHOWN = 60  # letters of a name

_Network = TypeVar("_Network", bound=nn.Module)


class Spec(NamedTuple):
    """Type and shape of a tensor, read from the header.

    Attributes:
        dtype: As safetensors names it, e.g. "F16".
        shape: Its sides.
    """

    dtype: str
    shape: tuple[int, ...]


class _NoInitialValues(TorchFunctionMode):
    """Leaves out `torch.nn.init`: to draw from a normal distribution for tensors without memory, torch imports its
    compiler, which takes seconds.
    """

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        """Do what was called, but for initial values."""
        if getattr(func, "__module__", None) == "torch.nn.init":
            return args[0] if args else kwargs["tensor"]
        return func(*args, **(kwargs or {}))


@dataclass(frozen=True)
class Checkpoint:
    """Named tensors, read on demand, and the facts stored with them.

    Attributes:
        kind: "editor", "depth", "judge", "identity", "face", "mouth", "glasses", "responses" or "state".
        specs: Type and shape of each tensor, by name.
        facts: What the header records, e.g. the run's "config" and checksums.
        path: The file.
    """

    kind: str
    specs: dict[str, Spec]
    facts: dict[str, Any]
    path: Path
    _stream: Any = field(repr=False, compare=False)  # the open file: what was checked is what is read

    @property
    def tensors(self) -> dict[str, Tensor]:
        """All tensors as they are in the file."""
        return {name: self._stream.get_tensor(name) for name in self.specs}

    def below(self, prefix: str) -> dict[str, Spec]:
        """The tensors below `prefix.`, without it, unread."""
        start = prefix + "."
        return {name.removeprefix(start): spec for name, spec in self.specs.items() if name.startswith(start)}

    def part(self, prefix: str) -> dict[str, Tensor]:
        """The tensors below `prefix.`, without it, as float32 where they are of another precision.

        Raises `CheckpointError` where one is neither of real numbers nor a count, or holds NaN or infinity.
        """
        return {name: self.read(f"{prefix}.{name}") for name in self.below(prefix)}

    def read(self, name: str, *dtypes: str) -> Tensor:
        """A tensor, converted to float32 if it is a float of another precision.

        Args:
            name: The tensor's name.
            *dtypes: Allowed types; by default floats and integers.

        Raises:
            CheckpointError: Its type is another, or it holds NaN or infinity.
        """
        dtype = self.specs[name].dtype
        if dtype not in (dtypes or (*_FLOATS, *_COUNTS)):
            raise self._unfit(f"{_shown(name)} is of type {dtype}, not {' or '.join(dtypes) or 'a float'}")
        value: Tensor = self._stream.get_tensor(name)
        value = value.float() if dtype in _FLOATS else value
        if dtype in _FLOATS and not value.isfinite().all():
            raise self._unfit(f"{_shown(name)} holds NaN or infinity")
        return value

    def fact(self, name: str, kind: type[Any]) -> Any:
        """A fact of a type. Raises `CheckpointError` where it is missing or of another."""
        value = self.facts.get(name)
        if not isinstance(value, kind) or (isinstance(value, bool) and kind is not bool):
            raise self._unfit(f"its header says no {name}, or one that is no {kind.__name__}")
        return value

    def config(self, kind: type[Config]) -> Config:
        """The configuration of the run that made it. Raises `CheckpointError` where it is not of this version."""
        try:
            return from_json(kind, self.facts["config"])
        except (FacereliefError, KeyError) as reason:
            raise CheckpointError(
                f"{self.path} has no config of this version ({reason}); use matching weights"
            ) from reason

    def build(self, make: Callable[[], _Network], prefix: str) -> _Network:
        """The network that `make` gives, with the tensors below `prefix.`.

        Raises:
            CheckpointError: A name, type or shape does not fit; then no memory has been taken for the network.
        """
        with torch.device("meta"), _NoInitialValues():
            self._check(make().state_dict(), prefix)
        module = make()
        module.load_state_dict(self.part(prefix))
        return module

    def fill(self, module: nn.Module, prefix: str) -> None:
        """Load the tensors below `prefix.` into a module; every name, type and shape must fit."""
        self._check(module.state_dict(), prefix)
        module.load_state_dict(self.part(prefix))

    def _check(self, wanted: Mapping[str, Tensor], prefix: str) -> None:
        """Compare names, types and shapes, before anything is read."""
        have = self.below(prefix)
        problem = ""
        if missing := [name for name in wanted if name not in have]:
            problem = f"it lacks {_listed(missing)}"
        elif unknown := [name for name in have if name not in wanted]:
            problem = f"it has {_listed(unknown)} besides"
        for name, value in {} if problem else wanted.items():
            dtype, shape = have[name]
            if shape != tuple(value.shape):
                problem = f"{name} is {shape}, not {tuple(value.shape)}"
            elif dtype not in (_FLOATS if value.is_floating_point() else _COUNTS):
                problem = f"{name} is of type {dtype}, not {'a float' if value.is_floating_point() else 'an integer'}"
        if problem:
            raise CheckpointError(f"{self.path}: {prefix} does not fit this version: {problem}; use matching weights")

    def _unfit(self, problem: str) -> CheckpointError:
        return CheckpointError(f"{self.path} cannot be used: {problem}; get the file again, or train it again")


def weights_in(path: Path) -> Path:
    """The weights of a run's folder, or the file itself."""
    return path / WEIGHTS if path.is_dir() else path


def save_checkpoint(path: Path, kind: str, tensors: Mapping[str, Tensor], facts: Mapping[str, Any]) -> None:
    """Write a checkpoint atomically; the same contents give the same bytes.

    Args:
        path: The file.
        kind: As of `Checkpoint`.
        tensors: By name, e.g. of `named_tensors`.
        facts: Stored in the header as JSON.
    """
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
    """Open a checkpoint and check its header; tensors are read later.

    Raises:
        CheckpointError: The file is absent, damaged, pickled, too large, or of another kind.
    """
    if not path.is_file():
        raise CheckpointError(f"no weights at {path}; name a run folder or a .safetensors file")
    size, most = path.stat().st_size, _LIMITS.get(kind, _LARGEST)
    if size > most:
        raise CheckpointError(
            f"{path} has {size >> 20} MiB, more than the {most >> 20} of any facerelief-{kind}; name another file"
        )
    stream, header = _open(path)
    if header.get("format") != f"facerelief-{kind}":
        found = _shown(header.get("format", "not a facerelief file"))
        raise CheckpointError(f"{path} is {found}, not facerelief-{kind}; name another file")
    if header.get("version") != str(VERSION):
        version = _shown(str(header.get("version")))
        raise CheckpointError(f"{path} is of version {version}, this program reads {VERSION}; train it again")
    try:
        facts = parse(header["facts"])
        if not isinstance(facts, dict):
            raise ValueError(f"a {type(facts).__name__}, not an object")
    except (KeyError, ValueError) as reason:
        raise CheckpointError(f"{path} has no readable facts in its header ({reason}); get the file again") from reason
    slices = {name: stream.get_slice(name) for name in stream.keys()}  # noqa: SIM118  (not a dict)
    specs = {name: Spec(one.get_dtype(), tuple(one.get_shape())) for name, one in slices.items()}
    return Checkpoint(kind, specs, facts, path, stream)


def stored_kind(path: Path) -> str:
    """The kind of a checkpoint, "" for a file that is none; `load_checkpoint` says what is wrong with it."""
    return _metadata(path).get("format", "").removeprefix("facerelief-")


def read_facts(path: Path) -> dict[str, Any]:
    """The facts of a checkpoint without its tensors, none for a file that is absent or no checkpoint."""
    try:
        facts = parse(_metadata(path).get("facts", "{}"))
    except ValueError:
        return {}
    return facts if isinstance(facts, dict) else {}


def _metadata(path: Path) -> dict[str, str]:
    try:
        return _open(path)[1]
    except CheckpointError:
        return {}


def _open(path: Path) -> tuple[Any, dict[str, str]]:
    """A safetensors file and its metadata; offsets and sizes have been compared with the file's, nothing is read yet.

    Raises `CheckpointError`.
    """
    try:
        with open_file(path) as raw:
            if int.from_bytes(raw.read(8), "little") > _LONGEST:
                raise ValueError(f"a header of more than {_LONGEST >> 20} MiB")
        stream: Any = safe_open(path, framework="pt")
        return stream, stream.metadata() or {}
    except (SafetensorError, OSError, ValueError, OverflowError) as reason:
        raise CheckpointError(
            f"{path} is {_what_is(path)}; only whole .safetensors files of facerelief are read"
        ) from reason


def named_tensors(**modules: nn.Module) -> dict[str, Tensor]:
    """The state of modules under their names: `named_tensors(generator=G)["generator.layers.0.weight"]`."""
    return {
        f"{prefix}.{name}": value for prefix, module in modules.items() for name, value in module.state_dict().items()
    }


def half(tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Float tensors in half precision, for files that are shipped; `Checkpoint.part` gives them back as float32."""
    return {name: value.half() if value.is_floating_point() else value for name, value in tensors.items()}


def _listed(names: list[str]) -> str:
    return ", ".join(f'"{_shown(name)}"' for name in names[:3]) + (f" and {len(names) - 3} more" * (len(names) > 3))


def _shown(text: str) -> str:
    """A text from a file, harmless and short."""
    plain = ascii(text)[1:-1]
    return plain if len(plain) <= _SHOWN else plain[:_SHOWN] + "..."


def _what_is(path: Path) -> str:
    """In words, what a file that is no safetensors file seems to be."""
    try:
        with open_file(path) as stream:
            start = stream.read(8)
    except OSError as reason:
        return f"not readable ({reason.strerror})"
    if start[:4] == b"PK\x03\x04" or start[:1] == b"\x80":
        return "a pickled checkpoint, which could run code"
    return "empty" if not start else "damaged or not a safetensors file"
