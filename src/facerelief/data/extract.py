"""One photo to one sample: face, crop, mesh, depth, normals, mask and the scores that the review uses."""

import hashlib
import io
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from facerelief.colour import LUMA, chroma
from facerelief.data.manifest import Reject, Sample
from facerelief.data.sources.depth_overlays import normals_from_depth, read_depth_image
from facerelief.data.sources.labelled import Labelled
from facerelief.errors import DatasetError, FacereliefError, NoFaceFound, PhotoError, one_line
from facerelief.faces.alignment import Crop, align, inter_ocular
from facerelief.faces.detector import Face, FaceFinder, load_finder
from facerelief.faces.pose import head_pose
from facerelief.files.png import write_png
from facerelief.geometry.depth_maps import (
    FAR,
    NEAR,
    GeometryMaps,
    polygon_mask,
    render_geometry,
    save_depth,
    save_normal,
)
from facerelief.geometry.reconstructors import AlignedFace, load_reconstructor
from facerelief.geometry.reconstructors.meshfile import MeshFile
from facerelief.geometry.topology import OUTLINE
from facerelief.photos.photo import read_photo

_REASONS = {PhotoError: "unreadable", NoFaceFound: "no usable face", DatasetError: "no geometry"}
GIVEN_UP = "given up"  # the reason of a photo at which the program failed
FOLDERS = ("rgb", "depth", "normal", "mask", "mesh")  # of a dataset
SMALLEST_FACE = 24.0  # pixels; below it the landmarks are guesses


@dataclass(frozen=True)
class Recipe:
    """How samples are made; recorded in dataset.json.

    Attributes:
        size: Side of the crops in pixels.
        reconstructor: One of `RECONSTRUCTORS`, which gives each face its mesh.
        reconstructor_options: Options of the reconstructor.
        finder: The face finder's backend.
        task_file: MediaPipe's face_landmarker.task, by which mediapipe finds faces in place of `finder`.
    """

    size: int = 256
    reconstructor: str = "mediapipe"
    reconstructor_options: dict[str, Any] = field(default_factory=dict)
    finder: str = "onnx"
    task_file: str | None = None


@dataclass(frozen=True)
class ExtractionTask:
    """One photo to do.

    Attributes:
        labelled: The photo with its labels.
        source: As in `Sample`.
        split: As in `Sample`.
        overlay: The published depth map of the photo, if there is one.
    """

    labelled: Labelled
    source: str
    split: str
    overlay: Path | None = None


class Extractor:
    """Makes samples in a dataset that has its `FOLDERS`; one a process, since it holds the face finder."""

    def __init__(self, recipe: Recipe, dataset: Path) -> None:
        self.recipe, self.dataset = recipe, dataset
        self._finder: FaceFinder = load_finder(recipe.finder, Path(recipe.task_file) if recipe.task_file else None)
        self._reconstruct = load_reconstructor(recipe.reconstructor, **recipe.reconstructor_options)

    def mesh_file(self, photo: Path) -> Path | None:
        """The file that a photo's mesh is read from; None where it is reconstructed, or there is none."""
        return self._reconstruct.file_of(photo) if isinstance(self._reconstruct, MeshFile) else None

    def __call__(self, task: ExtractionTask) -> Sample | Reject:
        """Write the files of one sample and return its row, or say why there is none."""
        photo, label = task.labelled.photo, task.labelled
        try:
            return self._sample(task)
        except tuple(_REASONS) as problem:
            detail = str(problem).removeprefix(str(photo)).lstrip(": ")
            return Reject(task.source, label.expression, label.identity, _REASONS[type(problem)], detail)
        except FacereliefError:  # a full disk, a package that is missing: it would be so for every photo
            raise
        except Exception as problem:  # one photo in ten thousand must not stop the others
            name, said = type(problem).__name__, one_line(problem)
            detail = said if said == name else f"{name}: {said}"
            return Reject(task.source, label.expression, label.identity, GIVEN_UP, detail)

    def _sample(self, task: ExtractionTask) -> Sample:
        path = task.labelled.photo
        rgb = read_photo(path).rgb
        faces = self._finder(rgb)
        face = _choose(faces, task.labelled.box, path)
        crop = align(face.landmarks, self.recipe.size)
        landmarks = crop.to_crop(face.landmarks.astype(np.float64))
        mesh = self._reconstruct(AlignedFace(landmarks, crop, path, (rgb.shape[1], rgb.shape[0])))
        maps = render_geometry(mesh, landmarks, self.recipe.size)
        if task.overlay is not None:
            maps = _overlaid(task.overlay, landmarks, self.recipe.size)
        if maps.mask.mean() < 0.05:
            raise DatasetError("the mesh covers less than a twentieth of the crop; check its axes")
        cut = crop.cut(rgb)
        stem = _stem(task.source)
        arrays = {"vertices": mesh.vertices, "landmarks": landmarks}
        if mesh.residual is not None:
            arrays["residual"] = np.array(mesh.residual)
        photo_size = (rgb.shape[1], rgb.shape[0])
        files = write_files(self.dataset, stem, cut, maps, arrays, crop.matrix, photo_size)
        yaw, pitch, roll = head_pose(face.landmarks)
        return Sample(
            **files,
            expression=task.labelled.expression,
            identity=task.labelled.identity,
            split=task.split,
            source=task.source,
            faces=len(faces),
            yaw=round(yaw, 2),
            pitch=round(pitch, 2),
            roll=round(roll, 2),
            face_size=round(face.size, 1),
            sharpness=round(sharpness(cut), 4),
            coverage=round(_coverage(crop, landmarks, (rgb.shape[0], rgb.shape[1])), 4),
            fingerprint=fingerprint(cut),
            chroma=round(chroma(cut), 2),
            votes=votes_text(task.labelled.votes),
        )


def write_files(
    dataset: Path,
    stem: str,
    rgb: np.ndarray,
    maps: GeometryMaps,
    arrays: dict[str, np.ndarray],
    matrix: np.ndarray,
    photo_size: tuple[int, int],
) -> dict[str, Any]:
    """Write the files of one sample.

    Args:
        dataset: The dataset, which has its `FOLDERS`.
        stem: Name of the files without suffix.
        rgb: (S, S, 3), the crop.
        maps: Depth, normals and mask of the crop.
        arrays: What the mesh file holds as float32, by name.
        matrix: (2, 3), from photo to crop.
        photo_size: Width and height of the photo.

    Returns:
        The file names, by column of `Sample`.

    Raises:
        FacereliefError: The files cannot be written, e.g. on a full disk.
    """
    mask = (maps.mask * 128 + (maps.mask & maps.measured) * 127).astype(np.uint8)
    # Not renamed into place: a sample exists once the build's journal names it, and 5 renames would cost 10 ms.
    name = f"{stem}.png"
    paths = [dataset / folder / (f"{stem}.npz" if folder == "mesh" else name) for folder in FOLDERS]
    try:
        for path in paths:  # copies of the dataset may share the file, and must keep what their tables tell of it
            path.unlink(missing_ok=True)
        write_png(paths[0], rgb)
        save_depth(paths[1], maps.depth)
        save_normal(paths[2], maps.normal)
        write_png(paths[3], mask)
        singles: dict[str, Any] = {key: values.astype(np.float32) for key, values in arrays.items()}
        mesh = io.BytesIO()  # on a full disk, the archive's own file would not close in silence
        np.savez(mesh, matrix=matrix, photo_size=photo_size, **singles)
        paths[4].write_bytes(mesh.getvalue())
    except OSError as reason:
        raise FacereliefError(
            f"cannot write to {dataset}: {reason.strerror or reason}; free space and run it again"
        ) from reason
    return {
        "file_name": f"rgb/{name}",
        "depth_file_name": f"depth/{name}",
        "normal_file_name": f"normal/{name}",
        "mask_file_name": f"mask/{name}",
        "mesh": f"mesh/{stem}.npz",
    }


def votes_text(votes: tuple[int, ...] | None) -> str:
    """Votes as `Sample.votes` holds them."""
    return " ".join(map(str, votes or ()))


def sharpness(rgb: np.ndarray) -> float:
    """High-frequency share of a crop's contrast: deviation of the 4-neighbour Laplacian over that of the luma."""
    luma = rgb @ LUMA
    laplacian = 4 * luma[1:-1, 1:-1] - luma[:-2, 1:-1] - luma[2:, 1:-1] - luma[1:-1, :-2] - luma[1:-1, 2:]
    return float(laplacian.std() / max(float(luma.std()), 1.0))


def fingerprint(rgb: np.ndarray) -> str:
    """64-bit difference hash of a crop, 16 hexadecimal digits: near-equal pictures differ in few bits."""
    small = np.asarray(Image.fromarray(rgb).convert("L").resize((9, 8), Image.Resampling.BOX), dtype=int)
    return np.packbits(small[:, 1:] > small[:, :-1]).tobytes().hex()


def _choose(faces: list[Face], box: tuple[float, float, float, float] | None, path: Path) -> Face:
    """The largest face; where the publisher marked one, the largest of those whose centre lies in the mark."""
    if box is not None:
        x0, y0, x1, y1 = box
        centres = [((f.box[0] + f.box[2]) / 2, (f.box[1] + f.box[3]) / 2) for f in faces]
        faces = [f for f, (x, y) in zip(faces, centres, strict=True) if x0 <= x <= x1 and y0 <= y <= y1] or faces
    if not faces:
        raise NoFaceFound(f"{path}: no face found")
    if faces[0].size < SMALLEST_FACE or inter_ocular(faces[0].landmarks) < SMALLEST_FACE / 6:
        raise NoFaceFound(f"{path}: the face is {faces[0].size:.0f} pixels large, {SMALLEST_FACE:.0f} are needed")
    return faces[0]


def _overlaid(path: Path, landmarks: np.ndarray, size: int) -> GeometryMaps:
    """The authors' depth map in place of the rasterised one; normals are derived from it."""
    depth = read_depth_image(path)
    depth = np.asarray(Image.fromarray(depth).resize((size, size), Image.Resampling.BILINEAR))
    mask = depth > 0.5 / 255
    pixels = (NEAR - FAR) * inter_ocular(landmarks)
    return GeometryMaps(depth * mask, normals_from_depth(depth, mask, pixels), mask, mask)


def _coverage(crop: Crop, landmarks: np.ndarray, shape: tuple[int, int]) -> float:
    """Share of the face's outline polygon that lies inside the photo."""
    face = polygon_mask(landmarks[list(OUTLINE), :2], crop.size)
    if not face.any():
        return 0.0
    centres, inside = np.arange(crop.size) + 0.5, np.ones_like(face)
    for (along_x, along_y, start), length in zip(crop.inverse, shape[::-1], strict=True):
        place = (along_x * centres + start) + (along_y * centres)[:, None]
        inside &= (place >= 0) & (place <= length)
    return float(inside[face].mean())


def _stem(source: str) -> str:
    """A file name for the sample that says where it came from and never collides."""
    name = "".join(c if c.isalnum() or c in "-_" else "_" for c in Path(source).stem)[:60]
    return f"{name}-{hashlib.sha1(source.encode()).hexdigest()[:8]}"
