"""Measuring: how much of each blendshape and action unit a face shows, by its landmarks."""

from facerelief.geometry.morphable.measuring.amounts import Amount, Measurement, measure_face
from facerelief.geometry.morphable.measuring.looks import looked_at_again
from facerelief.geometry.morphable.measuring.matching import match_movement
from facerelief.geometry.morphable.measuring.responses import Responses, load_responses, save_responses

__all__ = [
    "Amount",
    "Measurement",
    "Responses",
    "load_responses",
    "looked_at_again",
    "match_movement",
    "measure_face",
    "save_responses",
]
