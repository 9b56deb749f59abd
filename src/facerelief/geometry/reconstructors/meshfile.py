"""Meshes that a user brings, one file a photo, from any 3D method (3DDFA, PRNet, DECA, the paper's own ...).

The vertices are in the photo's pixels. Methods differ in the direction of y: "y-down" counts from the photo's top, as
pixels do; "y-up" from its bottom, as 3DDFA's and PRNet's .obj files do. +z points to the viewer.
"""

import io
from pathlib import Path

import numpy as np

from facerelief.errors import DatasetError, FacereliefError, MissingExtra, one_line
from facerelief.files import read_file
from facerelief.files.arrays import NUMPY_ERRORS, read_npz
from facerelief.geometry.mesh import FaceMesh
from facerelief.geometry.reconstructors import RECONSTRUCTORS, AlignedFace

MESH_SUFFIXES = (".ply", ".obj", ".npz")
_MAX_BYTES = 256_000_000  # bytes of a .ply or .obj
_DAMAGE = (*NUMPY_ERRORS, AttributeError)


@RECONSTRUCTORS.add("meshfile")
class MeshFile:
    """Reads FOLDER/<photo's stem>.ply, .obj or .npz (arrays `vertices` (V, 3) and `triangles` (T, 3)).

    A file in a folder named as the photo's comes first: for happiness/0001.jpg, FOLDER/happiness/0001.ply.
    """

    def __init__(self, folder: Path, axes: str = "y-down") -> None:
        if not Path(folder).is_dir():
            raise FacereliefError(f"no folder of meshes {folder}; name the one that holds .ply, .obj or .npz files")
        if axes not in ("y-down", "y-up"):
            raise FacereliefError(f"no mesh axes {axes!r}; choose from y-down, y-up")
        self.folder, self.axes = Path(folder), axes

    def file_of(self, photo: Path) -> Path | None:
        """The file with a photo's mesh, if there is one."""
        folders = (self.folder / photo.parent.name, self.folder)
        candidates = (folder / (photo.stem + suffix) for folder in folders for suffix in MESH_SUFFIXES)
        return next((candidate for candidate in candidates if candidate.is_file()), None)

    def __call__(self, face: AlignedFace) -> FaceMesh:
        """The mesh of one photo, in crop pixels. Raises `DatasetError` where there is none or it is damaged."""
        path = self.file_of(face.source)
        if path is None:
            raise DatasetError(
                f"no mesh {face.source.stem}{{{','.join(MESH_SUFFIXES)}}} in {self.folder}; export one for it"
            )
        try:
            mesh = FaceMesh(*(_read_npz(path) if path.suffix == ".npz" else _read_mesh(path)))
        except DatasetError as reason:
            raise DatasetError(f"{path}: {reason}") from reason
        except _DAMAGE as reason:
            raise DatasetError(f"{path} is not a readable mesh ({reason}); export it again") from reason
        vertices = mesh.vertices
        if self.axes == "y-up":
            vertices = vertices * (1, -1, 1) + (0, face.photo_size[1], 0)
        return FaceMesh(face.crop.to_crop(vertices), _facing(vertices, mesh.triangles))


def _read_npz(path: Path) -> tuple[np.ndarray, np.ndarray]:
    arrays = read_npz(path)
    for name in ("vertices", "triangles"):
        if name not in arrays:
            raise ValueError(f"{name} is not a file in the archive")
    return arrays["vertices"].astype(np.float64), arrays["triangles"].astype(np.int64)


def _read_mesh(path: Path) -> tuple[np.ndarray, np.ndarray]:
    try:
        import trimesh

        # From memory and without materials: by name, trimesh would read textures and materials that a file names too.
        data, kind = io.BytesIO(read_file(path, _MAX_BYTES)), path.suffix.removeprefix(".")
        mesh = trimesh.load(data, file_type=kind, force="mesh", process=False, skip_materials=True)
    except ImportError as reason:  # trimesh itself imports some packages only when a file needs them
        raise MissingExtra(reason.name or "trimesh", "meshes") from reason
    except OSError:
        raise
    except Exception as reason:  # its readers check little, and fail in many ways
        raise ValueError(one_line(reason, 100)) from reason
    return np.asarray(mesh.vertices, dtype=np.float64), np.asarray(mesh.faces, dtype=np.int64)


def _facing(vertices: np.ndarray, triangles: np.ndarray) -> np.ndarray:
    """The triangles wound to face the viewer: methods differ in their winding.

    The sum is minus the volume in front of the farthest point (and of one pixel more, for a flat mesh): the areas alone
    would cancel for a closed head.
    """
    a, b, c = (vertices[triangles[:, k]] for k in range(3))
    area = (b[:, 0] - a[:, 0]) * (c[:, 1] - a[:, 1]) - (b[:, 1] - a[:, 1]) * (c[:, 0] - a[:, 0])
    height = (a + b + c)[:, 2] / 3 - vertices[:, 2].min(initial=np.inf) + 1
    return triangles[:, ::-1] if (area * height).sum() > 0 else triangles
