"""Meshes that a user brings: what is read back is the surface that was written, whatever the file and its axes."""

import os
import pickle
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from facerelief.errors import DatasetError, FacereliefError
from facerelief.faces.alignment import Crop
from facerelief.geometry.mesh import FaceMesh
from facerelief.geometry.rasterizer import rasterise
from facerelief.geometry.reconstructors import AlignedFace, load_reconstructor

WIDTH, HEIGHT = 200, 150  # the photo
CROP = Crop(np.array([(0.8, -0.6, 70.0), (0.6, 0.8, 0.0)]) * 1.5, 128)
CORNERS, ONE = np.array([(0.0, 0.0, 0.0), (9.0, 0.0, 0.0), (0.0, 9.0, 0.0)]), np.array([(0, 1, 2)])
Write = Callable[[Path, np.ndarray, np.ndarray], None]


def face(name: str = "photo.1") -> AlignedFace:
    return AlignedFace(np.zeros((468, 3)), CROP, Path("photos") / f"{name}.jpg", (WIDTH, HEIGHT))


def write_npz(path: Path, vertices: np.ndarray, triangles: np.ndarray) -> None:
    np.savez(path, vertices=vertices.astype(np.float32), triangles=triangles.astype(np.int32))


def write_obj(path: Path, vertices: np.ndarray, triangles: np.ndarray) -> None:
    lines = [f"v {x:.6f} {y:.6f} {z:.6f}" for x, y, z in vertices]
    lines += [f"f {a} {b} {c}" for a, b, c in triangles + 1]  # counts from 1
    path.write_text("\n".join(lines) + "\n")


def write_ply(path: Path, vertices: np.ndarray, triangles: np.ndarray) -> None:
    header = ["ply", "format ascii 1.0", f"element vertex {len(vertices)}"]
    header += [f"property float {axis}" for axis in "xyz"]
    header += [f"element face {len(triangles)}", "property list uchar int vertex_indices", "end_header"]
    lines = [f"{x:.6f} {y:.6f} {z:.6f}" for x, y, z in vertices] + [f"3 {a} {b} {c}" for a, b, c in triangles]
    path.write_text("\n".join(header + lines) + "\n")


def refused(folder: Path, name: str = "photo.1") -> str:
    with pytest.raises(DatasetError) as caught:
        load_reconstructor("meshfile", folder=folder)(face(name))
    message = str(caught.value)
    assert "\n" not in message
    assert name in message
    assert "export" in message
    return message


@pytest.mark.parametrize("axes", ["y-down", "y-up"])
@pytest.mark.parametrize("reversed_winding", [False, True])
@pytest.mark.parametrize(("suffix", "write"), [(".npz", write_npz), (".ply", write_ply), (".obj", write_obj)])
def test_a_mesh_comes_back_in_crop_pixels(
    tmp_path: Path, hemisphere: FaceMesh, suffix: str, write: Write, reversed_winding: bool, axes: str
) -> None:
    if suffix != ".npz":
        pytest.importorskip("trimesh", reason="trimesh reads .ply and .obj")
    in_photo = hemisphere.vertices
    triangles = hemisphere.triangles[:, ::-1] if reversed_winding else hemisphere.triangles
    stored = in_photo * (1, -1, 1) + (0, HEIGHT, 0) if axes == "y-up" else in_photo
    write(tmp_path / f"photo.1{suffix}", stored, triangles)
    mesh = load_reconstructor("meshfile", folder=tmp_path, axes=axes)(face())
    assert mesh.vertices.dtype == np.float64
    assert mesh.triangles.dtype == np.int64
    expected = np.column_stack([in_photo[:, :2] @ CROP.matrix[:, :2].T + CROP.matrix[:, 2], in_photo[:, 2] * 1.5])
    np.testing.assert_allclose(mesh.vertices, expected, atol=1e-3)
    index, _ = rasterise(mesh.vertices, mesh.triangles, 256)
    assert (index >= 0).sum() == pytest.approx(
        np.pi * 90**2, rel=0.01
    )  # it faces the viewer: a disc of radius 60 * 1.5
    centre = CROP.to_crop(np.array([(64.0, 64.0)]))[0]
    seen = mesh.triangles[index[int(centre[1]), int(centre[0])]]
    assert mesh.vertices[seen, 2].mean() == pytest.approx(90, abs=1)  # its top, not its rim


@pytest.mark.parametrize("reversed_winding", [False, True])
def test_a_closed_head_is_seen_from_outside(tmp_path: Path, hemisphere: FaceMesh, reversed_winding: bool) -> None:
    """The areas of its front and back cancel; with a small opening at the front they sum to the wrong sign."""
    count = len(hemisphere.vertices)
    vertices = np.concatenate([hemisphere.vertices, hemisphere.vertices * (1, 1, -1)])
    for opening in (0, 40):  # triangles
        front, back = hemisphere.triangles[opening:], hemisphere.triangles[:, ::-1] + count
        triangles = np.concatenate([front, back])
        write_npz(tmp_path / "photo.1.npz", vertices, triangles[:, ::-1] if reversed_winding else triangles)
        mesh = load_reconstructor("meshfile", folder=tmp_path)(face())
        index, _ = rasterise(mesh.vertices, mesh.triangles, 256)
        assert (index >= 0).sum() == pytest.approx(np.pi * 90**2, rel=0.01)
        assert (index < len(front)).all()  # nothing of its back


@pytest.mark.parametrize("reversed_winding", [False, True])
def test_a_flat_mesh_and_none_at_all(tmp_path: Path, reversed_winding: bool) -> None:
    write_npz(tmp_path / "photo.1.npz", CORNERS, ONE[:, ::-1] if reversed_winding else ONE)
    mesh = load_reconstructor("meshfile", folder=tmp_path)(face())
    assert (rasterise(mesh.vertices, mesh.triangles, 256)[0] >= 0).any()
    write_npz(tmp_path / "photo.1.npz", CORNERS[:0], ONE[:0])
    assert load_reconstructor("meshfile", folder=tmp_path)(face()).surface.shape == (0, 3)


def test_a_file_of_another_photo_is_not_taken(tmp_path: Path, hemisphere: FaceMesh) -> None:
    write_npz(tmp_path / "photo.npz", hemisphere.vertices, hemisphere.triangles)
    assert "no mesh photo.1{.ply,.obj,.npz}" in refused(tmp_path)


def test_numbers_out_of_the_archive_are_not_unpickled(tmp_path: Path) -> None:
    path = tmp_path / "photo.1.npz"
    np.savez(path, vertices=np.array([{"a": 1}], dtype=object), triangles=np.zeros((1, 3), int))
    assert "Object arrays cannot be loaded" in refused(tmp_path)
    path.write_bytes(pickle.dumps({"vertices": np.zeros((3, 3)), "triangles": np.zeros((1, 3), int)}))
    assert "File is not a zip file" in refused(tmp_path)


@pytest.mark.parametrize(
    ("arrays", "reason"),
    [
        ({"vertices": CORNERS}, "triangles is not a file in the archive"),
        ({"triangles": ONE}, "vertices is not a file in the archive"),
        ({"vertices": CORNERS[:, :2], "triangles": ONE}, "finite vertices"),
        ({"vertices": CORNERS[0], "triangles": ONE}, "finite vertices"),
        ({"vertices": CORNERS + np.inf, "triangles": ONE}, "finite vertices"),
        ({"vertices": CORNERS, "triangles": np.array([(0, 1, 2, 0)])}, "triangulate it"),
        ({"vertices": CORNERS, "triangles": ONE[0]}, "triangulate it"),
        ({"vertices": CORNERS, "triangles": ONE + 1}, "does not have"),
        ({"vertices": CORNERS, "triangles": ONE - 5}, "does not have"),
        ({"vertices": np.array(["a"]), "triangles": ONE}, "not a readable mesh"),
    ],
)
def test_an_archive_that_holds_no_mesh(tmp_path: Path, arrays: dict[str, np.ndarray], reason: str) -> None:
    np.savez(tmp_path / "photo.1.npz", **arrays)
    assert reason in refused(tmp_path)


def test_damaged_archives(tmp_path: Path, hemisphere: FaceMesh) -> None:
    path = tmp_path / "photo.1.npz"
    write_npz(path, hemisphere.vertices, hemisphere.triangles)
    whole = path.read_bytes()
    compressed = tmp_path / "z.npz"
    np.savez_compressed(compressed, vertices=hemisphere.vertices, triangles=hemisphere.triangles)
    squeezed = compressed.read_bytes()
    flipped = bytearray(whole)
    flipped[1000] ^= 255
    torn = bytearray(squeezed)
    torn[1000:1100] = bytes(100)
    for data in (b"", b"PK\x03\x04", b"text", whole[:100], whole[:-10], bytes(flipped), bytes(torn)):
        path.write_bytes(data)
        assert str(path) in refused(tmp_path)
    np.save(tmp_path / "bare.npy", CORNERS)
    path.write_bytes((tmp_path / "bare.npy").read_bytes())
    assert str(path) in refused(tmp_path)


@pytest.mark.parametrize(
    ("suffix", "text"),
    [
        (".ply", ""),
        (".ply", "ply\nformat ascii 1.0\nelement vertex 3\n"),
        (".ply", "no mesh"),
        (".obj", "v 0 0 0\nv 1 0 0\nv 0 1 0\nf 1 2 9\n"),
    ],
)
def test_damaged_files_of_other_programs(tmp_path: Path, suffix: str, text: str) -> None:
    pytest.importorskip("trimesh", reason="trimesh reads .ply and .obj")
    path = tmp_path / f"photo.1{suffix}"
    path.write_text(text)
    assert str(path) in refused(tmp_path)


def test_wrong_options(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    for folder in (tmp_path / "absent", tmp_path / "file"):
        with pytest.raises(FacereliefError, match="no folder of meshes"):
            load_reconstructor("meshfile", folder=folder)
    with pytest.raises(FacereliefError, match="choose from y-down, y-up"):
        load_reconstructor("meshfile", folder=tmp_path, axes="z-up")


@pytest.mark.parametrize("suffix", [".obj", ".ply"])
def test_files_that_a_mesh_names_are_not_opened(tmp_path: Path, suffix: str) -> None:
    """In a process that is killed after a while: a pipe stands for any file elsewhere, and reading it never ends."""
    pytest.importorskip("trimesh")
    pipe, path = tmp_path / "pipe", tmp_path / f"photo.1{suffix}"
    os.mkfifo(pipe)
    (write_obj if suffix == ".obj" else write_ply)(path, CORNERS, ONE)
    text = path.read_text()
    if suffix == ".obj":
        path.write_text(f"mtllib {pipe}\nusemtl a\n{text}")
    else:
        path.write_text(text.replace("ascii 1.0", f"ascii 1.0\ncomment TextureFile {pipe}"))
    code = (
        "import sys; sys.path.insert(0, sys.argv[2]); from pathlib import Path; from test_meshfile import face;"
        "from facerelief.geometry.reconstructors import load_reconstructor as load;"
        "print(load('meshfile', folder=Path(sys.argv[1]))(face()).vertices.shape)"
    )
    words = [sys.executable, "-c", code, str(tmp_path), str(Path(__file__).parent)]
    done = subprocess.run(words, capture_output=True, text=True, timeout=120)
    assert done.stdout == "(3, 3)\n", done.stderr
    path.unlink()
    pipe.rename(path)
    with pytest.raises(DatasetError, match="no mesh"):
        load_reconstructor("meshfile", folder=tmp_path)(face())
