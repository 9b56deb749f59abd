"""The start of most GANs of 2016 to 2019 (Radford et al., 2016)."""

from torch import nn

from facerelief.networks.stargan import Module

STD = 0.02
_LINEAR = (nn.Conv2d, nn.ConvTranspose2d, nn.Linear)
_NORMS = (nn.BatchNorm1d, nn.BatchNorm2d)


def normal_start(module: Module) -> Module:
    """Draw weights from N(0, 0.02), those of batch norm from N(1, 0.02), and set biases to 0; the module itself.

    Example:
        >>> bool(normal_start(nn.Conv2d(3, 4, 3)).bias.eq(0).all())
        True
    """
    for part in module.modules():
        if isinstance(part, _LINEAR):
            nn.init.normal_(part.weight, 0.0, STD)
        elif isinstance(part, _NORMS):
            nn.init.normal_(part.weight, 1.0, STD)
        if isinstance(part, (*_LINEAR, *_NORMS)) and part.bias is not None:
            nn.init.zeros_(part.bias)
    return module
