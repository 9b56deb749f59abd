"""A face of a photo, before and after an edit, as binary glTF."""

import dataclasses

import numpy as np

from facerelief.array_types import RGB, Floats
from facerelief.editing.edit import no_effect
from facerelief.editing.methods.morphable import MorphableEditor, MorphablePlan
from facerelief.editing.regions import WHOLE
from facerelief.errors import FacereliefError
from facerelief.faces.alignment import Crop, align
from facerelief.faces.detector import Face
from facerelief.geometry.export import TexturedMesh, encode_glb, textured_face
from facerelief.geometry.morphable.fitting import fit_face
from facerelief.photos.color_modes import to_srgb
from facerelief.photos.photo import Photo, encode_photo
from facerelief.photos.provenance.xmp import EditMark, mark_edit, to_comment

_APART = 0.2  # metres from the face before to the face after
_SMALLEST, _LARGEST = 256, 2048  # sides of a texture in pixels


@dataclasses.dataclass(frozen=True)
class MeshEdit:
    """What the second mesh of a file is to show.

    Attributes:
        to: As `MorphableEditor.target` gives it.
        strength: Share of the full change, 0 to 1.5.
        part: What alone may change, of `PARTS`.
    """

    to: str
    strength: float = 1.0
    part: str = WHOLE


def face_glb(
    editor: MorphableEditor, photo: Photo, face: Face, edit: MeshEdit | None = None, *, provenance: bool = True
) -> bytes:
    """A face as a .glb file: a mesh `before`, and beside it `after` where there is an edit.

    Both have the fitted shape, and as texture the aligned crop at the photo's own resolution (256 to 2048 pixels a
    side). The mesh after the edit moves as far as the edit moves the photo's landmarks.

    Args:
        editor: Fits and edits the face.
        photo: The photo.
        face: The face.
        edit: What the second mesh is to show.
        provenance: Record the edit in the texture, as in photos, and in `asset.extras.comment`.

    Raises:
        FacereliefError: There is no such part of a face, or nothing of it would change.
    """
    plan = editor.plan(photo.rgb, face, edit.to if edit else "neutral", edit.part if edit else WHOLE)
    crop = align(face.landmarks, _texture_size(face))
    earlier = photo.mark if provenance else None
    still = np.zeros_like(plan.landmarks)
    meshes, comment = {"before": _mesh(editor, plan, still, crop, _texture(photo, photo.rgb, crop, earlier))}, ""
    if edit is not None:
        whole = Crop(np.eye(2, 3), crop.size)  # the texture is the face's crop, all of it
        mark = mark_edit(None, edit.to, [whole]) if provenance and edit.strength else earlier
        edited = editor.render(photo.rgb, plan, edit.strength)
        if edit.strength and np.array_equal(edited, photo.rgb):
            raise FacereliefError(f"{photo.name}: {no_effect(edit.to, edit.part)}; choose another part or expression")
        texture = _texture(photo, edited, crop, mark)
        moved = editor.moved_landmarks(plan, edit.strength) - plan.landmarks
        meshes["after"] = _mesh(editor, plan, moved, crop, texture)
        comment = to_comment(mark) if mark else ""
    return encode_glb(meshes, _APART, comment)


def _mesh(editor: MorphableEditor, plan: MorphablePlan, moved: Floats, crop: Crop, texture: bytes) -> TexturedMesh:
    """The fitted face whose landmarks have moved by (468, 3) photo pixels."""
    model = editor.model
    fit = fit_face(model, plan.landmarks)  # closer than the plan's, which tells person and expression apart
    points = model.shape(fit.identity) + model.movement(fit.expression) + moved @ fit.rotation / fit.scale
    return textured_face(model.rig, points, crop.to_crop(plan.landmarks + moved)[:, :2] / crop.size, texture)


def _texture(photo: Photo, rgb: RGB, crop: Crop, mark: EditMark | None) -> bytes:
    picture = Photo(to_srgb(crop.cut(rgb), photo.icc), name=photo.name, digest=photo.digest)
    return encode_photo(picture, "JPEG", mark, provenance=mark is not None)


def _texture_size(face: Face) -> int:
    """The side of the face's crop at the photo's own resolution, within limits."""
    return round(float(np.clip(_SMALLEST / align(face.landmarks, _SMALLEST).scale, _SMALLEST, _LARGEST)))
