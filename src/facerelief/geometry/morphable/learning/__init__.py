"""Learning the morphable model from portraits."""

from facerelief.geometry.morphable.learning.learn import Portrait, Portraits, learn_face

__all__ = ["Portrait", "Portraits", "learn_face"]
