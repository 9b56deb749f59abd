"""The gate before stage 2, on maps whose message is planted or scrambled."""

import dataclasses

import numpy as np
import pytest
import torch
from shells import CLASSES, MOUTHS

from facerelief.data.arrays import Arrays
from facerelief.training import geometry_probe
from facerelief.training.geometry_probe import ProbeResult, probe_geometry

SIZE = 32


def maps(label: np.ndarray, seed: int, guide: str | None = None) -> Arrays:
    """Half-spheres of changing size and place; the mouth tells the class, in one kind of map or in both."""
    random = np.random.default_rng(seed)
    depth, normal = np.zeros((len(label), SIZE, SIZE), np.uint16), np.zeros((len(label), 3, SIZE, SIZE), np.int8)
    for row, k in enumerate(label):
        middle, radius = SIZE / 2 + random.normal(0, 0.7, 2), random.uniform(12, 14)
        y, x = (np.mgrid[:SIZE, :SIZE] + 0.5 - middle[:, None, None]) / radius
        z = np.sqrt(np.maximum(0, 1 - x**2 - y**2))
        mouth = (abs(x) < MOUTHS[k][0]) & (abs(y - 0.3) < MOUTHS[k][1])
        known_classes = {name: (z > 0) & ~(mouth & (guide in (None, name))) for name in ("depth", "normal")}
        depth[row] = np.where(known_classes["depth"], 20000 + 40000 * z, 0)
        normal[row] = np.where(known_classes["normal"], 127 * np.stack([x, -y, z]), 0)
    image = np.zeros((len(label), 3, SIZE, SIZE), np.uint8)
    return Arrays(image, depth, normal, label, CLASSES, ())


def labels(each: int) -> np.ndarray:
    return np.tile(np.arange(3), each)


@pytest.mark.parametrize("guide", ["depth", "normal"])
def test_a_message_in_the_maps_is_found(guide: str) -> None:
    result = probe_geometry(maps(labels(30), 1), maps(labels(12), 2), guide)
    assert (result.guide, result.expressions, result.counts) == (guide, CLASSES, (12, 12, 12))
    assert min(result.recall) > 0.9
    assert result.passed
    assert result.chance == pytest.approx(1 / 3)
    assert result.verdict.startswith(f"linear probe on {guide}: balanced accuracy ")
    assert result.verdict.endswith("it contains expression information, so guidance can help")


@pytest.mark.parametrize(("guide", "other"), [("depth", "normal"), ("normal", "depth")])
def test_each_kind_of_map_is_judged_by_itself(guide: str, other: str) -> None:
    train, held_out = maps(labels(30), 1, guide), maps(labels(12), 2, guide)
    assert probe_geometry(train, held_out, guide).passed
    assert not probe_geometry(train, held_out, other).passed


@pytest.mark.parametrize("guide", ["depth", "normal"])
def test_scrambled_labels_do_not_pass(guide: str) -> None:
    """Guessing is two standard errors above chance once in forty times; ten scramblings are judged."""
    train, held_out = maps(labels(40), 1), maps(labels(40), 2)
    results = []
    for seed in range(10):
        random = np.random.default_rng(seed)
        both = (dataclasses.replace(arrays, label=random.permutation(arrays.label)) for arrays in (train, held_out))
        results.append(probe_geometry(*both, guide))
    assert sum(result.passed for result in results) <= 1
    assert abs(np.mean([(r.balanced - r.chance) / r.error for r in results])) < 1


def test_near_chance_says_that_guidance_cannot_help_and_why() -> None:
    verdict = ProbeResult("normal", CLASSES, (0.3, 0.4, 0.35), (40, 40, 40)).verdict
    assert "linear probe on normal" in verdict
    assert "balanced accuracy 0.35" in verdict
    assert "chance 0.33" in verdict
    assert (
        "near chance, so guidance is unlikely to help: check the labels, review the dataset, or bring better meshes"
        in verdict
    )
    assert "\n" not in verdict


def test_a_class_that_the_held_out_maps_lack_is_left_out_of_the_mean() -> None:
    label = np.array([0, 2] * 12)
    result = probe_geometry(maps(labels(30), 1), maps(label, 2), "depth")
    assert result.counts == (12, 0, 12)
    assert result.recall[1] == 0.0
    assert result.balanced == pytest.approx((result.recall[0] + result.recall[2]) / 2)
    assert result.passed


def test_a_rare_class_counts_as_much_as_a_common_one() -> None:
    rare = np.repeat([0, 1, 2], [60, 60, 6])
    result = probe_geometry(maps(rare, 1), maps(labels(12), 2), "depth")
    assert result.recall[2] > 0.8


def test_classes_are_balanced() -> None:
    """Two that overlap, 20 samples of one to 1 of the other: the bound lies half way, not far on the rare one's side.

    Half way between normal distributions at -0.75 and 0.75 each is hit by 0.773; unbalanced, by 0.998 and 0.14.
    """
    random = torch.Generator().manual_seed(0)
    y = torch.repeat_interleave(torch.arange(2), torch.tensor([4000, 200]))
    x = torch.randn(len(y), 1, generator=random) + 1.5 * (y[:, None] - 0.5)
    weights = geometry_probe._logistic(x, y, 2)
    hit = (x @ weights[:-1] + weights[-1]).argmax(1) == y
    recall = [hit[y == k].float().mean().item() for k in (0, 1)]
    assert recall == pytest.approx([0.773, 0.773], abs=0.06)


def test_the_same_answer_every_time() -> None:
    train, held_out = maps(labels(20), 1), maps(labels(12), 2)
    assert probe_geometry(train, held_out, "depth") == probe_geometry(train, held_out, "depth")


@pytest.mark.parametrize(
    ("recall", "counts", "passed"),
    [
        ((0.5, 0.5), (1000, 1000), False),
        ((0.54, 0.54), (1000, 1000), False),  # significant, but hardly worth teaching
        ((0.56, 0.56), (1000, 1000), True),
        ((0.7, 0.7), (10, 10), False),  # two standard errors are 0.22
        ((0.73, 0.73), (10, 10), True),
        ((0.9, 0.0), (20, 0), True),  # the error of one class of 20: 0.11
    ],
)
def test_what_is_above_chance(recall: tuple[float, ...], counts: tuple[int, ...], passed: bool) -> None:
    result = ProbeResult("depth", CLASSES[:2], recall, counts)
    assert result.passed == passed


def test_the_standard_error_by_hand() -> None:
    result = ProbeResult("depth", CLASSES, (1.0, 0.0, 0.0), (8, 2, 0))
    assert result.balanced == 0.5
    assert result.error == pytest.approx(((2 / 9) / 8 + (2 / 9) / 2) ** 0.5 / 2)


def test_maps_are_taken_some_at_a_time_without_a_difference(monkeypatch: pytest.MonkeyPatch) -> None:
    train, held_out = maps(labels(8), 1), maps(labels(5), 2)
    at_once = probe_geometry(train, held_out, "normal")
    taken, batch = [], geometry_probe.make_batch
    monkeypatch.setattr(geometry_probe, "_SOME", 7)
    monkeypatch.setattr(
        geometry_probe, "make_batch", lambda arrays, rows, guide: taken.append(len(rows)) or batch(arrays, rows, guide)
    )
    assert probe_geometry(train, held_out, "normal") == at_once
    assert sum(taken) == 24 + 15
    assert max(taken) <= 7
