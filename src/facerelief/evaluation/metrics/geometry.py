"""Errors of estimated depth and normal maps."""

import torch
from torch import Tensor, nn

from facerelief.geometry.depth_maps import FAR, NEAR


def map_errors(guess: Tensor, real: Tensor, guide: str) -> tuple[Tensor, Tensor, Tensor]:
    """Per photo (N,), over the face pixels of `real`: depth error in inter-ocular distances and angle between normals
    in degrees, 0 where the guide has no such map; and intersection over union of the two faces.
    """
    face = real[:, 0] > -0.999 if guide != "normal" else real.square().sum(dim=1) > 0.25
    pixels = face.sum(dim=(1, 2)).clamp_min(1)
    depth = degrees = torch.zeros(len(real), device=real.device)
    if guide != "normal":
        depth = ((guess - real)[:, 0].abs() * face).sum(dim=(1, 2)) / pixels * (NEAR - FAR) / 2
    if guide != "depth":
        n, n_hat = (nn.functional.normalize(maps[:, -3:], dim=1) for maps in (real, guess))  # 8 bits bend lengths
        angle = torch.rad2deg(torch.arccos((n * n_hat).sum(dim=1).clamp(-1, 1)))
        degrees = (angle * face).sum(dim=(1, 2)) / pixels
    guessed = guess[:, 0] > -0.9 if guide != "normal" else guess.square().sum(dim=1) > 0.25
    iou = (face & guessed).sum(dim=(1, 2)) / (face | guessed).sum(dim=(1, 2)).clamp_min(1)
    return depth, degrees, iou
