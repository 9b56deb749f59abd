"""The methods of editing: by a morphable face, by a flow and shading (relief), and by a repainted crop (StarGAN)."""

from facerelief.editing.methods.morphable import MorphableEditor, MorphablePlan
from facerelief.editing.methods.network import NetworkEditor
from facerelief.editing.methods.relief import ReliefEditor, ReliefPlan
from facerelief.editing.methods.stargan import StarGANEditor, StarGANPlan

__all__ = [
    "MorphableEditor",
    "MorphablePlan",
    "NetworkEditor",
    "ReliefEditor",
    "ReliefPlan",
    "StarGANEditor",
    "StarGANPlan",
]
