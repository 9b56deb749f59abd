"""The classifier of glasses: what its histograms are, that it learns what is drawn, and its file."""

import csv
import os
from importlib import resources
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image, ImageDraw

from facerelief.checkpoint import save_checkpoint
from facerelief.errors import CheckpointError
from facerelief.faces.alignment import align
from facerelief.faces.detector import LandmarkFinder
from facerelief.geometry.transfer.glasses_classifier import (
    GlassesClassifier,
    gradient_histograms,
    learn_glasses,
    load_glasses,
    save_glasses,
)
from facerelief.photos.photo import read_photo

SIZE = 160


def stripes(axis: int) -> np.ndarray:
    wave = 120 + 60 * np.sin(np.arange(SIZE) * 2 * np.pi / 16)
    return np.broadcast_to(np.expand_dims(wave, (1 - axis, 2)), (SIZE, SIZE, 3)).astype(np.uint8)


@pytest.mark.parametrize(("axis", "direction"), [(0, 4), (1, 0)])
def test_stripes_have_one_direction(axis: int, direction: int) -> None:
    found = gradient_histograms(stripes(axis))
    assert found.shape == (8, 9, 18)
    others = np.delete(found, direction, axis=0)
    assert found[direction].min() > 0.7 and others.max() < 0.05  # a lone edge: the root of 1 / (1 + 1 / 2)


def test_neither_brightness_nor_contrast_count_for_much() -> None:
    random = np.random.default_rng(0)
    picture = np.asarray(Image.fromarray(random.integers(60, 250, (20, 20, 3), np.uint8)).resize((SIZE, SIZE)))
    darker = (picture * 0.5).astype(np.uint8)
    assert np.abs(gradient_histograms(picture) - gradient_histograms(darker)).mean() < 0.03
    assert not gradient_histograms(np.full((SIZE, SIZE, 3), 90, np.uint8)).any()


def drawn(seed: int, *, glasses: bool) -> np.ndarray:
    """Noise, a nose and brows, with or without two faint rings."""
    random = np.random.default_rng(seed)
    noise = random.normal(170, 12, (SIZE // 4, SIZE // 4)).clip(0, 255).astype(np.uint8)
    picture = Image.fromarray(noise).resize((SIZE, SIZE), Image.Resampling.BICUBIC)
    draw, (x, y) = ImageDraw.Draw(picture), random.normal((80, 58), 2)
    draw.line((x, y, x + random.normal(0, 3), y + 40), fill=130, width=3)
    for side in (-26, 26):
        draw.line((x + side - 15, y - 20, x + side + 15, y - 20 + random.normal(0, 4)), fill=90, width=4)
        if glasses:
            draw.ellipse((x + side - 17, y - 12, x + side + 17, y + 14), outline=215)
    return np.asarray(picture.convert("RGB"))


def test_faint_rings_are_learned() -> None:
    glasses = np.arange(120) % 3 == 0
    pictures = [drawn(seed, glasses=bool(one)) for seed, one in enumerate(glasses)]
    histograms, mirrored = (np.stack([gradient_histograms(p[:, ::step]) for p in pictures]) for step in (1, -1))
    classifier, scores = learn_glasses(histograms, mirrored, glasses, np.arange(120) % 6)
    assert np.quantile(scores[~glasses], 0.99) == pytest.approx(0)
    assert np.quantile(scores[glasses], 0.25) == pytest.approx(1)
    assert (scores[glasses] > 0).mean() > 0.9
    fresh = [(classifier(drawn(1000 + k, glasses=True)), classifier(drawn(2000 + k, glasses=False))) for k in range(30)]
    assert np.mean([a > 0 for a, _ in fresh]) > 0.9 and np.mean([b > 0 for _, b in fresh]) < 0.1
    faces = [classifier(p) for p in pictures[:9]]
    turned = [classifier(p[:, ::-1]) for p in pictures[:9]]
    assert np.abs(np.subtract(faces, turned)).mean() < 0.5  # learned from both sides


def test_a_file_is_read_as_it_was_written(tmp_path: Path) -> None:
    weights = np.random.default_rng(0).normal(size=(8, 9, 18)).astype(np.float16).astype(np.float32)
    save_glasses(tmp_path / "g.safetensors", GlassesClassifier(weights, -0.25), {"photos": 3})
    again = load_glasses(tmp_path / "g.safetensors")
    assert np.array_equal(again.weights, weights) and again.bias == -0.25


def test_other_files_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "other.safetensors"
    save_checkpoint(path, "glasses", {"weights": torch.zeros(8, 9, 17)}, {"bias": 0.0})
    with pytest.raises(CheckpointError, match="does not fit; get the file again"):
        load_glasses(path)
    save_checkpoint(path, "mouth", {"weights": torch.zeros(8, 9, 18)}, {"bias": 0.0})
    with pytest.raises(CheckpointError):
        load_glasses.__wrapped__(path)
    with pytest.raises(CheckpointError):
        load_glasses(tmp_path / "absent.safetensors")


def test_photos_of_people(finder: LandmarkFinder) -> None:
    """Of those that the package's classifier has learned from, nearly all are what they were sorted as."""
    shared = Path(os.environ.get("FACERELIEF_SHARED", Path(__file__).resolve().parents[3].parent / "shared"))
    photos = shared / "data" / "facial_expressions"
    if not photos.is_dir():
        pytest.skip(f"no development photos at {photos}; FACERELIEF_SHARED names their folder")
    table = resources.files("facerelief") / "weights" / "glasses" / "labels.csv"
    rows = [row for row in csv.DictReader(table.read_text().splitlines()) if row["photo"].startswith("facial")]
    for glasses, few in (("1", 0.8), ("0", 0.0)):
        names = [row["photo"].rpartition("/")[2] for row in rows if row["glasses"] == glasses][:25]
        scores = []
        for name in names:
            places = (photos / label / name for label in ("neutral", "happiness"))
            rgb = read_photo(next(path for path in places if path.exists())).rgb
            scores.append(load_glasses()(align(finder(rgb)[0].landmarks, SIZE).cut(rgb)))
        share = np.mean(np.array(scores) > 0.3)
        assert share >= few if few else share <= 0.04, glasses
