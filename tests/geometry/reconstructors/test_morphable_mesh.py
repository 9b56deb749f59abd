"""Dense meshes from the fitted face: smooth, closed at the eyes, with a residual that reviews go by."""

import dataclasses
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from expression_modes import in_modes
from photos import variant
from PIL import Image

from facerelief.data import extract
from facerelief.data.build import build_dataset
from facerelief.data.extract import ExtractionTask, Extractor, Recipe
from facerelief.data.journal import open_dataset
from facerelief.data.manifest import METADATA, Sample, read_samples, write_rows
from facerelief.data.review.selection import review
from facerelief.data.sources.labelled import Labelled
from facerelief.data.sources.layouts import read_labelled
from facerelief.faces.alignment import Crop, align
from facerelief.faces.detector import Face
from facerelief.geometry.depth_maps import load_depth, polygon_mask
from facerelief.geometry.mesh import FaceMesh, vertex_normals
from facerelief.geometry.morphable.model import load_face
from facerelief.geometry.rasterizer import rasterise
from facerelief.geometry.reconstructors import AlignedFace, Reconstructor, load_reconstructor

SIZE = 128
# The lids of each eye, a ring.
EYES = (
    (33, 246, 161, 160, 159, 158, 157, 173, 133, 155, 154, 153, 145, 144, 163, 7),
    (362, 398, 384, 385, 386, 387, 388, 466, 263, 249, 390, 373, 374, 380, 381, 382),
)


@pytest.fixture(scope="module")
def reconstruct() -> Reconstructor:
    return load_reconstructor("morphable")


def landmarks_of(expression: str = "neutral", seed: int | None = None, noise: float = 0.0) -> np.ndarray:
    """Of somebody, or of the average, aligned in a crop of 128 pixels; noise in inter-ocular distances.

    Expressions as the model's modes have them, which is what a mesh is fitted with.
    """
    face, random = load_face(), np.random.default_rng(seed)
    identity = random.normal(scale=0.7 if seed is not None else 0.0, size=len(face.identity))
    shape = face.shape(identity) + face.movement(in_modes(face, expression, 0.8))
    turn = np.radians(12)
    yaw = np.array([(np.cos(turn), 0, np.sin(turn)), (0, 1, 0), (-np.sin(turn), 0, np.cos(turn))])
    points = shape @ yaw.T + random.normal(scale=noise, size=shape.shape)
    return align(points, SIZE).to_crop(points)


def aligned(landmarks: np.ndarray) -> AlignedFace:
    return AlignedFace(landmarks, Crop(np.eye(2, 3), SIZE), Path("a.jpg"), (SIZE, SIZE))


def unit_of(landmarks: np.ndarray) -> float:
    """Inter-ocular distance in space, pixels."""
    left, right = (landmarks[list(pair)].mean(axis=0) for pair in ((33, 133), (263, 362)))
    return float(np.linalg.norm(right - left))


def rms(difference: np.ndarray) -> float:
    return float(np.sqrt((difference**2).sum(axis=1).mean()))


# -- the mesh -------------------------------------------------------------------------------------------------------


def test_three_rounds_of_subdivision(reconstruct: Reconstructor) -> None:
    """Euler: V - E + F is 1 less the number of holes, of which the mouth is the only one."""
    mesh = reconstruct(aligned(landmarks_of()))
    assert mesh.vertices.shape == (28_384, 3)
    assert (len(mesh.triangles), len(mesh.closing)) == (852 * 64, 28 * 64)
    edges = np.sort(mesh.surface[:, [[0, 1], [1, 2], [2, 0]]].reshape(-1, 2), axis=1)
    assert 28_384 - len(np.unique(edges, axis=0)) + len(mesh.surface) == 0
    np.testing.assert_array_equal(np.unique(mesh.surface), np.arange(28_384))


@pytest.mark.parametrize("expression", ["neutral", "surprise"])
def test_the_triangles_that_close_the_eyes_come_last(reconstruct: Reconstructor, expression: str) -> None:
    landmarks = landmarks_of(expression, seed=1)
    mesh = reconstruct(aligned(landmarks))
    scale = 8  # pixels of the test's picture to one of the crop
    index, _ = rasterise(mesh.vertices * scale, mesh.surface, SIZE * scale)
    closed = index >= len(mesh.triangles)
    eyes = sum(polygon_mask(landmarks[list(ring), :2] * scale, SIZE * scale).astype(int) for ring in EYES) > 0
    assert (closed & eyes).sum() / (closed | eyes).sum() > 0.85
    if expression == "surprise":
        column, row = landmarks[[13, 14], :2].mean(axis=0) * scale
        assert index[int(row), int(column)] == -1  # the mouth stays open


def test_it_passes_through_the_landmarks_and_is_smooth(reconstruct: Reconstructor) -> None:
    landmarks = landmarks_of("happiness", seed=2)
    mesh = reconstruct(aligned(landmarks))
    assert rms(mesh.vertices[:468] - landmarks) < 0.01 * unit_of(landmarks)
    coarse = load_reconstructor("mediapipe")(aligned(landmarks))
    assert np.percentile(bends(mesh), 99) < np.percentile(bends(coarse), 99) / 4


def bends(mesh: FaceMesh) -> np.ndarray:
    """Angles in degrees between the normals of vertices that share an edge."""
    normals = vertex_normals(mesh.vertices, mesh.surface)
    edges = mesh.surface[:, [[0, 1], [1, 2], [2, 0]]].reshape(-1, 2)
    cosine = (normals[edges[:, 0]] * normals[edges[:, 1]]).sum(axis=1)
    return np.degrees(np.arccos(np.clip(cosine, -1, 1)))


# -- the residual ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("expression", ["neutral", "happiness", "fear", "contempt"])
def test_faces_of_the_model_are_met(reconstruct: Reconstructor, expression: str) -> None:
    average = reconstruct(aligned(landmarks_of(expression)))
    somebody = reconstruct(aligned(landmarks_of(expression, seed=3)))
    assert average.residual is not None and somebody.residual is not None
    assert average.residual < 0.004
    assert somebody.residual < 0.008
    if expression == "neutral":
        assert average.residual < 1e-4


@pytest.mark.parametrize("noise", [0.01, 0.02])
def test_noise_is_left_out_of_the_mesh_and_named(reconstruct: Reconstructor, noise: float) -> None:
    true, noisy = landmarks_of("happiness", seed=4), landmarks_of("happiness", seed=4, noise=noise)
    mesh = reconstruct(aligned(noisy))
    assert mesh.residual == pytest.approx(noise * np.sqrt(3), rel=0.1)
    assert rms(mesh.vertices[:468] - true) < 0.6 * rms(noisy - true)


def test_the_landmarks_own_mesh_has_none() -> None:
    assert load_reconstructor("mediapipe")(aligned(landmarks_of())).residual is None


# -- in a dataset ---------------------------------------------------------------------------------------------------


Extracted = Callable[..., list[Sample]]


@pytest.fixture
def extracted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Extracted:
    """Makes a dataset of photos on which given landmarks are found."""

    def run(shapes: dict[str, np.ndarray]) -> list[Sample]:
        dataset, found = tmp_path / "dataset", iter(shapes.values())
        monkeypatch.setattr(extract, "load_finder", lambda *_: lambda rgb: [Face(next(found).astype(np.float32))])
        open_dataset(dataset, {"size": SIZE})
        extractor, samples = Extractor(Recipe(SIZE, "morphable"), dataset), []
        for number, name in enumerate(shapes):
            pixels = np.random.default_rng(number).integers(0, 256, (SIZE, SIZE, 3), dtype=np.uint8)
            Image.fromarray(pixels).save(tmp_path / f"{name}.png")
            sample = extractor(ExtractionTask(Labelled(tmp_path / f"{name}.png", "neutral", name), name, "train"))
            assert isinstance(sample, Sample), sample
            samples.append(sample)
        write_rows(dataset / METADATA, Sample, samples)
        return samples

    return run


def test_the_review_goes_by_the_residual(extracted: Extracted, tmp_path: Path) -> None:
    """Noise of 0.01 and 0.03 in each of three coordinates is 0.017 and 0.052 in space; 0.03 is the limit."""
    dataset = tmp_path / "dataset"
    noise = {"clean": 0.0, "rough": 0.01, "bad": 0.03}
    samples = extracted({name: landmarks_of(seed=5, noise=value) for name, value in noise.items()})
    residuals = []
    for sample in samples:
        with np.load(dataset / sample.mesh) as arrays:
            assert arrays["vertices"].shape == (28_384, 3)
            residuals.append(float(arrays["residual"]))
    assert residuals == pytest.approx([0.0, 0.017, 0.052], abs=0.008)
    clean, rough, bad = review(dataset).samples
    for sample in (clean, rough):
        assert sample.keep
        assert "mesh does not fit" not in sample.reasons
    assert not bad.keep
    assert f"mesh does not fit: {residuals[2]:.3f} off the landmarks" in bad.reasons.split("; ")
    for sample in samples:
        rewrite(dataset / sample.mesh, residual=None)
    for judged, alone, residual in zip((clean, rough, bad), review(dataset).samples, residuals, strict=True):
        assert judged.quality == pytest.approx(alone.quality * max(0.0, 1 - residual / 0.06), abs=1e-3)
        assert "mesh does not fit" not in alone.reasons


def test_the_limit_itself_is_kept(extracted: Extracted, tmp_path: Path) -> None:
    (sample,) = extracted({"a": landmarks_of(seed=6)})
    for residual, kept in ((0.0299, True), (0.0301, False), (0.2, False), (None, True)):
        rewrite(tmp_path / "dataset" / sample.mesh, residual=residual)
        (judged,) = review(tmp_path / "dataset").samples
        assert judged.keep == kept, judged
        assert (judged.quality == 0) == (residual == 0.2)


def rewrite(path: Path, residual: float | None) -> None:
    """Give a mesh file another residual, or none."""
    with np.load(path) as arrays:
        others = {name: values for name, values in arrays.items() if name != "residual"}
    np.savez(path, **others, **({} if residual is None else {"residual": np.float32(residual)}))


def test_a_dataset_of_photos(tmp_path: Path) -> None:
    """Its depth is that of the landmarks' own mesh, only smoother."""
    photos = tmp_path / "photos"
    (photos / "happy").mkdir(parents=True)
    for number in range(2):
        variant(number).save(photos / "happy" / f"Person{number}_0001.png")
    labelled = read_labelled(photos).photos
    for name in ("mediapipe", "morphable"):
        build_dataset(labelled, photos, tmp_path / name, Recipe(SIZE, name), workers=1)
    coarse, fine = (read_samples(tmp_path / name) for name in ("mediapipe", "morphable"))
    assert len(coarse) == len(fine) == 2
    for first, second in zip(coarse, fine, strict=True):
        changes = {name for name, value in dataclasses.asdict(first).items() if value != getattr(second, name)}
        assert not changes  # the rows are measured on the photo
        before = load_depth(tmp_path / "mediapipe" / first.depth_file_name)
        after = load_depth(tmp_path / "morphable" / second.depth_file_name)
        both = (before > 0) & (after > 0)
        assert both.sum() / ((before > 0) | (after > 0)).sum() > 0.93
        assert np.median(np.abs(before - after)[both]) < 0.02
        with np.load(tmp_path / "morphable" / second.mesh) as arrays:
            assert 0.002 < arrays["residual"] < 0.03
