"""Learning the morphable model from portraits."""

from facerelief.geometry.morphable.learning.learn import learn_face
from facerelief.geometry.morphable.learning.portraits import Portrait, Portraits

__all__ = ["Portrait", "Portraits", "learn_face"]
