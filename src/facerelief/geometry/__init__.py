"""Dense facial geometry: meshes, their rasterisation, and the depth and normal maps made from them."""

from facerelief.geometry.depth_maps import (
    GeometryMaps,
    load_depth,
    load_normal,
    render_geometry,
    save_depth,
    save_normal,
)
from facerelief.geometry.mesh import FaceMesh, vertex_normals
from facerelief.geometry.rasterizer import interpolate, rasterise
from facerelief.geometry.reconstructors import RECONSTRUCTORS, AlignedFace, Reconstructor, load_reconstructor

__all__ = [
    "RECONSTRUCTORS",
    "AlignedFace",
    "FaceMesh",
    "GeometryMaps",
    "Reconstructor",
    "interpolate",
    "load_depth",
    "load_normal",
    "load_reconstructor",
    "rasterise",
    "render_geometry",
    "save_depth",
    "save_normal",
    "vertex_normals",
]
