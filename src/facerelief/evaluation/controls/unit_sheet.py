"""A sheet of the units that landmarks do not tell apart, which have to be looked at."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from PIL import Image

from facerelief.array_types import RGB, Floats, Landmarks
from facerelief.data.sources.labelled import Labelled
from facerelief.editing.editor import Editor
from facerelief.evaluation.controls.units import UNITS, all_units
from facerelief.evaluation.outside.people import FaceLandmarks
from facerelief.faces.alignment import EYES_AT, INTER_OCULAR, Crop, align
from facerelief.faces.detector import Face
from facerelief.files import atomic
from facerelief.geometry.morphable.controls import rig_amounts
from facerelief.geometry.morphable.measuring import measure_face
from facerelief.geometry.morphable.model import MorphableFace, load_face
from facerelief.photos.photo import read_photo
from facerelief.progress import NotedProgress, no_progress
from facerelief.tile_sheet import SheetStyle, draw_sheet

PEOPLE = 4  # of a sheet
_SIDE = 200  # of a tile, pixels
_MOVED, _MARGIN = 0.5, 0.2  # of the largest movement, from which a point counts; inter-ocular distances around those
_NARROWEST = 0.8  # inter-ocular distances, of a tile's side


def unseen_units(face: MorphableFace) -> list[tuple[str, float]]:
    """Names and amounts of the action units and blendshapes whose estimate is too unsure, whatever the photo."""
    still = measure_face(face, 100 * face.mean, 100 * face.mean)
    both = {UNITS: still.action_units}
    return [
        (name, amount) for kind, name, amount in all_units(face.rig) if not both.get(kind, still.blendshapes)[name].seen
    ]


def moved_region(face: MorphableFace, name: str) -> tuple[Floats, float]:
    """Where a unit moves a face: centre (2,) and side of a square, inter-ocular distances from between the eyes."""
    movement = face.rig.movement(rig_amounts(name, face.rig))
    lengths = np.linalg.norm(movement[:, :2], axis=1)
    lengths = lengths if lengths.any() else np.linalg.norm(movement, axis=1)  # only towards the viewer
    some = lengths >= _MOVED * lengths.max()
    places = np.concatenate([face.mean[some, :2], (face.mean + movement)[some, :2]])
    low, high = places.min(axis=0), places.max(axis=0)
    return (low + high) / 2, float(max(_NARROWEST, (high - low).max() + 2 * _MARGIN))


def cut_region(rgb: RGB, landmarks: Landmarks, centre: Floats, side: float) -> RGB:
    """A square of a face, upright, (200, 200, 3), from a photo (H, W, 3); arguments as `moved_region` gives them."""
    whole = align(landmarks, round(_SIDE / (side * INTER_OCULAR)))
    matrix = whole.matrix.copy()
    matrix[:, 2] += _SIDE / 2 - (np.array(EYES_AT) + centre * INTER_OCULAR) * whole.size
    return Crop(matrix, _SIDE).cut(rgb)


def draw_unseen_units(
    editor: Editor, photos: Sequence[Labelled], landmarks: FaceLandmarks, progress: NotedProgress = no_progress
) -> Image.Image:
    """Draw the sheet: a row a unit, for each of the first people the photo, then the edit.

    Args:
        editor: Makes the edits; one that takes action units.
        photos: One a person.
        landmarks: Finds their faces.
        progress: Called with the number of photos done, the total, and the photo's name.
    """
    face, some = load_face(), photos[:PEOPLE]
    units = unseen_units(face)
    rows: list[list[RGB | None]] = [[] for _ in units]
    for done, one in enumerate(some):
        progress(done, len(some), one.photo.name)
        rgb, points = read_photo(one.photo).rgb, landmarks(one)
        for row, (name, amount) in zip(rows, units, strict=True):
            edit = editor.apply(rgb, Face(points), editor.target(f"{name}:{amount}"), 1.0).photo
            row += [cut_region(picture, points, *moved_region(face, name)) for picture in (rgb, edit)]
    progress(len(some), len(some))
    titles = [title for one in some for title in (one.identity, "edit")]
    return draw_sheet(rows, titles, [f"{name}:{amount:g}" for name, amount in units], SheetStyle(gap=4))


def save_unit_sheet(sheet: Image.Image, path: Path) -> None:
    """Write a sheet. Raises `FacereliefError` where it cannot be written."""
    with atomic(path) as temporary:
        sheet.save(temporary)
