"""Faces for other programs: as glTF, with a photo as texture and ARKit's blendshapes as morph targets."""

from facerelief.geometry.export.arkit import ARKIT_NAMES, arkit_shapes
from facerelief.geometry.export.gltf import TexturedMesh, encode_glb
from facerelief.geometry.export.textured_face import textured_face

__all__ = ["ARKIT_NAMES", "TexturedMesh", "arkit_shapes", "encode_glb", "textured_face"]
