"""One picture of a photo's edits: source, depth and normals, then each expression's edit, its depth and its change."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from PIL import Image

from facerelief.editing.edit import Edit
from facerelief.editing.editor import Editor
from facerelief.errors import NoFaceFound
from facerelief.faces.alignment import align
from facerelief.faces.detector import Face
from facerelief.geometry.depth_maps import GeometryMaps, render_geometry
from facerelief.geometry.reconstructors import AlignedFace, load_reconstructor
from facerelief.photos.photo import Photo
from facerelief.tile_sheet import SheetStyle, draw_sheet

TILE = 256
_STYLE = SheetStyle(left=34, top=30, font=18, gap=8)


def measure_geometry(photo: Photo, face: Face, size: int = TILE) -> GeometryMaps:
    """Depth and normals of a face of a photo, from its own landmarks, in its aligned crop."""
    crop = align(face.landmarks, size)
    landmarks = crop.to_crop(face.landmarks.astype(np.float64))
    aligned = AlignedFace(landmarks, crop, Path(photo.name), (photo.rgb.shape[1], photo.rgb.shape[0]))
    return render_geometry(load_reconstructor("mediapipe")(aligned), landmarks, size)


def find_same(editor: Editor, photo: Photo, face: Face) -> Face:
    """The face of an edited photo that lies where `face` lay. Raises `NoFaceFound`."""
    x, y = face.landmarks[:, :2].mean(axis=0)
    found = editor.find(photo)
    nearest = min(found, key=lambda one: float(np.hypot(*(one.landmarks[:, :2].mean(axis=0) - (x, y)))))
    if np.hypot(*(nearest.landmarks[:, :2].mean(axis=0) - (x, y))) > face.size / 4:
        raise NoFaceFound(f"{photo.name}: the edited face is not found again; its depth cannot be measured")
    return nearest


def depth_picture(maps: GeometryMaps) -> np.ndarray:
    """Depth as grey uint8 (H, W, 3)."""
    return np.round(maps.depth * 255).astype(np.uint8)[..., None].repeat(3, axis=2)


def normal_picture(maps: GeometryMaps) -> np.ndarray:
    """Normals as uint8 (H, W, 3), the usual (n + 1) / 2."""
    return np.round((np.moveaxis(maps.normal, 0, 2) + 1) * 127.5).astype(np.uint8)


def change_picture(before: np.ndarray, after: np.ndarray) -> np.ndarray:
    """What an edit changed, uint8 (H, W, 3): lighter is orange, darker is blue, unchanged is white."""
    delta = (after.astype(np.float32) - before).mean(axis=2) / 64
    up, down = np.clip(delta, 0, 1)[..., None], np.clip(-delta, 0, 1)[..., None]
    return np.round(255 - up * (25, 127, 235) - down * (215, 110, 20)).astype(np.uint8)


def draw_showcase(editor: Editor, photo: Photo, face: Face, edits: Sequence[Edit]) -> Image.Image:
    """The picture. Every tile shows the same aligned crop; an edit's depth is measured anew on the edited photo."""
    crop = align(face.landmarks, TILE)
    source, maps = crop.cut(photo.rgb), measure_geometry(photo, face)
    columns = [("photo", [source, depth_picture(maps), normal_picture(maps)])]
    for edit in edits:
        after = crop.cut(edit.photo.rgb)
        try:
            depth = depth_picture(measure_geometry(edit.photo, find_same(editor, edit.photo, face)))
        except NoFaceFound:
            depth = np.full_like(after, 255)
        columns.append((edit.expression, [after, depth, change_picture(source, after)]))
    return draw_table(columns, ("photo and edits", "depth", "normals | change"))


def draw_table(columns: Sequence[tuple[str, list[np.ndarray]]], names: Sequence[str]) -> Image.Image:
    """Tiles uint8 (TILE, TILE, 3) in titled columns, beside the names of their rows."""
    titles = [title for title, _ in columns]
    rows = zip(*(tiles for _, tiles in columns), strict=True)
    return draw_sheet([list(row) for row in rows], titles, names, _STYLE)
