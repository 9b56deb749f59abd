"""A face before and after an edit, as a file for 3D programs: its textures are the photos, and say what is an edit."""

import io
from pathlib import Path

import numpy as np
import pytest
from gltf_files import chunks, read_glb
from PIL import Image

from facerelief.editing.loading import load_editor
from facerelief.editing.mesh_export import MeshEdit, face_glb
from facerelief.editing.methods import MorphableEditor
from facerelief.faces.alignment import align
from facerelief.faces.detector import Face, LandmarkFinder
from facerelief.geometry.export import ARKIT_NAMES
from facerelief.geometry.morphable.uv_map import sample_bilinear
from facerelief.photos.photo import Photo, read_mark, read_photo
from facerelief.photos.provenance.watermark_detection import detect_watermarks

SURPRISE = MeshEdit("surprise")


@pytest.fixture(scope="module")
def editor(finder: LandmarkFinder) -> MorphableEditor:
    found = load_editor(finder=finder)
    assert isinstance(found, MorphableEditor)
    return found


@pytest.fixture(scope="module")
def large(photo: Photo) -> Photo:
    """The face 900 pixels wide, so that a watermark has room."""
    head = Image.fromarray(photo.rgb).crop((110, 0, 340, 230)).resize((1200, 1200), Image.Resampling.LANCZOS)
    return Photo(np.asarray(head), name="portrait.png")


@pytest.fixture(scope="module")
def face(editor: MorphableEditor, large: Photo) -> Face:
    return editor.find(large)[0]


def textures(data: bytes) -> list[bytes]:
    scene, binary = chunks(data)
    views = [scene["bufferViews"][image["bufferView"]] for image in scene["images"]]
    return [binary[view["byteOffset"] :][: view["byteLength"]] for view in views]


def test_a_face_alone(editor: MorphableEditor, large: Photo, face: Face, tmp_path: Path) -> None:
    data = face_glb(editor, large, face)
    (texture,) = textures(data)
    crop = align(face.landmarks, Image.open(io.BytesIO(texture)).width)
    assert crop.scale == pytest.approx(1, rel=0.01)  # the photo's own resolution
    difference = np.abs(read_photo(texture).rgb.astype(float) - crop.cut(large.rgb))
    assert difference.mean() < 2
    assert read_mark(texture) is None
    assert set(read_glb(data, tmp_path)) <= {"before", "before_1"}
    assert chunks(data)[0]["meshes"][0]["extras"]["targetNames"] == list(ARKIT_NAMES)


def test_before_and_after_an_edit(editor: MorphableEditor, large: Photo, face: Face, tmp_path: Path) -> None:
    """The second mesh moves from the first as the edit moves landmarks; its texture is the edited photo."""
    data = face_glb(editor, large, face, SURPRISE)
    found = read_glb(data, tmp_path)
    moved = np.asarray(found["after"].vertices - found["before"].vertices)[:468]
    plan = editor.plan(large.rgb, face, "surprise")
    pixels = editor.moved_landmarks(plan, 1.0) - plan.landmarks
    assert np.abs(pixels).max() > 20
    metres = 0.063 / plan.fit.scale * pixels @ plan.fit.rotation * (1, -1, 1)
    assert np.abs(moved - metres).max() < 0.03 * np.linalg.norm(metres, axis=1).max()
    before, after = textures(data)
    assert read_mark(before) is None
    mark = read_mark(after)
    assert mark is not None and mark.description == "facial expression edited to surprise"
    comment = chunks(data)[0]["asset"]["extras"]["comment"]
    assert comment.startswith("facial expression edited to surprise by facerelief ")
    crop = align(face.landmarks, Image.open(io.BytesIO(after)).width)
    edited = crop.cut(editor(large, "surprise", face="all", faces=[face]).photo.rgb)
    assert np.abs(read_photo(after).rgb.astype(float) - edited).mean() < 4  # a watermark is between them


def test_landmarks_are_where_the_warp_takes_pixels(editor: MorphableEditor, large: Photo, face: Face) -> None:
    """At its new place, a landmark's pixel comes from the old one. Not along lips, which have flows of their own."""
    plan = editor.plan(large.rgb, face, "surprise")
    moved = editor.moved_landmarks(plan, 1.0)
    skin = [105, 334, 107, 336, 50, 280, 4, 152, 175, 199, 164]  # brows, cheeks, nose, chin, above the lip
    places = plan.crop.to_crop(moved)[skin, :2]
    flow = sample_bilinear(editor.warps(plan, 1.0)[0], places)
    assert np.abs(places + flow - plan.crop.to_crop(plan.landmarks)[skin, :2]).max() < 0.7  # crop pixels


def test_a_part_moves_alone(editor: MorphableEditor, large: Photo, face: Face) -> None:
    plan = editor.plan(large.rgb, face, "surprise", "mouth")
    moved = np.linalg.norm(editor.moved_landmarks(plan, 1.0) - plan.landmarks, axis=1)
    assert moved[[105, 334, 33, 263]].max() < 0.01  # brows, eyes
    assert moved[17] > 20  # the lower lip


def test_strength_0_is_the_photo(editor: MorphableEditor, large: Photo, face: Face, tmp_path: Path) -> None:
    data = face_glb(editor, large, face, MeshEdit("neutral", 0.0))
    found = read_glb(data, tmp_path)
    np.testing.assert_allclose(found["after"].vertices, found["before"].vertices, atol=1e-6)
    before, after = textures(data)
    assert before == after
    assert "extras" not in chunks(data)[0]["asset"]


def test_the_texture_of_an_edit_has_its_watermark(editor: MorphableEditor, large: Photo, face: Face) -> None:
    before, after = (read_photo(one).rgb for one in textures(face_glb(editor, large, face, SURPRISE)))
    assert detect_watermarks(after)
    assert not detect_watermarks(before)
    bare = face_glb(editor, large, face, SURPRISE, provenance=False)
    assert not detect_watermarks(read_photo(textures(bare)[1]).rgb)
    assert read_mark(textures(bare)[1]) is None
    assert "extras" not in chunks(bare)[0]["asset"]


def test_a_small_face_has_a_texture_of_256_pixels(editor: MorphableEditor, photo: Photo) -> None:
    (texture,) = textures(face_glb(editor, photo, editor.find(photo)[0]))
    assert Image.open(io.BytesIO(texture)).size == (256, 256)
