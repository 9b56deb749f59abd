"""A face of a photo, before and after an edit, as binary glTF."""

import dataclasses

import numpy as np

from facerelief.editing.editor import Edit, Editor
from facerelief.editing.jobs.showcase import find_same
from facerelief.faces.alignment import align
from facerelief.faces.detector import Face
from facerelief.geometry.export import TexturedMesh, encode_glb, textured_face
from facerelief.geometry.morphable.model import load_face
from facerelief.geometry.transfer.photo_look import seen_lips
from facerelief.photos.color_modes import to_srgb
from facerelief.photos.photo import Photo, encode_photo
from facerelief.photos.provenance.xmp import EditMark, mark_edit, to_comment

_APART = 0.2  # metres from the face before to the face after
_SMALLEST, _LARGEST = 256, 2048  # sides of a texture in pixels


def face_glb(editor: Editor, photo: Photo, face: Face, edit: Edit | None = None, *, provenance: bool = True) -> bytes:
    """A face as a .glb file: a mesh `before`, and beside it `after` where there is an edit.

    Args:
        editor: Finds the face again in the edited photo, where its landmarks are measured.
        photo: The photo.
        face: The face.
        edit: An edit of that face.
        provenance: Record the edit in the texture (as in photos) and in `asset.extras.comment`.

    Raises:
        NoFaceFound: The edited face is not found again.
    """
    meshes, comment = {"before": _mesh(photo, face, photo.mark if provenance else None)}, ""
    if edit is not None:
        after = find_same(editor, edit.photo, face)
        mark = _mark_of(after, edit) if provenance else None
        meshes["after"] = _mesh(edit.photo, after, mark)
        comment = to_comment(mark) if mark else ""
    return encode_glb(meshes, _APART, comment)


def _mark_of(face: Face, edit: Edit) -> EditMark:
    """The record of an edit whose picture is the aligned crop of the face alone."""
    size = _texture_size(face)
    whole = dataclasses.replace(align(face.landmarks, size), matrix=np.eye(2, 3))
    return mark_edit(None, edit.expression, [whole])


def _mesh(photo: Photo, face: Face, mark: EditMark | None) -> TexturedMesh:
    crop = align(face.landmarks, _texture_size(face))
    picture = Photo(to_srgb(crop.cut(photo.rgb), photo.icc), name=photo.name, digest=photo.digest)
    texture = encode_photo(picture, "JPEG", mark, provenance=mark is not None)
    return textured_face(load_face(), seen_lips(photo.rgb, face.landmarks), crop, texture)


def _texture_size(face: Face) -> int:
    """The side of the face's crop at the photo's own resolution, within limits."""
    return round(float(np.clip(_SMALLEST / align(face.landmarks, _SMALLEST).scale, _SMALLEST, _LARGEST)))
