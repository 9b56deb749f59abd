"""Folders of generated photos to datasets: complete, the same on every path there, and resumable after a kill."""

import collections
import dataclasses
import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from photos import variant, write_tree
from PIL import Image

from facerelief.data import build as build_module
from facerelief.data.build import Built, build_dataset
from facerelief.data.extract import ExtractionTask, Recipe
from facerelief.data.manifest import REJECTS, Reject, Sample, read_rows, read_samples
from facerelief.data.sources.labelled import Labelled
from facerelief.data.sources.layouts import read_labelled
from facerelief.data.sources.published import read_affectnet
from facerelief.errors import DatasetError
from facerelief.faces.alignment import Crop
from facerelief.geometry.depth_maps import load_depth
from facerelief.geometry.topology import face_triangles

CLASSES, PEOPLE = ("neutral", "happy", "surprise"), 7
BAD = {"corrupt": "unreadable", "empty": "unreadable", "blank": "no usable face"}


@pytest.fixture(scope="module")
def photos(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """21 good photos and 3 bad ones."""
    folder = tmp_path_factory.mktemp("photos")
    write_tree(folder, CLASSES, PEOPLE)
    good = (folder / "happy" / "PersonA_0001.jpg").read_bytes()
    (folder / "happy" / "corrupt.jpg").write_bytes(good[: len(good) // 2])
    (folder / "happy" / "empty.jpg").touch()
    Image.new("RGB", (256, 256), "gray").save(folder / "neutral" / "blank.jpg")
    return folder


def build(photos: Path, dataset: Path, **options: object) -> Built:
    return build_dataset(read_labelled(photos).photos, photos, dataset, **{"workers": 1, **options})  # type: ignore[arg-type]


@pytest.fixture(scope="module")
def dataset(photos: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What one process makes of them, undisturbed."""
    root = tmp_path_factory.mktemp("built") / "dataset"
    build(photos, root)
    return root


# -- what a build gives ---------------------------------------------------------------------------------------------


def test_every_photo_is_a_sample_or_a_reject(photos: Path, dataset: Path) -> None:
    samples, rejects = read_samples(dataset), read_rows(dataset / REJECTS, Reject)
    assert len(samples) == len(CLASSES) * PEOPLE
    assert collections.Counter(s.expression for s in samples) == dict.fromkeys(("neutral", "happiness", "surprise"), 7)
    assert {Path(reject.source).stem: reject.reason for reject in rejects} == BAD
    everything = [row.source for row in (*samples, *rejects)]
    assert sorted(everything) == sorted(p.relative_to(photos).as_posix() for p in photos.rglob("*.jpg"))
    for sample in samples:
        names = (sample.file_name, sample.depth_file_name, sample.normal_file_name, sample.mask_file_name, sample.mesh)
        assert all((dataset / name).is_file() for name in names)
    assert not list(dataset.rglob(".partial*"))


def test_people_stay_in_one_split(dataset: Path) -> None:
    splits = collections.defaultdict(set)
    for sample in read_samples(dataset):
        splits[sample.identity].add(sample.split)
    assert len(splits) == PEOPLE
    assert all(len(where) == 1 for where in splits.values())
    assert set.union(*splits.values()) == {"train", "val", "test"}


def test_progress_counts_every_photo(photos: Path, dataset: Path, tmp_path: Path) -> None:
    calls: list[tuple[int, int]] = []
    few = read_labelled(photos).photos[:5]
    for _ in range(2):
        build_dataset(few, photos, tmp_path / "few", workers=1, progress=lambda *call: calls.append(call))
    assert calls == [(0, 5), (1, 5), (2, 5), (3, 5), (4, 5), (5, 5), (5, 5)]


def test_imagefolder_reads_it(dataset: Path, tmp_path: Path) -> None:
    code = """
import json, sys
from datasets import load_dataset
loaded = load_dataset("imagefolder", data_dir=sys.argv[1], cache_dir=sys.argv[2])
rows = [{name: [v.mode, v.size] if hasattr(v, "mode") else v for name, v in row.items()} for row in loaded["train"]]
print(json.dumps({"splits": list(loaded), "rows": rows}))
"""
    pytest.importorskip("datasets", reason="reads the dataset with Hugging Face's own loader")
    offline = {**os.environ, "HF_HUB_OFFLINE": "1", "HF_HOME": str(tmp_path), "HF_DATASETS_DISABLE_PROGRESS_BARS": "1"}
    command = [sys.executable, "-c", code, str(dataset), str(tmp_path / "cache")]
    done = subprocess.run(command, env=offline, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    loaded = json.loads(done.stdout.splitlines()[-1])
    samples = read_samples(dataset)
    assert loaded["splits"] == ["train"]  # the column `split` tells ours: a folder a split would hide who is where
    assert len(loaded["rows"]) == len(samples)
    first = loaded["rows"][0]
    assert first["image"] == ["RGB", [256, 256]]
    assert first["depth"] == ["I;16", [256, 256]]
    assert (first["normal"][0], first["mask"][0]) == ("RGB", "L")
    columns = ("expression", "identity", "split", "source", "yaw", "fingerprint")
    got = sorted(tuple(row[name] for name in columns) for row in loaded["rows"])
    assert got == sorted(tuple(getattr(sample, name) for name in columns) for sample in samples)


def test_published_splits_without_a_test_split_get_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(build_module, "Extractor", Instant)
    labelled = [Labelled(tmp_path / f"{n}.jpg", "fear", f"{n}", None, "val" if n < 30 else "train") for n in range(300)]
    samples = build_dataset(labelled, tmp_path, tmp_path / "dataset", workers=1).samples
    assert [s.split for s in samples[:30]] == ["test"] * 30
    counts = collections.Counter(s.split for s in samples[30:])
    assert set(counts) == {"train", "val"}
    assert 15 <= counts["val"] <= 40  # a tenth of 270
    complete = [dataclasses.replace(one, split="test" if one.identity == "299" else one.split) for one in labelled]
    kept = build_dataset(complete, tmp_path, tmp_path / "complete", workers=1).samples
    assert [s.split for s in kept] == [one.split for one in complete]


class Instant:
    """In place of an extractor: rows without files."""

    def __init__(self, recipe: Recipe, dataset: Path) -> None:
        pass

    def __call__(self, task: ExtractionTask) -> Sample:
        values = {field.name: field.type() for field in dataclasses.fields(Sample) if callable(field.type)}
        return Sample(**{**values, "source": task.source, "identity": task.labelled.identity, "split": task.split})

    def mesh_file(self, photo: Path) -> None:
        return None


def test_affectnet_from_its_lists_to_samples(tmp_path: Path) -> None:
    images = tmp_path / "Manually_Annotated_Images" / "1"
    images.mkdir(parents=True)
    rows = {"training": [], "validation": []}
    for n in range(6):
        canvas = Image.new("RGB", (420, 260), (90, 100, 110))
        canvas.paste(variant(n, 200), (200, 40))
        canvas.paste(variant(50 + n, 120), (20, 60))
        canvas.save(images / f"{n}.jpg")
        box = "20,60,120,120" if n == 0 else "200,40,200,200"
        rows["training" if n < 4 else "validation"].append(f"1/{n}.jpg,{box},0;0,{n % 2},0,0")
    header = "subDirectory_filePath,face_x,face_y,face_width,face_height,facial_landmarks,expression,valence,arousal"
    for name, lines in rows.items():
        (tmp_path / f"{name}.csv").write_text("\n".join([header, *lines]))
    labelled, _ = read_affectnet(tmp_path)
    samples = build_dataset(labelled, tmp_path, tmp_path / "dataset", workers=1).samples
    assert {s.expression for s in samples} == {"neutral", "happiness"}
    assert {s.source for s in samples if s.split == "test"} == {f"Manually_Annotated_Images/1/{n}.jpg" for n in (4, 5)}
    sizes = [s.face_size for s in samples]
    assert sizes[0] < 75 < min(sizes[1:])  # the face in the published box, not the largest


def test_published_depth_maps_are_used(photos: Path, dataset: Path, tmp_path: Path) -> None:
    labelled = read_labelled(photos).photos[:3]
    map_ = tmp_path / "PersonB_0001.png"
    Image.fromarray(np.full((256, 256), 200, np.uint8)).save(map_)
    overlays = {labelled[1].photo: map_}
    built = build_dataset(labelled, photos, tmp_path / "dataset", overlays=overlays, workers=1)
    levels = [np.unique(load_depth(tmp_path / "dataset" / s.depth_file_name)) for s in built.samples]
    assert [len(values) == 1 for values in levels] == [False, True, False]
    assert levels[1][0] == pytest.approx(200 / 255, abs=1e-4)


def test_meshes_of_another_method(photos: Path, dataset: Path, tmp_path: Path) -> None:
    """Our own meshes, brought back to the photos and read as somebody else's, give our own depth."""
    (tmp_path / "meshes").mkdir()
    (tmp_path / "photos" / "fear").mkdir(parents=True)
    samples = read_samples(dataset)[:4]
    for n, sample in enumerate(samples):
        (tmp_path / "photos" / "fear" / f"{n}.jpg").write_bytes((photos / sample.source).read_bytes())
        with np.load(dataset / sample.mesh) as arrays:
            vertices = Crop(arrays["matrix"], 256).to_photo(arrays["vertices"].astype(float))
        np.savez(tmp_path / "meshes" / f"{n}.npz", vertices=vertices, triangles=face_triangles())
    recipe = Recipe(reconstructor="meshfile", reconstructor_options={"folder": str(tmp_path / "meshes")})
    built = build(tmp_path / "photos", tmp_path / "dataset", recipe=recipe)
    assert built.rejects == []
    for ours, theirs in zip(samples, built.samples, strict=True):
        expected, got = (
            load_depth(dataset / ours.depth_file_name),
            load_depth(tmp_path / "dataset" / theirs.depth_file_name),
        )
        both = (expected > 0) & (got > 0)
        assert both.sum() > 0.99 * (expected > 0).sum()
        assert np.median(np.abs(expected - got)[both]) < 0.002
    (tmp_path / "meshes" / "2.npz").unlink()
    again = build(tmp_path / "photos", tmp_path / "again", recipe=recipe)
    assert [reject.reason for reject in again.rejects] == ["no geometry"]


def test_meshes_of_photos_that_have_one_name(photos: Path, tmp_path: Path) -> None:
    """Refused before anything is written, unless each lies in a folder named as its photo's."""
    for name in ("fear", "sad"):
        (tmp_path / "photos" / name).mkdir(parents=True)
        (tmp_path / "photos" / name / "1.jpg").write_bytes((photos / "happy" / "PersonA_0001.jpg").read_bytes())
    mine = tmp_path / "meshes"
    (mine / "fear").mkdir(parents=True)
    corner = {"vertices": np.array([[0.0, 0, 0], [1, 0, 0], [0, 1, 0]]), "triangles": np.array([[0, 1, 2]])}
    np.savez(mine / "1.npz", **corner)
    recipe = Recipe(reconstructor="meshfile", reconstructor_options={"folder": str(mine)})
    with pytest.raises(DatasetError, match=r"1\.npz would be the mesh of both .*fear/1\.jpg and .*sad/1\.jpg; "):
        build(tmp_path / "photos", tmp_path / "dataset", recipe=recipe)
    assert not (tmp_path / "dataset").exists()
    np.savez(mine / "fear" / "1.npz", **corner)
    assert len(build(tmp_path / "photos", tmp_path / "dataset", recipe=recipe).rejects) == 2  # a corner is no face
