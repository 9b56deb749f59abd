"""Datasets of RGB, depth and normals made from plain photos: sources, build, review, statistics, batches."""

from facerelief.data.dataset import Dataset
from facerelief.data.manifest import Sample

__all__ = ["Dataset", "Sample"]
