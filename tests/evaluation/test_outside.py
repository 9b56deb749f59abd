"""A user's own recogniser or features, as ONNX and as TorchScript."""

import warnings
from pathlib import Path

import numpy as np
import pytest
import torch
from recognisers import write_onnx
from torch import Tensor, nn

from facerelief.errors import CheckpointError, FacereliefError
from facerelief.evaluation.outside import load_outside

pytest.importorskip("onnx")
pytest.importorskip("onnxruntime")


def write_script(path: Path, network: nn.Module, side: int = 8) -> Path:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        torch.jit.save(torch.jit.trace(network, torch.zeros(2, 3, side, side)), str(path))
    return path


class Patches(nn.Module):
    def forward(self, x: Tensor) -> Tensor:
        return nn.functional.avg_pool2d(x, 2).flatten(1)


def images(count: int, channels: int, size: int) -> Tensor:
    return torch.rand(count, channels, size, size, generator=torch.Generator().manual_seed(0)) * 2 - 1


@pytest.mark.parametrize("batch", ["n", 1])
def test_onnx_gives_what_the_graph_says_at_its_own_size(tmp_path: Path, batch: int | str) -> None:
    network = load_outside(write_onnx(tmp_path / "arc.onnx", batch=batch))
    assert (network.size, network.dimensions) == (8, 48)
    image = images(3, 3, 8)
    torch.testing.assert_close(network(image), Patches()(image))
    large = image.repeat_interleave(4, dim=2).repeat_interleave(4, dim=3)
    assert network(large).shape == (3, 48)
    torch.testing.assert_close(network(large).mean(dim=1), Patches()(image).mean(dim=1), atol=0.02, rtol=0)


def test_torchscript_and_onnx_agree_and_grey_is_repeated(tmp_path: Path) -> None:
    script = load_outside(write_script(tmp_path / "vgg.pt", Patches()), size=8)
    graph = load_outside(write_onnx(tmp_path / "arc.onnx", side="s"), size=8)
    grey = images(5, 1, 8)
    torch.testing.assert_close(script(grey), graph(grey))
    torch.testing.assert_close(script(grey), Patches()(grey.expand(-1, 3, -1, -1)))


def test_an_identity_distance_by_it(tmp_path: Path) -> None:
    """1 - cos of the vectors that it gives a picture and its mirror image together."""
    from facerelief.training.identity import embed

    network = load_outside(write_onnx(tmp_path / "arc.onnx"))
    a, b = images(2, 3, 8)[:1], images(2, 3, 8)[1:]
    found = 1 - float((embed(network, a) * embed(network, b)).sum())
    x, y = (Patches()(one)[0].numpy() + Patches()(one.flip(-1))[0].numpy() for one in (a, b))
    assert found == pytest.approx(1 - x @ y / np.linalg.norm(x) / np.linalg.norm(y), abs=1e-5)


class Maps(nn.Module):
    def forward(self, x: Tensor) -> Tensor:
        return x * 2


@pytest.mark.parametrize(
    ("make", "expected"),
    [
        (lambda p: p / "absent.onnx", "no network at"),
        (lambda p: write_bytes(p / "arc.onnx"), "is no ONNX network"),
        (lambda p: write_bytes(p / "arc.pt"), "is no TorchScript network"),
        (lambda p: write_bytes(p / "arc.h5"), "is of no known kind"),
        (lambda p: write_script(p / "maps.pt", Maps()), "it must give one vector each"),
    ],
)
def test_files_that_are_no_recogniser(tmp_path: Path, make: object, expected: str) -> None:
    with pytest.raises(CheckpointError, match=expected) as caught:
        load_outside(make(tmp_path), size=8)  # type: ignore[operator]
    assert "\n" not in str(caught.value)


def write_bytes(path: Path) -> Path:
    path.write_bytes(b"not a network")
    return path


def test_sizes_that_do_not_fit(tmp_path: Path) -> None:
    path = write_onnx(tmp_path / "arc.onnx", side=8)
    with pytest.raises(CheckpointError, match="--input-size"):
        load_outside(path, size=16)
    with pytest.raises(FacereliefError, match="too small"):
        load_outside(path, size=0)


class AsLongAsTheBatch(nn.Module):
    def forward(self, x: Tensor) -> Tensor:
        return x.mean(dim=(1, 2, 3))[:, None].expand(-1, x.shape[0])


def test_vectors_of_another_length(tmp_path: Path) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        torch.jit.save(torch.jit.script(AsLongAsTheBatch()), str(tmp_path / "odd.pt"))
    network = load_outside(tmp_path / "odd.pt", size=8)
    with pytest.raises(CheckpointError, match="gives vectors of 3 numbers, 2 before; bring another file"):
        network(images(3, 3, 8))
