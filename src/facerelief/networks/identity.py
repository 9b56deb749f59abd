"""The identity encoder: maps a face to a unit vector, near for photos of one person and far for those of two."""

import torch.nn.functional as F
from torch import Tensor, nn

from facerelief.networks.classifier import Classifier

_GRID = 4  # the last map is averaged over 4 x 4 cells; its mean over the whole face would lose positions


class Encoder(nn.Module):
    """The classifier's trunk and a linear layer: images (N, C, H, W) in [-1, 1] to unit vectors (N, dimensions).

    Args:
        channels: 3 (RGB) or 1 (luma).
        width: As of `Classifier`.
        dimensions: Of the embedding.
    """

    def __init__(self, channels: int = 3, width: int = 32, dimensions: int = 128) -> None:
        super().__init__()
        self.trunk = Classifier(channels, width=width)
        self.trunk.head = nn.Sequential()  # its logits are not used
        self.head = nn.Sequential(
            nn.AdaptiveAvgPool2d(_GRID),
            nn.Flatten(),
            nn.Linear(8 * width * _GRID**2, dimensions, bias=False),
            nn.BatchNorm1d(dimensions),
        )

    def forward(self, image: Tensor) -> Tensor:
        """Unit vectors; the cosine of two compares their faces."""
        return F.normalize(self.head(self.trunk.features(image)[-1]).float(), dim=1)
