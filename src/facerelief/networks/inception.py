"""InceptionV3's features, used for FID and KID, with published weights loaded by name and checksum.

The convolutions are written out here because torchvision is heavy and does not import beside every torch build.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from facerelief.errors import CheckpointError
from facerelief.networks.published_weights import checksum, fill, read_tensors

INPUT_SIDE = 299


@dataclass(frozen=True)
class Published:
    """A published file of weights.

    Attributes:
        file: Its published name.
        name: Stands in the names of distances computed with it; "" for the usual FID.
        tensorflow: TensorFlow's variant: average pools leave out the border's zeros, and the last block has a maximum
            pool.
    """

    file: str
    name: str
    tensorflow: bool


# By the start of the file's SHA-256, as in its published name.
PUBLISHED = {
    "6726825d": Published("pt_inception-2015-12-05-6726825d.pth", "", True),  # of the usual FID
    "0cc3c7bd": Published("inception_v3_google-0cc3c7bd.pth", "torchvision's Inception", False),
}

# A convolution: name, outputs, kernel (height, width), stride. The last of a branch may be two that share its input.
Conv = tuple[str, int, tuple[int, int], int]
Branch = Sequence[Conv | tuple[Conv, Conv]]


def _conv(name: str, outputs: int, height: int = 1, width: int | None = None, stride: int = 1) -> Conv:
    return name, outputs, (height, height if width is None else width), stride


def _plan_a() -> list[Branch]:
    return [
        [_conv("branch1x1", 64)],
        [_conv("branch5x5_1", 48), _conv("branch5x5_2", 64, 5)],
        [_conv("branch3x3dbl_1", 64), _conv("branch3x3dbl_2", 96, 3), _conv("branch3x3dbl_3", 96, 3)],
    ]


def _plan_b() -> list[Branch]:
    return [
        [_conv("branch3x3", 384, 3, stride=2)],
        [_conv("branch3x3dbl_1", 64), _conv("branch3x3dbl_2", 96, 3), _conv("branch3x3dbl_3", 96, 3, stride=2)],
    ]


def _plan_c(middle: int) -> list[Branch]:
    return [
        [_conv("branch1x1", 192)],
        [_conv("branch7x7_1", middle), _conv("branch7x7_2", middle, 1, 7), _conv("branch7x7_3", 192, 7, 1)],
        [
            _conv("branch7x7dbl_1", middle),
            _conv("branch7x7dbl_2", middle, 7, 1),
            _conv("branch7x7dbl_3", middle, 1, 7),
            _conv("branch7x7dbl_4", middle, 7, 1),
            _conv("branch7x7dbl_5", 192, 1, 7),
        ],
    ]


def _plan_d() -> list[Branch]:
    return [
        [_conv("branch3x3_1", 192), _conv("branch3x3_2", 320, 3, stride=2)],
        [
            _conv("branch7x7x3_1", 192),
            _conv("branch7x7x3_2", 192, 1, 7),
            _conv("branch7x7x3_3", 192, 7, 1),
            _conv("branch7x7x3_4", 192, 3, stride=2),
        ],
    ]


def _plan_e() -> list[Branch]:
    def fork(name: str) -> tuple[Conv, Conv]:
        return _conv(f"{name}a", 384, 1, 3), _conv(f"{name}b", 384, 3, 1)

    return [
        [_conv("branch1x1", 320)],
        [_conv("branch3x3_1", 384), fork("branch3x3_2")],
        [_conv("branch3x3dbl_1", 448), _conv("branch3x3dbl_2", 384, 3), fork("branch3x3dbl_3")],
    ]


class InceptionV3(nn.Module):
    """Images (N, C, H, W) in [-1, 1], C of 1 or 3 and any size, to the last average pool's features (N, 2048).

    Args:
        tensorflow: As of `Published`.
    """

    def __init__(self, tensorflow: bool = True) -> None:
        super().__init__()
        average = "average without border" if tensorflow else "average"
        self.stem = nn.ModuleDict()
        inputs = 3
        # No padding but at 2b, as published.
        for name, outputs, kernel, stride, padding in (
            ("Conv2d_1a_3x3", 32, 3, 2, 0),
            ("Conv2d_2a_3x3", 32, 3, 1, 0),
            ("Conv2d_2b_3x3", 64, 3, 1, 1),
            ("Conv2d_3b_1x1", 80, 1, 1, 0),
            ("Conv2d_4a_3x3", 192, 3, 1, 0),
        ):
            self.stem[name] = _Convolution(inputs, outputs, (kernel, kernel), stride, (padding, padding))
            inputs = outputs
        self.mixed = nn.ModuleDict()
        for name, plan, pool, pooled in (
            ("5b", _plan_a(), average, 32),
            ("5c", _plan_a(), average, 64),
            ("5d", _plan_a(), average, 64),
            ("6a", _plan_b(), "down", 0),
            ("6b", _plan_c(128), average, 192),
            ("6c", _plan_c(160), average, 192),
            ("6d", _plan_c(160), average, 192),
            ("6e", _plan_c(192), average, 192),
            ("7a", _plan_d(), "down", 0),
            ("7b", _plan_e(), average, 192),
            ("7c", _plan_e(), "maximum" if tensorflow else average, 192),
        ):
            self.mixed[f"Mixed_{name}"] = block = _Mixed(inputs, plan, pool, pooled)
            inputs = block.outputs

    def forward(self, image: Tensor) -> Tensor:
        """The features (N, 2048)."""
        h = F.interpolate(image.expand(-1, 3, -1, -1), (INPUT_SIDE, INPUT_SIDE), mode="bilinear", align_corners=False)
        for name, convolution in self.stem.items():
            h = convolution(h)
            if name in ("Conv2d_2b_3x3", "Conv2d_4a_3x3"):
                h = F.max_pool2d(h, 3, 2)
        for block in self.mixed.values():
            h = block(h)
        return h.mean(dim=(2, 3))

    def published_names(self) -> dict[str, str]:
        """The module's own tensor names, by the published names."""
        return {name.split(".", 1)[1]: name for name in self.state_dict()}


class _Convolution(nn.Module):
    def __init__(
        self, inputs: int, outputs: int, kernel: tuple[int, int], stride: int, padding: tuple[int, int]
    ) -> None:
        super().__init__()
        self.conv = nn.Conv2d(inputs, outputs, kernel, stride, padding, bias=False)
        self.bn = nn.BatchNorm2d(outputs, eps=0.001)

    def forward(self, x: Tensor) -> Tensor:
        return F.relu(self.bn(self.conv(x)))


class _Mixed(nn.Module):
    """Branches side by side; the last is a pool, followed by a 1x1 convolution where it does not shrink the map."""

    def __init__(self, inputs: int, plan: list[Branch], pool: str, pooled: int) -> None:
        super().__init__()
        self._names: list[list[tuple[str, ...]]] = []
        self._pool = pool
        self.outputs = pooled or inputs
        for branch in plan:
            width, names = inputs, []
            for step in branch:
                pair: tuple[Conv, ...] = (step,) if isinstance(step[0], str) else step
                for name, outputs, kernel, stride in pair:
                    padding = (kernel[0] // 2, kernel[1] // 2) if stride == 1 else (0, 0)
                    self.add_module(name, _Convolution(width, outputs, kernel, stride, padding))
                width = sum(outputs for _, outputs, _, _ in pair)
                names.append(tuple(name for name, _, _, _ in pair))
            self._names.append(names)
            self.outputs += width
        if pooled:
            self.branch_pool = _Convolution(inputs, pooled, (1, 1), 1, (0, 0))

    def forward(self, x: Tensor) -> Tensor:
        maps = []
        for branch in self._names:
            h = x
            for names in branch:
                h = torch.cat([self.get_submodule(name)(h) for name in names], dim=1)
            maps.append(h)
        if self._pool == "down":
            return torch.cat([*maps, F.max_pool2d(x, 3, 2)], dim=1)
        if self._pool == "maximum":
            pooled = F.max_pool2d(x, 3, 1, 1)
        else:
            pooled = F.avg_pool2d(x, 3, 1, 1, count_include_pad=self._pool == "average")
        return torch.cat([*maps, self.branch_pool(pooled)], dim=1)


def load_inception(path: Path) -> tuple[InceptionV3, Published]:
    """The network with published weights, and which these are.

    Raises:
        CheckpointError: The file is not one of `PUBLISHED`, or lacks a tensor.
    """
    if not path.is_file():
        raise CheckpointError(f"no Inception weights at {path}; bring {_choices()}")
    digest = checksum(path)[:8]
    published = PUBLISHED.get(digest)
    if published is None:
        raise CheckpointError(f"{path} (sha256 {digest}...) is not {_choices()}; get the file again")
    weights = read_tensors(path)
    model = InceptionV3(published.tensorflow)
    names = model.published_names()
    missing = [name for name in names if name not in weights]
    unknown = [name for name in weights if name not in names and not name.startswith(("fc.", "AuxLogits."))]
    if missing or unknown:
        raise CheckpointError(f"{path} {'lacks ' + missing[0] if missing else 'has ' + unknown[0]}; get the file again")
    fill(model, {own: weights[name] for name, own in names.items()}, path)
    return model.eval().requires_grad_(False), published


def _choices() -> str:
    return " or ".join(one.file for one in PUBLISHED.values())
