"""GANimation (Pumarola et al., ECCV 2018): StarGAN's trunk with two heads, a colour C and an attention A.

Its discriminator is StarGAN's (`networks.stargan.Discriminator`), whose second head estimates the action units.
"""

import torch
from torch import Tensor, nn

from facerelief.networks.compared.initial_weights import normal_start
from facerelief.networks.generator_output import GeneratorOutput
from facerelief.networks.stargan import planes, smoothed, trunk


class GANimation(nn.Module):
    """I_t = A * I_s + (1 - A) * C; A = 1 keeps the photo. 8.47 M parameters at width 64 and 17 action units.

    Args:
        channels: Of the image, in and out.
        units: Action units of the condition.
        width: Channels of the first layer.
        blocks: Residual blocks.
        smooth: As of `networks.stargan.Generator`.

    Example:
        >>> edit = GANimation(units=17, width=4, blocks=1)(torch.zeros(2, 3, 32, 32), torch.zeros(2, 17))
        >>> edit.image.shape, edit.mask.shape
        (torch.Size([2, 3, 32, 32]), torch.Size([2, 1, 32, 32]))
    """

    def __init__(
        self, channels: int = 3, units: int = 17, width: int = 64, blocks: int = 6, smooth: bool = False
    ) -> None:
        super().__init__()
        self.channels, self.units, self.smooth = channels, units, smooth
        self.trunk = nn.Sequential(*trunk(channels + units, width, blocks))
        self.colour = nn.Conv2d(width, channels, 7, padding=3, bias=False)
        self.attention = nn.Conv2d(width, 1, 7, padding=3, bias=False)
        normal_start(self)

    def maps(self, image: Tensor, units: Tensor) -> tuple[Tensor, Tensor]:
        """Colour (N, C, H, W) in [-1, 1] and attention (N, 1, H, W) in [0, 1], for `forward`'s arguments."""
        features = self.trunk(torch.cat([image, planes(units, image)], dim=1))
        return self.colour(features).tanh(), self.attention(features).sigmoid()

    def forward(self, image: Tensor, units: Tensor) -> GeneratorOutput:
        """Edits of images (N, C, H, W) in [-1, 1], H and W divisible by 4, to action units (N, units) in [0, 1].

        The output's mask is 1 - A, the share that is painted.
        """
        colour, attention = self.maps(image, units)
        edited = attention * image + (1 - attention) * colour
        return GeneratorOutput(smoothed(image, edited) if self.smooth else edited, mask=1 - attention)
