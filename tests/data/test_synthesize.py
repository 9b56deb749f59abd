"""Synthetic datasets: every person with every expression, exact geometry, and what other programs read of them."""

import collections
import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from shells import contents
from symmetry import symmetric_face

from facerelief.data import Dataset
from facerelief.data.arrays import load_arrays
from facerelief.data.journal import open_dataset
from facerelief.data.manifest import REJECTS, Reject, Sample, read_rows, read_samples
from facerelief.data.synthesize import Plan, Scene, Synthesizer
from facerelief.errors import FacereliefError
from facerelief.expressions import EXPRESSIONS
from facerelief.faces.alignment import EYE_INNER, EYE_OUTER, align
from facerelief.faces.pose import head_pose
from facerelief.geometry.depth_maps import FAR, NEAR, load_depth, load_normal, render_geometry
from facerelief.geometry.morphable.model import load_face
from facerelief.geometry.morphable.random_faces import Setting, pose_shape, random_person
from facerelief.geometry.reconstructors.morphable import dense_mesh


def unit_of(landmarks: np.ndarray) -> float:
    """Inter-ocular distance in space, pixels."""
    left, right = (landmarks[list(pair)].mean(axis=0) for pair in zip(EYE_OUTER, EYE_INNER, strict=True))
    return float(np.linalg.norm(right - left))


def surface_z(vertices: np.ndarray, triangles: np.ndarray, x: float, y: float) -> float:
    """The nearest of all triangles that face the viewer at (x, y); -inf where there is none."""
    a, b, c = vertices[triangles].transpose(1, 0, 2)
    system = np.stack([np.column_stack([corner[:, :2], np.ones(len(triangles))]) for corner in (a, b, c)], axis=2)
    area = np.linalg.det(system)  # y is down: negative where it faces the viewer
    weights = np.linalg.solve(system[area < -1e-9], np.array((x, y, 1.0))[None, :, None])[..., 0]
    z = (weights * np.stack([a, b, c], axis=1)[area < -1e-9, :, 2]).sum(axis=1)
    inside = weights.min(axis=1) >= 0
    return float(z[inside].max()) if inside.any() else -np.inf


# -- plans ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("count", "scenes_per_person"), [(24, 1), (25, 1), (1000, 2), (5000, 3)])
def test_a_plan_has_whole_persons_each_in_one_split(count: int, scenes_per_person: int) -> None:
    scenes = Plan(count=count, scenes_per_person=scenes_per_person).scenes()
    assert count <= len(scenes) * 8 < count + 8 * scenes_per_person
    assert len({scene.name for scene in scenes}) == len(scenes)
    splits = collections.defaultdict(set)
    for scene in scenes:
        splits[scene.person].add(scene.split)
    assert all(len(where) == 1 for where in splits.values())
    assert set.union(*splits.values()) == {"train", "val", "test"}
    assert set(collections.Counter(scene.person for scene in scenes).values()) == {scenes_per_person}
    if count == 5000:
        train = sum(scene.split == "train" for scene in scenes) / len(scenes)
        assert 0.7 < train < 0.9


def test_a_larger_plan_begins_with_the_smaller_one() -> None:
    """So that a dataset can be enlarged, and persons keep their split."""
    small, large = Plan(count=400).scenes(), Plan(count=800).scenes()
    assert large[: len(small)] == small


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"count": 23, "scenes_per_person": 1}, "23 pictures are too few .*; ask for 24 or more"),
        ({"count": 47}, "47 pictures are too few for three persons, 2 settings and eight .*; ask for 48 or more"),
        ({"count": 100, "scenes_per_person": 0}, "100 pictures are too few .*; ask for 24 or more"),
        ({"size": 100}, "no size 100; choose from 64, 96, 128, 192, 256"),
    ],
)
def test_plans_that_cannot_be_followed(options: dict[str, int], message: str) -> None:
    with pytest.raises(FacereliefError, match=message) as caught:
        Plan(**options)
    assert "\n" not in str(caught.value)


# -- what is made ---------------------------------------------------------------------------------------------------


def test_every_person_has_every_expression_once_a_setting(synthetic: Path) -> None:
    samples = read_samples(synthetic)
    assert collections.Counter(sample.expression for sample in samples) == dict.fromkeys(EXPRESSIONS, 3)
    people = collections.defaultdict(list)
    for sample in samples:
        people[sample.identity].append(sample)
        names = (sample.file_name, sample.depth_file_name, sample.normal_file_name, sample.mask_file_name, sample.mesh)
        assert all((synthetic / name).is_file() for name in names)
        assert (sample.source.rpartition("/")[2], sample.faces, sample.keep) == (sample.expression, 1, True)
    assert {len(rows) for rows in people.values()} == {8}
    for rows in people.values():
        assert len({row.split for row in rows}) == 1
        assert len({row.source.rpartition("/")[0] for row in rows}) == 1
        assert len({(synthetic / row.file_name).read_bytes() for row in rows}) == 8
    assert {sample.split for sample in samples} == {"train", "val", "test"}
    assert read_rows(synthetic / REJECTS, Reject) == []
    assert len(contents(synthetic)) == 24 * 5 + 4  # and three tables and the journal


def test_the_rows_are_measured_on_the_landmarks(synthetic: Path) -> None:
    for sample in read_samples(synthetic)[::5]:
        with np.load(synthetic / sample.mesh) as arrays:
            landmarks = arrays["landmarks"].astype(np.float64)
            np.testing.assert_array_equal(arrays["matrix"], np.eye(2, 3))
            assert arrays["photo_size"].tolist() == [64, 64]
            strength, coefficients = arrays["strength"], arrays["expression"]
        pose = (sample.yaw, sample.pitch, sample.roll)
        np.testing.assert_allclose(pose, head_pose(landmarks), atol=0.01)
        assert sample.face_size == pytest.approx(np.ptp(landmarks[:, :2], axis=0).max(), abs=0.06)
        np.testing.assert_allclose(align(landmarks, 64).matrix, np.eye(2, 3), atol=1e-4)
        amounts = load_face().amounts[EXPRESSIONS.index(sample.expression)]
        np.testing.assert_allclose(coefficients, float(strength) * amounts, rtol=1e-6)


def test_an_expression_leaves_the_person_and_the_setting_alone(synthetic: Path) -> None:
    """The identity is the same in all eight, and so are the picture's corners but for what the crop moves them."""
    rows = read_samples(synthetic)[:8]
    pictures = np.stack([np.asarray(Image.open(synthetic / row.file_name)) for row in rows]).astype(int)
    corners = pictures[:, :4, :4].mean(axis=(1, 2))
    assert np.ptp(corners, axis=0).max() < 20
    identities, strengths = set(), set()
    for row in rows:
        with np.load(synthetic / row.mesh) as arrays:
            identities.add(arrays["identity"].tobytes())
            strengths.add(float(arrays["strength"]))
    assert len(identities) == len(strengths) == 1


def test_another_seed_gives_other_people(synthetic: Path, tmp_path: Path) -> None:
    plan = Plan(count=24, size=64, scenes_per_person=1, seed=1)
    open_dataset(tmp_path, {})
    rows: list[Sample] = Synthesizer(tmp_path, plan)(Scene(0, 0, "train"))
    assert [row.expression for row in rows] == list(EXPRESSIONS)
    for row in rows:
        for name in (row.file_name, row.depth_file_name, row.mesh):
            assert (tmp_path / name).read_bytes() != (synthetic / name).read_bytes()
        with np.load(tmp_path / row.mesh) as ours, np.load(synthetic / row.mesh) as theirs:
            assert np.abs(ours["identity"] - theirs["identity"]).max() > 0.1
            assert abs(ours["strength"] - theirs["strength"]) > 1e-3


# -- its geometry ---------------------------------------------------------------------------------------------------


def test_depth_is_the_dense_meshs_z(synthetic: Path) -> None:
    """At pixels picked by chance, against every triangle of the surface; the zero of depth lies under the eyes."""
    random = np.random.default_rng(0)
    for sample in (read_samples(synthetic)[n] for n in (1, 11, 19)):
        depth = load_depth(synthetic / sample.depth_file_name)
        with np.load(synthetic / sample.mesh) as arrays:
            landmarks = arrays["landmarks"].astype(np.float64)
        mesh = dense_mesh(landmarks, 1)
        pixels = random.choice(np.argwhere(depth > 0), 12, replace=False)
        z = np.array([surface_z(mesh.vertices.astype(float), mesh.surface, x + 0.5, y + 0.5) for y, x in pixels])
        found = (depth[tuple(pixels.T)] * (NEAR - FAR) + FAR) * unit_of(landmarks)
        assert np.isfinite(z).all()
        assert np.ptp(found - z) < 0.01  # pixels
        corners = landmarks[[*EYE_OUTER, *EYE_INNER]]
        at_eyes = [surface_z(mesh.vertices.astype(float), mesh.surface, x, y) for x, y in corners[:, :2]]
        assert (z - found).mean() == pytest.approx(np.mean(at_eyes), abs=0.5)  # taken at the corners' pixels
        outside = random.choice(np.argwhere(depth == 0), 4, replace=False)
        assert [surface_z(mesh.vertices, mesh.surface, x + 0.5, y + 0.5) for y, x in outside] == [-np.inf] * 4


def test_normals_are_the_slopes_of_the_depth() -> None:
    size = 128
    face = load_face()
    person = random_person(face, np.random.default_rng(2))
    landmarks, _ = pose_shape(face.shape(person.identity) + face.expression("happiness"), Setting(yaw=12), size)
    relief = render_geometry(dense_mesh(landmarks, 2), landmarks, size)
    z = relief.depth.astype(np.float64) * (NEAR - FAR) * unit_of(landmarks)
    slope = np.stack([-(z[1:-1, 2:] - z[1:-1, :-2]) / 2, (z[2:, 1:-1] - z[:-2, 1:-1]) / 2, np.ones((size - 2,) * 2)])
    slope /= np.linalg.norm(slope, axis=0)
    normal, mask = relief.normal[:, 1:-1, 1:-1], relief.mask
    whole = np.all([np.roll(mask, (dy, dx), (0, 1)) for dx in (-2, 0, 2) for dy in (-2, 0, 2)], axis=0)[1:-1, 1:-1]
    smooth = whole & (normal[2] > 0.7)
    assert smooth.mean() > 0.15
    angle = np.degrees(np.arccos(np.clip((slope * normal).sum(axis=0), -1, 1)))[smooth]
    assert np.median(angle) < 1.5
    assert np.percentile(angle, 90) < 4


def test_the_mask_is_where_there_is_depth_and_eyes_count_as_interpolated(synthetic: Path) -> None:
    for sample in read_samples(synthetic)[::3]:
        depth, mask = (
            load_depth(synthetic / sample.depth_file_name),
            np.asarray(Image.open(synthetic / sample.mask_file_name)),
        )
        np.testing.assert_array_equal(mask > 0, depth > 0)
        np.testing.assert_array_equal(load_normal(synthetic / sample.normal_file_name).any(axis=0), depth > 0)
        assert set(np.unique(mask)) <= {0, 128, 255}
        with np.load(synthetic / sample.mesh) as arrays:
            inner, outer = (arrays["landmarks"][list(pair), :2].mean(axis=0) for pair in ((33, 133), (263, 362)))
        closed = np.argwhere(mask == 128)[:, ::-1] + 0.5
        near = [np.linalg.norm(closed - eye, axis=1) < 0.5 * np.linalg.norm(outer - inner) for eye in (inner, outer)]
        assert np.any(near, axis=0).all()
        assert np.any(near, axis=1).all()


@pytest.mark.parametrize("expression", ["neutral", "surprise"])
def test_a_symmetric_person_has_symmetric_maps(expression: str) -> None:
    face = symmetric_face()
    identity = random_person(face, np.random.default_rng(1)).identity
    landmarks, _ = pose_shape(face.shape(identity) + face.expression(expression), Setting(), 96)
    relief = render_geometry(dense_mesh(landmarks, 2), landmarks, 96)
    both = relief.mask & relief.mask[:, ::-1]
    assert (relief.mask != relief.mask[:, ::-1]).sum() <= 4
    apart = np.abs(relief.depth - relief.depth[:, ::-1])[both] * (NEAR - FAR) * unit_of(landmarks)
    assert np.percentile(apart, 98) < 0.1  # pixels; six quads are split one way on both sides
    turned = relief.normal[:, :, ::-1] * np.array((-1, 1, 1))[:, None, None]
    angle = np.degrees(np.arccos(np.clip((turned * relief.normal).sum(axis=0)[both], -1, 1)))
    assert np.percentile(angle, 97) < 4


# -- reading it back ------------------------------------------------------------------------------------------------


def test_training_reads_it(synthetic: Path) -> None:
    samples = read_samples(synthetic)
    arrays = load_arrays(Dataset(synthetic), samples, 32, "rgb", EXPRESSIONS)
    assert arrays.image.shape == (24, 3, 32, 32)
    assert arrays.label.tolist() == list(range(8)) * 3
    assert ((arrays.depth > 0).mean(axis=(1, 2)) > 0.2).all()
    lengths = np.linalg.norm(arrays.normal.astype(float), axis=1)[arrays.depth > 0]
    np.testing.assert_allclose(lengths, 127, atol=2)


def test_imagefolder_reads_it(synthetic: Path, tmp_path: Path) -> None:
    code = """
import json, sys
from datasets import load_dataset
loaded = load_dataset("imagefolder", data_dir=sys.argv[1], cache_dir=sys.argv[2])["train"]
print(json.dumps([[row["expression"], row["identity"], row["source"], row["depth"].mode] for row in loaded]))
"""
    pytest.importorskip("datasets", reason="reads the dataset with Hugging Face's own loader")
    offline = {**os.environ, "HF_HUB_OFFLINE": "1", "HF_HOME": str(tmp_path), "HF_DATASETS_DISABLE_PROGRESS_BARS": "1"}
    command = [sys.executable, "-c", code, str(synthetic), str(tmp_path / "cache")]
    done = subprocess.run(command, env=offline, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    expected = [[sample.expression, sample.identity, sample.source, "I;16"] for sample in read_samples(synthetic)]
    assert sorted(json.loads(done.stdout.splitlines()[-1])) == sorted(expected)
