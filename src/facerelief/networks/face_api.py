"""Networks of the npm package @vladmandic/face-api (MIT): expression judge, landmarks, and dlib's face recogniser.

Nobody of this project trained them, and no editor was trained with them. Parameters have the names of the package's
manifests, with dots for slashes, and torch's order of axes.
"""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from facerelief.expressions import Name

FACE_API_EXPRESSIONS: tuple[Name, ...] = ("neutral", "happiness", "sadness", "anger", "fear", "disgust", "surprise")
EXPRESSION_SIZE, RECOGNITION_SIZE = 112, 150  # pixels of their images
SAME_PERSON = 0.6  # dlib's own limit: two photos at a smaller L2 distance show one person
_MEAN = (122.782, 117.001, 104.298)  # levels


class _DenseNet(nn.Module):
    """Four dense blocks of separable convolutions and a linear layer."""

    def __init__(self, outputs: int) -> None:
        super().__init__()
        self.dense0 = _DenseBlock(3, 32, separable=False)
        self.dense1 = _DenseBlock(32, 64)
        self.dense2 = _DenseBlock(64, 128)
        self.dense3 = _DenseBlock(128, 256)
        self.fc = _FullyConnected(256, outputs)

    def outputs(self, levels: Tensor) -> Tensor:
        """(N, outputs), of RGB levels 0 to 255, (N, 3, 112, 112)."""
        x = _normalised(levels)
        for block in (self.dense0, self.dense1, self.dense2, self.dense3):
            x = block(x)
        found: Tensor = self.fc(F.avg_pool2d(x, 7, 2).flatten(1))
        return found


class FaceApiExpressions(_DenseNet):
    """The expression that a face shows."""

    def __init__(self) -> None:
        super().__init__(len(FACE_API_EXPRESSIONS))

    def forward(self, levels: Tensor) -> Tensor:
        """Probabilities (N, 7), in the order of `FACE_API_EXPRESSIONS`, of RGB levels 0 to 255, (N, 3, 112, 112)."""
        return self.outputs(levels).softmax(dim=1)


class FaceApiLandmarks(_DenseNet):
    """The 68 landmarks of dlib's order, of which 17 to 67 lie within the face."""

    def __init__(self) -> None:
        super().__init__(2 * 68)

    def forward(self, levels: Tensor) -> Tensor:
        """Points (N, 68, 2), x and y in shares of the side, of RGB levels 0 to 255, (N, 3, 112, 112)."""
        return self.outputs(levels).reshape(len(levels), 68, 2)


class FaceApiRecognition(nn.Module):
    """dlib's ResNet with 29 convolutions: photos of one person are nearer than `SAME_PERSON`, by L2 distance."""

    def __init__(self) -> None:
        super().__init__()
        self.conv32_down = _ScaledConv(3, 32, 7)
        for inside, width, blocks in ((32, 32, 3), (32, 64, 3), (64, 128, 2), (128, 256, 2)):
            if width > inside:
                self.add_module(f"conv{width}_down", _Residual(inside, width))
            for number in range(1, blocks + 1):
                self.add_module(f"conv{width}_{number}", _Residual(width, width))
        self.conv256_down_out = _Residual(256, 256)
        self.fc = nn.Parameter(torch.empty(128, 256))

    def forward(self, levels: Tensor) -> Tensor:
        """Vectors (N, 128) of RGB levels 0 to 255, (N, 3, 150, 150)."""
        first, *blocks = self.named_children()
        x = F.relu(first[1](_normalised(levels), stride=2))
        x = F.max_pool2d(x, 3, 2)
        for name, block in blocks:
            x = block(x, down="down" in name)
        return F.linear(x.mean(dim=(2, 3)), self.fc)


class _Conv(nn.Module):
    """A convolution. As TensorFlow's "same" padding, one of stride 2 pads even images behind, and not before."""

    def __init__(self, channels: int, filters: int) -> None:
        super().__init__()
        self.filters, self.bias = nn.Parameter(torch.empty(filters, channels, 3, 3)), nn.Parameter(torch.empty(filters))

    def forward(self, x: Tensor, stride: int) -> Tensor:
        return F.conv2d(_padded(x, stride), self.filters, self.bias, stride)


class _SeparableConv(nn.Module):
    """A filter of each channel by itself, then sums over channels; padded as `_Conv`."""

    def __init__(self, channels: int, filters: int) -> None:
        super().__init__()
        self.depthwise_filter = nn.Parameter(torch.empty(1, channels, 3, 3))
        self.pointwise_filter = nn.Parameter(torch.empty(filters, channels, 1, 1))
        self.bias = nn.Parameter(torch.empty(filters))

    def forward(self, x: Tensor, stride: int) -> Tensor:
        x = F.conv2d(_padded(x, stride), self.depthwise_filter.transpose(0, 1), None, stride, groups=x.shape[1])
        return F.conv2d(x, self.pointwise_filter, self.bias)


class _DenseBlock(nn.Module):
    """Halves the image; each of three further convolutions sees the sum of all before it."""

    def __init__(self, channels: int, filters: int, separable: bool = True) -> None:
        super().__init__()
        self.conv0 = (_SeparableConv if separable else _Conv)(channels, filters)
        self.conv1 = _SeparableConv(filters, filters)
        self.conv2 = _SeparableConv(filters, filters)
        self.conv3 = _SeparableConv(filters, filters)

    def forward(self, x: Tensor) -> Tensor:
        total = last = F.relu(self.conv0(x, stride=2))
        for conv in (self.conv1, self.conv2, self.conv3):
            total = total + conv(last, stride=1)
            last = F.relu(total)
        return last


class _FullyConnected(nn.Module):
    def __init__(self, channels: int, classes: int) -> None:
        super().__init__()
        self.weights, self.bias = nn.Parameter(torch.empty(classes, channels)), nn.Parameter(torch.empty(classes))

    def forward(self, x: Tensor) -> Tensor:
        return F.linear(x, self.weights, self.bias)


class _Scale(nn.Module):
    """A factor and a shift of each channel."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.weights, self.biases = nn.Parameter(torch.empty(channels)), nn.Parameter(torch.empty(channels))

    def forward(self, x: Tensor) -> Tensor:
        return x * self.weights[:, None, None] + self.biases[:, None, None]


class _Filters(nn.Module):
    def __init__(self, channels: int, filters: int, side: int) -> None:
        super().__init__()
        self.filters = nn.Parameter(torch.empty(filters, channels, side, side))
        self.bias = nn.Parameter(torch.empty(filters))

    def forward(self, x: Tensor, stride: int) -> Tensor:
        return F.conv2d(x, self.filters, self.bias, stride, padding=1 if stride == 1 else 0)


class _ScaledConv(nn.Module):
    """A convolution, not padded if its stride is 2, then a `_Scale`."""

    def __init__(self, channels: int, filters: int, side: int = 3) -> None:
        super().__init__()
        self.conv, self.scale = _Filters(channels, filters, side), _Scale(filters)

    def forward(self, x: Tensor, stride: int = 1) -> Tensor:
        scaled: Tensor = self.scale(self.conv(x, stride))
        return scaled


class _Residual(nn.Module):
    """Two convolutions beside a shortcut; `down` halves the image, and what is missing to the shortcut is 0."""

    def __init__(self, channels: int, filters: int) -> None:
        super().__init__()
        self.conv1, self.conv2 = _ScaledConv(channels, filters), _ScaledConv(filters, filters)

    def forward(self, x: Tensor, down: bool) -> Tensor:
        change: Tensor = self.conv2(F.relu(self.conv1(x, stride=2 if down else 1)))
        if down:
            x = F.avg_pool2d(x, 2)
            change = F.pad(change, (0, x.shape[3] - change.shape[3], 0, x.shape[2] - change.shape[2]))
            x = F.pad(x, (0, 0, 0, 0, 0, change.shape[1] - x.shape[1]))
        return F.relu(x + change)


def _normalised(levels: Tensor) -> Tensor:
    return (levels - levels.new_tensor(_MEAN)[:, None, None]) / 255


def _padded(x: Tensor, stride: int) -> Tensor:
    return F.pad(x, (0, 1, 0, 1) if stride == 2 else (1, 1, 1, 1))
