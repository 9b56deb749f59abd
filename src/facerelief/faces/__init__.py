"""Faces in photos: detection, alignment, head pose, and warping."""

from facerelief.faces.alignment import Crop, align, inter_ocular
from facerelief.faces.detector import Face, FaceFinder, FinderPool, LandmarkFinder, load_finder
from facerelief.faces.pose import head_pose

__all__ = [
    "Crop",
    "Face",
    "FaceFinder",
    "FinderPool",
    "LandmarkFinder",
    "align",
    "head_pose",
    "inter_ocular",
    "load_finder",
]
