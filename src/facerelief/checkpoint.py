"""Weights on disk: safetensors files that are written atomically and described in their header; no pickles.

Tensors are numpy arrays here. `networks/weights.py` brings them into the modules of torch, and out of them.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save_file

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
FLOATS, COUNTS = ("F64", "F32", "F16"), ("I64", "I32")  # types that are read, as safetensors names them
_SHOWN = 60  # letters of a name


class Spec(NamedTuple):
    """Type and shape of a tensor, read from the header.

    Attributes:
        dtype: As safetensors names it, e.g. "F16".
        shape: Its sides.
    """

    dtype: str
    shape: tuple[int, ...]


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
    def tensors(self) -> dict[str, np.ndarray]:
        """All tensors as they are in the file."""
        return {name: self._stream.get_tensor(name) for name in self.specs}

    def below(self, prefix: str) -> dict[str, Spec]:
        """The tensors below `prefix.`, without it, unread."""
        start = prefix + "."
        return {name.removeprefix(start): spec for name, spec in self.specs.items() if name.startswith(start)}

    def part(self, prefix: str) -> dict[str, np.ndarray]:
        """The tensors below `prefix.`, without it, as float32 where they are of another precision.

        Raises `CheckpointError` where one is neither of real numbers nor a count, or holds NaN or infinity.
        """
        return {name: self.read(f"{prefix}.{name}") for name in self.below(prefix)}

    def read(self, name: str, *dtypes: str) -> np.ndarray:
        """A tensor, converted to float32 if it is a float of another precision.

        Args:
            name: The tensor's name.
            *dtypes: Allowed types; by default floats and integers.

        Raises:
            CheckpointError: Its type is another, or it holds NaN or infinity.
        """
        dtype = self.specs[name].dtype
        if dtype not in (dtypes or (*FLOATS, *COUNTS)):
            raise self._unfit(f"{shown_name(name)} is of type {dtype}, not {' or '.join(dtypes) or 'a float'}")
        value: np.ndarray = self._stream.get_tensor(name)
        if dtype in FLOATS:
            with np.errstate(over="ignore"):
                value = value.astype(np.float32, copy=False)
        if dtype in FLOATS and not np.isfinite(value).all():
            raise self._unfit(f"{shown_name(name)} holds NaN or infinity")
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

    def _unfit(self, problem: str) -> CheckpointError:
        return CheckpointError(f"{self.path} cannot be used: {problem}; get the file again, or train it again")


def weights_in(path: Path) -> Path:
    """The weights of a run's folder, or the file itself."""
    return path / WEIGHTS if path.is_dir() else path


def save_checkpoint(path: Path, kind: str, tensors: Mapping[str, np.ndarray], facts: Mapping[str, Any]) -> None:
    """Write a checkpoint atomically; the same contents give the same bytes.

    Args:
        path: The file.
        kind: As of `Checkpoint`.
        tensors: By name, e.g. of `named_tensors`.
        facts: Stored in the header as JSON.
    """
    plain = {name: np.asarray(value, order="C") for name, value in tensors.items()}
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
        found = shown_name(header.get("format", "not a facerelief file"))
        raise CheckpointError(f"{path} is {found}, not facerelief-{kind}; name another file")
    if header.get("version") != str(VERSION):
        version = shown_name(str(header.get("version")))
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


def data_offsets(path: Path) -> dict[str, tuple[int, int]]:
    """Where in a checkpoint's file each tensor begins and ends, bytes. Raises `CheckpointError` where it is none."""
    _open(path)
    with open_file(path) as stream:
        length = int.from_bytes(stream.read(8), "little")
        header = json.loads(stream.read(length))
    start = 8 + length
    found = {name: entry["data_offsets"] for name, entry in header.items() if name != "__metadata__"}
    return {name: (start + first, start + last) for name, (first, last) in found.items()}


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
        stream: Any = safe_open(path, framework="np")
        return stream, stream.metadata() or {}
    except (SafetensorError, OSError, ValueError, OverflowError) as reason:
        raise CheckpointError(
            f"{path} is {_what_is(path)}; only whole .safetensors files of facerelief are read"
        ) from reason


def half(tensors: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Float tensors in half precision, for files that are shipped; `Checkpoint.part` gives them back as float32."""
    return {name: value.astype(np.float16) if value.dtype.kind == "f" else value for name, value in tensors.items()}


def shown_name(text: str) -> str:
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
