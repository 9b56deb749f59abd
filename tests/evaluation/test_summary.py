"""Rates, means and intervals by hand, and what is said where a distance cannot be given."""

import dataclasses

import numpy as np
import pytest
import torch
from shells import CLASSES, row_of

from facerelief.data.arrays import Arrays
from facerelief.evaluation.metric_networks import FeatureNet
from facerelief.evaluation.scoring import EditScores
from facerelief.evaluation.summary import edit_accuracy, summarise

NET = FeatureNet(lambda image: image, "expression-FID", "expression-KID", "ab")


def photos(persons: list[str]) -> Arrays:
    """A neutral photo of each."""
    empty = np.zeros((len(persons), 1, 1, 1), np.uint8)
    samples = tuple(row_of(f"{k}", identity=name) for k, name in enumerate(persons))
    return Arrays(empty, empty[:, 0], empty, np.zeros(len(persons), int), CLASSES, samples)


def scores(called: list[tuple[int, int]], values: list[float], length: int = 3) -> EditScores:
    """Two edits of each photo, to the second and to the third class. called: of each."""
    count = len(called)
    features = torch.randn(2 * count, length, generator=torch.Generator().manual_seed(0))
    return EditScores(
        np.repeat(np.arange(count), 2),
        np.tile([1, 2], count),
        np.array(called).ravel(),
        {"identity": np.array(values, dtype=np.float32)},
        features,
    )


def test_rates_by_hand() -> None:
    found = scores([(1, 2), (1, 0), (0, 0), (1, 1)], [0.0] * 8)
    assert edit_accuracy(found, CLASSES).confusion == [[0, 0, 0], [1, 3, 0], [2, 1, 1]]
    facts = summarise(found, photos(["a", "b", "c", "d"]), torch.randn(9, 3), NET)
    assert facts["edits"]["per_class"] == {"happiness": 0.75, "surprise": 0.25}  # no edit asks for neutral
    assert facts["edits"]["all"] == 0.5
    assert facts["edits"]["n"] == 8
    assert facts["photos"] == facts["persons"] == 4
    assert facts["values"]["rate"] == {"mean": 0.5, "low": None, "high": None, "n": 8}  # too few persons to redraw


def test_six_classes_leave_out_contempt_and_disgust() -> None:
    names = ("neutral", "disgust", "contempt")
    test = dataclasses.replace(photos(["a", "b"]), expressions=names)
    found = EditScores(np.array([0, 0, 1, 1]), np.array([0, 1, 1, 2]), np.array([0, 1, 0, 2]), {}, torch.randn(4, 3))
    facts = summarise(found, test, torch.randn(9, 3), NET)
    assert facts["edits"]["all"] == pytest.approx((1 + 0.5 + 1) / 3)
    assert facts["edits"]["six"] == 1.0


def test_means_and_their_intervals_are_over_persons() -> None:
    """Two persons of very different number of photos: the interval is that of drawing persons, not photos."""
    people = [f"p{k}" for k in range(40)]
    values = np.random.default_rng(0).normal(size=40)
    found = scores([(1, 2)] * 40, np.repeat(values, 2).tolist())
    facts = summarise(found, photos(people), torch.randn(9, 3), NET)["values"]["identity"]
    assert facts["mean"] == pytest.approx(values.mean(), abs=1e-6)
    half = 1.96 * values.std() / np.sqrt(40)
    assert facts["low"] == pytest.approx(values.mean() - half, abs=0.25 * half)
    assert facts["high"] == pytest.approx(values.mean() + half, abs=0.25 * half)
    one_face = summarise(found, photos(["p"] * 20 + people[20:]), torch.randn(9, 3), NET)["values"]["identity"]
    assert one_face["high"] - one_face["low"] > facts["high"] - facts["low"]


def test_the_interval_of_a_rate() -> None:
    """Half of the persons right at both, half at none: as of coins."""
    found = scores([(1, 2), (0, 0)] * 50, [0.0] * 200)
    facts = summarise(found, photos([f"p{k}" for k in range(100)]), torch.randn(9, 3), NET)["values"]["rate"]
    assert facts["mean"] == 0.5
    assert facts["high"] - facts["low"] == pytest.approx(2 * 1.96 * 0.05, rel=0.15)


def test_values_that_only_some_edits_have() -> None:
    found = scores([(1, 2)] * 6, [1.0, np.nan] * 6)
    facts = summarise(found, photos(list("abcdef")), torch.randn(9, 3), NET)["values"]["identity"]
    assert facts == {"mean": 1.0, "low": 1.0, "high": 1.0, "n": 6}


def test_distances_carry_their_name_their_number_and_their_features_checksum() -> None:
    test = photos(["a", "b", "c", "d"])
    enough = summarise(scores([(1, 2)] * 4, [0.0] * 8), test, torch.randn(9, 3), NET)["distances"]
    assert enough["frechet_name"] == "expression-FID"
    assert enough["features_sha256"] == "ab"
    assert (enough["dimensions"], enough["n_real"], enough["n_edits"]) == (3, 9, 8)
    assert np.isfinite([enough["frechet"], enough["kernel"]]).all()
    few = summarise(scores([(1, 2)] * 4, [0.0] * 8, length=8), test, torch.randn(9, 8), NET)["distances"]
    assert "frechet" not in few
    assert few["refused"] == {
        "expression-FID": "8 images are too few for features of length 8; measure more photos, or use the kernel "
        "distance (KID), which needs no covariance"
    }
    assert np.isfinite(few["kernel"])
