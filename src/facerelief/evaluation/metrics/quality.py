"""PSNR and SSIM of 8-bit images, image by image."""

import torch
import torch.nn.functional as F
from torch import Tensor

_WINDOW, _SIGMA = 11, 1.5  # Wang et al., 2004
_C1, _C2 = (0.01 * 255) ** 2, (0.03 * 255) ** 2


def to_levels(image: Tensor) -> Tensor:
    """Images in [-1, 1] as the 8-bit levels 0 to 255 that a file would hold, float32."""
    return ((image.float().clamp(-1, 1) + 1) * 127.5).round()


def psnr(a: Tensor, b: Tensor) -> Tensor:
    """Peak signal-to-noise ratio (N,) in dB of levels (N, C, H, W): 10 log10(255^2 / MSE).

    Equal images have an error of less than one level in one pixel: they get that error's ratio, so that means are
    finite.
    """
    error = (a.float() - b.float()).square().flatten(1)
    return 10 * torch.log10(255**2 / error.mean(dim=1).clamp_min(1 / error.shape[1]))


def ssim(a: Tensor, b: Tensor) -> Tensor:
    """Structural similarity (N,) of levels (N, C, H, W), H and W at least 11 (Wang et al., 2004): a Gaussian window of
    11 pixels and sigma 1.5, population covariances, mean over channels and all whole windows.
    """
    return _similarities(a, b).mean(dim=(1, 2, 3)).float()


def masked_ssim(a: Tensor, b: Tensor, mask: Tensor) -> Tensor:
    """`ssim` (N,), but the mean over the windows whose middle is in a mask (H, W), bool; of all where none is."""
    rim = _WINDOW // 2
    middles = mask[rim:-rim, rim:-rim]
    similarities = _similarities(a, b).mean(dim=1)
    return (similarities[:, middles] if middles.any() else similarities.flatten(1)).mean(dim=1).float()


def masked_psnr(a: Tensor, b: Tensor, mask: Tensor) -> Tensor:
    """`psnr` (N,) over the pixels in a mask (H, W), bool; of all where none is."""
    return psnr(a[..., mask], b[..., mask]) if mask.any() else psnr(a, b)


def _similarities(a: Tensor, b: Tensor) -> Tensor:
    """Of every whole window, (N, C, H - 10, W - 10), float64."""
    x, y = a.double(), b.double()
    place = torch.arange(_WINDOW, device=x.device, dtype=torch.float64) - _WINDOW // 2
    line = torch.exp(-place.square() / (2 * _SIGMA**2))
    line = (line / line.sum()).view(1, 1, -1, 1)
    planes = torch.stack([x, y, x * x, y * y, x * y]).flatten(0, 2)[:, None]
    means = F.conv2d(F.conv2d(planes, line), line.mT)  # a Gaussian window is one line of it after the other
    mean_x, mean_y, xx, yy, xy = means.reshape(5, *x.shape[:2], *means.shape[2:])
    var_x, var_y, cov = xx - mean_x**2, yy - mean_y**2, xy - mean_x * mean_y
    luminance = (2 * mean_x * mean_y + _C1) / (mean_x**2 + mean_y**2 + _C1)
    structure = (2 * cov + _C2) / (var_x + var_y + _C2)
    return luminance * structure
