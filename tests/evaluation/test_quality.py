"""PSNR and SSIM of 8-bit images against scikit-image."""

import numpy as np
import pytest
import torch
from torch import Tensor

from facerelief.evaluation.metrics.quality import psnr, ssim, to_levels
from facerelief.network_input import from_levels

skimage = pytest.importorskip("skimage.metrics")


def pictures(channels: int, size: int = 32) -> tuple[Tensor, Tensor]:
    random = np.random.default_rng(0)
    clean = random.integers(0, 256, (4, channels, size, size)).astype(np.float32)
    clean = clean * 0.2 + np.linspace(0, 200, size, dtype=np.float32)
    noisy = np.clip(clean + random.normal(size=clean.shape) * np.array([1, 5, 20, 60])[:, None, None, None], 0, 255)
    return torch.from_numpy(np.round(clean)), torch.from_numpy(np.round(noisy).astype(np.float32))


@pytest.mark.parametrize("channels", [1, 3])
def test_psnr_is_scikit_images(channels: int) -> None:
    a, b = pictures(channels)
    expected = [
        skimage.peak_signal_noise_ratio(x.numpy().astype(np.uint8), y.numpy().astype(np.uint8))
        for x, y in zip(a, b, strict=True)
    ]
    np.testing.assert_allclose(psnr(a, b).numpy(), expected, rtol=1e-5)


@pytest.mark.parametrize("channels", [1, 3])
def test_ssim_is_scikit_images(channels: int) -> None:
    a, b = pictures(channels)
    expected = [
        skimage.structural_similarity(
            x.numpy().astype(np.uint8),
            y.numpy().astype(np.uint8),
            channel_axis=0,
            data_range=255,
            gaussian_weights=True,
            sigma=1.5,
            use_sample_covariance=False,
        )
        for x, y in zip(a, b, strict=True)
    ]
    np.testing.assert_allclose(ssim(a, b).numpy(), expected, atol=1e-6)


def test_equal_pictures() -> None:
    a, _ = pictures(3)
    assert torch.equal(ssim(a, a), torch.ones(4))
    one_off = a.clone()
    one_off[0, 0, 0, 0] += 1
    assert psnr(a, a)[0] == psnr(a, one_off)[0]  # the least error there is stands for none


def test_levels_are_those_of_a_file() -> None:
    image = torch.tensor([-1.0, -2.0, 0.0, 0.999, 1.0, 3.0])
    assert to_levels(image).tolist() == [0, 0, 128, 255, 255, 255]
    levels = torch.arange(256.0)
    assert torch.equal(to_levels(from_levels(levels)), levels)
