"""A morphable model: shape and texture learned from photos, rendered, and fitted to photos to edit them."""

from facerelief.geometry.morphable.expression_transfer import ExpressionTransfer
from facerelief.geometry.morphable.fitting import Fit, fit_face
from facerelief.geometry.morphable.model import MorphableFace, load_face, save_face
from facerelief.geometry.morphable.random_faces import (
    Person,
    Setting,
    random_person,
    random_setting,
    render_portrait,
)
from facerelief.geometry.morphable.renderer import Appearance, render_face
from facerelief.geometry.morphable.warp_layers import WarpLayers, apply_layers

__all__ = [
    "Appearance",
    "ExpressionTransfer",
    "Fit",
    "MorphableFace",
    "Person",
    "Setting",
    "WarpLayers",
    "apply_layers",
    "fit_face",
    "load_face",
    "random_person",
    "random_setting",
    "render_face",
    "render_portrait",
    "save_face",
]
