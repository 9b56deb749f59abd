"""face-api's networks: their parts against numbers by hand, and whole against what TensorFlow.js computed once."""

import os
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

from facerelief.evaluation.outside.face_api_weights import load_tfjs
from facerelief.networks.face_api import (
    EXPRESSION_SIZE,
    RECOGNITION_SIZE,
    FaceApiExpressions,
    FaceApiLandmarks,
    FaceApiRecognition,
    _DenseBlock,
    _Residual,
)

# By face-api.esm.js 1.7.15 with TensorFlow.js's CPU backend, of `pattern` at 112 and 150 pixels.
EXPRESSIONS = (0.1163586, 0.1076131, 0.1175594, 0.0064142, 0.1451243, 0.1602330, 0.3466975)
RECOGNITION = (-0.0644887, 0.0982630, 0.0707762, -0.0368216, -0.1372034, -0.0365305)

DRAWN_EXPRESSIONS = (0.14034, 0.00842279, 0.00922485, 0.15652, 0.0904966, 0.105661, 0.489335)
DRAWN_LANDMARKS = (0.617122, -1.59225, -1.04783, 2.7346, -0.17419, -1.16747)
DRAWN_RECOGNITION = (-6.33129, 8.13234, -2.85989, 7.41723, 3.87573, 6.22593)


def pattern(size: int) -> torch.Tensor:
    y, x, c = np.mgrid[:size, :size, :3]
    levels = ((7 * x + 13 * y + 29 * c + x * y) % 256).astype(np.float32)
    return torch.from_numpy(levels.transpose(2, 0, 1))[None]


def test_the_package_s_own_numbers() -> None:
    folder = os.environ.get("FACERELIEF_FACE_API", "")
    if not folder:
        pytest.skip("FACERELIEF_FACE_API names no folder package/model of the npm package @vladmandic/face-api")
    judge = load_tfjs(FaceApiExpressions(), Path(folder), "face_expression")
    recogniser = load_tfjs(FaceApiRecognition(), Path(folder), "face_recognition")
    found = judge(pattern(EXPRESSION_SIZE))[0], recogniser(pattern(RECOGNITION_SIZE))[0]
    np.testing.assert_allclose(found[0], EXPRESSIONS, atol=1e-5)
    np.testing.assert_allclose(found[1][:6], RECOGNITION, atol=1e-5)


@pytest.mark.parametrize(
    ("network", "weights", "numbers"), [(FaceApiExpressions, 49, 323_687), (FaceApiRecognition, 117, 5_614_592)]
)
def test_sizes_are_those_of_the_published_manifests(network: type[nn.Module], weights: int, numbers: int) -> None:
    state = network().state_dict()
    assert (len(state), sum(value.numel() for value in state.values())) == (weights, numbers)


def drawn(network: nn.Module) -> nn.Module:
    """Weights drawn by NumPy's generator, in the order of their names, of a size that keeps signals alive."""
    random = np.random.RandomState(0)
    state = dict(network.state_dict())
    for name in sorted(state):
        fan_in = max(1, int(np.prod(state[name].shape[1:])))
        state[name] = torch.from_numpy(random.standard_normal(state[name].shape) / fan_in**0.5).float()
    network.load_state_dict(state)
    return network


def test_fingerprints() -> None:
    """What these networks gave with drawn weights when they agreed with TensorFlow.js (the test above)."""
    with torch.no_grad():
        called = drawn(FaceApiExpressions())(pattern(EXPRESSION_SIZE))[0]
        points = drawn(FaceApiLandmarks())(pattern(EXPRESSION_SIZE))[0]
        vector = drawn(FaceApiRecognition())(pattern(RECOGNITION_SIZE))[0]
    np.testing.assert_allclose(called, DRAWN_EXPRESSIONS, rtol=1e-3)
    np.testing.assert_allclose(points[:3].flatten(), DRAWN_LANDMARKS, rtol=1e-3)
    np.testing.assert_allclose(vector[:6], DRAWN_RECOGNITION, rtol=1e-3)


def test_a_stride_of_two_pads_behind() -> None:
    """A filter that takes the pixel before its middle: of output 0 the middle is pixel 1, so that nothing is padded
    before. By TensorFlow's rule: padded by max(0, (56 - 1) * 2 + 3 - 112) = 1, of which 0 before.
    """
    block = _DenseBlock(1, 1, separable=False)
    with torch.no_grad():
        for value in block.parameters():
            value.zero_()
        block.conv0.filters[0, 0, 0, 0] = 1
    image = torch.arange(64.0).view(1, 1, 8, 8)
    torch.testing.assert_close(block(image), image[..., ::2, ::2])


def test_what_goes_down_is_padded_with_nothing() -> None:
    """8 pixels: the shortcut has 4, unpadded filters of stride 2 give 3; new channels of the shortcut are 0."""
    block = _Residual(1, 2)
    with torch.no_grad():
        for name, value in block.named_parameters():
            value.fill_(1.0 if name.endswith(("conv2.scale.biases",)) else 0.0)
    found = block(torch.full((1, 1, 8, 8), 5.0), down=True)
    expected = torch.zeros(1, 2, 4, 4)
    expected[:, 0] = 5
    expected[..., :3, :3] += 1
    torch.testing.assert_close(found, expected)
