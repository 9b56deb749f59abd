"""Edits faces from Python: PIL images, arrays, files.

`load` returns a `FaceEditor`; its `edit` returns an `Edited`. `facerelief` exports all four names.
"""

from facerelief.api.editor import FaceEditor
from facerelief.api.loading import load
from facerelief.api.results import Edited
from facerelief.faces.detector import Face

__all__ = ["Edited", "Face", "FaceEditor", "load"]
