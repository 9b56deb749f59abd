"""A morphable model: shape and texture learned from photos, rendered, and fitted to photos."""

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

__all__ = [
    "Appearance",
    "Fit",
    "MorphableFace",
    "Person",
    "Setting",
    "fit_face",
    "load_face",
    "random_person",
    "random_setting",
    "render_face",
    "render_portrait",
    "save_face",
]
