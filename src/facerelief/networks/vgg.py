"""VGG19's features, the V of Eq. 10, with torchvision's published weights loaded by name and checksum.

The convolutions are written out here because torchvision is heavy and does not import beside every torch build.
"""

import http.client
import os
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import torch
from torch import Tensor, nn

from facerelief.errors import CheckpointError
from facerelief.files import atomic, sha256
from facerelief.networks.published_weights import checksum, fill, read_tensors

URL = "https://download.pytorch.org/models/vgg19-dcbb9e9d.pth"
SHA256_PREFIX = "dcbb9e9d"  # as in the file's published name
_PLAN = (64, 64, "pool", 128, 128, "pool", 256, 256, 256, 256, "pool", 512, 512, 512, 512, "pool", 512)
_TAPS = (1, 6, 11, 20, 29)  # relu1_1, relu2_1, relu3_1, relu4_1, relu5_1, as indices of torchvision's `features`
_MEAN, _STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)


class VGG19Features(nn.Module):
    """Maps (N, 1, 3 or 4, H, W) in [-1, 1] to the features at relu1_1 ... relu5_1; one channel is repeated to three.

    Four channels are depth and normals: their features are stacked along N.
    """

    def __init__(self) -> None:
        super().__init__()
        layers: list[nn.Module] = []
        channels = 3
        for item in _PLAN:
            if item == "pool":
                layers.append(nn.MaxPool2d(2, 2))
            else:
                layers += [nn.Conv2d(channels, int(item), 3, padding=1), nn.ReLU()]
                channels = int(item)
        self.features = nn.Sequential(*layers)
        self.mean: Tensor
        self.std: Tensor
        self.register_buffer("mean", torch.tensor(_MEAN).view(1, 3, 1, 1), persistent=False)
        self.register_buffer("std", torch.tensor(_STD).view(1, 3, 1, 1), persistent=False)

    def forward(self, x: Tensor) -> list[Tensor]:
        """The five feature maps, from fine to coarse."""
        h = (three_channels(x) * 0.5 + 0.5 - self.mean) / self.std
        taps = []
        for index, layer in enumerate(self.features):
            h = layer(h)
            if index in _TAPS:
                taps.append(h)
        return taps


def three_channels(x: Tensor) -> Tensor:
    """Maps (N, 1, 3 or 4, H, W) with three channels: depth repeated, normals as they are, both stacked along N."""
    if x.shape[1] == 4:
        return torch.cat([x[:, :1].expand(-1, 3, -1, -1), x[:, 1:]])
    return x.expand(-1, 3, -1, -1)


def load_vgg19(path: Path | None = None) -> VGG19Features:
    """The network with the published weights.

    Args:
        path: torchvision's file; by default it is downloaded once into the cache folder.

    Raises:
        CheckpointError: The file cannot be read or downloaded, or its checksum is another.
    """
    if path is None:
        path = _cached()
        if not path.is_file():
            _fetch(path)
    elif not path.is_file():
        raise CheckpointError(f"no VGG19 weights at {path}; name torchvision's vgg19-dcbb9e9d.pth, or leave out --vgg")
    digest = checksum(path)
    if not digest.startswith(SHA256_PREFIX):
        raise CheckpointError(
            f"{path} is not torchvision's vgg19-dcbb9e9d.pth (sha256 {digest[:8]}...); delete it and fetch it again"
        )
    weights = read_tensors(path)
    model = VGG19Features()
    wanted = model.state_dict()
    missing = [name for name in wanted if name not in weights]
    if missing:
        raise CheckpointError(f"{path} has no {missing[0]}; use torchvision's vgg19-dcbb9e9d.pth")
    fill(model, {name: weights[name] for name in wanted}, path)
    return model.eval().requires_grad_(False)


def _cached() -> Path:
    root = Path(os.environ.get("XDG_CACHE_HOME", Path.home() / ".cache"))
    return root / "facerelief" / Path(URL).name


def _fetch(path: Path) -> None:
    with atomic(path) as part:
        with part.open("wb") as out:
            for chunk in _download():
                out.write(chunk)
        if not sha256(part).startswith(SHA256_PREFIX):
            raise CheckpointError(
                f"{URL} gave a file with another checksum; try again, or bring the file with --vgg FILE"
            )


def _download() -> Iterator[bytes]:
    """The published file in pieces. What fails here is the network; what fails in `atomic` is the disk."""
    try:
        with urllib.request.urlopen(URL, timeout=60) as stream:
            while chunk := stream.read(1 << 20):
                yield chunk
    except (OSError, http.client.HTTPException) as reason:  # URLError is an OSError
        raise CheckpointError(
            f"VGG19's weights cannot be fetched from {URL} ({reason}); bring the file with --vgg FILE, or choose "
            "--set perceptual=judge or --set perceptual=none"
        ) from reason
