"""What other programs read of .glb files."""

import dataclasses
import io
from pathlib import Path

import numpy as np
import pytest
from gltf_files import chunks, read_glb, read_target
from PIL import Image

from facerelief.geometry.export.gltf import TexturedMesh, encode_glb

RED = (200, 30, 40)


def jpeg(colour: tuple[int, int, int] = RED) -> bytes:
    stream = io.BytesIO()
    Image.new("RGB", (24, 16), colour).save(stream, "JPEG", quality=95)
    return stream.getvalue()


@pytest.fixture
def square() -> TexturedMesh:
    """Two triangles, with the targets `open` and `none`."""
    vertices = np.array([(0, 0, 0), (1, 0, 0), (0, 2, 0), (1, 2, 0.5)], np.float32)
    targets = {"open": np.arange(12, dtype=np.float32).reshape(4, 3) / 8, "none": np.zeros((4, 3), np.float32)}
    normals = np.array([(0, 0, 1)] * 4, np.float32)
    uv = np.array([(0, 1), (1, 1), (0, 0), (1, 0.25)], np.float32)
    triangles = np.array([(0, 1, 2), (1, 3, 2)])
    return TexturedMesh(vertices, normals, uv, triangles, targets, jpeg(), triangles[:0])


def test_trimesh_reads_what_was_written(square: TexturedMesh, tmp_path: Path) -> None:
    data = encode_glb({"one": square})
    mesh = read_glb(data, tmp_path)["one"]
    np.testing.assert_array_equal(mesh.vertices, square.vertices)
    np.testing.assert_array_equal(mesh.faces, square.triangles)
    np.testing.assert_array_equal(mesh.vertex_normals, square.normals)
    np.testing.assert_array_equal(mesh.visual.uv, square.uv * (1, -1) + (0, 1))  # trimesh counts v from below
    texture = mesh.visual.material.baseColorTexture
    assert texture.size == (24, 16)
    assert np.abs(np.asarray(texture.convert("RGB"), float) - RED).max() < 4
    assert list(mesh.metadata["targetNames"]) == ["open", "none"]
    for name, moved in square.targets.items():
        np.testing.assert_array_equal(read_target(data, "one", name, tmp_path), moved)


def test_parts_lie_where_the_file_says(square: TexturedMesh) -> None:
    scene, binary = chunks(encode_glb({"one": square}))
    assert scene["buffers"][0]["byteLength"] <= len(binary) < scene["buffers"][0]["byteLength"] + 4
    for view in scene["bufferViews"]:
        assert view["byteOffset"] % 4 == 0
        assert view["byteOffset"] + view["byteLength"] <= scene["buffers"][0]["byteLength"]
    for accessor in scene["accessors"]:
        size = {5126: 4, 5123: 2}[accessor["componentType"]] * {"SCALAR": 1, "VEC2": 2, "VEC3": 3}[accessor["type"]]
        assert accessor["count"] * size == scene["bufferViews"][accessor["bufferView"]]["byteLength"]
    (primitive,) = scene["meshes"][0]["primitives"]
    bounded = [primitive["attributes"]["POSITION"], *(target["POSITION"] for target in primitive["targets"])]
    assert [scene["accessors"][k]["max"] for k in bounded] == [[1, 2, 0.5], [9 / 8, 10 / 8, 11 / 8], [0, 0, 0]]
    assert [scene["accessors"][k]["min"] for k in bounded] == [[0, 0, 0], [0, 1 / 8, 2 / 8], [0, 0, 0]]
    assert scene["meshes"][0]["weights"] == [0, 0]


def test_two_meshes_stand_apart_and_share_what_is_equal(square: TexturedMesh, tmp_path: Path) -> None:
    blue = dataclasses.replace(square, texture=jpeg((20, 40, 220)), vertices=square.vertices + 1)
    one, two = encode_glb({"before": square}, 0.2), encode_glb({"before": square, "after": blue}, 0.2)
    scene, _ = chunks(two)
    assert [node["translation"] for node in scene["nodes"]] == [[0, 0, 0], [0.2, 0, 0]]
    assert len(scene["accessors"]) == len(chunks(one)[0]["accessors"]) + 1  # the other's vertices
    found = read_glb(two, tmp_path)
    colours = [np.asarray(found[name].visual.material.baseColorTexture)[0, 0].argmax() for name in ("before", "after")]
    assert colours == [0, 2]
    np.testing.assert_array_equal(found["after"].vertices, blue.vertices)


def test_dark_triangles_have_a_material_of_their_own(square: TexturedMesh, tmp_path: Path) -> None:
    mouth = dataclasses.replace(square, triangles=square.triangles[:1], dark=square.triangles[1:])
    found = read_glb(encode_glb({"face": mouth}), tmp_path)
    np.testing.assert_array_equal(found["face"].faces, square.triangles[:1])
    np.testing.assert_array_equal(found["face_1"].faces, square.triangles[1:])
    assert found["face_1"].visual.material.baseColorTexture is None
    assert max(found["face_1"].visual.material.baseColorFactor[:3]) < 0.1 * 255
    scene, _ = chunks(encode_glb({"face": mouth}))
    assert len({str(one["targets"]) for one in scene["meshes"][0]["primitives"]}) == 1  # which the format demands


def test_many_vertices_are_numbered_by_four_bytes(square: TexturedMesh, tmp_path: Path) -> None:
    many = np.zeros((70_000, 3), np.float32)
    large = TexturedMesh(many, many + np.float32(1), many[:, :2], np.array([(0, 1, 69_999)]), {}, jpeg(), square.dark)
    np.testing.assert_array_equal(read_glb(encode_glb({"large": large}), tmp_path)["large"].faces, [(0, 1, 69_999)])


def test_a_comment_is_kept(square: TexturedMesh) -> None:
    assert chunks(encode_glb({"one": square}, comment='an "edit"'))[0]["asset"]["extras"] == {"comment": 'an "edit"'}
    assert "extras" not in chunks(encode_glb({"one": square}))[0]["asset"]
