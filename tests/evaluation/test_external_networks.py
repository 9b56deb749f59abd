"""A user's own recogniser or features, and files that only look like one."""

import warnings
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from recognisers import write_endless, write_enormous, write_onnx, write_square
from torch import Tensor, nn

from facerelief.errors import CheckpointError, FacereliefError
from facerelief.evaluation import onnx_files
from facerelief.evaluation.external_networks import load_feature_network

pytest.importorskip("onnx")
pytest.importorskip("onnxruntime")


class Patches(nn.Module):
    def forward(self, x: Tensor) -> Tensor:
        return nn.functional.avg_pool2d(x, 2).flatten(1)


def images(count: int, channels: int, size: int) -> Tensor:
    return torch.rand(count, channels, size, size, generator=torch.Generator().manual_seed(0)) * 2 - 1


@pytest.mark.parametrize("batch", ["n", 1, 2, 4])
def test_onnx_gives_what_the_graph_says_at_its_own_size(tmp_path: Path, batch: int | str) -> None:
    network = load_feature_network(write_onnx(tmp_path / "arc.onnx", batch=batch))
    assert (network.size, network.dimensions) == (8, 48)
    image = images(3, 3, 8)
    torch.testing.assert_close(network(image), Patches()(image))
    large = image.repeat_interleave(4, dim=2).repeat_interleave(4, dim=3)
    assert network(large).shape == (3, 48)
    torch.testing.assert_close(network(large).mean(dim=1), Patches()(image).mean(dim=1), atol=0.02, rtol=0)


def test_grey_is_repeated(tmp_path: Path) -> None:
    grey = images(5, 1, 8)
    found = load_feature_network(write_onnx(tmp_path / "arc.onnx", side="s"), size=8)(grey)
    torch.testing.assert_close(found, Patches()(grey.expand(-1, 3, -1, -1)))


@pytest.mark.parametrize("suffix", [".pt", ".ts", ".torchscript"])
def test_torchscript_is_never_loaded_and_the_way_to_onnx_is_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, suffix: str
) -> None:
    path = tmp_path / f"vgg{suffix}"
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        torch.jit.save(torch.jit.trace(Patches(), torch.zeros(2, 3, 8, 8)), str(path))
    monkeypatch.setattr(torch.jit, "load", lambda *_, **__: pytest.fail("it was loaded"))
    with pytest.raises(CheckpointError, match="is TorchScript, which is a program and is not run") as caught:
        load_feature_network(path, size=8)
    assert "\n" not in str(caught.value)
    command = str(caught.value).partition("export it to ONNX: ")[2]
    monkeypatch.chdir(tmp_path)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        exec(command, {"torch": torch, "network": Patches(), "S": 8})
    image = images(3, 3, 8)
    torch.testing.assert_close(load_feature_network(tmp_path / "vgg.onnx", size=8)(image), Patches()(image))


@pytest.mark.parametrize(
    ("write", "expected"),
    [(write_endless, "was not done with two images in 8 s"), (write_enormous, "is too large")],
)
def test_networks_that_do_not_end_or_ask_for_all_memory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, write: Callable[[Path], Path], expected: str
) -> None:
    monkeypatch.setattr(onnx_files, "SECONDS", 8.0)
    with pytest.raises(CheckpointError, match=expected):
        load_feature_network(write(tmp_path / "odd.onnx"), size=8)


def test_a_network_that_hangs_later_is_ended(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    network = load_feature_network(write_endless(tmp_path / "odd.onnx", turns_from="image"), size=8)
    monkeypatch.setattr(onnx_files, "SECONDS", 1.0)
    with pytest.raises(CheckpointError, match="fails on images"):
        network(torch.ones(2, 3, 8, 8))


def test_an_identity_distance_by_it(tmp_path: Path) -> None:
    """1 - cos of the vectors that it gives a picture and its mirror image together."""
    from facerelief.training.identity import embed

    network = load_feature_network(write_onnx(tmp_path / "arc.onnx"))
    a, b = images(2, 3, 8)[:1], images(2, 3, 8)[1:]
    found = 1 - float((embed(network, a) * embed(network, b)).sum())
    x, y = (Patches()(one)[0].numpy() + Patches()(one.flip(-1))[0].numpy() for one in (a, b))
    assert found == pytest.approx(1 - x @ y / np.linalg.norm(x) / np.linalg.norm(y), abs=1e-5)


@pytest.mark.parametrize(
    ("make", "expected"),
    [
        (lambda p: p / "absent.onnx", "no network at"),
        (lambda p: write_bytes(p / "arc.onnx"), "is no ONNX network"),
        (lambda p: write_bytes(p / "arc.h5"), "is of no known kind"),
        (lambda p: write_onnx(p / "maps.onnx", flat=False), "it must give one vector each"),
        (lambda p: write_onnx(p / "arc.onnx", side=100_000), "takes images of 100000 px"),
        (lambda p: write_onnx(p / "many.onnx", batch=10**9), "takes 1000000000 images at once"),
        (lambda p: write_onnx(p / "nan.onnx", weights=np.full((3, 3, 1, 1), np.nan, np.float32)), "are not numbers"),
    ],
)
def test_files_that_are_no_recogniser(tmp_path: Path, make: object, expected: str) -> None:
    with pytest.raises(CheckpointError, match=expected) as caught:
        load_feature_network(make(tmp_path), size=8)  # type: ignore[operator]
    assert "\n" not in str(caught.value)


def write_bytes(path: Path) -> Path:
    path.write_bytes(b"not a network")
    return path


def test_sizes_that_do_not_fit(tmp_path: Path) -> None:
    path = write_onnx(tmp_path / "arc.onnx", side=8)
    with pytest.raises(CheckpointError, match="--input-size"):
        load_feature_network(path, size=16)
    with pytest.raises(FacereliefError, match="is not between 1 and 1024"):
        load_feature_network(path, size=0)


def test_vectors_of_another_length(tmp_path: Path) -> None:
    network = load_feature_network(write_square(tmp_path / "odd.onnx"), size=8)
    with pytest.raises(CheckpointError, match="gives vectors of 3 numbers, 2 before; bring another file"):
        network(images(3, 3, 8))
