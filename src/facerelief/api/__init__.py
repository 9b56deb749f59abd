"""Edits faces from Python: PIL images, arrays, files.

`load` returns a `FaceEditor`; its `edit` returns an `Edited`. `facerelief` exports all four names.
"""

from facerelief.api.editor import Edited, Face, FaceEditor, load

__all__ = ["Edited", "Face", "FaceEditor", "load"]
