"""The geometry receipt of an edit: what it did to a face, in numbers (JSON) and as one picture.

Depth and normals are measured on the photo and, anew, on the edited photo; both are those of the landmark model.
"""

import contextlib
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from PIL import Image

from facerelief import __version__
from facerelief.editing.edit import Edit, EditedFace
from facerelief.editing.editor import Editor
from facerelief.editing.jobs.showcase import (
    change_picture,
    depth_picture,
    draw_table,
    find_same,
    measure_geometry,
    normal_picture,
)
from facerelief.errors import NoFaceFound
from facerelief.faces.alignment import align
from facerelief.faces.pose import head_pose
from facerelief.geometry.depth_maps import FAR, NEAR, GeometryMaps
from facerelief.photos.photo import Photo

SIZE = 256  # side of the crops in pixels, of the picture and of what the networks are shown
_TURN = 45.0  # degrees between normals that are drawn as the strongest change

# What networks say of the crops before and after, uint8 (SIZE, SIZE, 3), and of the target expression.
CropScorer = Callable[[np.ndarray, np.ndarray, str], dict[str, Any]]


@dataclass(frozen=True)
class Receipt:
    """What an edit did.

    Attributes:
        numbers: For JSON.
        picture: Crops before and after over their depth and normals, and what changed.
    """

    numbers: dict[str, Any]
    picture: Image.Image


def make_receipt(editor: Editor, photo: Photo, edit: Edit, scores: CropScorer | None = None) -> Receipt:
    """Measure what an edit did.

    Args:
        editor: What finds the faces of the edited photo.
        photo: The photo before the edit.
        edit: The edit.
        scores: What networks say of the crops before and after.

    Returns:
        Numbers of all edited faces, and the picture of the first of them.
    """
    faces = [_measured(editor, photo, edit, done, scores) for done in edit.faces]
    change = np.abs(edit.photo.rgb.astype(np.int16) - photo.rgb).max(axis=2)
    numbers = {
        "facerelief": __version__,
        "expression": edit.expression,
        "photo": {"width": photo.rgb.shape[1], "height": photo.rgb.shape[0]},
        "change": {
            "pixels": int((change > 0).sum()),
            "share_of_photo": round(float((change > 0).mean()), 6),
            "mean_levels_where_changed": round(float(change[change > 0].mean()), 3) if change.any() else 0.0,
            "box": _box_of(change > 0),
        },
        "faces": [numbers for numbers, _ in faces],
    }
    return Receipt(numbers, faces[0][1])


def _measured(
    editor: Editor, photo: Photo, edit: Edit, done: EditedFace, scores: CropScorer | None
) -> tuple[dict[str, Any], Image.Image]:
    """The numbers of one face, and its picture."""
    crop = align(done.face.landmarks, SIZE)
    before, after = crop.cut(photo.rgb), crop.cut(edit.photo.rgb)
    first, second = measure_geometry(photo, done.face, SIZE), None
    with contextlib.suppress(NoFaceFound):
        again = find_same(editor, edit.photo, done.face)
        second = measure_geometry(edit.photo, again, SIZE)
    yaw, pitch, roll = (round(angle, 1) for angle in head_pose(done.face.landmarks))
    numbers: dict[str, Any] = {
        "box": [round(value, 1) for value in done.face.box],
        "yaw_pitch_roll_degrees": [yaw, pitch, roll],
        "mean_change_of_crop_levels": round(float(np.abs(after.astype(np.int16) - before).mean()), 3),
        "geometry": geometry_change(first, second) if second else "no face is found in the edited photo",
    }
    if scores:
        numbers |= scores(before, after, edit.expression)
    return numbers, _picture(before, after, first, second)


def geometry_change(before: GeometryMaps, after: GeometryMaps) -> dict[str, float]:
    """How far depth (inter-ocular distances) and normals (degrees) differ where both show the face."""
    both = before.mask & after.mask
    if not both.any():
        return {"share_of_face_compared": 0.0}
    depth = (after.depth - before.depth)[both] * (NEAR - FAR)
    turn = _angles(before, after)[both]
    return {
        "share_of_face_compared": round(float(both.sum() / (before.mask | after.mask).sum()), 4),
        "mean_depth_change": round(float(np.abs(depth).mean()), 5),
        "most_depth_change": round(float(np.abs(depth).max()), 5),
        "mean_normal_change_degrees": round(float(turn.mean()), 3),
        "most_normal_change_degrees": round(float(turn.max()), 3),
    }


def _angles(before: GeometryMaps, after: GeometryMaps) -> np.ndarray:
    """Degrees (H, W) between normals, 0 where one of the two shows no face."""
    cosine = np.clip((before.normal * after.normal).sum(axis=0), -1, 1)
    return np.where(before.mask & after.mask, np.degrees(np.arccos(cosine)), 0.0)


def _picture(before: np.ndarray, after: np.ndarray, first: GeometryMaps, second: GeometryMaps | None) -> Image.Image:
    blank = np.full_like(before, 255)
    depths = [depth_picture(one) if one else blank for one in (first, second)]
    normals = [normal_picture(one) if one else blank for one in (first, second)]
    turned = blank
    if second:
        share = np.clip(_angles(first, second) / _TURN, 0, 1)[..., None]
        turned = np.round(255 - share * (25, 127, 235)).astype(np.uint8)
    columns = [
        ("before", [before, depths[0], normals[0]]),
        ("after", [after, depths[1], normals[1]]),
        ("change", [change_picture(before, after), change_picture(*depths) if second else blank, turned]),
    ]
    return draw_table(columns, ("photo", "depth", "normals"))


def _box_of(mask: np.ndarray) -> list[int] | None:
    """x0, y0, x1, y1 around all that is set; None where nothing is."""
    rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
    if not len(rows):
        return None
    return [int(columns[0]), int(rows[0]), int(columns[-1]) + 1, int(rows[-1]) + 1]
