"""Editing from Python, with the pictures that Python programs hold."""

from facerelief.api.editor import Edited, Face, FaceEditor, load

__all__ = ["Edited", "Face", "FaceEditor", "load"]
