"""Expression transfer: a fitted morphable model warps and relights a photo, and draws the inside of its mouth."""

from facerelief.geometry.transfer.expression_transfer import ExpressionTransfer
from facerelief.geometry.transfer.warp_layers import WarpLayers, apply_layers

__all__ = ["ExpressionTransfer", "WarpLayers", "apply_layers"]
