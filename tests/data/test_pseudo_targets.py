"""Pseudo-targets: which photos have them, that they are the editor's, and that they are made once."""

import dataclasses
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from facerelief.colour import LUMA
from facerelief.data import Dataset
from facerelief.data.arrays import Arrays, load_arrays
from facerelief.data.batches import make_batch
from facerelief.data.crops import read_crop
from facerelief.errors import DatasetError
from facerelief.geometry.morphable.fitting import APART, fit_face
from facerelief.geometry.morphable.model import load_face
from facerelief.geometry.transfer.expression_transfer import ExpressionTransfer, transfer_crop
from facerelief.geometry.transfer.photo_look import seen_lips
from facerelief.geometry.transfer.shading import wrinkle_map
from facerelief.geometry.transfer.warp_layers import apply_layers
from facerelief.networks.relief import warped
from facerelief.training.steps import pseudo_targets as module
from facerelief.training.steps.pseudo_targets import PseudoTargets, TargetMaker, load_pseudo_targets

NAMES = ("neutral", "happiness", "surprise")


@pytest.fixture(scope="module")
def drawn(synthetic: Path) -> Arrays:
    dataset = Dataset(synthetic)
    return load_arrays(dataset, dataset.select("train", NAMES), 32, "luma", NAMES)


@pytest.fixture(scope="module")
def arrays(drawn: Arrays) -> Arrays:
    """Synthetic ones, of which only `paired` takes the true targets."""
    return drawn


@pytest.fixture(scope="module")
def made(synthetic: Path, arrays: Arrays) -> PseudoTargets:
    return load_pseudo_targets(synthetic, arrays, workers=1)


def test_each_photo_has_an_edit_to_each_expression(made: PseudoTargets, arrays: Arrays) -> None:
    assert made.image.shape == (len(arrays.label), 3, 1, 32, 32)
    assert made.place.tolist() == list(range(len(arrays.label)))
    for row, label in enumerate(arrays.label):
        np.testing.assert_array_equal(made.image[row, label], arrays.image[row])  # its own expression: the photo
        assert not made.flow[row, label].any()
        others = [k for k in range(3) if k != label]
        assert all((made.image[row, k].astype(int) != arrays.image[row]).mean() > 0.1 for k in others)


def test_they_are_the_editors_edits(made: PseudoTargets, arrays: Arrays, synthetic: Path) -> None:
    """Made here at the crop's own size of 64 pixels, which is twice the networks'."""
    row = 1
    target = (int(arrays.label[row]) + 1) % 3
    rgb, landmarks = read_crop(synthetic, arrays.samples[row])
    crop = transfer_crop(landmarks)
    face, pixels = load_face(), crop.cut(rgb)
    landmarks = seen_lips(rgb, landmarks)
    transfer = ExpressionTransfer(face)
    wanted = transfer.targets(NAMES[target])
    layers = transfer(pixels, crop, landmarks, fit_face(face, landmarks, APART), wanted, module.STRENGTH)
    edited = apply_layers(rgb, crop, layers.filled(wrinkle_map(pixels @ LUMA, crop.to_crop(landmarks))))
    grey = np.asarray(Image.fromarray(edited).convert("L").resize((32, 32), Image.Resampling.BOX), dtype=int)
    assert np.abs(made.image[row, target, 0] - grey).max() <= 1  # luma is rounded before or after shrinking


def test_large_crops_are_edited_at_twice_the_networks_size(synthetic: Path, arrays: Arrays) -> None:
    sample, edits = arrays.samples[0], {}
    for size in (16, 32):
        image, flow = TargetMaker(synthetic, NAMES, size, 3)((sample, []))
        assert (image.shape, flow.shape) == ((3, 3, size, size), (3, 2, size, size))
        edits[size] = image, flow
    halved = [part.astype(float).reshape(3, -1, 16, 2, 16, 2).mean(axis=(3, 5)) for part in edits[32]]
    assert np.abs(halved[0] - edits[16][0]).mean() < 3  # levels
    assert np.abs(halved[1] - edits[16][1]).max() < 0.01  # sides


def test_they_are_made_once(
    synthetic: Path, arrays: Arrays, made: PseudoTargets, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "TargetMaker", None)  # whoever calls it fails
    again = load_pseudo_targets(synthetic, arrays, workers=1)
    np.testing.assert_array_equal(again.image, made.image)


def test_frequent_expressions_have_them_for_some(
    synthetic: Path, arrays: Arrays, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "MOST_PHOTOS", 1)
    few = load_pseudo_targets(synthetic, arrays, workers=1)
    assert len(few.image) == 3
    have = few.place >= 0
    assert sorted(arrays.label[have]) == [0, 1, 2]
    np.testing.assert_array_equal(few.image[few.place[have], arrays.label[have]], arrays.image[have])


def test_the_flow_is_where_the_edit_comes_from(made: PseudoTargets, arrays: Arrays) -> None:
    """The photo warped by it is nearer to the edit than the photo is, and the mouth of a surprised face opens."""
    neutral, surprise = NAMES.index("neutral"), NAMES.index("surprise")
    rows = np.flatnonzero(arrays.label == neutral)
    photo, edit = (torch.from_numpy(x[rows].copy()).float() for x in (arrays.image, made.image[:, surprise]))
    flow = torch.from_numpy(made.flow[rows, surprise]).float()
    assert (warped(photo, flow) - edit).abs().mean() < 0.8 * (photo - edit).abs().mean()
    lower, upper = flow[:, 1, 24:28, 13:19].mean(), flow[:, 1, 8:14, 8:24].mean()  # chin and lower lip; eyes and brows
    assert lower < -0.01 < 0 < upper  # the chin comes from above, the brows from below


def test_the_targets_of_a_batch(made: PseudoTargets, arrays: Arrays) -> None:
    """Rows without pseudo-targets are left out, and mirrored photos have mirrored targets."""
    some = PseudoTargets(np.where(np.arange(len(made.place)) == 1, -1, made.place), made.image, made.flow)
    batch = make_batch(arrays, np.array([2, 1, 0]), "depth", np.array([True, True, False]))
    taught = some.of_batch(batch, torch.tensor([0, 1, 2]))
    assert taught.rows.tolist() == [0, 2]
    assert taught.label.tolist() == [0, 2]
    expected = np.stack([made.image[2, 0][..., ::-1], made.image[0, 2]])
    np.testing.assert_allclose(taught.image, expected / 127.5 - 1, atol=1e-6)
    right, down = made.flow[2, 0]
    np.testing.assert_array_equal(taught.flow[0], np.stack([-right[:, ::-1], down[:, ::-1]]).astype(np.float32))
    np.testing.assert_array_equal(taught.flow[1], made.flow[0, 2].astype(np.float32))


def test_a_batch_of_photos_without_any(made: PseudoTargets, arrays: Arrays) -> None:
    none = PseudoTargets(np.full(len(made.place), -1), made.image, made.flow)
    taught = none.of_batch(make_batch(arrays, np.array([0, 1]), "depth"), torch.tensor([1, 1]))
    assert taught.image.shape == (0, 1, 32, 32)
    assert taught.flow.shape == (0, 2, 32, 32)
    assert len(taught.rows) == 0


def test_a_damaged_cache_and_a_missing_photo(
    synthetic: Path, arrays: Arrays, made: PseudoTargets, tmp_path: Path
) -> None:
    with pytest.raises(DatasetError, match=r"build the dataset again"):
        read_crop(tmp_path, arrays.samples[0])
    (cache,) = (p for p in (synthetic / ".arrays").glob("*-image.npy") if np.load(p).shape == made.image.shape)
    whole = cache.read_bytes()
    try:
        cache.write_bytes(whole[:50])
        with pytest.raises(DatasetError, match=r"\.arrays is damaged .*; delete it, and it is made again"):
            load_pseudo_targets(synthetic, arrays, workers=1)
    finally:
        cache.write_bytes(whole)


# -- drawn faces have true targets ----------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def true(synthetic: Path, drawn: Arrays) -> PseudoTargets:
    return load_pseudo_targets(synthetic, drawn, workers=1, paired=True)


def test_true_ones_are_taken_on_request_only(true: PseudoTargets, synthetic: Path, drawn: Arrays) -> None:
    """By default drawn faces are edited as photos are; who learns from true pictures learns from pairs."""
    edits = load_pseudo_targets(synthetic, drawn, workers=1)
    photos = dataclasses.replace(drawn, samples=tuple(dataclasses.replace(s, reasons="") for s in drawn.samples))
    np.testing.assert_array_equal(edits.image, load_pseudo_targets(synthetic, photos, workers=1, paired=True).image)
    others = [(row, k) for row, label in enumerate(drawn.label) for k in range(3) if k != label]
    assert all((edits.image[at].astype(int) != true.image[at]).mean() > 0.05 for at in others)


def test_drawn_faces_have_the_very_pictures_of_their_scene(true: PseudoTargets, drawn: Arrays) -> None:
    for row, sample in enumerate(drawn.samples):
        for k, name in enumerate(NAMES):
            source = sample.source.replace(sample.expression, name)
            (partner,) = (n for n, other in enumerate(drawn.samples) if other.source == source)
            difference = true.image[row, k].astype(int) - drawn.image[partner]
            assert np.abs(difference).max() <= 1  # luma is rounded before or after shrinking


def test_their_flow_takes_landmarks_to_landmarks(true: PseudoTargets, drawn: Arrays, synthetic: Path) -> None:
    """Where the new expression has a point of the face, the flow leads to where the old one has it."""
    row = int(np.flatnonzero(drawn.label == NAMES.index("neutral"))[0])
    surprise = NAMES.index("surprise")
    partner = next(
        n
        for n, other in enumerate(drawn.samples)
        if other.source == drawn.samples[row].source.replace("neutral", "surprise")
    )
    before, after = (read_crop(synthetic, drawn.samples[n])[1][:, :2] / 64 for n in (row, partner))
    points = [1, 4, 9, 50, 280, 101, 330]  # nose, brow, cheeks: away from folds, where a pixel shows two places
    x, y = (after[points] * 32).astype(int).T
    found = true.flow[row, surprise][:, y, x].T.astype(float)
    np.testing.assert_allclose(found, (before - after)[points], atol=0.5 / 32)
    assert np.abs(true.flow[row, surprise].astype(float) * 32).max() > 1  # pixels


def test_a_scene_that_lacks_an_expression_is_edited(synthetic: Path, drawn: Arrays) -> None:
    kept = drawn.label != NAMES.index("surprise")
    samples = tuple(s for s, keep in zip(drawn.samples, kept, strict=True) if keep)
    label, image = drawn.label[kept], drawn.image[kept]
    few = dataclasses.replace(drawn, samples=samples, label=label, image=image)
    made = load_pseudo_targets(synthetic, few, workers=1, paired=True)
    edits = load_pseudo_targets(synthetic, few, workers=1)
    np.testing.assert_array_equal(made.image, edits.image)
