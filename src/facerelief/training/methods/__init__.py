"""How each method trains: its networks, its conditions and its terms, a module each, beside its paper.

`training.expression` is the loop of all of them: data, session, average, guidance by depth, log and samples.
"""

from facerelief.training.methods import (
    attgan,
    cyclegan,
    diat,
    elegant,
    ganimation,
    gannotation,
    icgan,
    relief,
    stargan,
    stgan,
)
from facerelief.training.methods.method import TRAINING_METHODS, TrainingMethod, TrainingStep, Update

__all__ = [
    "TRAINING_METHODS",
    "TrainingMethod",
    "TrainingStep",
    "Update",
    "attgan",
    "cyclegan",
    "diat",
    "elegant",
    "ganimation",
    "gannotation",
    "icgan",
    "relief",
    "stargan",
    "stgan",
]
