import io
import json
import os
import pickle
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file
from torch import nn

from facerelief.checkpoint import half, load_checkpoint, save_checkpoint, stored_kind
from facerelief.errors import CheckpointError, FacereliefError
from facerelief.networks.weights import fill_network, named_tensors

FACTS = {"config": {"size": 64, "betas": [0.5, 0.999]}, "name": "Zoë"}


def network() -> nn.Sequential:
    torch.manual_seed(0)
    return nn.Sequential(nn.Linear(3, 2), nn.Linear(2, 1, bias=False))


def saved(folder: Path, tensors: dict[str, np.ndarray] | None = None) -> Path:
    path = folder / "weights.safetensors"
    save_checkpoint(path, "editor", named_tensors(generator=network()) if tensors is None else tensors, FACTS)
    return path


def refusal(path: Path, kind: str = "editor") -> str:
    with pytest.raises(CheckpointError) as caught:
        load_checkpoint(path, kind)
    return one_line(caught, path)


def one_line(caught: pytest.ExceptionInfo[FacereliefError], path: Path) -> str:
    message = str(caught.value)
    assert "\n" not in message
    assert str(path) in message
    assert ";" in message  # the remedy
    return message


def test_what_is_saved_is_loaded(tmp_path: Path) -> None:
    state = {
        "a.weight": np.random.default_rng(0).random((2, 3), np.float32).T,  # not contiguous
        "a.step": np.array(7),
        "b.x": np.zeros((0, 2), np.float32),
        "ab.y": np.array([1.5]),
        "a.b.z": np.array([True, False]),
    }
    loaded = load_checkpoint(saved(tmp_path, state), "editor")
    assert (loaded.kind, loaded.facts) == ("editor", FACTS)
    assert {name: (t.dtype, t.shape, t.tolist()) for name, t in loaded.tensors.items()} == {
        name: (t.dtype, t.shape, t.tolist()) for name, t in state.items()
    }
    assert set(loaded.below("a")) == {"weight", "step", "b.z"}
    assert list(tmp_path.iterdir()) == [loaded.path]


def test_torch_reads_what_is_saved_and_the_other_way_round(tmp_path: Path) -> None:
    path, other = saved(tmp_path), tmp_path / "torch.safetensors"
    read = load_file(path)
    assert {name: value.tolist() for name, value in read.items()} == {
        f"generator.{name}": value.tolist() for name, value in network().state_dict().items()
    }
    save_file(read, other, {"format": "facerelief-editor", "version": "1", "facts": "{}"})
    raw, written = path.read_bytes(), other.read_bytes()
    ends = [8 + int.from_bytes(data[:8], "little") for data in (raw, written)]
    assert raw[ends[0] :] == written[ends[1] :]  # in the same order
    filled = nn.Sequential(nn.Linear(3, 2), nn.Linear(2, 1, bias=False))
    fill_network(load_checkpoint(other, "editor"), filled, "generator")
    assert all(torch.equal(a, b) for a, b in zip(filled.parameters(), network().parameters(), strict=True))


def test_types_that_are_not_read(tmp_path: Path) -> None:
    path = tmp_path / "weights.safetensors"
    header = {"format": "facerelief-editor", "version": "1", "facts": "{}"}
    tensors = {name: value.bfloat16() for name, value in network().state_dict().items()}
    save_file({f"generator.{name}": value for name, value in tensors.items()}, path, header)
    with pytest.raises(CheckpointError, match="is of type BF16, not a float"):
        load_checkpoint(path, "editor").part("generator")
    with pytest.raises(CheckpointError, match="is of type BF16, not a float"):
        fill_network(load_checkpoint(path, "editor"), network(), "generator")


def test_a_module_is_filled(tmp_path: Path) -> None:
    other = nn.Sequential(nn.Linear(3, 2), nn.Linear(2, 1, bias=False))
    fill_network(load_checkpoint(saved(tmp_path), "editor"), other, "generator")
    assert all(torch.equal(a, b) for a, b in zip(other.parameters(), network().parameters(), strict=True))


def test_half_precision_comes_back_as_single(tmp_path: Path) -> None:
    tensors = {**named_tensors(generator=network()), "generator.1.count": np.array(70_001)}
    path = saved(tmp_path, half(tensors))
    loaded = load_checkpoint(path, "editor")
    assert loaded.tensors["generator.0.weight"].dtype == np.float16
    part = loaded.part("generator")
    assert part["1.count"].item() == 70_001
    for name, value in network().state_dict().items():
        assert part[name].dtype == np.float32
        np.testing.assert_allclose(part[name], value.numpy(), rtol=2**-11, atol=1e-7)
    assert path.stat().st_size < saved(tmp_path, tensors).stat().st_size


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (lambda t: t.pop("generator.0.bias"), '"0.bias"'),
        (lambda t: t.update({"generator.2.weight": np.zeros(1, np.float32)}), '"2.weight"'),
        (lambda t: t.update({"generator.0.weight": np.zeros((2, 4), np.float32)}), "0.weight is (2, 4), not (2, 3)"),
        (lambda t: t.clear(), '"0.weight", "0.bias", "1.weight"'),
    ],
    ids=["missing", "too many", "shape", "none"],
)
def test_tensors_that_do_not_fit_the_module(
    tmp_path: Path, change: Callable[[dict[str, np.ndarray]], object], reason: str
) -> None:
    tensors = named_tensors(generator=network())
    change(tensors)
    loaded = load_checkpoint(saved(tmp_path, tensors), "editor")
    with pytest.raises(CheckpointError) as caught:
        fill_network(loaded, network(), "generator")
    message = one_line(caught, loaded.path)
    assert "generator does not fit this version" in message
    assert reason in message


class Trap:
    """Unpickling it creates a file."""

    def __init__(self, mark: Path) -> None:
        self.mark = mark

    def __reduce__(self) -> tuple[object, ...]:
        return os.mkdir, (str(self.mark),)


@pytest.mark.parametrize("name", ["weights.pt", "weights.safetensors"])
@pytest.mark.parametrize("write", ["pickle", "zip", "legacy"])
def test_nothing_is_ever_unpickled(tmp_path: Path, name: str, write: str) -> None:
    path, mark = tmp_path / name, tmp_path / "executed"
    if write == "pickle":
        path.write_bytes(pickle.dumps(Trap(mark)))
    else:
        torch.save({"weight": Trap(mark)}, path, _use_new_zipfile_serialization=write == "zip")
    assert "is a pickled checkpoint, which could run code" in refusal(path)
    assert not mark.exists()
    if write == "pickle":  # the trap is a real one
        pickle.loads(path.read_bytes())
    else:
        torch.load(io.BytesIO(path.read_bytes()), weights_only=False)
    assert mark.exists()


@pytest.mark.parametrize("kept", [0, 4, 8, 40, -1])
def test_a_file_that_is_cut_off(tmp_path: Path, kept: int) -> None:
    path = saved(tmp_path)
    path.write_bytes(path.read_bytes()[:kept])
    assert ("is empty" if kept == 0 else "is damaged") in refusal(path)


def test_other_files(tmp_path: Path) -> None:
    absent = tmp_path / "absent.safetensors"
    assert "no weights at" in refusal(absent)
    assert "no weights at" in refusal(tmp_path)
    path = saved(tmp_path)
    whole = path.read_bytes()
    assert "is facerelief-editor, not facerelief-depth" in refusal(path, "depth")
    path.write_text("The weights are elsewhere.")
    assert "is damaged or not a safetensors file" in refusal(path)
    path.write_bytes(b"\xff" * 8 + whole[8:])  # a header of 2^64 bytes
    assert "is damaged" in refusal(path)
    path.write_bytes(b"PK\x03\x04" + whole)
    assert "is a pickled checkpoint" in refusal(path)


@pytest.mark.parametrize(
    ("header", "reason"),
    [
        (None, "is not a facerelief file, not facerelief-editor"),
        ({"format": "pt"}, "is pt, not facerelief-editor"),
        ({"format": "facerelief-editor", "version": "2", "facts": "{}"}, "is of version 2, this program reads 1"),
        ({"format": "facerelief-editor", "facts": "{}"}, "is of version None"),
        ({"format": "facerelief-editor", "version": "1"}, "no readable facts"),
        ({"format": "facerelief-editor", "version": "1", "facts": "{'a"}, "no readable facts"),
    ],
)
def test_headers_of_others(tmp_path: Path, header: dict[str, str] | None, reason: str) -> None:
    path = tmp_path / "weights.safetensors"
    save_file({"generator.a": torch.zeros(1)}, path, metadata=header)
    assert reason in refusal(path)


def test_a_full_disk_leaves_the_old_weights(tmp_path: Path) -> None:
    resource = pytest.importorskip("resource", reason="file size limits are a POSIX matter")
    path = saved(tmp_path)
    before, (soft, hard) = path.read_bytes(), resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (4096, hard))
    try:
        with pytest.raises(FacereliefError) as caught:
            save_checkpoint(path, "editor", {"generator.a": np.zeros(100_000, np.float32)}, FACTS)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert "cannot write" in one_line(caught, path)
    assert path.read_bytes() == before
    assert list(tmp_path.iterdir()) == [path]


def test_the_file_is_plain_safetensors_with_a_readable_header(tmp_path: Path) -> None:
    raw = saved(tmp_path).read_bytes()
    header = json.loads(raw[8 : 8 + int.from_bytes(raw[:8], "little")])["__metadata__"]
    assert header == {"format": "facerelief-editor", "version": "1", "facts": json.dumps(FACTS, sort_keys=True)}


@pytest.mark.parametrize("kind", ["editor", "face", "state"])
def test_the_kind_can_be_asked_before_loading(tmp_path: Path, kind: str) -> None:
    path = tmp_path / "weights.safetensors"
    save_checkpoint(path, kind, {"x": np.zeros(1, np.float32)}, {})
    assert stored_kind(path) == load_checkpoint(path, kind).kind == kind
    save_file({"x": torch.zeros(1)}, path, {"format": f"facerelief-{kind}", "version": "99", "facts": "{}"})
    assert stored_kind(path) == kind  # of whatever version


def test_other_files_have_no_kind(tmp_path: Path) -> None:
    path = saved(tmp_path)
    whole = path.read_bytes()
    for data in (b"", b"PK\x03\x04", pickle.dumps(3), whole[:100], whole[:-1], b"\xff" * 8 + whole[8:], b"text"):
        path.write_bytes(data)
        assert stored_kind(path) == ""
    for metadata in (None, {"format": "", "version": "1"}, {"version": "1"}):
        save_file({"x": torch.zeros(1)}, path, metadata)
        assert stored_kind(path) == ""
    assert stored_kind(tmp_path) == stored_kind(tmp_path / "absent.safetensors") == ""
    save_file({"x": torch.zeros(1)}, path, {"format": "pt"})
    assert stored_kind(path) not in ("editor", "face")  # somebody else's
