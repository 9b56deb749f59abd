"""The pictures of an edit, from reliefs and crops whose values are known."""

import numpy as np
import pytest
from PIL import Image

from facerelief.editing import Editor
from facerelief.editing.jobs.showcase import (
    TILE,
    change_picture,
    depth_picture,
    draw_showcase,
    find_same,
    measure_geometry,
    normal_picture,
)
from facerelief.errors import NoFaceFound
from facerelief.faces.alignment import align
from facerelief.faces.detector import Face
from facerelief.geometry.depth_maps import GeometryMaps
from facerelief.photos.photo import Photo


@pytest.fixture(scope="module")
def face(editor: Editor, photo: Photo) -> Face:
    return editor.find(photo)[0]


def test_depth_and_normals_as_pictures() -> None:
    depth = np.array([[0, 0.5, 1]], np.float32)
    normal = np.array([[[0, 1, 0]], [[0, 0, -1]], [[0, 0, 0]]], np.float32)  # none, to the right, down
    relief = GeometryMaps(depth, normal, depth > 0, depth > 0)
    assert depth_picture(relief).tolist() == [[[0] * 3, [128] * 3, [255] * 3]]
    assert normal_picture(relief).tolist() == [[[128, 128, 128], [255, 128, 128], [128, 0, 128]]]


def test_changes_as_a_picture() -> None:
    before = np.full((1, 4, 3), 100, np.uint8)
    after = before + np.array([0, 64, 32, 100], np.uint8)[None, :, None]
    white, full, half, beyond = change_picture(before, after)[0].tolist()
    assert white == [255, 255, 255]
    assert full == beyond == [230, 128, 20]  # lighter: orange
    assert half == pytest.approx([242, 192, 138], abs=1)
    darker = change_picture(after, before)[0, 1].tolist()
    assert darker == [40, 145, 235]  # blue


def test_the_relief_of_a_portrait(photo: Photo, face: Face) -> None:
    relief = measure_geometry(photo, face)
    assert relief.depth.shape == (TILE, TILE)
    eyes, nose, chin = (
        align(face.landmarks, TILE).to_crop(face.landmarks[[n]])[0, :2].astype(int) for n in (168, 1, 152)
    )
    assert relief.mask[nose[1], nose[0]]
    assert relief.depth[nose[1], nose[0]] > relief.depth[eyes[1], eyes[0]] > relief.depth[chin[1] - 4, chin[0]] > 0.2
    assert relief.depth[:5].max() == 0
    assert measure_geometry(photo, face, 64).depth.shape == (64, 64)


def test_the_same_face_is_found_in_the_edited_photo(editor: Editor, photo: Photo, face: Face) -> None:
    twice = Photo(np.concatenate([photo.rgb, photo.rgb[:, ::-1]], axis=1), name="twice")
    left, right = sorted(editor.find(twice), key=lambda one: one.landmarks[1, 0])
    for one in (left, right):
        np.testing.assert_allclose(find_same(editor, twice, one).landmarks, one.landmarks)
    elsewhere = Face(face.landmarks + np.float32((150, 200, 0)))
    with pytest.raises(NoFaceFound, match=r"^twice: the edited face is not found again; its depth cannot be measured$"):
        find_same(editor, twice, elsewhere)


def test_the_showcase_shows_every_edit(editor: Editor, photo: Photo, face: Face) -> None:
    edits = [editor(photo, expression, faces=[face]) for expression in editor.expressions]
    sheet = draw_showcase(editor, photo, face, edits)
    assert isinstance(sheet, Image.Image)
    tiles = np.asarray(sheet)
    crop = align(face.landmarks, TILE)
    pictures = [crop.cut(photo.rgb), *(crop.cut(edit.photo.rgb) for edit in edits)]
    lefts = [find_tile(tiles, picture) for picture in pictures]
    assert lefts == sorted(set(lefts))  # the photo first, then the edits in their order
    assert lefts[-1] + TILE <= tiles.shape[1]
    assert 3 * TILE < tiles.shape[0] < 3.5 * TILE
    depth = depth_picture(measure_geometry(photo, face))
    assert find_tile(tiles, depth, row=1) == lefts[0]


def find_tile(sheet: np.ndarray, tile: np.ndarray, row: int = 0) -> int:
    """The column at which a tile stands in a row of the sheet."""
    for top in range(row * TILE, row * TILE + 100):
        for left in range(sheet.shape[1] - TILE + 1):
            if (sheet[top, left : left + TILE] == tile[0]).all() and (
                sheet[top : top + TILE, left : left + TILE] == tile
            ).all():
                return left
    raise AssertionError("the tile is not there")


def test_an_edit_that_leaves_no_face_is_shown_without_depth(editor: Editor, photo: Photo, face: Face) -> None:
    edit = editor(photo, "happy", faces=[face])
    blank = type(edit)(photo.with_rgb(np.full_like(photo.rgb, 90)), "happiness", edit.faces)
    sheet = np.asarray(draw_showcase(editor, photo, face, [blank]))
    assert find_tile(sheet, np.full((TILE, TILE, 3), 255, np.uint8), row=1) > 0
