"""GANnotation (Sanchez and Valstar, FG 2020): StarGAN's generator, whose condition is a drawing of the landmarks.

Its discriminator is StarGAN's without the class head.
"""

from torch import Tensor, nn

from facerelief.networks.compared.initial_weights import normal_start
from facerelief.networks.generator_output import GeneratorOutput
from facerelief.networks.stargan import Generator, critic_depth, critic_trunk


class GANnotation(Generator):
    """G(I, s): a photo with the landmarks s. 8.42 M parameters at width 64.

    Args:
        channels: Of the image, in and out.
        maps: Channels of the drawing: 3 of a coloured edge map, or 68 heatmaps.
        width: Channels of the first layer.
        blocks: Residual blocks.
        smooth: As of `Generator`.

    Example:
        >>> import torch
        >>> GANnotation(width=4, blocks=1)(torch.zeros(2, 3, 32, 32), torch.zeros(2, 3, 32, 32)).image.shape
        torch.Size([2, 3, 32, 32])
    """

    def __init__(
        self, channels: int = 3, maps: int = 3, width: int = 64, blocks: int = 6, smooth: bool = False
    ) -> None:
        super().__init__(channels, maps, width, blocks, smooth)
        normal_start(self)

    def forward(self, image: Tensor, maps: Tensor) -> GeneratorOutput:  # type: ignore[override]
        """image: (N, C, H, W) in [-1, 1], H and W divisible by 4; maps: (N, maps, H, W)."""
        return GeneratorOutput(self.translate(image, maps))


class PatchCritic(nn.Module):
    """StarGAN's discriminator without the class head: images (N, C, size, size) to patch logits (N, 1, h, w).

    Args:
        size: Side of the images in pixels.
        channels: Of the images.
        width: Channels of the first layer.
        max_channels: Of any layer.
    """

    def __init__(self, size: int = 128, channels: int = 3, width: int = 64, max_channels: int = 2048) -> None:
        super().__init__()
        widths = [min(width * 2**k, max_channels) for k in range(critic_depth(size))]
        self.trunk = nn.Sequential(*critic_trunk(channels, widths))
        self.adversarial = nn.Conv2d(widths[-1], 1, 3, padding=1, bias=False)
        normal_start(self)

    def forward(self, image: Tensor) -> Tensor:
        """Patch logits."""
        logits: Tensor = self.adversarial(self.trunk(image))
        return logits
